//! What an operator did: one entry of the audit trail, which holds neither a phone nor a text.

use std::{fmt, str::FromStr};

use crate::identity::MessageId;

/// The most message ids in one entry. Its count says how many there were.
pub const MOST_IDS: usize = 20;
/// The longest words in an entry, in characters.
const MOST_CHARS: usize = 200;
/// From this many digits on, a number may be a phone.
const DIGITS_OF_A_PHONE: usize = 8;
/// What a number that may be a phone becomes.
const HIDDEN: char = '…';

macro_rules! acts {
    ($($variant:ident => $word:literal, $doc:literal;)+) => {
        /// What an operator did.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Act {
            $(#[doc = $doc] $variant,)+
        }

        impl Act {
            /// All acts.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its words in the table and in reports: those of the verb.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

acts! {
    Apply => "apply", "A file was put in force.";
    Push => "push", "A file was put in force by a script.";
    Rollback => "rollback", "An earlier version was put in force again.";
    Serve => "serve", "The file of `serve` was put in force.";
    Pause => "pause", "Sending was paused.";
    Resume => "resume", "A pause was ended.";
    SuppressAdd => "suppress add", "A person gets no messages.";
    SuppressRemove => "suppress remove", "A person gets messages again.";
    SuppressImport => "suppress import", "The people of a file get no messages.";
    Retry => "retry", "Messages were sent again.";
    Cancel => "cancel", "Waiting messages were cancelled.";
    Release => "release", "Held messages were looked at before their time.";
    CampaignStart => "campaign start", "A campaign's run was started.";
    CampaignCancel => "campaign cancel", "A campaign's run was cancelled.";
    ForgetLimit => "forget-limit", "A learnt limit was forgotten.";
    AudioAdd => "audio add", "A recording was added.";
    ShowText => "show text", "A message's text was shown.";
    Export => "export", "Full phones or texts were written to a file or to the terminal.";
    PersonShow => "person show", "All that is kept of a person was shown.";
    PersonExport => "person export", "All that is kept of a person was written.";
    PersonErase => "person erase", "What is kept of a person was removed.";
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Another release knows this act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no act of the audit trail")]
pub struct NoAct;

impl FromStr for Act {
    type Err = NoAct;

    fn from_str(text: &str) -> Result<Self, NoAct> {
        Self::ALL.iter().copied().find(|act| act.as_str() == text).ok_or(NoAct)
    }
}

/// The mark of a person in the audit trail: a keyed hash of the phone or of the lead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonMark(String);

impl PersonMark {
    /// The mark with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The mark, as a row holds it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A mark from a row. `None`: it is not one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self(text.to_owned()))
    }
}

/// What an act was about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The rule, the channel, the campaign or the filters, in words.
    pub scope: Option<Words>,
    /// The ids of the messages, at most [`MOST_IDS`].
    pub ids: Vec<MessageId>,
    /// How many messages, people or rows.
    pub count: Option<u64>,
    /// The version of the configuration.
    pub version: Option<u64>,
    /// The person, or the phone and the lead of one person.
    pub people: Vec<PersonMark>,
}

/// Words in the audit trail. A number that may be a phone is hidden, and long words are cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(String);

/// A text with a mark in place of each number that may be a phone.
#[must_use]
pub fn without_phones(text: &str) -> String {
    let mut shown = String::new();
    let mut number = String::new();
    for sign in text.chars() {
        // Signs inside a written phone do not end it.
        if sign.is_numeric() || (!number.is_empty() && "-.() ".contains(sign)) {
            number.push(sign);
            continue;
        }
        hide(&mut shown, &number);
        number.clear();
        shown.push(sign);
    }
    hide(&mut shown, &number);
    shown
}

impl Words {
    /// These words, without anything that may be a phone.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let shown = without_phones(text);
        Self(shown.trim().chars().filter(|sign| !sign.is_control()).take(MOST_CHARS).collect())
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Adds a number and the signs in it, or a mark in its place if it may be a phone.
fn hide(shown: &mut String, number: &str) {
    if number.chars().filter(|sign| sign.is_numeric()).count() < DIGITS_OF_A_PHONE || is_day(number) {
        shown.push_str(number);
        return;
    }
    shown.push(HIDDEN);
    shown.extend(number.chars().rev().take_while(|sign| *sign == ' ').take(1));
}

/// Whether a number begins with a day such as `2026-11-30`, as names of runs do, and has at most the time after it.
fn is_day(number: &str) -> bool {
    let parts: Vec<usize> = number.trim().split(['-', ' ', '.']).map(str::len).collect();
    let digits = number.chars().all(|sign| sign.is_ascii_digit() || "-. ".contains(sign));
    digits && matches!(parts.as_slice(), [4, 2, 2] | [4, 2, 2, 2]) && number.starts_with("20")
}

impl About {
    /// About this scope, in words.
    #[must_use]
    pub fn scope(text: &str) -> Self {
        Self { scope: Some(Words::new(text)).filter(|words| !words.as_str().is_empty()), ..Self::default() }
    }

    /// The same, about so many.
    #[must_use]
    pub fn of_count(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }

    /// The same, about these messages.
    #[must_use]
    pub fn of_messages(self, ids: impl IntoIterator<Item = MessageId>) -> Self {
        Self { ids: ids.into_iter().take(MOST_IDS).collect(), ..self }
    }

    /// The same, about this version of the configuration.
    #[must_use]
    pub fn of_version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The same, about this person.
    #[must_use]
    pub fn of_people(self, people: Vec<PersonMark>) -> Self {
        Self { people, ..self }
    }
}

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, in ms since the epoch.
    pub at_ms: i64,
    /// Who, as far as that is known.
    pub by: Words,
    /// What.
    pub act: Act,
    /// About what.
    pub about: About,
}

/// A calendar month in UTC: the entries of one month stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month of an instant, in ms since the epoch. Instants beyond the calendar are in its first month.
    #[must_use]
    pub fn of(at_ms: i64) -> Self {
        let day =
            jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::MIN).to_zoned(jiff::tz::TimeZone::UTC);
        Self { year: day.year(), month: day.month() }
    }

    /// The month before.
    #[must_use]
    pub fn before(self) -> Self {
        if self.month > 1 { Self { month: self.month - 1, ..self } } else { Self { year: self.year - 1, month: 12 } }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_that_may_be_a_phone_is_hidden_and_the_rest_stays() {
        for (text, shown) in [
            ("rule welcome", "rule welcome"),
            ("11987654321", "…"),
            ("+55 (11) 98765-4321 asked", "+… asked"),
            ("rule r-11 98765 4321.", "rule r-…"),
            ("campaign fair, run 2026-11-30T12:05", "campaign fair, run 2026-11-30T12:05"),
            ("campaign fair, run csv-0a1b2c3d4e5f", "campaign fair, run csv-0a1b2c3d4e5f"),
            ("1234567", "1234567"),
            ("a\u{1b}[2K", "a[2K"),
            ("", ""),
        ] {
            assert_eq!(Words::new(text).as_str(), shown, "{text:?}");
        }
        assert_eq!(Words::new(&"a".repeat(500)).as_str().len(), MOST_CHARS);
    }

    #[test]
    fn each_act_is_read_as_it_is_written() {
        assert!(Act::ALL.len() > 15);
        for act in Act::ALL {
            assert_eq!(act.as_str().parse(), Ok(*act));
        }
        assert_eq!("dance".parse::<Act>(), Err(NoAct));
    }

    #[test]
    fn months_follow_each_other_over_the_end_of_a_year() {
        let month = Month::of(1_767_225_600_000);
        assert_eq!(month.to_string(), "2026-01");
        assert_eq!((month.before().to_string(), Month::of(1_767_225_599_999)), ("2025-12".to_owned(), month.before()));
        assert!(month.before() < month);
    }

    proptest! {
        #[test]
        fn no_words_keep_eight_digits_in_a_row(text in "[0-9a-f ().+-]{0,40}") {
            let shown = Words::new(&text);
            let runs = shown.as_str().split(|sign: char| !sign.is_ascii_digit());
            prop_assert!(runs.clone().all(|run| run.len() < DIGITS_OF_A_PHONE), "{}", shown.as_str());
        }
    }
}
