//! Brazilian phone numbers, parsed once where they enter.
//!
//! LeadSquared stores whatever somebody typed (`+55-11999999999`, `(11) 99999-9999`, `011 …`, two numbers, a note).
//! LigueLead wants national digits without a country code ("11 digits", its SMS and voice pages). [`Phone::read`] is
//! the only way from a text to a number. It takes a text that has exactly one reading, and says in words why it takes
//! nothing else: a wrong digit is a stranger's phone. `docs/phones.md` shows the grammar, and `docs/adr/0026-phones.md`
//! gives the reasons.
//!
//! A [`Phone`] is private by construction. It has no `Display` and no `Serialize`, and its `Debug` shows the area code
//! alone. So a number cannot slip into a log line.
//!
//! ```
//! # use recado_core::phone::Phone;
//! let phone = Phone::parse("+55 (11) 99999-9999")?;
//! assert_eq!(phone.national(), "11999999999"); // where the vendor needs the digits
//! assert_eq!(format!("{phone:?}"), "Phone(ddd 11)");
//! # Ok::<(), recado_core::phone::PhoneError>(())
//! ```
//!
//! The same phone cannot be printed, so it cannot be logged by mistake:
//!
//! ```compile_fail
//! # use recado_core::phone::Phone;
//! let phone = Phone::parse("+55 (11) 99999-9999")?;
//! println!("{phone}");
//! # Ok::<(), recado_core::phone::PhoneError>(())
//! ```

mod areas;
mod explain;
mod grammar;
mod pieces;
mod reading;
mod runs;

use std::fmt;

use crate::zone::Zone;

pub use explain::Explanation;

/// A Brazilian phone number: area code (DDD) and subscriber number, known to be well formed.
///
/// Ten digits are a landline, eleven a mobile. No other value exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone {
    /// The national number. Its first digit is never zero, so its decimal form is exactly its digits.
    national: u64,
}

/// The kind of line. SMS goes to mobiles only; LigueLead's "exactly 11 digits" is that rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// Area code and nine digits that start with 9.
    Mobile,
    /// Area code and eight digits that start with 2 to 5.
    Landline,
}

/// What [`Phone::read`] may assume, from the configuration's `phones`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PhoneRules {
    /// Whether to add the ninth digit to a mobile of ten digits, from before that digit was introduced. It is a guess
    /// about who owns the number today. Default false.
    pub add_ninth_digit: bool,
}

/// The result of reading a phone from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Exactly one number.
    One(Phone),
    /// No number, and the reason.
    None(PhoneError),
    /// This many numbers, and nothing says which one is meant.
    Several(usize),
}

/// Why a text is not a phone number. No variant and no message holds a digit of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PhoneError {
    /// Nothing but blanks and punctuation.
    #[error("the phone is empty")]
    Empty,
    /// Words without a number, or a sign that no phone has: from an address, from an amount, or a lost character.
    #[error("the phone is none: it holds words alone, an address, an amount or signs that are in no phone")]
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
    /// The first two digits are not one of the 67 area codes in use.
    #[error("the phone starts with an area code that does not exist")]
    UnknownAreaCode,
    /// Ten digits that start like a mobile, from before the ninth digit was introduced. Adding the 9 would be a guess
    /// about who owns the number today. So it is only added if [`PhoneRules::add_ninth_digit`] says so.
    #[error("the phone is an old mobile number without its ninth digit")]
    OldMobile,
    /// The length is right, but the third digit is neither a mobile's nor a landline's.
    #[error("the phone is neither a mobile (9 after the area code) nor a landline (2 to 5 after it)")]
    NoSuchLine,
    /// Gaps where a number has none: a date, a CPF, an area code after the number, a stray digit.
    #[error("the phone has its digits in groups that are not those of a number (two numbers, a date, a document)")]
    Layout,
    /// The words beside the digits say that they are another kind of number.
    #[error("the phone is called something else beside its digits (CPF, CEP, order, …)")]
    Document,
    /// A letter stands directly beside the digits.
    #[error("the phone has a letter among its digits")]
    Letter,
    /// A spreadsheet or a program rounded it (`1.2E+10`, `12000000000.0`): its digits are lost.
    #[error("the phone was rounded on its way (1.2E+10): its last digits are lost")]
    Rounded,
    /// More than one number, and nothing says which one is meant.
    #[error("the phone holds {0} numbers, and which one is meant cannot be told")]
    Several(usize),
}

impl Line {
    /// The word for the kind of line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Landline => "landline",
        }
    }
}

impl Phone {
    /// Reads a text that a person typed or a program wrote: one number, or why there is none.
    ///
    /// It takes any text of any length, and never panics.
    #[must_use]
    pub fn read(text: &str, rules: PhoneRules) -> Reading {
        match Self::plain(text) {
            Some(phone) => Reading::One(phone),
            None => reading::read(text, rules),
        }
    }

    /// [`Self::read`] with the default rules. Anything but exactly one number is an error.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        Self::read(text, PhoneRules::default()).one()
    }

    /// Explains in words how [`Self::read`] reads the text. For the person who gave the text: it shows area codes and
    /// no other digits.
    #[must_use]
    pub fn explain(text: &str, rules: PhoneRules) -> Explanation {
        explain::explain(text, rules)
    }

    /// Reads a text of digits alone, as all stored phones are. This is the fast path.
    fn plain(text: &str) -> Option<Self> {
        let is_plain = matches!(text.len(), 10 | 11) && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain && grammar::line(text) == Ok(false) { Self::of_national(text) } else { None }
    }

    /// Takes digits that are known to be a valid line.
    fn of_national(digits: &str) -> Option<Self> {
        digits.parse().ok().map(|national| Self { national })
    }

    /// Mobile or landline.
    #[must_use]
    pub fn line(self) -> Line {
        if self.national >= 10_000_000_000 { Line::Mobile } else { Line::Landline }
    }

    /// The digits that LigueLead takes: 11 for a mobile, 10 for a landline, without a country code.
    #[must_use]
    pub fn national(self) -> String {
        self.national.to_string()
    }

    /// The number as a report shows it: enough to recognise it, not enough to dial it. `1198…21`.
    #[must_use]
    pub fn masked(self) -> String {
        let national = self.national();
        let (start, rest) = national.split_at(national.len().min(4));
        let end = rest.get(rest.len().saturating_sub(2)..).unwrap_or_default();
        format!("{start}…{end}")
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
    /// Two areas hold a second zone, and the number does not say which one applies. Fernando de Noronha (UTC-2) shares
    /// DDD 81 with Recife. The far west of Amazonas (UTC-5) shares DDD 97 with the rest of the interior (UTC-4). The
    /// zone of nearly all people in the area is used.
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

impl Reading {
    /// The number, if it is exactly one.
    pub fn one(self) -> Result<Phone, PhoneError> {
        match self {
            Self::One(phone) => Ok(phone),
            Self::None(error) => Err(error),
            Self::Several(numbers) => Err(PhoneError::Several(numbers)),
        }
    }
}

#[cfg(test)]
mod tests;
