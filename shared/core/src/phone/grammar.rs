//! The meaning of a run of digits: prefixes, area code, subscriber; and where a number may have gaps.

use super::{PhoneError, areas, runs::Group};

/// Most digits of a number with all possible prefixes: `0055 0 15 11 99999 9999`.
const MAX_DIGITS: usize = 18;
/// Where the nine digits of a mobile may have gaps: `99999-9999`, `9999-99999` (an old form's mask), `9 9999 9999`, … A
/// gap before a single last digit is not allowed: `9999-8888 7` is an old number and something else.
const MOBILE_GAPS: [&[usize]; 14] = [
    &[],
    &[5],
    &[4],
    &[1],
    &[1, 5],
    &[3, 6],
    &[3],
    &[6],
    &[5, 7],
    &[1, 5, 7],
    &[1, 3, 5, 7],
    &[3, 5],
    &[2, 5],
    &[3, 5, 7],
];
/// The same for the eight digits of a landline.
const LANDLINE_GAPS: [&[usize]; 5] = [&[], &[4], &[2, 4, 6], &[4, 6], &[2, 4]];
/// Where all eleven digits may have gaps if there is none after the area code: `1199999-9999`.
const WHOLE_MOBILE_GAPS: [&[usize]; 4] = [&[], &[7], &[6], &[3, 7]];
const WHOLE_LANDLINE_GAPS: [&[usize]; 2] = [&[], &[6]];
/// Digits of an area code.
const AREA: usize = 2;

/// A part of a number beside its area code and its subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// `00`, the prefix for leaving a country.
    International,
    /// 55.
    Country,
    /// `0`, the prefix for leaving an area.
    Trunk,
    /// The two digits of a carrier after it.
    Carrier,
}

/// A number as a run writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Area code and subscriber: 10 or 11 digits.
    pub(super) national: String,
    /// The prefixes before them.
    pub(super) said: Vec<Said>,
    /// Whether it has the form of a mobile from before the ninth digit.
    pub(super) is_old_mobile: bool,
}

/// The number that these groups of digits form together.
pub(super) fn number(groups: &[Group], has_plus: bool) -> Result<Number, PhoneError> {
    let digits: String = groups.iter().map(|group| group.digits.as_str()).collect();
    let is_international = has_plus || digits.starts_with("00");
    if digits.len() > MAX_DIGITS {
        return Err(PhoneError::WrongLength);
    }
    // Eleven digits and ten: an area code never starts with 0, so at most one of the two has a valid prefix.
    let mut error = None;
    for length in [11, 10] {
        let Some(at) = digits.len().checked_sub(length) else { continue };
        let (before, national) = digits.split_at(at);
        let Some(prefix) = Prefix::parse(before, has_plus).filter(|_| !national.starts_with('0')) else { continue };
        match line(national) {
            Ok(is_old_mobile) => {
                prefix.check_layout(groups, before.len(), national.len())?;
                return Ok(Number { national: national.to_owned(), said: prefix.said, is_old_mobile });
            }
            Err(found) => error = error.or(Some(found)),
        }
    }
    Err(error.unwrap_or_else(|| misfit(&digits, is_international)))
}

/// Why digits have neither the length nor the prefix of a number.
fn misfit(digits: &str, is_international: bool) -> PhoneError {
    let inland = digits.strip_prefix("00").unwrap_or(digits);
    match (is_international, inland.strip_prefix("55"), digits.len()) {
        (true, None, _) | (false, None, 12 | 13) if !inland.starts_with('0') => PhoneError::Foreign,
        (true, Some(rest), _) if matches!(rest.len(), 8 | 9) => PhoneError::MissingAreaCode,
        (false, _, 8 | 9) => PhoneError::MissingAreaCode,
        _ => PhoneError::WrongLength,
    }
}

/// Whether ten or eleven digits have the form of an old mobile. The error says that they have the form of no line.
pub(super) fn line(national: &str) -> Result<bool, PhoneError> {
    let area = national.get(..AREA).and_then(|area| area.parse().ok());
    if area.and_then(areas::zone_name).is_none() {
        return Err(PhoneError::UnknownAreaCode);
    }
    match (national.len(), national.as_bytes().get(AREA)) {
        (11, Some(b'9')) | (10, Some(b'2'..=b'5')) => Ok(false),
        (10, Some(b'6'..=b'9')) => Ok(true),
        _ => Err(PhoneError::NoSuchLine),
    }
}

/// The prefixes before the area code, and how many digits each part has.
struct Prefix {
    said: Vec<Said>,
    /// The boundaries of the parts, counted from the start, with the end included.
    ends: Vec<usize>,
}

