//! The moves between states.

use super::{Due, Set, Transition};
use crate::{
    identity::{BatchId, MessageId},
    message::{Message, State},
    reason::Reason,
};

/// The delay before LeadSquared is told that a message was accepted, in ms. The outcome usually comes within seconds,
/// and then one write covers both.
pub const ACCEPTED_LINGER_MS: i64 = 10_000;

/// A move between states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Move {
    /// A batch claims the message before its request.
    Claim,
    /// It must wait: for an hour, a pause, a cap, a budget, a recording or a permit.
    Hold,
    /// It expired before it could be sent.
    Expire,
    /// It must not be sent, or an operator cancels it.
    Skip,
    /// LigueLead refused other parts of its request for a reason that holds for this part too.
    RefuseAlike,
    /// Its request certainly was not sent.
    GiveBack,
    /// LigueLead accepted its request.
    Accept,
    /// LigueLead refused its request.
    Refuse,
    /// Its request has no clear answer.
    Lose,
    /// A delivery report says what became of it.
    Report,
    /// Its rule sends it again, because it stayed unknown.
    Resend,
    /// An operator sends it again.
    Retry,
}

impl Move {
    /// All moves.
    pub const ALL: [Self; 12] = [
        Self::Claim,
        Self::Hold,
        Self::Expire,
        Self::Skip,
        Self::RefuseAlike,
        Self::GiveBack,
        Self::Accept,
        Self::Refuse,
        Self::Lose,
        Self::Report,
        Self::Resend,
        Self::Retry,
    ];

    /// The states that it starts from.
    #[must_use]
    pub fn from(self) -> &'static [State] {
        match self {
            Self::Claim | Self::Hold | Self::Expire | Self::Skip | Self::RefuseAlike => &[State::Pending, State::Held],
            // The message may have become unknown while its sender was slow. The certain outcome counts.
            Self::GiveBack | Self::Accept | Self::Refuse => &[State::Sending, State::Unknown],
            Self::Lose => &[State::Sending],
            // `settle::heard` decides which report moves which message.
            Self::Report => &[
                State::Pending,
                State::Held,
                State::Sending,
                State::Unknown,
                State::Refused,
                State::Accepted,
                State::Undelivered,
                State::NoAnswer,
                State::Busy,
                State::Skipped,
                State::Expired,
            ],
            Self::Resend => &[State::Unknown],
            // `settle::again` decides which message may go again.
            Self::Retry => &[
                State::Unknown,
                State::Refused,
                State::Undelivered,
                State::NoAnswer,
                State::Busy,
                State::Skipped,
                State::Expired,
            ],
        }
    }

    /// The states that it leads to.
    #[must_use]
    pub fn to(self) -> &'static [State] {
        match self {
            Self::Claim => &[State::Sending],
            Self::Hold => &[State::Held],
            Self::Expire => &[State::Expired],
            Self::Skip => &[State::Skipped],
            Self::RefuseAlike | Self::Refuse => &[State::Refused],
            Self::GiveBack => &[State::Pending, State::Held],
            Self::Accept => &[State::Accepted],
            Self::Lose => &[State::Unknown],
            Self::Report => {
                &[State::Accepted, State::Undelivered, State::Delivered, State::NoAnswer, State::Busy, State::Answered]
            }
            Self::Resend | Self::Retry => &[State::Pending],
        }
    }
}

/// Before the request.
impl Transition {
    /// `batch` claims a waiting message. A block must have the recipients that were read. `credits` is a better
    /// estimate of the price than the row has, if there is one.
    #[must_use]
    pub fn claim(message: &Message, batch: BatchId, credits: Option<u32>, now_ms: i64) -> Self {
        // The due time from the message's creation stays: the sweep then checks on the sender.
        let mut claim = Self::make(message.id, Move::Claim, State::Sending, now_ms).set(Set::Batch(Some(batch)));
        // A claim may arrive after its repetition, and after the request. It must not succeed then.
        claim.needs.or_claimed_by = Some(batch);
        claim.needs.version = message.block().map(|block| block.version);
        match credits {
            Some(credits) => claim.set(Set::Credits(credits)),
            None => claim,
        }
    }

    /// A waiting message waits until `until_ms`, or until it expires.
    #[must_use]
    pub fn hold(message: &Message, until_ms: i64, why: Reason, now_ms: i64) -> Self {
        let due = Due::Wait(until_ms.min(message.expires_ms), message.priority);
        Self::make(message.id, Move::Hold, State::Held, now_ms).because(Some(why)).set(Set::Due(due))
    }

