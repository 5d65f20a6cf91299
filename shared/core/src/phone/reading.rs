//! The number that a text means: a verdict on each run of digits, and one on all of them.

use super::{
    Line, Phone, PhoneError, PhoneRules, Reading,
    grammar::{self, Number, Said},
    pieces::{Piece, Pieces},
    runs::{self, Role, Run, Spoilt},
};
use crate::flash::contains_url;

/// Most digits beside a whole number that are no number of their own: a count, an extension, another number's last
/// digits, a house number.
const FEW_DIGITS: usize = 7;
/// Zeros at the end of a number with a fraction that show that it was rounded: `12000000000.0`.
const ROUNDED_ZEROS: usize = 4;
/// The most digits of an extension.
const EXTENSION_DIGITS: usize = 6;
/// A run with more groups than this is not cut into several numbers.
const MAX_GROUPS: usize = 40;
/// The least digits of two numbers.
const TWO_NUMBERS: usize = 20;

/// Whole numbers, each with its prefixes.
type Numbers = Vec<(Phone, Vec<Said>)>;

/// The verdict on a run of digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Whole numbers with their prefixes; more than one if only a blank separates them.
    Numbers(Numbers),
    /// An old mobile's ten digits.
    OldMobile,
    /// A subscriber's digits without an area code, and whether they are a mobile's.
    Local { is_mobile: bool },
    /// Too few digits for a number.
    Few,
    /// An extension.
    Extension,
    /// Another kind of number, by its layout or by a word beside it.
    Other(PhoneError),
    /// Enough digits for a number, but not a valid one.
    Bad(PhoneError),
}

/// Everything found in a text.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) pieces: Pieces,
    pub(super) runs: Vec<(Run, Verdict)>,
    pub(super) reading: Reading,
}

pub(super) fn read(text: &str, rules: PhoneRules) -> Reading {
    find(text, rules).reading
}

pub(super) fn find(text: &str, rules: PhoneRules) -> Found {
    let pieces = Pieces::of(text);
    let none = |pieces, error| Found { pieces, runs: Vec::new(), reading: Reading::None(error) };
    if contains_url(&pieces.plain) || pieces.plain.contains("://") {
        return none(pieces, PhoneError::NotAPhone);
    }
    match runs::runs(&pieces.list) {
        Err(Spoilt::Odd) => none(pieces, PhoneError::NotAPhone),
        Err(Spoilt::Exponent) => none(pieces, PhoneError::Rounded),
        Ok(runs) => {
            let runs: Vec<(Run, Verdict)> = runs
                .into_iter()
                .map(|run| {
                    let verdict = verdict(&run, rules);
                    (run, verdict)
                })
                .collect();
            let has_words = pieces.list.iter().any(|piece| matches!(piece, Piece::Word(_)));
            let reading = decide(&runs, has_words);
            Found { pieces, runs, reading }
        }
    }
}

fn verdict(run: &Run, rules: PhoneRules) -> Verdict {
    let digits = run.digits();
    match run.role {
        Role::Extension if digits <= EXTENSION_DIGITS => return Verdict::Extension,
        // `ramal 11 99999-9999`: a number, or a very long extension.
        Role::Extension => return Verdict::Bad(PhoneError::Layout),
        Role::Document => return Verdict::Other(PhoneError::Document),
        Role::Plain | Role::Labelled => {}
    }
    if digits <= FEW_DIGITS {
        return Verdict::Few;
    }
    if run.has_letter {
        return Verdict::Bad(PhoneError::Letter);
    }
    if run.has_fraction && is_rounded(run) {
        return Verdict::Bad(PhoneError::Rounded);
    }
    match grammar::number(&run.groups, run.has_plus) {
        Ok(number) => of_number(number, rules),
        Err(error) if digits >= TWO_NUMBERS => several(run, rules).unwrap_or(Verdict::Bad(error)),
        Err(PhoneError::MissingAreaCode) => Verdict::Local { is_mobile: is_local_mobile(run) },
        Err(PhoneError::Layout) if is_document(run) => Verdict::Other(PhoneError::Layout),
        Err(error) => Verdict::Bad(error),
    }
}

fn of_number(number: Number, rules: PhoneRules) -> Verdict {
    let digits = match (number.is_old_mobile, number.national.split_at_checked(2)) {
        (false, _) => number.national,
        (true, Some((area, subscriber))) if rules.add_ninth_digit => format!("{area}9{subscriber}"),
        (true, _) => return Verdict::OldMobile,
    };
    match Phone::of_national(&digits) {
        Some(phone) => Verdict::Numbers(vec![(phone, number.said)]),
        None => Verdict::Bad(PhoneError::WrongLength),
    }
}

