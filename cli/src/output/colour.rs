//! Colours for a terminal. Piped output, and output under `NO_COLOR`, has the same words without colours.

use anstyle::{AnsiColor, Style};

/// How good a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should be.
    Good,
    /// It waits, or an operator should look at it.
    Look,
    /// It failed.
    Bad,
}

impl Mood {
    /// The mood of a message's state, of a campaign's phase, or of a finding.
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "accepted" | "answered" | "delivered" | "done" | "found" | "in force" | "made" | "ok" | "there" => {
                Some(Self::Good)
            }
            "by hand" | "differs" | "held" | "missing" | "not_understood" | "pending" | "skipped" => Some(Self::Look),
            "busy" | "expired" | "no_answer" | "refused" | "undelivered" | "unknown" | "WRONG" => Some(Self::Bad),
            _ => None,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Look => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
        }
    }

    /// The text in its colour.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// A state in its colour, if the state has one.
pub(crate) fn state(word: &str) -> String {
    Mood::of(word).map_or_else(|| word.to_owned(), |mood| mood.paint(word))
}

/// A diagnostic with its word "warning:" in colour.
pub(super) fn warning(line: &str) -> String {
    const WORD: &str = "warning:";
    let place = line.find(WORD).filter(|at| *at == 0 || line.get(..*at).is_some_and(|before| before.ends_with(": ")));
    match place.and_then(|at| Some((line.get(..at)?, line.get(at + WORD.len()..)?))) {
        Some((before, behind)) => format!("{before}{}{behind}", Mood::Look.paint(WORD)),
        None => line.to_owned(),
    }
}

/// A drawn table with the states of one column in colour. Colours do not change the width of a cell.
pub(super) fn column(table: &str, column: usize) -> String {
    let line = |line: &str| {
        let cells = line.split('┆').enumerate().map(|(place, cell)| {
            let word = cell.trim_matches([' ', '│']);
            match Mood::of(word).filter(|_| place == column) {
                Some(mood) => cell.replacen(word, &mood.paint(word), 1),
                None => cell.to_owned(),
            }
        });
        cells.collect::<Vec<_>>().join("┆")
    };
    table.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_a_table_is_coloured_and_no_other() {
        let table = "│ held ┆ held      ┆ held │\n│ a    ┆ delivered ┆ b    │";
        let painted = column(table, 1);
        assert_eq!(
            painted,
            "│ held ┆ \u{1b}[33mheld\u{1b}[0m      ┆ held │\n│ a    ┆ \u{1b}[32mdelivered\u{1b}[0m ┆ b    │"
        );
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), table);
    }

    #[test]
    fn the_word_for_a_warning_is_coloured_where_it_is_one() {
        assert_eq!(warning("a.yaml:1:1: warning: x"), "a.yaml:1:1: \u{1b}[33mwarning:\u{1b}[0m x");
        for line in ["a warning: x", "1 message(s)", "", "warn"] {
            assert_eq!(warning(line), line);
        }
    }
}
