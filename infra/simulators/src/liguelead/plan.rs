//! Plans which callbacks a campaign makes, and when: a pure function of the options and a seed.

use super::{options::CallbackOptions, received::Channel};
use crate::chance;

/// One callback to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// Milliseconds from acceptance until the callback is made.
    pub(super) due_ms: u64,
    /// Milliseconds from acceptance until the reported event happened.
    pub(super) occurred_ms: u64,
    /// The index of the recipient in the campaign.
    pub(super) place: usize,
    pub(super) status: &'static str,
}

/// Independent draws per recipient, so that one option does not change the result of another.
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

/// The callbacks for `phones`, in the order in which they are due. A voice call that is not answered is redialled up to
/// `redials` times. Nothing happens before `wait_ms`.
pub(super) fn plan(
    phones: &[String],
    channel: Channel,
    redials: u64,
    wait_ms: u64,
    options: &CallbackOptions,
    seed: u64,
) -> Vec<Planned> {
    let mut planned: Vec<Planned> = phones
        .iter()
        .enumerate()
        .filter(|(_, phone)| !ends_with_any(phone, &options.silent_endings))
        .flat_map(|(place, phone)| of_recipient(place, phone, channel, redials, options, seed))
        .map(|planned| Planned {
            due_ms: planned.due_ms.saturating_add(wait_ms),
            occurred_ms: planned.occurred_ms.saturating_add(wait_ms),
            ..planned
        })
        .collect();
    planned.sort_by_key(|callback| callback.due_ms);
    planned
}

