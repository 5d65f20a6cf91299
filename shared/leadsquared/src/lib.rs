//! A client for LeadSquared, the CRM, and a reader of the bodies that its webhooks post.
//!
//! The crate is of use on its own and holds no policy. How often to make requests, what to repeat and what a change
//! means are up to the caller. The crate reads an API whose answers mislead:
//!
//! - A failure can come with any status, 200 included, and a plain validation error comes as 500. So every answer is
//!   sorted once, into a [`CallError`], by status **and** content.
//! - A bulk request succeeds while its rows fail, and some answers list only the failures. Every bulk request returns
//!   one [`RowOutcome`] per row, in the order sent. A row that the answer does not explain is [`RowOutcome::Unknown`].
//! - No request has an idempotency key. A request that creates something and got no answer is [`CallError::Unknown`]:
//!   look it up ([`Admitted::activities_of_lead`]) before repeating it.
//! - Webhook bodies have no envelope and no event id; see [`webhook`].
//!
//! One method is one HTTP request, never more, because every request counts against limits that the whole account
//! shares. So every method needs a [`Permit`] of the class that the request counts as, and uses it up:
//! `client.with(permit).who_am_i()`. Input over a documented maximum is [`CallError::TooMany`], never a shortened
//! request.
//!
//! Keys travel in headers only, and neither field values nor notes show in any `Debug`.

// A fuzzing engine must be linked into every test binary of the crate: `just fuzz`.
#[cfg(test)]
use bolero as _;

mod activities;
mod activities_found;
mod activities_single;
mod activity_types;
mod admission;
mod answer;
mod auth;
mod client;
mod error;
mod fields;
mod json;
mod leads;
mod leads_bulk;
mod leads_search;
mod leads_write;
mod message;
mod metadata;
mod rows;
mod rows_of_leads;
mod subscriptions;
mod time;
mod value;
pub mod webhook;

pub use activities::{ActivityUpdate, MAX_ACTIVITIES_PER_CALL, MAX_FIELD_CHARS, MAX_NOTE_CHARS, NewActivity};
pub use activities_found::{
    ACTIVITIES_PER_PAGE, ActivityPage, FoundActivity, MAX_ACTIVITIES_OF_LEAD, MAX_ACTIVITIES_PER_PAGE,
};
pub use activity_types::{ActivityType, MAX_ACTIVITY_TYPE_FIELDS, NewActivityType};
pub use admission::{Admitted, Bulk, CallClass, Class, Permit, Standard};
pub use auth::User;
pub use client::{BuildError, Client, Credentials};
pub use error::{CallError, SeenLimit};
pub use fields::LeadFields;
pub use leads::MAX_LEADS_PER_READ;
pub use leads_bulk::{
    LEADS_PER_CREATE_OR_UPDATE, MAX_LEADS_PER_CREATE, MAX_LEADS_PER_CREATE_OR_UPDATE, MAX_LEADS_PER_SAME_VALUE,
    MAX_LEADS_PER_UPDATE,
};
pub use leads_search::{Comparison, Criterion, LEADS_PER_SEARCH_PAGE, LeadPage, MAX_MODIFIED_PER_PAGE, Page};
pub use leads_write::{LeadUpdate, LeadUpdateBehavior, LeadWrite, WrittenLead};
pub use message::{MAX_MESSAGE_CHARS, Message};
pub use metadata::{LeadField, LeadFieldKind, NewLeadField};
pub use rows::RowOutcome;
pub use rows_of_leads::LeadRowOutcome;
pub use subscriptions::{EVENTS, NewWebhook, Webhook, WebhookEvent, WebhookStatus};
pub use time::{format_time, parse_time_ms};
pub use vendor_http::{Answered, Fault, Transport};

/// The address of the API for accounts in Singapore; every other region has its own host. For a wrong host, the message
/// of [`CallError::Credentials`] names the right one. Source: LeadSquared API host page.
pub const DEFAULT_BASE_URL: &str = "https://api.leadsquared.com/v2";
