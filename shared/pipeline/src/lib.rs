//! The use cases, one file each. The Lambda functions and the one-machine server run the same code.
//!
//! | file | what it does | called by |
//! | --- | --- | --- |
//! | [`ingest`] | accepts LeadSquared's webhooks, writes the messages that rules ask for | crm-webhook |
//! | [`enrich`] | reads the leads of events that have too few fields, then decides | crm-sync |
//! | [`send`] | claims messages, packs them into requests to LigueLead, records the outcomes | sender |
//! | [`audio`] | accepts recordings for voice calls, makes sure that LigueLead has them | `recado audio`, a schedule |
//! | [`settle`] | accepts LigueLead's delivery reports | delivery-webhook |
//! | [`sync`] | writes the outcome of each message back to LeadSquared | crm-sync |
//! | [`sweep`] | each minute, due rows: held messages, lost wake-ups, claims of dead senders | reconciler |
//! | [`reconcile`] | finds leads that were created while webhooks were missed | reconciler |
//! | [`proof`] | proves which installation answers at an address | both webhooks, `recado doctor` |
//! | [`warn`] | warns before a budget is used up | the sweep |
//! | [`setup`] | reads and creates what an installation needs in LeadSquared | `recado setup`, `recado doctor` |
//! | [`crm`] | LeadSquared's client, held inside the account's limits | every caller of LeadSquared |
//! | [`campaigns`] | starts campaigns, reads audiences, hands them to the sender | a schedule, `recado campaign` |
//! | [`audit`] | writes what an operator does, and marks people in it | every verb with an effect |
//! | [`export`] | messages and events as rows of a file | `recado export` |
//! | [`erase`] | removes what is kept of one person | `recado person erase` |
//! | [`person`] | finds everything that is kept of one person | `recado person` |
//! | [`plan`] | shows what an event would become, without doing it | `recado plan` |

pub mod audio;
pub mod audit;
pub mod blocks;
pub mod campaigns;
mod caps;
pub mod crm;
pub mod enrich;
pub mod erase;
pub mod export;
pub mod http;
pub mod ingest;
mod lead_cache;
pub mod operate;
pub mod opt_out;
pub mod pauses;
pub mod person;
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
