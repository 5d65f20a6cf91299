//! Why a request failed: one classification for every method.

use crate::message::Message;

/// A rate limit that an error named: the account's true limit, whatever the plan's page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenLimit {
    /// Requests allowed.
    pub calls: u32,
    /// The window, in seconds.
    pub seconds: u32,
}

/// Why a request failed, sorted by what to do about it. Safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The account as a whole makes requests too fast. The request was refused, so it is safe to repeat any request.
    ///
    /// Seen as 429, as 403, and as 200 with an error in the body. Source: LeadSquared rate limits and error pages.
    #[error("LeadSquared is refusing calls for their rate; wait {retry_after_ms} ms")]
    Throttled {
        /// The limit that was hit, if the message named it.
        limit: Option<SeenLimit>,
        /// How long to wait, in milliseconds: `Retry-After` if there is one, else the named window, else 5 s. A margin
        /// is added, since the windows of two clocks do not end together. At most 10 minutes.
        retry_after_ms: u64,
    },
    /// The keys are wrong, belong to an inactive user, or belong to another region, whose host the message then names.
    /// Or the account does not let this caller in (403). Every request would fail in the same way.
    #[error("LeadSquared refused the credentials: {message}")]
    Credentials {
        /// LeadSquared's words.
        message: Message,
    },
    /// Refused for its content: repeating it changes nothing. Any `MX…` type under any status, as well as 4xx.
    #[error("LeadSquared refused the call ({status} {}): {message}", exception_type.as_deref().unwrap_or("no type"))]
    Refused {
        /// The HTTP status; 200 and 500 are as usual here as 400.
        status: u16,
        /// `ExceptionType`, as in `MXInvalidEntityException`.
        exception_type: Option<String>,
        /// LeadSquared's words.
        message: Message,
    },
    /// A temporary failure, and the request may be repeated: nothing was sent, or a repetition does no harm.
    #[error("LeadSquared could not be reached or failed in passing: {reason}")]
    Transient {
        /// What was seen.
        reason: Message,
    },
    /// A request that creates something may or may not have been carried out: never repeat it without a look-up.
    #[error("it is unknown whether LeadSquared carried out the call: {reason}")]
    Unknown {
        /// What was seen.
        reason: Message,
    },
    /// More input than one request may hold; nothing was sent.
    #[error("{given} {what} in one call, where at most {max} are allowed")]
    TooMany {
        /// The kind of input.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many are allowed.
        max: usize,
    },
}

impl CallError {
    /// The schema names in `Attribute(s) does not exist - X,Y`. One unknown attribute makes LeadSquared refuse a whole
    /// lead, so a caller may drop these and try once more. Empty for any other error.
    #[must_use]
    pub fn unknown_attributes(&self) -> Vec<&str> {
        match self {
            Self::Refused { message, .. } => message.unknown_attributes(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn at_most(what: &'static str, given: usize, max: usize) -> Result<(), Self> {
        if given > max { Err(Self::TooMany { what, given, max }) } else { Ok(()) }
    }
}

/// Whether a request may be made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The request only reads, or sets values that may be set again.
    Harmless,
    /// The request creates something each time.
    Creates,
}

impl Repeat {
    /// The error of a request that may have been carried out.
    pub(crate) fn failed(self, what: &str) -> CallError {
        let reason = Message::new(what);
        match self {
            Self::Harmless => CallError::Transient { reason },
            Self::Creates => CallError::Unknown { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CallError;
    use crate::Message;

    fn refused(message: &str) -> CallError {
        let exception_type = Some("MXUnknownAttributeException".to_owned());
        CallError::Refused { status: 500, exception_type, message: Message::new(message) }
    }

    #[test]
    fn unknown_attributes_are_named() {
        let error = refused("Attribute(s) does not exist - mx_Status, mx_12345678_At");
        assert_eq!(error.unknown_attributes(), ["mx_Status", "mx_12345678_At"]);
        assert_eq!(refused("Attribute(s) does not exist - mx_A.").unknown_attributes(), ["mx_A"]);
        assert!(refused("Lead does not exist in the system").unknown_attributes().is_empty());
        assert!(refused("").unknown_attributes().is_empty());
    }

    #[test]
    fn display_masks_phones() {
        let error = refused("Duplicate entry '11988887777'");
        let shown = "LeadSquared refused the call (500 MXUnknownAttributeException): Duplicate entry '[number]'";
        assert_eq!(error.to_string(), shown);
    }
}
