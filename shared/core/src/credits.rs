//! What a text costs, how a report's price corrects the books, and the type of a text that LigueLead takes.

use std::fmt;

use crate::folding::folded;

/// The longest text that LigueLead takes, in characters (its SMS page: "message, max 1,600 chars").
///
/// Its examples do not show whether it counts code points or UTF-16 units. Code points are what a person counts, and
/// what its own published client counts.
pub const MAX_SMS_CHARS: usize = 1_600;

/// The longest text that costs one credit, in characters.
const SINGLE_PART_CHARS: usize = 160;
/// Characters in each part once a text needs several.
const PART_CHARS: usize = 152;

/// The estimated credits of this text for one recipient, before a delivery report says more.
///
/// The seed contradicts itself: its table ("1 credit more for each 152 after 160") gives 2 for 312 characters, its
/// example 3. `ceil(n / 152)` once over 160 satisfies every example and is never below the table. Zenvia bills the same
/// carriers that way (8 characters of each part are reserved). An estimate that is too high cannot exceed a budget. The
/// delivery reports' `credits_required` corrects the books afterwards.
///
/// An empty text counts as one credit: it cannot be sent, and zero would hide a mistake in a sum.
///
/// ```
/// use recado_core::credits::sms_credits;
/// assert_eq!(sms_credits(&"a".repeat(160)), 1);
/// assert_eq!(sms_credits(&"a".repeat(161)), 2);
/// assert_eq!(sms_credits(&"a".repeat(312)), 3);
/// assert_eq!(sms_credits(&"a".repeat(1_600)), 11);
/// ```
#[must_use]
pub fn sms_credits(text: &str) -> u32 {
    let chars = text.chars().count();
    if chars <= SINGLE_PART_CHARS {
        return 1;
    }
    u32::try_from(chars.div_ceil(PART_CHARS)).unwrap_or(u32::MAX)
}

/// The estimate for a voice call while the length of its recording is not known. No request is made before the length
/// is known.
pub const UNKNOWN_CALL_CREDITS: u32 = 2;
/// What one credit of a voice call pays for, in ms.
const CALL_CREDIT_MS: u64 = 30_000;

/// The credits of a voice call with a recording of this length, in ms: one for each started 30 seconds. An unanswered
/// voice call costs nothing; the delivery reports say so.
///
/// Source: LigueLead's engineering notes, which know no upper bound. The README of its MCP server says two for all
/// above 30 seconds; an estimate must not be too low.
#[must_use]
pub fn call_credits(duration_ms: u64) -> u32 {
    u32::try_from(duration_ms.div_ceil(CALL_CREDIT_MS).max(1)).unwrap_or(u32::MAX)
}

/// A text that can be sent: 1 to [`MAX_SMS_CHARS`] characters, without blanks at its ends.
///
/// It is a message to a person, so like [`Phone`](crate::phone::Phone) it cannot be printed. `Debug` shows its length
/// alone, and [`expose`](SmsText::expose) is the only way to the words.
///
/// ```compile_fail
/// # use recado_core::credits::SmsText;
/// println!("{}", SmsText::parse("Olá").unwrap());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmsText(String);

/// Why a text cannot be sent. It holds no word of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SmsTextError {
    /// Nothing, or only blanks.
    #[error("the text is empty")]
    Empty,
    /// More characters than LigueLead takes.
    #[error("the text has {chars} characters; LigueLead takes {MAX_SMS_CHARS}")]
    TooLong {
        /// Its length in characters, without blanks at its ends.
        chars: usize,
    },
}

impl SmsText {
    /// Takes a rendered text and cuts the blanks at its ends: they would cost and say nothing.
    pub fn parse(text: &str) -> Result<Self, SmsTextError> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(SmsTextError::Empty),
            chars if chars > MAX_SMS_CHARS => Err(SmsTextError::TooLong { chars }),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The words, only for the code that sends them.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// [`sms_credits`] of this text, or of the text as it may [arrive](crate::folding) if that costs more: `…` may
    /// become three dots. 1 at least.
    #[must_use]
    pub fn credits(&self) -> u32 {
        let credits = sms_credits(&self.0);
        if self.0.is_ascii() { credits } else { credits.max(sms_credits(&folded(&self.0))) }
    }
}

