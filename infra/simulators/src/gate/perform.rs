//! Performs an admitted request: its latency, its fault, and its work.

use std::{sync::Arc, time::Duration};

use axum::{http::StatusCode, response::Response};

use super::{Gate, Incoming, Vendor};
use crate::{
    answer::{Answer, Content},
    faults::{Choice, Failure, FailureBody, FaultKind, hostile},
};

/// How a request ends on its connection.
pub(super) enum Outcome {
    Answer(Answer),
    Hostile(Response),
    Close,
    Reset,
    Hang,
}

pub(super) async fn perform<V: Vendor>(gate: Arc<Gate<V>>, call: Incoming, choice: Choice) -> Outcome {
    if choice.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(choice.delay_ms)).await;
    }
    let before = match choice.fault {
        Some(FaultKind::Reset) => Some(Outcome::Reset),
        Some(FaultKind::Hang) => Some(Outcome::Hang),
        Some(FaultKind::Before(failure)) => Some(Outcome::Answer(failing(&*gate.vendor, failure))),
        _ => None,
    };
    if let Some(outcome) = before {
        return outcome;
    }
    let id = call.id;
    let worked = gate.vendor.work(call).await;
    let status = worked.answer.status.as_u16();
    gate.note(id, |call| {
        call.items = worked.items;
        call.status = Some(status);
    });
    match choice.fault {
        Some(FaultKind::LoseAnswer) => Outcome::Close,
        Some(FaultKind::HangAfter) => Outcome::Hang,
        Some(FaultKind::Hostile) => Outcome::Hostile(hostile::answer(id)),
        Some(FaultKind::After(failure)) => Outcome::Answer(failing(&*gate.vendor, failure)),
        _ => Outcome::Answer(worked.answer),
    }
}

/// The answer that a fault puts in place of the vendor's.
pub(crate) fn failing<V: Vendor>(vendor: &V, failure: Failure) -> Answer {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match failure.body {
        FailureBody::Vendor => vendor.failure(status),
        FailureBody::Html => Answer { status, content: Content::Html(html(status)) },
        FailureBody::Empty => Answer { status, content: Content::Empty },
    }
}

/// The page that a load balancer or an edge in front of the application writes.
fn html(status: StatusCode) -> String {
    format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body><center><h1>{status}</h1></center></body>\r\n</html>\r\n"
    )
}
