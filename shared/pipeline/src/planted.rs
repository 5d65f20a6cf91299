//! Mistakes that could be made here, each where it would be made.
//!
//! The simulation proves something only if it notices them, so its tests make them one at a time. Outside of this
//! crate's own tests `planted` is always false, and the compiler removes what depends on it. What each one is and which
//! invariant notices it stands in docs/architecture.md.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Each delivery of a change gets an id of its own.
    DeliveriesNotRecognised,
    /// A webhook is answered 200 although its messages could not be written.
    AnsweredBeforeStored,
    /// The hours are asked only when a message is made, not when it is sent.
    HoursNotAskedAgain,
    /// The caps are not asked.
    CapsNotAsked,
    /// Of a message whose lead is known the caps are not asked about the phone.
    CapsByLeadAlone,
    /// The caps are asked about the phone, and not about the lead.
    CapsByPhoneAlone,
    /// The day's budget is counted and not enforced.
    BudgetNotEnforced,
    /// Every message that was to be claimed is sent, whoever has it.
    ClaimNotChecked,
    /// What was reserved for messages that another sender has is kept.
    SurplusKept,
    /// The call is made before `calling` is written.
    CalledBeforeWritten,
    /// The batch's row does not list what the call carries.
    MembersNotListed,
    /// A permit is taken, and the call is made without waiting for its time.
    PermitNotSpent,
    /// An unknown outcome is taken for one that was certainly not sent.
    UnknownTakenForNotSent,
    /// An unknown outcome gives back what it reserved.
    RefundOnUnknown,
    /// A message is held without an appointment.
    HeldForEver,
    /// A batch whose call was never answered for is given back.
    StaleCallGivenBack,
    /// A batch that was never called keeps what it reserved.
    DeadBatchKeepsBudget,
    /// A report moves a message from any state.
    ReportsMoveBack,
    /// A report is thought about before it is stored, and forgotten if that fails.
    ReportNotStored,
    /// Nobody asks who is suppressed.
    SuppressionsNotAsked,
    /// Nobody asks what is paused.
    PausesNotAsked,
    /// A message of which it stays unknown whether it was sent is sent again as often as that happens.
    ResentForEver,
    /// An operator's retry sends again what may have been sent, although nobody took that on.
    RetryTakesTheRisk,
    /// The hours of a call are asked only when it is made, not when it is dialled.
    CallsAtAnyHour,
    /// The price of a call is corrected by what was expected before its recording was known.
    FirstEstimateKept,
    /// What follows a message is sent whatever is reported of that.
    FollowedWhateverIsHeard,
    /// What follows a message has another id each time it is written.
    FollowedAgain,
    /// The appointment with a message ends before what follows it is written.
    OverBeforeFollowed,
    /// A message to many is sent to who is suppressed.
    BlockOptOutsNotAsked,
    /// A message to many is sent by who could not claim it.
    BlockClaimedTwice,
    /// Of a message to many that is divided, the first part keeps all.
    DividedAndWhole,
    /// Of the recipients of a message to many the first one's hours are asked.
    HoursOfTheFirst,
    /// It is no longer noted who leaves a message to many before their own messages are written.
    LeftBeforeWritten,
    /// A message to many that has one recipient left is sent as one to many.
    BlockOfOne,
    /// Nobody asks whether a campaign's run was cancelled.
    CancelledRunsNotAsked,
    /// What a delivery said of the field that forbids messages is believed for ever.
    OptOutsNotAskedAgain,
    /// LeadSquared's own fields that forbid messages are not asked for.
    OwnOptOutsNotAsked,
}

/// Whether this mistake is being made: never, outside of the simulation.
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

    /// Makes this mistake on this thread from now on, and no other.
    pub(crate) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }
}
