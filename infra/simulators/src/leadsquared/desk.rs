//! What an endpoint works on: the request and the account.

use serde::de::DeserializeOwned;

use super::{
    events::{Announcer, Raised},
    options::Options,
    refusal::{Refused, invalid},
    store::Store,
};
use crate::gate::Incoming;

/// The context of an endpoint.
pub(super) struct Desk<'a> {
    pub(super) store: &'a mut Store,
    pub(super) options: &'a Options,
    pub(super) announcer: &'a Announcer,
    pub(super) call: &'a Incoming,
    pub(super) now_ms: u64,
    /// The number of rows of a bulk request, for the record.
    pub(super) rows: usize,
    /// Changes to announce once the work is done.
    pub(super) raised: Vec<Raised>,
}

impl Desk<'_> {
    /// A query parameter by its exact name: a wrong case is another parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.call.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as this type, or a 400 if it does not deserialise.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        serde_json::from_slice(&self.call.body).map_err(|_| Refused::Malformed("The body is not per the specification"))
    }

    /// The rows of a bulk request. More than `most` refuse the whole request; the vendor does not document the message.
    pub(super) fn bulk_rows<T>(&mut self, rows: Vec<T>, most: usize) -> Result<Vec<T>, Refused> {
        self.rows = rows.len();
        if rows.is_empty() {
            return Err(invalid("At least one record is required"));
        }
        if rows.len() > most {
            return Err(invalid(format!("Maximum of {most} records is allowed in one call")));
        }
        Ok(rows)
    }
}
