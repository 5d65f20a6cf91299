//! Recado's decisions, pure: events, rules, texts, phones, credits, hours, states

// A fuzzing engine must be linked into every test binary of the crate: `just fuzz`.
#[cfg(test)]
use bolero as _;

pub mod audio;
pub mod audit;
pub mod backoff;
pub mod bisect;
pub mod block;
pub mod call;
pub mod campaign;
pub mod caps;
pub mod config;
pub mod credits;
pub mod decide;
pub mod enrich;
pub mod erase;
pub mod event;
pub mod fields;
pub mod flash;
pub mod folding;
pub mod gate;
pub mod group;
pub mod holidays;
pub mod hours;
pub mod identity;
pub mod kind;
pub mod list;
pub mod message;
pub mod opt_out;
pub mod phone;
pub mod reason;
pub mod recovery;
pub mod settle;
pub mod sheet;
pub mod sight;
pub mod spelling;
mod state;
pub mod subject;
pub mod text;
pub mod transition;
mod unicode;
pub mod writeback;
pub mod zone;
