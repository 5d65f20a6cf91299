//! Mistakes that could be made in this crate, each at its place in the code.
//!
//! The simulation proves something only if it notices these mistakes, so its tests make them one at a time. Outside of
//! this crate's tests `planted` is always false, and the compiler removes the code that depends on it.
//! The list in docs/architecture.md names the invariant that notices each mistake.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Each delivery of a change gets an id of its own.
    DeliveriesNotRecognised,
    /// A webhook is answered 200 although its messages were not written.
    AnsweredBeforeStored,
    /// The sending hours are checked only when a message is made, not when it is sent.
    HoursNotAskedAgain,
    /// The caps are not checked.
    CapsNotAsked,
    /// If a message has a lead, the caps of its phone are not checked.
    CapsByLeadAlone,
    /// The caps of the phone are checked, and the lead's caps are not.
    CapsByPhoneAlone,
    /// The day's budget is counted but not enforced.
    BudgetNotEnforced,
    /// All messages go into the request, even those that another sender claimed.
    ClaimNotChecked,
    /// The reservation for messages that another sender claimed is not given back.
    SurplusKept,
    /// The request is sent before `calling` is written.
    CalledBeforeWritten,
    /// The batch's row does not list the messages in the request.
    MembersNotListed,
    /// A permit is taken, but the request does not wait for the permit's time.
    PermitNotSpent,
    /// An unknown outcome is treated as certainly not sent.
    UnknownTakenForNotSent,
    /// An unknown outcome gives its reservation back.
    RefundOnUnknown,
    /// A message is held without a due time.
    HeldForEver,
    /// A batch whose request got no answer is given back.
    StaleCallGivenBack,
    /// A batch that was never sent keeps its reservation.
    DeadBatchKeepsBudget,
    /// A report moves a message from any state.
    ReportsMoveBack,
    /// A report is processed before it is saved, and lost if the processing fails.
    ReportNotStored,
    /// Suppressions are not checked.
    SuppressionsNotAsked,
    /// Pauses are not checked.
    PausesNotAsked,
    /// A message that stays unknown is sent again, each time that happens.
    ResentForEver,
    /// An operator's retry sends messages again that may have been sent, although nobody accepted that risk.
    RetryTakesTheRisk,
    /// The hours of a voice call are checked only when the message is made, not when it is dialled.
    CallsAtAnyHour,
    /// A voice call's price is corrected from the estimate made before its recording was known.
    FirstEstimateKept,
    /// A fallback is sent whatever the report on the first message says.
    FollowedWhateverIsHeard,
    /// A fallback gets a new id each time it is written.
    FollowedAgain,
    /// The first message's due time is removed before its fallback is written.
    OverBeforeFollowed,
    /// A block is sent to suppressed recipients.
    BlockOptOutsNotAsked,
    /// A sender that lost the claim on a block sends it nevertheless.
    BlockClaimedTwice,
    /// When a block is divided, its first part keeps all recipients.
    DividedAndWhole,
    /// The sending hours of a block's first recipient are used for all of them.
    HoursOfTheFirst,
    /// A block does not note which recipients leave it before their own messages are written.
    LeftBeforeWritten,
    /// A block with one recipient left is still sent as a block.
    BlockOfOne,
    /// Cancelled runs of campaigns are not checked.
    CancelledRunsNotAsked,
    /// The opt-out value in a delivery is believed for ever.
    OptOutsNotAskedAgain,
    /// LeadSquared's own opt-out fields are not read.
    OwnOptOutsNotAsked,
}

/// Whether this mistake is being made. Always false outside of the simulation.
#[cfg(not(test))]
pub(crate) const fn planted(_: Fault) -> bool {
    false
}

#[cfg(test)]
pub(crate) use in_tests::{plant, planted};

#[cfg(test)]
mod in_tests {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// Whether this mistake is being made on this thread.
    pub(crate) fn planted(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }

    /// Makes this mistake on this thread from now on, and no other. `None` makes none.
    pub(crate) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }
}
