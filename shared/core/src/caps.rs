//! Caps: at most so many messages to one lead in any window of so long, over all rules.
//!
//! A lead's recent messages are kept as instants with the messages' ids, so that a message which passes again (after
//! a crash, or because its request did not go out) is recognised and counts once: from when it passed last, since it may
//! have waited for hours in between.

use crate::{config::Cap, identity::MessageId};

/// One message that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When, in ms since the epoch.
    pub at_ms: i64,
    /// Which.
    pub id: MessageId,
}

/// What the caps say of one more message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go; `shadow` says whether a cap in shadow would have held it.
    Pass {
        /// Whether a cap in shadow would have held it.
        shadow: bool,
    },
    /// It may not go before this instant, in ms since the epoch.
    Hold(i64),
}

/// Asks the caps whether one more message may go to a lead at `now_ms`, given the lead's recent ones in any order. If
/// it is one of them, it is asked about anew.
#[must_use]
pub fn ask(caps: &[Cap], recent: &[Sent], id: MessageId, now_ms: i64) -> Verdict {
    let others: Vec<i64> = recent.iter().filter(|sent| sent.id != id).map(|sent| sent.at_ms).collect();
    let free_at = |cap: &Cap| {
        let mut instants = others.clone();
        instants.sort_unstable();
        // The max-th last one must be a whole window old.
        let most = usize::try_from(cap.max.max(1)).unwrap_or(usize::MAX);
        let oldest = instants.len().checked_sub(most).and_then(|at| instants.get(at));
        oldest.map_or(i64::MIN, |at_ms| at_ms.saturating_add(i64::try_from(cap.every_ms).unwrap_or(i64::MAX)))
    };
    let latest = |shadow: bool| caps.iter().filter(|cap| cap.shadow == shadow).map(free_at).max().unwrap_or(i64::MIN);
    match latest(false) {
        until_ms if until_ms > now_ms => Verdict::Hold(until_ms),
        _ => Verdict::Pass { shadow: latest(true) > now_ms },
    }
}

/// `recent` with one more message, or a new instant of one that is in it, and without what no cap will ask about again.
#[must_use]
pub fn with(caps: &[Cap], recent: &[Sent], new: Sent) -> Vec<Sent> {
    let longest_ms = caps.iter().map(|cap| cap.every_ms).max().unwrap_or_default();
    let longest_ms = i64::try_from(longest_ms).unwrap_or(i64::MAX);
    let most = caps.iter().map(|cap| cap.max).max().unwrap_or_default();
    let counts = |sent: &Sent| sent.id != new.id && sent.at_ms > new.at_ms - longest_ms;
    let mut kept: Vec<Sent> = recent.iter().copied().filter(counts).collect();
    kept.push(new);
    kept.sort_unstable_by_key(|sent| sent.at_ms);
    let surplus = kept.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
    kept.drain(..surplus);
    kept
}