impl fmt::Debug for SmsText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmsText({} chars)", self.0.chars().count())
    }
}

/// The correction of a day's books, once a report gives a message's real cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// Credits to add; below zero if the message was cheaper than estimated.
    pub credits: i64,
    /// Messages to add: 1 if the reservation was given back although the message was sent.
    pub messages: i64,
}

/// How many times the estimate a price may be: LigueLead's two rules, texts charged by parts of 67 characters, and redials
/// stay below it.
const PLAUSIBLE_TIMES: u32 = 10;

/// Whether a report's price can be true. One that cannot is not entered into the books: it would spend the day's quota.
#[must_use]
pub fn is_plausible(estimate: u32, actual: u32) -> bool {
    actual <= estimate.max(1).saturating_mul(PLAUSIBLE_TIMES)
}

/// The correction of the day's books, if there is one. `estimate` is what was reserved. `charged` is what an earlier
/// report said, if it differed. `given_back` says whether the reservation was given back.
///
/// The first price counts, and after it only a higher one. Reports come in any order and more than once, and the price
/// of a voice call grows while it lasts.
#[must_use]
pub fn correction(estimate: u32, charged: Option<u32>, given_back: bool, actual: u32) -> Option<Correction> {
    match charged {
        None if given_back => Some(Correction { credits: i64::from(actual), messages: 1 }),
        None if actual != estimate => {
            Some(Correction { credits: i64::from(actual) - i64::from(estimate), messages: 0 })
        }
        Some(charged) if actual > charged => {
            Some(Correction { credits: i64::from(actual) - i64::from(charged), messages: 0 })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_seeds_examples_and_both_sides_of_each_step() {
        for (chars, credits) in [
            (0, 1),
            (1, 1),
            (160, 1),
            (161, 2),
            (304, 2),
            (305, 3),
            (312, 3),
            (456, 3),
            (457, 4),
            (1_520, 10),
            (1_521, 11),
            (1_600, 11),
        ] {
            assert_eq!(sms_credits(&"a".repeat(chars)), credits, "{chars}");
        }
    }

    #[test]
    fn a_call_costs_one_credit_for_each_started_thirty_seconds() {
        assert_eq!([0, 30_000, 30_001, 60_000, 95_000, 600_000].map(call_credits), [1, 1, 2, 2, 4, 20]);
    }

    #[test]
    fn the_longer_of_both_texts_is_paid_for() {
        let text = SmsText::parse(&"…".repeat(60)).unwrap();
        assert_eq!((sms_credits(text.expose()), text.credits()), (1, 2));
        let text = SmsText::parse(&format!("{}{}", "a".repeat(100), "🎉".repeat(100))).unwrap();
        assert_eq!(text.credits(), 2);
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(sms_credits(&"ã".repeat(160)), 1);
        assert_eq!(sms_credits(&"😀".repeat(160)), 1);
    }

    #[test]
    fn a_text_that_cannot_be_sent_has_no_value() {
        assert_eq!(SmsText::parse(" \n "), Err(SmsTextError::Empty));
        assert_eq!(SmsText::parse(&"é".repeat(1_601)), Err(SmsTextError::TooLong { chars: 1_601 }));
        assert_eq!(SmsText::parse(&format!("  {}  ", "é".repeat(1_600))).unwrap().credits(), 11);
        assert_eq!(SmsText::parse(" Olá \n").unwrap().expose(), "Olá");
    }

    #[test]
    fn the_words_are_not_printed() {
        assert_eq!(format!("{:?}", SmsText::parse("segredo").unwrap()), "SmsText(7 chars)");
    }

    proptest! {
        #[test]
        fn a_longer_text_never_costs_less_and_parts_hold_it(chars in 0_usize..2_000) {
            let credits = sms_credits(&"a".repeat(chars));
            prop_assert!(sms_credits(&"a".repeat(chars + 1)) >= credits);
            prop_assert!(credits == 1 || credits as usize * PART_CHARS >= chars);
        }
    }
}
