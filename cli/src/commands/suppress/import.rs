//! A file of phones or leads to suppress. A line with a phone and a lead suppresses both.

use recado_core::{
    list::{BadLine, Line, List},
    phone::{Phone, PhoneRules},
};
use recado_ledger::{Kind, Subject, Suppression};

/// The longest id of a lead, in characters.
const MAX_LEAD_CHARS: usize = 64;

/// The suppressions of a file.
#[derive(Default)]
pub(super) struct Import {
    pub(super) rows: Vec<Suppression>,
    /// Lines with a part that is not suppressed. If a line has two phones, one of them may be suppressed.
    pub(super) bad: Vec<BadLine>,
}

pub(super) fn of(list: &List, rules: PhoneRules, kinds: &[Kind], since_ms: i64, source: &str) -> Import {
    let mut import = Import { bad: list.bad.clone(), ..Import::default() };
    for line in &list.lines {
        let kinds = match channel(line, kinds) {
            Ok(kinds) => kinds,
            Err(why) => {
                import.bad.push(list.reject(line, why.to_owned()));
                continue;
            }
        };
        let (subjects, faults): (Vec<_>, Vec<_>) = subjects(line, rules).partition(Result::is_ok);
        for subject in subjects.into_iter().flatten() {
            import.rows.extend(kinds.iter().map(|kind| Suppression {
                subject: subject.clone(),
                kind: *kind,
                since_ms,
                source: source.to_owned(),
            }));
        }
        if let Some(Err(why)) = faults.into_iter().next() {
            import.bad.push(list.reject(line, why));
        }
    }
    import.bad.sort_by_key(|bad| bad.number);
    import
}

/// The phones and the lead of a line, or the reason why a value names none.
fn subjects(line: &Line, rules: PhoneRules) -> impl Iterator<Item = Result<Subject, String>> {
    let phones = line
        .phones
        .iter()
        .map(move |text| Phone::read(text, rules).one().map(Subject::Phone).map_err(|error| error.to_string()));
    let leads = line.lead.iter().map(|lead| {
        if lead.chars().count() > MAX_LEAD_CHARS {
            return Err("the lead's id is too long".to_owned());
        }
        Ok(Subject::Lead(lead.clone()))
    });
    phones.chain(leads)
}

fn channel(line: &Line, kinds: &[Kind]) -> Result<Vec<Kind>, &'static str> {
    match line.channel.as_ref().map(|channel| channel.to_lowercase()).as_deref() {
        None | Some("all" | "todos") => Ok(kinds.to_vec()),
        Some("sms" | "flash") => Ok(vec![Kind::Sms]),
        Some("voice" | "voz") => Ok(vec![Kind::Voice]),
        Some(_) => Err("unknown channel; use sms, voice or all"),
    }
}

#[cfg(test)]
mod tests {
    use recado_core::list::Named;

    use super::*;

    fn imported(text: &str) -> (Vec<(Subject, Kind)>, Vec<BadLine>) {
        let list = List::parse(text.as_bytes(), &Named::default(), PhoneRules::default())
            .unwrap_or_else(|error| panic!("{error}"));
        let import = of(&list, PhoneRules::default(), &Kind::ALL, 1, "list.csv");
        (import.rows.into_iter().map(|row| (row.subject, row.kind)).collect(), import.bad)
    }

    fn phone(text: &str) -> Subject {
        Subject::Phone(Phone::parse(text).unwrap())
    }

    #[test]
    fn channels_are_those_of_each_line() {
        let (rows, bad) =
            imported("Nome;Telefone;Canal\nAna;(11) 99999-9999;sms\nBia;;\n;+5511988888888;\nCaio;11977777777;fax\n");
        let expected =
            [(phone("11999999999"), Kind::Sms), (phone("11988888888"), Kind::Sms), (phone("11988888888"), Kind::Voice)];
        assert_eq!(rows, expected);
        assert_eq!(bad.iter().map(|bad| bad.number).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn a_line_with_a_lead_and_phones_suppresses_all_of_them() {
        let (rows, bad) =
            imported("ProspectID,Phone,Mobile,channel\nL-1,11999990031,1133334444,voice\nL-2,12345,11999990032,sms\n");
        let lead = |id: &str| Subject::Lead(id.to_owned());
        assert_eq!(
            rows,
            [
                (phone("1133334444"), Kind::Voice),
                (phone("11999990031"), Kind::Voice),
                (lead("L-1"), Kind::Voice),
                (phone("11999990032"), Kind::Sms),
                (lead("L-2"), Kind::Sms)
            ]
        );
        assert!(matches!(bad.as_slice(), [bad] if bad.number == 3 && !bad.why.contains("12345")), "{bad:?}");
    }
}
