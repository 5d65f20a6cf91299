//! How a text was read, in words for people.

use super::{
    Line, Phone, PhoneError, PhoneRules, Reading,
    grammar::Said,
    reading::{Found, Verdict, find},
    runs::Run,
};

/// The placeholder for a hidden digit.
const HIDDEN: char = '•';

/// How a text was read. It shows area codes and no other digits.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The result.
    pub reading: Reading,
    /// The steps that led to it, a sentence each.
    pub steps: Vec<String>,
}

pub(super) fn explain(text: &str, rules: PhoneRules) -> Explanation {
    let Found { pieces, runs, reading } = find(text, rules);
    let mut steps = Vec::new();
    for (count, what) in
        [(pieces.invisible, "that nobody sees: left out"), (pieces.replaced, "that looks like a plain one: replaced")]
    {
        if count > 0 {
            steps.push(format!("{count} character(s) {what}"));
        }
    }
    steps.extend(runs.iter().map(|(run, verdict)| format!("{}: {}", masked(run), of_run(run, verdict))));
    steps.push(of_reading(reading, &runs));
    Explanation { reading, steps }
}

/// A run as it was written, without its digits.
fn masked(run: &Run) -> String {
    let mut shown = String::new();
    for (place, group) in run.groups.iter().enumerate() {
        let is_first = place == 0;
        let opens = if group.gap.ends_with('(') { "(" } else { "" };
        shown.push_str(if is_first { opens } else { &group.gap });
        shown.push_str(if is_first && run.has_plus { "+" } else { "" });
        shown.push_str(if group.follows_xx { "xx" } else { "" });
        shown.extend(std::iter::repeat_n(HIDDEN, group.digits.len()));
    }
    shown
}

fn of_run(run: &Run, verdict: &Verdict) -> String {
    let digits = run.digits();
    match verdict {
        Verdict::Numbers(numbers) => {
            let numbers: Vec<String> = numbers.iter().map(|(phone, said)| of_number(*phone, said)).collect();
            let fraction = if run.has_fraction { ", without the zeros behind the point" } else { "" };
            format!("{}{fraction}", numbers.join("; "))
        }
        Verdict::OldMobile => format!("{digits} digits: {}", PhoneError::OldMobile),
        Verdict::Local { is_mobile: true } => format!("{digits} digits, a mobile without its area code"),
        Verdict::Local { is_mobile: false } => format!("{digits} digits without an area code"),
        Verdict::Few => format!("{digits} digit(s), too few for a number"),
        Verdict::Extension => format!("{digits} digit(s) of an extension"),
        Verdict::Other(error) | Verdict::Bad(error) => format!("{digits} digits: {error}"),
    }
}

fn of_number(phone: Phone, said: &[Said]) -> String {
    let said: Vec<&str> = said
        .iter()
        .map(|said| match said {
            Said::International => "00",
            Said::Country => "55",
            Said::Trunk => "0",
            Said::Carrier => "a carrier",
        })
        .collect();
    let before = if said.is_empty() { String::new() } else { format!(" behind {}", said.join(" ")) };
    format!("a {} of area {}{before}", phone.line().as_str(), phone.ddd())
}

fn of_reading(reading: Reading, runs: &[(Run, Verdict)]) -> String {
    let numbers: usize = runs
        .iter()
        .map(|(_, verdict)| match verdict {
            Verdict::Numbers(numbers) => numbers.len(),
            _ => 0,
        })
        .sum();
    match reading {
        Reading::One(phone) if phone.line() == Line::Mobile && numbers > 1 => {
            "taken: the one mobile, since no message reaches a landline".to_owned()
        }
        Reading::One(_) => "taken: the one number".to_owned(),
        Reading::None(error) => format!("not taken: {error}"),
        Reading::Several(numbers) => format!("not taken: {}", PhoneError::Several(numbers)),
    }
}
