//! What LeadSquared posts to a webhook's address.
pub use crate::fields::LeadFields;
