//! The write-back's planner: the needs of each message, and the requests that the next window should make.

mod calls;
mod needing;

use std::collections::BTreeMap;

use recado_core::{
    credits::SmsText,
    identity::MessageId,
    message::{Channel, Content, Crm, Message, State},
    phone::Phone,
    writeback::{Allowance, LINGER_MS, LeadFieldNames, Needs, Row, needs},
};

pub(crate) const NOW_MS: i64 = 1_795_446_000_000;
pub(crate) const STALE_MS: i64 = 180_000;

/// A delivered message that was due `number` ms after `NOW_MS`.
pub(crate) fn message(number: u32, crm: Crm) -> Message {
    let mut id = [0; 16];
    id[12..].copy_from_slice(&number.to_be_bytes());
    Message {
        event: "lead.created".to_owned(),
        content: Content::Sms(Some(SmsText::parse("oi").unwrap())),
        credits: 1,
        state: State::Delivered,
        crm: Crm { due_ms: Some(NOW_MS + i64::from(number)), ..crm },
        ..Message::new(MessageId::from_bytes(id), "r", &format!("lead-{number}"), Channel::Sms, NOW_MS, i64::MAX)
    }
    .at(Phone::parse(&format!("119{number:08}")).unwrap())
}

pub(crate) fn shown(activity: Option<State>, lead: Option<State>) -> Crm {
    Crm { activity_id: Some("a".to_owned()), activity_state: activity, lead_state: lead, ..Crm::default() }
}

pub(crate) fn names() -> LeadFieldNames {
    LeadFieldNames { status: Some("mx_S".to_owned()), at: Some("mx_A".to_owned()) }
}

pub(crate) fn status() -> LeadFieldNames {
    LeadFieldNames { status: Some("mx_S".to_owned()), at: None }
}

pub(crate) fn needs_of(waiting: &[Message], names: &LeadFieldNames) -> Needs {
    needs(waiting, names, &BTreeMap::new(), NOW_MS + LINGER_MS, STALE_MS)
}

/// 15 requests in 5 s, one of them bulk, which counts.
pub(crate) fn allowance() -> Allowance {
    Allowance {
        calls: 15,
        bulk_calls: 1,
        bulk_counts_in_window: true,
        window_ms: 5_250,
        calls_per_day: None,
        day_calls: 0,
    }
}

pub(crate) fn ids(rows: &[Row]) -> Vec<MessageId> {
    rows.iter().map(|row| row.id).collect()
}
