//! One machine, end to end: `recado serve` as a process between both vendors' simulators.

mod address;
mod answers;
mod audit;
mod callbacks;
mod commands;
mod delivery;
mod doors;
mod export;
mod field;
mod first_steps;
mod identity;
mod lever;
mod limits;
mod operating;
mod opt_outs;
mod outcomes;
mod person;
mod planning;
mod send_path;
mod shared_table;
mod start;

/// One rule: a message for every new lead, the same text for all.
const WELCOME: &str = "  - { id: welcome, on: lead.created, sms: \"Boas-vindas.\" }\n";
