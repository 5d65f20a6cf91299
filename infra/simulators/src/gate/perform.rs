//! An admitted call: latency, the fault that it met, and the work.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::StatusCode, response::Response};

use super::{Gate, Incoming, Vendor, respond};
use crate::faults::{Choice, Failure, FailureBody, FaultKind};

/// How a call ends on its connection.
pub(super) enum Outcome {
    Answer(Response),
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
        Some(FaultKind::Before(failure)) => Some(Outcome::Answer(failing(&gate, failure))),
        _ => None,
    };
    if let Some(outcome) = before {
        return outcome;
    }
    let id = call.id;
    let worked = gate.vendor.work(call).await;
    let status = worked.response.status().as_u16();
    gate.note(id, |call| {
        call.items = worked.items;
        call.status = Some(status);
    });
    match choice.fault {
        Some(FaultKind::LoseAnswer) => Outcome::Close,
        Some(FaultKind::HangAfter) => Outcome::Hang,
        Some(FaultKind::After(failure)) => Outcome::Answer(failing(&gate, failure)),
        _ => Outcome::Answer(worked.response),
    }
}

fn failing<V: Vendor>(gate: &Gate<V>, failure: Failure) -> Response {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match failure.body {
        FailureBody::Vendor => gate.vendor.failure(status),
        FailureBody::Html => respond(status, "text/html", html(status)),
        FailureBody::Empty => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            response
        }
    }
}

/// What a load balancer or an edge in front of the application writes.
fn html(status: StatusCode) -> String {
    format!("<html>\r\n<head><title>{status}</title></head>\r\n<body><center><h1>{status}</h1></center></body>\r\n</html>\r\n")
}
