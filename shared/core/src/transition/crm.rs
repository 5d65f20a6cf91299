//! What LeadSquared knows of a message.

use super::{Set, Transition};
use crate::{identity::MessageId, message::State};

impl Transition {
    /// A change of what LeadSquared knows of a message, in any state.
    #[must_use]
    pub fn of_crm(id: MessageId) -> Self {
        Self::of(id)
    }

    /// An activity is about to be posted at `at_ms` (ms since the epoch). The message has none yet.
    #[must_use]
    pub fn posting(id: MessageId, at_ms: i64) -> Self {
        let mut posting = Self::of(id).set(Set::CrmPostedMs(Some(at_ms)));
        posting.needs.unposted = true;
        posting
    }

    /// The open post ended without an activity.
    #[must_use]
    pub fn not_posted(self) -> Self {
        self.set(Set::CrmPostedMs(None))
    }

    /// The message's activity exists and shows `state`.
    #[must_use]
    pub fn activity(self, activity_id: &str, state: State) -> Self {
        self.found(activity_id).set(Set::CrmActivityState(Some(state)))
    }

    /// The message's activity was found. The state that it shows is unknown.
    #[must_use]
    pub fn found(self, activity_id: &str) -> Self {
        self.set(Set::CrmActivityId(activity_id.to_owned())).not_posted()
    }

    /// The lead's own fields show `state`.
    #[must_use]
    pub fn lead(self, state: State) -> Self {
        self.set(Set::CrmLeadState(state))
    }

    /// A request refused the row for the `attempts`-th time. The next attempt is due at `due_ms` (ms since the epoch).
    #[must_use]
    pub fn later(self, attempts: u32, due_ms: i64) -> Self {
        self.set(Set::CrmAttempts(attempts)).set(Set::CrmDueMs(Some(due_ms)))
    }

    /// Applies only if the message is still in `state`.
    #[must_use]
    pub fn while_in(self, state: State) -> Self {
        self.needs_state(state)
    }

    /// LeadSquared learnt something about the message at `now_ms`.
    #[must_use]
    pub fn told(self, now_ms: i64) -> Self {
        self.set(Set::CrmToldMs(now_ms))
    }

    /// LeadSquared knows everything about the message, if the message is still in `state`.
    #[must_use]
    pub fn done_in(self, state: State) -> Self {
        self.set(Set::CrmDueMs(None)).needs_state(state)
    }

    /// Keeps `why`: a part of the write-back was given up.
    #[must_use]
    pub fn without_part(self, why: &str) -> Self {
        self.set(Set::CrmWhy(why.to_owned()))
    }

    /// Gives the write-back up. `why` is kept for a person to read.
    #[must_use]
    pub fn parked(self, why: &str) -> Self {
        self.set(Set::CrmDueMs(None)).without_part(why).not_posted()
    }
}
