//! Sorts the HTTP stack's failures by the only thing that matters to a send: whether bytes may have left.

use crate::reason::Reason;

/// How far a call came that brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection: name not found, refused, TLS failed, or not connected in time. Nothing was sent.
    Connect,
    /// Connected, and no answer within the call's limit.
    Timeout,
    /// Connected, and the connection ended without an answer, or with one that is no HTTP.
    Lost,
}

impl Fault {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        // Being late while connecting is both; that nothing was sent weighs more.
        if error.is_connect() || error.is_builder() {
            Self::Connect
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Lost
        }
    }

    /// Our own words: those of the HTTP stack hold addresses.
    pub(crate) fn reason(self) -> Reason {
        Reason::from_text(match self {
            Self::Connect => "no connection to LigueLead could be made",
            Self::Timeout => "LigueLead gave no answer in time",
            Self::Lost => "the connection to LigueLead was lost before an answer",
        })
    }
}