fn of_recipient(
    place: usize,
    phone: &str,
    channel: Channel,
    redials: u64,
    options: &CallbackOptions,
    seed: u64,
) -> Vec<Planned> {
    let index = |draw: Draw| u64::try_from(place).unwrap_or(u64::MAX).wrapping_mul(8).wrapping_add(draw as u64);
    let chosen = |share: f64, draw| chance::unit(seed, index(draw)) < share;
    let jitter = |draw| chance::up_to(options.callback_jitter_ms, seed, index(draw));
    let ends = outcomes(phone, channel, redials, options, chance::unit(seed, index(Draw::Outcome)));

    let sent_ms = options.sent_after_ms.saturating_add(jitter(Draw::SentJitter));
    // The final status cannot happen before the message was sent.
    let first_ms = options.final_after_ms.saturating_add(jitter(Draw::FinalJitter)).max(sent_ms);
    let redialled = (0_u64..).map(|time| first_ms.saturating_add(time.saturating_mul(options.redial_after_ms)));
    let happened: Vec<(u64, &'static str)> =
        std::iter::once((sent_ms, "sent")).chain(redialled.zip(ends.iter().copied())).collect();

    let copies = |lost, twice| match (chosen(options.lost_callbacks_share, lost), twice) {
        (true, _) => 0,
        (false, twice) if chosen(options.duplicate_callbacks_share, twice) => 2,
        (false, _) => 1,
    };
    let last = happened.len() - 1;
    let of = |(order, &(occurred_ms, status)): (usize, &(u64, &'static str))| {
        let due_ms = match (options.callbacks_before_answer, options.callbacks_out_of_order) {
            (true, _) => 0,
            // In reverse order: the last callback comes at the time of the first event, and so on.
            (false, true) => {
                let mirrored = happened.get(last - order).map_or(occurred_ms, |(occurred_ms, _)| *occurred_ms);
                mirrored.saturating_add(u64::from(order == 0))
            }
            (false, false) => occurred_ms,
        };
        let copies = match order {
            0 => copies(Draw::SentLost, Draw::SentTwice),
            order if order == last => copies(Draw::FinalLost, Draw::FinalTwice),
            _ => 1,
        };
        std::iter::repeat_n(Planned { due_ms, occurred_ms, place, status }, copies)
    };
    happened.iter().enumerate().flat_map(of).collect()
}

/// The outcomes of a recipient's message after it was sent, in order. LigueLead documents the words for SMS; the words
/// for voice are from a client.
fn outcomes(phone: &str, channel: Channel, redials: u64, options: &CallbackOptions, draw: f64) -> Vec<&'static str> {
    let tries = usize::try_from(redials).unwrap_or(0) + 1;
    let (good, bad) = match channel {
        Channel::Sms => ("delivered", vec!["undelivered"]),
        Channel::Voice => ("answer", vec!["no_answer"; tries]),
    };
    if ends_with_any(phone, &options.undelivered_endings) {
        bad
    } else if ends_with_any(phone, &options.failed_endings) {
        vec!["failed"]
    } else if channel == Channel::Voice && ends_with_any(phone, &options.busy_endings) {
        vec!["busy"; tries]
    } else if channel == Channel::Voice && ends_with_any(phone, &options.redial_endings) {
        vec!["no_answer", good]
    } else if draw < options.undelivered_share {
        bad
    } else if draw < options.undelivered_share + options.failed_share {
        vec!["failed"]
    } else {
        vec![good]
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
        let planned = plan(&["11987654321".to_owned()], Channel::Sms, 0, 0, &CallbackOptions::default(), 0);
        assert_eq!(statuses(&planned), ["sent", "delivered"]);
        assert_eq!((planned[0].due_ms, planned[1].due_ms), (50, 200));
        let voice = plan(&["11987654321".to_owned()], Channel::Voice, 0, 0, &CallbackOptions::default(), 0);
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
        let planned = plan(&phones, Channel::Sms, 0, 0, &options, 0);
        assert_eq!(statuses(&planned[3..]), ["undelivered", "failed", "undelivered"]);
        assert!(planned.iter().all(|callback| callback.place != 2));
    }

    #[test]
    fn shares_lose_and_repeat_as_many_as_they_say() {
        let lost = CallbackOptions { lost_callbacks_share: 0.25, ..CallbackOptions::default() };
        let count = plan(&many(), Channel::Sms, 0, 0, &lost, 3).len();
        assert!((2_850..3_150).contains(&count), "{count}");
        let doubled = CallbackOptions { duplicate_callbacks_share: 0.25, ..CallbackOptions::default() };
        let count = plan(&many(), Channel::Sms, 0, 0, &doubled, 3).len();
        assert!((4_850..5_150).contains(&count), "{count}");
    }

    #[test]
    fn out_of_order_callbacks_keep_their_true_times() {
        let options = CallbackOptions { callbacks_out_of_order: true, ..CallbackOptions::default() };
        let planned = plan(&["11987654321".to_owned()], Channel::Sms, 0, 0, &options, 0);
        assert_eq!(statuses(&planned), ["delivered", "sent"]);
        assert!(planned[0].occurred_ms > planned[1].occurred_ms);
    }

    #[test]
    fn jitter_never_puts_the_last_status_before_the_first() {
        let options = CallbackOptions { final_after_ms: 50, callback_jitter_ms: 1_000, ..CallbackOptions::default() };
        let planned = plan(&many(), Channel::Sms, 0, 0, &options, 9);
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

    #[test]
    fn a_call_is_redialled_until_it_is_answered() {
        let options = CallbackOptions {
            undelivered_endings: vec!["1".to_owned()],
            busy_endings: vec!["2".to_owned()],
            redial_endings: vec!["3".to_owned()],
            ..CallbackOptions::default()
        };
        let of = |phone: &str| plan(&[phone.to_owned()], Channel::Voice, 2, 60_000, &options, 0);
        assert_eq!(statuses(&of("11900000001")), ["sent", "no_answer", "no_answer", "no_answer"]);
        assert_eq!(statuses(&of("11900000002")), ["sent", "busy", "busy", "busy"]);
        let redialled = of("11900000003");
        assert_eq!(statuses(&redialled), ["sent", "no_answer", "answer"]);
        let due: Vec<u64> = redialled.iter().map(|callback| callback.due_ms).collect();
        assert_eq!(due, [60_050, 60_200, 60_300]);
        assert_eq!(statuses(&of("11900000004")), ["sent", "answer"]);
    }
}
