//! Which callbacks a campaign makes, and when: a pure function of the options and a seed.

use super::{options::CallbackOptions, received::Channel};
use crate::chance;

/// One callback to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// Milliseconds from acceptance until it is made.
    pub(super) due_ms: u64,
    /// Milliseconds from acceptance until what it tells happened.
    pub(super) occurred_ms: u64,
    /// The recipient's place in the campaign.
    pub(super) place: usize,
    pub(super) status: &'static str,
}

/// Independent choices per recipient, so that one option does not change another's.
#[derive(Clone, Copy)]
enum Draw {
    Outcome,
    SentJitter,
    FinalJitter,
    SentLost,
    FinalLost,
    SentTwice,
    FinalTwice,
}

/// The callbacks for `phones`, in the order in which they are due.
pub(super) fn plan(phones: &[String], channel: Channel, options: &CallbackOptions, seed: u64) -> Vec<Planned> {
    let mut planned: Vec<Planned> = phones
        .iter()
        .enumerate()
        .filter(|(_, phone)| !ends_with_any(phone, &options.silent_endings))
        .flat_map(|(place, phone)| of_recipient(place, phone, channel, options, seed))
        .collect();
    planned.sort_by_key(|callback| callback.due_ms);
    planned
}

fn of_recipient(
    place: usize,
    phone: &str,
    channel: Channel,
    options: &CallbackOptions,
    seed: u64,
) -> impl Iterator<Item = Planned> {
    let index = |draw: Draw| u64::try_from(place).unwrap_or(u64::MAX).wrapping_mul(8).wrapping_add(draw as u64);
    let chosen = |share: f64, draw| chance::unit(seed, index(draw)) < share;
    let jitter = |draw| chance::up_to(options.callback_jitter_ms, seed, index(draw));
    let outcome = outcome(phone, channel, options, chance::unit(seed, index(Draw::Outcome)));

    let sent_ms = options.sent_after_ms.saturating_add(jitter(Draw::SentJitter));
    // What is final cannot happen before the message was sent.
    let final_ms = options.final_after_ms.saturating_add(jitter(Draw::FinalJitter)).max(sent_ms);
    let (sent_due_ms, final_due_ms) = match (options.callbacks_before_answer, options.callbacks_out_of_order) {
        (true, _) => (0, 0),
        (false, true) => (final_ms.saturating_add(1), sent_ms),
        (false, false) => (sent_ms, final_ms),
    };
    let sent = Planned { due_ms: sent_due_ms, occurred_ms: sent_ms, place, status: "sent" };
    let last = Planned { due_ms: final_due_ms, occurred_ms: final_ms, place, status: outcome };

    let copies = |lost, twice| match (chosen(options.lost_callbacks_share, lost), twice) {
        (true, _) => 0,
        (false, twice) if chosen(options.duplicate_callbacks_share, twice) => 2,
        (false, _) => 1,
    };
    let sent_copies = copies(Draw::SentLost, Draw::SentTwice);
    let last_copies = copies(Draw::FinalLost, Draw::FinalTwice);
    std::iter::repeat_n(sent, sent_copies).chain(std::iter::repeat_n(last, last_copies))
}

/// The last status of a recipient's message. LigueLead documents the SMS words; the voice words are a client's.
fn outcome(phone: &str, channel: Channel, options: &CallbackOptions, draw: f64) -> &'static str {
    let (good, bad) = match channel {
        Channel::Sms => ("delivered", "undelivered"),
        Channel::Voice => ("answer", "no_answer"),
    };
    if ends_with_any(phone, &options.undelivered_endings) {
        bad
    } else if ends_with_any(phone, &options.failed_endings) {
        "failed"
    } else if draw < options.undelivered_share {
        bad
    } else if draw < options.undelivered_share + options.failed_share {
        "failed"
    } else {
        good
    }
}

fn ends_with_any(phone: &str, endings: &[String]) -> bool {
    endings.iter().any(|ending| phone.ends_with(ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{CallbackOptions, Channel, Planned, plan};

    fn statuses(planned: &[Planned]) -> Vec<&'static str> {
        planned.iter().map(|callback| callback.status).collect()
    }

    fn many() -> Vec<String> {
        (0..2_000).map(|number| format!("119{number:08}")).collect()
    }

    #[test]
    fn each_recipient_is_sent_and_then_delivered() {
        let planned = plan(&["11987654321".to_owned()], Channel::Sms, &CallbackOptions::default(), 0);
        assert_eq!(statuses(&planned), ["sent", "delivered"]);
        assert_eq!((planned[0].due_ms, planned[1].due_ms), (50, 200));
        let voice = plan(&["11987654321".to_owned()], Channel::Voice, &CallbackOptions::default(), 0);
        assert_eq!(statuses(&voice), ["sent", "answer"]);
    }

    #[test]
    fn endings_decide_before_shares() {
        let options = CallbackOptions {
            undelivered_endings: vec!["0001".to_owned()],
            failed_endings: vec!["0002".to_owned()],
            silent_endings: vec!["0003".to_owned()],
            undelivered_share: 1.0,
            ..CallbackOptions::default()
        };
        let phones = ["11900000001", "11900000002", "11900000003", "11900000004"].map(str::to_owned);
        let planned = plan(&phones, Channel::Sms, &options, 0);
        assert_eq!(statuses(&planned[3..]), ["undelivered", "failed", "undelivered"]);
        assert!(planned.iter().all(|callback| callback.place != 2));
    }

    #[test]
    fn shares_lose_and_repeat_as_many_as_they_say() {
        let lost = CallbackOptions { lost_callbacks_share: 0.25, ..CallbackOptions::default() };
        let count = plan(&many(), Channel::Sms, &lost, 3).len();
        assert!((2_850..3_150).contains(&count), "{count}");
        let doubled = CallbackOptions { duplicate_callbacks_share: 0.25, ..CallbackOptions::default() };
        let count = plan(&many(), Channel::Sms, &doubled, 3).len();
        assert!((4_850..5_150).contains(&count), "{count}");
    }

    #[test]
    fn out_of_order_callbacks_keep_their_true_times() {
        let options = CallbackOptions { callbacks_out_of_order: true, ..CallbackOptions::default() };
        let planned = plan(&["11987654321".to_owned()], Channel::Sms, &options, 0);
        assert_eq!(statuses(&planned), ["delivered", "sent"]);
        assert!(planned[0].occurred_ms > planned[1].occurred_ms);
    }

    #[test]
    fn jitter_never_puts_the_last_status_before_the_first() {
        let options = CallbackOptions { final_after_ms: 50, callback_jitter_ms: 1_000, ..CallbackOptions::default() };
        let planned = plan(&many(), Channel::Sms, &options, 9);
        let mut occurred = vec![(0, 0); 2_000];
        for callback in planned {
            let slot = &mut occurred[callback.place];
            if callback.status == "sent" {
                slot.0 = callback.occurred_ms;
            } else {
                slot.1 = callback.occurred_ms;
            }
        }
        assert!(occurred.iter().all(|(sent, last)| sent <= last));
    }
}
