//! Brazilian phone numbers, parsed once at the border.
//!
//! LeadSquared stores whatever somebody typed (`+55-11999999999`, `(11) 99999-9999`, `011 …`); LigueLead wants
//! national digits without a country code ("11 digits", its SMS and voice pages). [`Phone`] is the one form that the
//! rest of Recado knows, and it is private by construction: it has no `Display` and no `Serialize`, and its `Debug`
//! shows the area code alone, so a number cannot slip into a log line.
//!
//! ```
//! # use recado_core::phone::Phone;
//! let phone = Phone::parse("+55 (11) 99999-9999")?;
//! assert_eq!(phone.national(), "11999999999"); // where the vendor needs the digits
//! assert_eq!(format!("{phone:?}"), "Phone(ddd 11)");
//! # Ok::<(), recado_core::phone::PhoneError>(())
//! ```
//!
//! The same phone cannot be printed, and so not be logged by a slip:
//!
//! ```compile_fail
//! # use recado_core::phone::Phone;
//! let phone = Phone::parse("+55 (11) 99999-9999")?;
//! println!("{phone}");
//! # Ok::<(), recado_core::phone::PhoneError>(())
//! ```

mod areas;

use std::fmt;

use crate::zone::Zone;

/// The country code of Brazil, as the vendors' long forms carry it.
const COUNTRY: &str = "55";

/// A Brazilian phone number: area code (DDD) and subscriber, known to be well formed.
///
/// Ten digits are a landline, eleven a mobile. There is no other kind of value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone {
    /// The national number; its first digit is never zero, so the digits are its decimal form.
    national: u64,
}

/// What a number is on the other end. SMS goes to mobiles only; LigueLead's "exactly 11 digits" is that rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// Area code and nine digits that start with 9.
    Mobile,
    /// Area code and eight digits that start with 2 to 5.
    Landline,
}

/// Why a text is not a phone number. No variant and no message holds a digit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PhoneError {
    /// Nothing but blanks and punctuation.
    #[error("the phone is empty")]
    Empty,
    /// A character that no vendor writes in a phone, or a `+` that is not the first one.
    #[error("the phone holds something other than digits, blanks, dots, dashes and parentheses")]
    NotAPhone,
    /// A country code other than 55, or more digits than a Brazilian number has, not starting with 55.
    #[error("the phone is not a Brazilian one (country code 55)")]
    Foreign,
    /// Eight or nine digits: a subscriber number without its DDD.
    #[error("the phone has no area code (two digits before the number)")]
    MissingAreaCode,
    /// Too few or too many digits for any form.
    #[error("the phone has a wrong number of digits (10 for a landline, 11 for a mobile)")]
    WrongLength,
    /// The first two digits are none of the 67 area codes in use.
    #[error("the phone starts with an area code that does not exist")]
    UnknownAreaCode,
    /// Ten digits that start like a mobile: written before the ninth digit came. Adding the 9 would be a guess
    /// about who owns the number today, so it is not added.
    #[error("the phone is an old mobile number without its ninth digit")]
    OldMobile,
    /// Right in length, but its third digit is that of neither a mobile nor a landline.
    #[error("the phone is neither a mobile (9 after the area code) nor a landline (2 to 5 after it)")]
    NoSuchLine,
}

impl Phone {
    /// Reads a phone in any form that the vendors use.
    ///
    /// Taken: `11999999999`, `5511999999999`, `+5511999999999`, `+55-11999999999`, `+55 (11) 99999-9999`,
    /// `011 99999-9999`, `00 55 …`, and the same for landlines. `55` is stripped by length only (12 or 13 digits),
    /// because DDD 55 (western Rio Grande do Sul) exists.
    ///
    /// LigueLead's own samples `11888888888` and `31777777777` are refused: no mobile starts with 8 or 7.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let (digits, has_plus) = digits_of(text)?;
        let national = national_part(&digits, has_plus)?;
        check(national)?;
        let national = national.parse().map_err(|_| PhoneError::WrongLength)?;
        Ok(Self { national })
    }

    /// Mobile or landline.
    #[must_use]
    pub fn line(self) -> Line {
        if self.national >= 10_000_000_000 { Line::Mobile } else { Line::Landline }
    }

    /// The digits that LigueLead takes: 11 for a mobile, 10 for a landline, no country code.
    #[must_use]
    pub fn national(self) -> String {
        self.national.to_string()
    }

    /// The area code (DDD), 11 to 99.
    #[must_use]
    pub fn ddd(self) -> u8 {
        let subscriber = match self.line() {
            Line::Mobile => 1_000_000_000,
            Line::Landline => 100_000_000,
        };
        u8::try_from(self.national / subscriber).unwrap_or(0)
    }

    /// The time zone of the number's area, which decides its quiet hours.
    ///
    /// Two areas hold a second zone, and the number cannot tell: Fernando de Noronha (UTC-2) shares DDD 81 with
    /// Recife, and the far west of Amazonas (UTC-5) shares DDD 97 with the rest of the interior (UTC-4). The zone of
    /// nearly all of their people is given.
    #[must_use]
    pub fn zone(self) -> Zone {
        let name = areas::zone_name(self.ddd()).unwrap_or(areas::CAPITAL);
        Zone::parse(name).unwrap_or_default()
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone(ddd {})", self.ddd())
    }
}

impl std::str::FromStr for Phone {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

/// The digits, and whether a `+` announced a country code.
fn digits_of(text: &str) -> Result<(String, bool), PhoneError> {
    let text = text.trim();
    let (body, has_plus) = match text.strip_prefix('+') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let mut digits = String::new();
    for c in body.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '.' | '-' | '(' | ')' | '/' | '\u{2010}'..='\u{2013}' => {}
            c if c.is_whitespace() => {}
            _ => return Err(PhoneError::NotAPhone),
        }
    }
    if digits.is_empty() { Err(PhoneError::Empty) } else { Ok((digits, has_plus)) }
}

/// Strips what says "Brazil" or "long distance", by length.
fn national_part(digits: &str, has_plus: bool) -> Result<&str, PhoneError> {
    let (digits, international) = match digits.strip_prefix("00") {
        Some(rest) if !has_plus => (rest, true),
        _ => (digits, has_plus),
    };
    if international {
        let national = digits.strip_prefix(COUNTRY).ok_or(PhoneError::Foreign)?;
        return Ok(national.strip_prefix('0').unwrap_or(national));
    }
    let digits = digits.strip_prefix('0').unwrap_or(digits);
    match digits.len() {
        12 | 13 => digits.strip_prefix(COUNTRY).ok_or(PhoneError::Foreign),
        _ => Ok(digits),
    }
}

/// Whether the national digits can be a number at all.
fn check(national: &str) -> Result<(), PhoneError> {
    match national.len() {
        10 | 11 => {}
        8 | 9 => return Err(PhoneError::MissingAreaCode),
        _ => return Err(PhoneError::WrongLength),
    }
    let ddd = national.get(..2).and_then(|ddd| ddd.parse().ok());
    if ddd.and_then(areas::zone_name).is_none() {
        return Err(PhoneError::UnknownAreaCode);
    }
    match (national.len(), national.as_bytes().get(2)) {
        (11, Some(b'9')) | (10, Some(b'2'..=b'5')) => Ok(()),
        (10, Some(b'6'..=b'9')) => Err(PhoneError::OldMobile),
        _ => Err(PhoneError::NoSuchLine),
    }
}

#[cfg(test)]
mod tests;
