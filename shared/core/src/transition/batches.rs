//! The moves of a batch.

use crate::message::BatchState;

/// A move of a batch between states. A batch begins as prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatchMove {
    /// Its request begins.
    Call,
    /// It is given up before its request.
    Drop,
    /// LigueLead accepted it, or a report proves that.
    Accept,
    /// LigueLead refused it.
    Refuse,
    /// Its request has no clear answer.
    Lose,
    /// Its request certainly was not taken, and its messages are given back.
    Release,
}

impl BatchMove {
    /// All moves.
    pub const ALL: [Self; 6] = [Self::Call, Self::Drop, Self::Accept, Self::Refuse, Self::Lose, Self::Release];

    /// The states that it starts from.
    #[must_use]
    pub fn from(self) -> &'static [BatchState] {
        match self {
            Self::Call | Self::Drop => &[BatchState::Prepared],
            // A slow sender's batch may count as unknown already. A certain outcome wins.
            Self::Accept | Self::Refuse | Self::Release => &[BatchState::Calling, BatchState::Unknown],
            Self::Lose => &[BatchState::Calling],
        }
    }

    /// The state that it leads to.
    #[must_use]
    pub fn to(self) -> BatchState {
        match self {
            Self::Call => BatchState::Calling,
            Self::Drop | Self::Release => BatchState::Released,
            Self::Accept => BatchState::Accepted,
            Self::Refuse => BatchState::Refused,
            Self::Lose => BatchState::Unknown,
        }
    }
}
