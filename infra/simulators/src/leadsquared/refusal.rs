//! LeadSquared's refusals.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::options::{MissingLead, Options};
use crate::answer::Answer;

/// A refused request, or a refused row of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// An ordinary validation error: status 500 with this type and message. A retry does not help.
    Mx(&'static str, String),
    /// JSON without the documented shape: 400.
    Malformed(&'static str),
    /// 404.
    NoSuchPath,
    /// 405.
    WrongMethod,
}

pub(super) fn invalid(message: impl Into<String>) -> Refused {
    Refused::Mx("MXInvalidInputException", message.into())
}

pub(super) fn no_such_lead(options: &Options) -> Refused {
    match options.missing_lead {
        MissingLead::DoesNotExist => {
            Refused::Mx("MXInvalidEntityException", "Lead does not exist in the system".to_owned())
        }
        MissingLead::NotFound => Refused::Mx("MXInvalidEntityReferenceException", "Lead not found".to_owned()),
    }
}

pub(super) fn unknown_attributes(names: &[&str]) -> Refused {
    Refused::Mx("MXUnknownAttributeException", format!("Attribute(s) does not exist - {}", names.join(",")))
}

impl Refused {
    /// The type and the message, as they stand in an envelope or in a row.
    pub(super) fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Mx(kind, message) => (kind, message),
            Self::Malformed(message) => ("MXInvalidInputException", message),
            Self::NoSuchPath => ("MXInvalidInputException", "No such API"),
            Self::WrongMethod => ("MXInvalidInputException", "Method not allowed"),
        }
    }

    /// The answer to the whole request. `hidden` puts an MX error behind a 200.
    pub(super) fn into_answer(self, hidden: bool) -> Answer {
        let status = match &self {
            Self::Mx(..) if hidden => StatusCode::OK,
            Self::Mx(..) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        };
        let (kind, message) = self.parts();
        Answer::json(status, envelope(kind, message))
    }
}

/// The documented error envelope.
pub(super) fn envelope(kind: &str, message: &str) -> Value {
    json!({ "Status": "Error", "ExceptionType": kind, "ExceptionMessage": message })
}

/// The documented envelope of success.
pub(super) fn success(message: &Value) -> Value {
    json!({ "Status": "Success", "Message": message })
}
