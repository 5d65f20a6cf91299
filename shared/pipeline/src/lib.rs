//! The use cases, one file each: the same code behind the Lambda functions and the one-machine server.
//!
//! | file | what it does | called by |
//! | --- | --- | --- |
//! | [`ingest`] | takes LeadSquared's webhooks and writes the messages that rules ask for | crm-webhook |
//! | [`enrich`] | reads the leads of which a webhook told too little, and decides then | crm-sync |
//! | [`send`] | claims messages, groups them into requests, calls LigueLead, records what became of it | sender |
//! | [`audio`] | takes recordings for calls, and sees to it that LigueLead has them | `recado audio`, a schedule |
//! | [`settle`] | takes LigueLead's delivery reports | delivery-webhook |
//! | [`sync`] | tells LeadSquared what became of each message | crm-sync |
//! | [`sweep`] | each minute, what is due: held messages, lost wake-ups, claims of senders that died | reconciler |
//! | [`reconcile`] | finds leads that were created while webhooks were missed | reconciler |
//! | [`proof`] | proves which installation answers at an address | both webhooks, `recado doctor` |
//! | [`warn`] | says in time that a budget is nearly spent | the sweep |
//! | [`setup`] | what an installation needs in LeadSquared, read and made | `recado setup`, `recado doctor` |
//! | [`crm`] | LeadSquared behind the account's limits | whoever calls it |
//! | [`campaigns`] | starts campaigns, reads their audiences and brings them to the sender | a schedule, `recado campaign` |
//! | [`plan`] | what an event would become, without doing it | `recado plan` |

pub mod audio;
pub mod blocks;
pub mod campaigns;
mod caps;
pub mod crm;
pub mod enrich;
pub mod http;
pub mod ingest;
mod lead_cache;
pub mod operate;
pub mod opt_out;
pub mod pauses;
pub mod plan;
mod planted;
pub mod proof;
pub mod reconcile;
pub mod secrets;
pub mod send;
pub mod settings;
pub mod settle;
pub mod setup;
#[cfg(test)]
mod simulation;
pub mod sweep;
pub mod sync;
pub mod warn;
mod world;

pub use lead_cache::LeadCache;
pub use world::World;
