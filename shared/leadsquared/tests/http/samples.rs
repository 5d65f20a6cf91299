//! Rows to send, and a short form of their outcomes.

use leadsquared::{ActivityUpdate, LeadUpdate, NewActivity, RowOutcome};

pub(crate) fn activity(lead_id: &str) -> NewActivity {
    NewActivity {
        lead_id: lead_id.into(),
        code: 206,
        note: "Olá Ana".into(),
        at: "2026-11-21 13:45:00".into(),
        fields: vec![("mx_Custom_1".into(), "msg-1".into()), ("Status".into(), "Delivered".into())],
    }
}

pub(crate) fn update(id: &str) -> ActivityUpdate {
    ActivityUpdate { activity_id: id.into(), note: None, fields: vec![("Status".into(), "Delivered".into())] }
}

pub(crate) fn lead(id: &str) -> LeadUpdate {
    LeadUpdate { lead_id: id.into(), fields: vec![("mx_Status".into(), "Delivered".into())] }
}

pub(crate) fn done(id: Option<&str>) -> RowOutcome {
    RowOutcome::Done { activity_id: id.map(str::to_owned) }
}

/// `D`one, `R`efused or `U`nknown for each row.
pub(crate) fn letters(outcomes: &[RowOutcome]) -> String {
    let letter = |outcome: &RowOutcome| match outcome {
        RowOutcome::Done { .. } => 'D',
        RowOutcome::Refused { .. } => 'R',
        RowOutcome::Unknown => 'U',
    };
    outcomes.iter().map(letter).collect()
}
