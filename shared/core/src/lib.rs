//! Recado's decisions, pure: events, rules, texts, phones, credits, hours, states

pub mod credits;
pub mod fields;
pub mod flash;
pub mod hours;
pub mod kind;
pub mod phone;
pub mod zone;
pub mod event;
pub mod group;
pub mod identity;
pub mod message;
pub mod spelling;
pub mod text;
pub mod config;
pub mod decide;
pub mod gate;
pub mod recovery;
pub mod writeback;