impl Prefix {
    /// Reads all of `digits`: `[00] [55 [55]] [0 [carrier]]`, or `0 55`. A `+` stands for `00` and requires 55.
    fn parse(digits: &str, has_plus: bool) -> Option<Self> {
        let mut prefix = Self { said: Vec::new(), ends: vec![0] };
        let mut rest = digits;
        if let Some(behind) = rest.strip_prefix("00") {
            rest = behind;
            prefix.add(Said::International, 2);
        }
        // `0 55 11 …`: whether 55 is a carrier's code or the country's, the number is the same.
        if rest == "055" {
            prefix.add(Said::Trunk, 1);
            prefix.add(Said::Country, 2);
            return (!has_plus).then_some(prefix);
        }
        let is_international = has_plus || !prefix.said.is_empty();
        for _ in 0..2 {
            if let Some(behind) = rest.strip_prefix("55") {
                rest = behind;
                prefix.add(Said::Country, 2);
            }
        }
        if is_international && !prefix.said.contains(&Said::Country) {
            return None;
        }
        if let Some(behind) = rest.strip_prefix('0') {
            rest = behind;
            prefix.add(Said::Trunk, 1);
            if rest.len() == 2 && !rest.starts_with('0') {
                rest = "";
                prefix.add(Said::Carrier, 2);
            }
        }
        rest.is_empty().then_some(prefix)
    }

    fn add(&mut self, said: Said, digits: usize) {
        self.said.push(said);
        self.ends.push(self.ends.last().copied().unwrap_or_default() + digits);
    }

    /// Whether gaps and brackets are where a number may have them. Digits in another layout may be two numbers, a date,
    /// a CPF (`119.876.543-21`) or a number with its area code after it.
    fn check_layout(&self, groups: &[Group], before: usize, national: usize) -> Result<(), PhoneError> {
        let mut at = 0;
        let (mut gaps, mut is_fit) = (Vec::new(), true);
        for (place, group) in groups.iter().enumerate() {
            let end = at + group.digits.len();
            if place > 0 {
                is_fit &= self.ends.contains(&at) || at > before;
                gaps.extend(at.checked_sub(before).filter(|gap| *gap > 0));
            }
            // `xx` stands for a carrier: after the trunk's 0, or alone, and directly before the area code.
            is_fit &= !group.follows_xx || (at == before && self.may_have_xx());
            is_fit &=
                !group.is_bracketed || end <= before + AREA || is_ninth_digit(group, at - before.min(at), national);
            at = end;
        }
        let is_date = groups.windows(3).enumerate().any(|(at, three)| is_date(three, groups.get(at + 3)));
        if is_fit && !is_date && is_layout(&gaps, national) { Ok(()) } else { Err(PhoneError::Layout) }
    }

    fn may_have_xx(&self) -> bool {
        matches!(self.said.last(), None | Some(Said::Trunk))
    }
}

/// `(11) (9) 9999-9999`: the bracket around a mobile's first digit.
fn is_ninth_digit(group: &Group, at: usize, national: usize) -> bool {
    national == 11 && at == AREA && group.digits.len() == 1
}

fn is_layout(gaps: &[usize], national: usize) -> bool {
    let is_mobile = national == 11;
    match gaps.split_first() {
        Some((&AREA, rest)) => {
            let rest: Vec<usize> = rest.iter().map(|gap| gap - AREA).collect();
            let known: &[&[usize]] = if is_mobile { &MOBILE_GAPS } else { &LANDLINE_GAPS };
            known.contains(&rest.as_slice())
        }
        _ if is_mobile => WHOLE_MOBILE_GAPS.contains(&gaps),
        _ => WHOLE_LANDLINE_GAPS.contains(&gaps),
    }
}

/// Whether three groups are a day, as `11.9.1999` or `2026-11-30`, with a blank after it.
fn is_date(three: &[Group], next: Option<&Group>) -> bool {
    let [first, second, third] = three else { return false };
    let same_sign = matches!(second.gap.as_str(), "." | "-") && second.gap == third.gap;
    let ends = next.is_none_or(|next| next.gap.starts_with(' '));
    let within = |group: &Group, most: u16, digits: usize| {
        group.digits.len() <= digits && group.digits.parse().is_ok_and(|number: u16| (1..=most).contains(&number))
    };
    let is_year = |group: &Group| {
        group.digits.len() == 4 && group.digits.parse().is_ok_and(|year: u16| (1900..2100).contains(&year))
    };
    let days_first = within(first, 31, 2) && within(second, 31, 2) && is_year(third);
    let year_first = is_year(first) && within(second, 31, 2) && within(third, 31, 2);
    same_sign && ends && (days_first || year_first)
}
