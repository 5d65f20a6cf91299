//! Recado's decisions, pure: events, rules, texts, phones, credits, hours, states

pub mod audio;
pub mod backoff;
pub mod bisect;
pub mod call;
pub mod caps;
pub mod config;
pub mod credits;
pub mod decide;
pub mod enrich;
pub mod event;
pub mod fields;
pub mod flash;
pub mod gate;
pub mod group;
pub mod holidays;
pub mod hours;
pub mod identity;
pub mod kind;
pub mod message;
pub mod phone;
pub mod recovery;
pub mod settle;
pub mod spelling;
pub mod text;
pub mod writeback;
pub mod zone;