    /// A waiting message has expired.
    #[must_use]
    pub fn expire(message: &Message, now_ms: i64) -> Self {
        Self::make(message.id, Move::Expire, State::Expired, now_ms).because(Some(Reason::Expired)).ends(now_ms)
    }

    /// A waiting message must not be sent.
    #[must_use]
    pub fn skip(message: &Message, why: Reason, now_ms: i64) -> Self {
        Self::of_read(message, Move::Skip, State::Skipped, now_ms).because(Some(why)).ends(now_ms)
    }

    /// A waiting message is refused without a request of its own, since the other parts showed enough.
    #[must_use]
    pub fn refuse_alike(message: &Message, why: Reason, now_ms: i64) -> Self {
        Self::make(message.id, Move::RefuseAlike, State::Refused, now_ms).because(Some(why)).ends(now_ms)
    }

    /// An operator makes a held message due now. The reason stays until it is sent: it may be held again.
    #[must_use]
    pub fn release(message: &Message, now_ms: i64) -> Self {
        Self::as_read(message).set(Set::Due(Due::Wait(now_ms, message.priority)))
    }
}

/// After the request. The message follows `batch`.
impl Transition {
    /// The request certainly was not sent. Without a reason the message is pending, else it is held until `due_ms`.
    #[must_use]
    pub fn give_back(message: &Message, batch: BatchId, due_ms: i64, why: Option<Reason>, now_ms: i64) -> Self {
        let state = if why.is_some() { State::Held } else { State::Pending };
        Self::make(message.id, Move::GiveBack, state, now_ms)
            .needs_batch(Some(batch))
            .because(why)
            .set(Set::Due(Due::Wait(due_ms, message.priority)))
            .set(Set::Batch(None))
    }

    /// The same for a message that goes next in this part of its refused request.
    #[must_use]
    pub fn in_part(self, part: String) -> Self {
        self.set(Set::Part(part))
    }

    /// The same after an attempt that counts: `attempts` with this one.
    #[must_use]
    pub fn after_attempts(self, attempts: u32) -> Self {
        self.set(Set::Attempts(attempts))
    }

    /// LigueLead accepted the request. Reports are expected until `wait_until_ms`.
    #[must_use]
    pub fn accept(id: MessageId, batch: BatchId, campaign_id: Option<String>, wait_until_ms: i64, now_ms: i64) -> Self {
        let accept = Self::make(id, Move::Accept, State::Accepted, now_ms).needs_batch(Some(batch));
        let accept = accept.set(Set::Due(Due::Look(wait_until_ms))).tell(now_ms + ACCEPTED_LINGER_MS);
        match campaign_id {
            Some(_) => accept.set(Set::CampaignId(campaign_id)),
            None => accept,
        }
    }

    /// LigueLead refused the request.
    #[must_use]
    pub fn refuse(id: MessageId, batch: BatchId, why: Reason, now_ms: i64) -> Self {
        let refuse = Self::make(id, Move::Refuse, State::Refused, now_ms).needs_batch(Some(batch));
        refuse.because(Some(why)).ends(now_ms)
    }

    /// The request has no clear answer. Reports are expected until `wait_until_ms`.
    #[must_use]
    pub fn lose(id: MessageId, batch: BatchId, why: Reason, wait_until_ms: i64, now_ms: i64) -> Self {
        let lose = Self::make(id, Move::Lose, State::Unknown, now_ms).needs_batch(Some(batch));
        lose.because(Some(why)).set(Set::Due(Due::Look(wait_until_ms))).tell(now_ms + ACCEPTED_LINGER_MS)
    }

    /// The sweep looks at the message again at `at_ms` (ms since the epoch). The rest stays as it is.
    #[must_use]
    pub fn look_again(message: &Message, at_ms: i64) -> Self {
        Self::as_read(message).set(Set::Due(Due::Look(at_ms)))
    }

    /// Nothing more is due of the message. The rest stays as it is.
    #[must_use]
    pub fn nothing_due(message: &Message) -> Self {
        Self::as_read(message).over()
    }
}

/// On a report, or without one.
impl Transition {
    /// A report on `batch` moves the message to `state`. The message must be as it was read.
    #[must_use]
    pub fn report(message: &Message, batch: BatchId, state: State, campaign_id: Option<&str>, now_ms: i64) -> Self {
        let mut report = Self::of_read(message, Move::Report, state, now_ms).set(Set::NoCallbackMs(None));
        if let Some(campaign_id) = campaign_id {
            report = report.set(Set::CampaignId(Some(campaign_id.to_owned())));
        }
        if message.batch.is_none() {
            // It waited to be sent again, but will not be: the attempt that was made counts. The batch stays among the
            // earlier ones, because its note holds the price.
            report = report.set(Set::Batch(Some(batch)));
        }
        report
    }