/// The numbers of a run that holds several with only blanks between them, if it can be cut in exactly one way.
fn several(run: &Run, rules: PhoneRules) -> Option<Verdict> {
    let groups = run.groups.get(..run.groups.len().min(MAX_GROUPS + 1))?;
    if groups.len() > MAX_GROUPS {
        return None;
    }
    // For each group: the numbers up to it, in each way. Numbers are long, so there are few ways.
    let mut ways: Vec<Vec<Numbers>> = vec![vec![Numbers::new()]];
    for end in 1..=groups.len() {
        let mut here = Vec::new();
        for start in 0..end {
            let Some(part) = groups.get(start..end).filter(|part| start == 0 || begins(part)) else { continue };
            let Ok(number) = grammar::number(part, run.has_plus && start == 0) else { continue };
            let Verdict::Numbers(numbers) = of_number(number, rules) else { continue };
            for way in ways.get(start).into_iter().flatten() {
                here.push(way.iter().chain(&numbers).cloned().collect());
            }
        }
        ways.push(here);
    }
    match ways.pop()?.as_slice() {
        [only] => Some(Verdict::Numbers(only.clone())),
        _ => None,
    }
}

/// Whether a number may begin with these groups: after a blank or with a bracket.
fn begins(groups: &[runs::Group]) -> bool {
    groups.first().is_some_and(|first| first.gap.contains([' ', '(']))
}

fn is_rounded(run: &Run) -> bool {
    let last = run.groups.last().map_or("", |group| group.digits.as_str());
    last.len() - last.trim_end_matches('0').len() >= ROUNDED_ZEROS
}

/// Whether digits without an area code start like a mobile, old mobiles included.
fn is_local_mobile(run: &Run) -> bool {
    let digits: String = run.groups.iter().map(|group| group.digits.as_str()).collect();
    let local = digits.strip_prefix("55").filter(|_| run.has_plus).unwrap_or(&digits);
    local.len() == 9 || local.starts_with(['6', '7', '8', '9'])
}

/// Whether the layout is that of a CPF: `000.000.000-00`.
fn is_document(run: &Run) -> bool {
    let lengths: Vec<usize> = run.groups.iter().map(|group| group.digits.len()).collect();
    lengths == [3, 3, 3, 2]
}

/// One number, if nothing else in the text is a number. Of a mobile and landlines it is the mobile: messages reach no
/// landline.
fn decide(runs: &[(Run, Verdict)], has_words: bool) -> Reading {
    let mut phones: Vec<Phone> = Vec::new();
    let mut others = 0;
    let mut fault: Option<(usize, PhoneError)> = None;
    for (run, verdict) in runs {
        let error = match verdict {
            Verdict::Numbers(numbers) => {
                phones.extend(numbers.iter().map(|(phone, _)| *phone));
                continue;
            }
            Verdict::Few => PhoneError::WrongLength,
            Verdict::Extension => continue,
            Verdict::Other(error) => *error,
            Verdict::Local { is_mobile } => {
                // After a whole mobile it is the end of another number, as in `/12`. Before a mobile it may be the
                // number meant.
                let is_end = phones.iter().any(|phone| phone.line() == Line::Mobile);
                others += usize::from(*is_mobile && !is_end);
                PhoneError::MissingAreaCode
            }
            Verdict::OldMobile => {
                others += 1;
                PhoneError::OldMobile
            }
            Verdict::Bad(error) => {
                others += 1;
                *error
            }
        };
        let is_longer = fault.is_none_or(|(digits, _)| run.digits() > digits);
        fault = if is_longer { Some((run.digits(), error)) } else { fault };
    }
    phones.sort_unstable();
    phones.dedup();
    let mobiles: Vec<Phone> = phones.iter().copied().filter(|phone| phone.line() == Line::Mobile).collect();
    match (phones.as_slice(), mobiles.as_slice(), others) {
        ([], _, _) => Reading::None(fault.map_or_else(|| nothing(has_words), |(_, error)| error)),
        ([only], _, 0) | (_, [only], 0) => Reading::One(*only),
        _ => Reading::Several(phones.len() + others),
    }
}

fn nothing(has_words: bool) -> PhoneError {
    if has_words { PhoneError::NotAPhone } else { PhoneError::Empty }
}
