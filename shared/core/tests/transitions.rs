//! The moves in the code and in docs/architecture.md are the same.

use recado_core::{
    message::{BatchState, Report, State},
    settle::{Again, again},
    transition::{BatchMove, Move},
};

const PAGE: &str = include_str!("../../../docs/architecture.md");

/// The rows of the page's table whose first heading is `heading`: for each move the words in its columns.
fn rows(heading: &str) -> Vec<(String, Vec<String>, Vec<String>)> {
    let words = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let table = PAGE.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |"))).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let from = cells[2].trim();
            let states = match from.strip_prefix("all but ") {
                Some(not) => {
                    let not = words(not);
                    State::ALL.iter().map(State::to_string).filter(|state| !not.contains(state)).collect()
                }
                None => words(from),
            };
            (words(cells[1]).remove(0), states, words(cells[3]))
        })
        .collect()
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort_unstable();
    words
}

#[test]
fn the_page_has_all_moves_of_messages_and_batches() {
    let written: Vec<_> = rows("move").into_iter().map(|(name, from, to)| (name, sorted(from), sorted(to))).collect();
    let names = |states: &[State]| sorted(states.iter().map(State::to_string).collect());
    let known: Vec<_> =
        Move::ALL.iter().map(|what| (format!("{what:?}"), names(what.from()), names(what.to()))).collect();
    assert_eq!(written, known);
    let written: Vec<_> =
        rows("move of a batch").into_iter().map(|(name, from, to)| (name, sorted(from), to)).collect();
    let names = |states: &[BatchState]| sorted(states.iter().map(BatchState::to_string).collect());
    let known: Vec<_> = BatchMove::ALL
        .iter()
        .map(|what| (format!("{what:?}"), names(what.from()), vec![what.to().to_string()]))
        .collect();
    assert_eq!(written, known);
}

#[test]
fn the_pages_drawing_shows_moves_that_exist() {
    let drawing = PAGE.split("```mermaid\nstateDiagram-v2").nth(1).unwrap().split("```").next().unwrap();
    let arrows: Vec<(State, State)> = drawing
        .lines()
        .filter_map(|line| line.split_once(" --> "))
        .filter_map(|(from, to)| {
            let to = to.split(':').next().unwrap_or_default().trim();
            (from.trim() != "[*]").then(|| (from.trim().parse().unwrap(), to.parse().unwrap()))
        })
        .collect();
    assert!(arrows.len() > 20, "{arrows:?}");
    for (from, to) in arrows {
        let is_move = Move::ALL.iter().any(|what| what.from().contains(&from) && what.to().contains(&to));
        assert!(is_move, "{from} --> {to}");
    }
}

#[test]
fn what_a_report_or_an_operator_moves_is_among_the_moves() {
    for report in
        [Report::Sent, Report::Delivered, Report::Undelivered, Report::NoAnswer, Report::Busy, Report::Answered]
    {
        assert!(report.moves().iter().all(|from| Move::Report.from().contains(from)), "{report:?}");
        assert!(Move::Report.to().contains(&report.state()), "{report:?}");
    }
    let mut message = super::packing::message(1);
    for state in State::ALL {
        message.state = state;
        message.why = Some(recado_core::reason::Reason::Cancelled);
        let may = !matches!(again(&message), Again::No(_));
        assert_eq!(may, Move::Retry.from().contains(&state), "{state}");
    }
}
