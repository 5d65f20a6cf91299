//! The paths under `/_recado`, for tests that run in another process than the simulator.

use std::sync::Arc;

use axum::{Json, Router, extract::State, http::StatusCode, routing};
use serde::Serialize;

use crate::faults::Faults;

/// The operations of a simulator that control requests need.
pub(crate) trait Controlled: Send + Sync + 'static {
    type Received: Serialize + Send;

    fn received(&self) -> Self::Received;
    fn forget(&self);
    fn faults(&self) -> Faults;
    fn set_faults(&self, faults: Faults);
}

/// `/_recado/received` and `/_recado/faults`.
pub(crate) fn router<C: Controlled>(simulator: Arc<C>) -> Router {
    Router::new()
        .route("/_recado/received", routing::get(received::<C>).delete(forget::<C>))
        .route("/_recado/faults", routing::get(faults::<C>).put(set_faults::<C>))
        .with_state(simulator)
}

async fn received<C: Controlled>(State(simulator): State<Arc<C>>) -> Json<C::Received> {
    Json(simulator.received())
}

async fn forget<C: Controlled>(State(simulator): State<Arc<C>>) -> StatusCode {
    simulator.forget();
    StatusCode::NO_CONTENT
}

async fn faults<C: Controlled>(State(simulator): State<Arc<C>>) -> Json<Faults> {
    Json(simulator.faults())
}

async fn set_faults<C: Controlled>(State(simulator): State<Arc<C>>, Json(faults): Json<Faults>) -> StatusCode {
    simulator.set_faults(faults);
    StatusCode::NO_CONTENT
}