    /// A report came that leaves the state as it is.
    #[must_use]
    pub fn reported(message: &Message) -> Self {
        Self::as_read(message).set(Set::NoCallbackMs(None))
    }

    /// The wait for a report ended without one.
    #[must_use]
    pub fn not_reported(message: &Message, now_ms: i64) -> Self {
        let mut end = Self::as_read(message).set(Set::NoCallbackMs(Some(now_ms))).over();
        end.needs.no_report_yet = true;
        end
    }

    /// An unknown message is sent again, as its rule says.
    #[must_use]
    pub fn resend(message: &Message, now_ms: i64) -> Self {
        Self::again(message, Move::Resend, Reason::Resent, now_ms)
    }

    /// An operator sends the message again. It is worth sending for as long again as at first.
    #[must_use]
    pub fn retry(message: &Message, now_ms: i64) -> Self {
        let lifetime_ms = message.expires_ms - message.created_ms;
        let expires_ms = message.expires_ms.max(now_ms + lifetime_ms);
        Self::again(message, Move::Retry, Reason::SentAgain, now_ms).set(Set::ExpiresMs(expires_ms))
    }

    /// Takes a message out of its batch, to wait for the sender.
    fn again(message: &Message, what: Move, why: Reason, now_ms: i64) -> Self {
        let again = Self::of_read(message, what, State::Pending, now_ms)
            .because(Some(why))
            .set(Set::Due(Due::Wait(now_ms, message.priority)))
            .set(Set::Batch(None))
            .set(Set::CampaignId(None))
            .set(Set::NotCharged)
            .set(Set::NoCallbackMs(None));
        let earlier =
            message.batch.map_or_else(|| message.history.earlier.clone(), |batch| message.history.with(batch));
        if earlier.is_empty() { again } else { again.set(Set::Earlier(earlier)) }
    }
}

/// At a person's request.
impl Transition {
    /// Removes the person from a message that has come to its end. State and amounts stay. A reason that quotes
    /// somebody's words goes, and LeadSquared is told nothing more.
    #[must_use]
    pub fn forget(message: &Message) -> Self {
        let why = message.why.clone().filter(|why| why.outside().is_none());
        Self::as_read(message).set(Set::Forgotten).because(why).over().set(Set::CrmDueMs(None))
    }
}

/// What a move adds.
impl Transition {
    /// Sets the reason, or removes it.
    #[must_use]
    pub fn because(self, why: Option<Reason>) -> Self {
        self.set(Set::Why(why))
    }

    /// Makes the message due for the sender, or for its fallback, at `due_ms` (ms since the epoch).
    #[must_use]
    pub fn wait(self, message: &Message, due_ms: i64) -> Self {
        self.set(Set::Due(Due::Wait(due_ms, message.priority)))
    }

    /// Removes the due time.
    #[must_use]
    pub fn over(self) -> Self {
        self.set(Set::Due(Due::Never))
    }

    /// Has LeadSquared told of the outcome at `due_ms` (ms since the epoch).
    #[must_use]
    pub fn tell(self, due_ms: i64) -> Self {
        self.set(Set::CrmDueMs(Some(due_ms)))
    }

    /// The same, even if LeadSquared already shows the state, because the reason has changed.
    #[must_use]
    pub fn tell_again(self, due_ms: i64) -> Self {
        self.set(Set::CrmActivityState(None)).tell(due_ms)
    }

    /// Nothing more happens to the message but that LeadSquared is told.
    fn ends(self, now_ms: i64) -> Self {
        self.over().tell(now_ms)
    }

    fn make(id: MessageId, what: Move, state: State, now_ms: i64) -> Self {
        let mut made = Self::of(id);
        made.needs.states = Some(what.from().to_vec());
        made.set(Set::State(state)).set(Set::ChangedMs(now_ms)).set(Set::Why(None))
    }

    /// A move of a message that is still in the state and the batch that were read. A state that the move does not
    /// start from allows nothing.
    fn of_read(message: &Message, what: Move, state: State, now_ms: i64) -> Self {
        let mut made = Self::make(message.id, what, state, now_ms).needs_batch(message.batch);
        if let Some(states) = &mut made.needs.states {
            states.retain(|from| *from == message.state);
        }
        made
    }

    /// A change of a message that is still in the state and the batch that were read.
    pub(super) fn as_read(message: &Message) -> Self {
        Self::of(message.id).needs_state(message.state).needs_batch(message.batch)
    }
}
