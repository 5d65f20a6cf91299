//! Events, and clients that post them.

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::contestant::Contestant;

/// Whether messages share a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texts {
    One,
    Own,
}

impl Texts {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::One => "one text",
            Self::Own => "a text for each",
        }
    }
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap()
}

/// The phone of a lead, 11 national digits.
pub(crate) fn phone(number: u32) -> String {
    format!("119{number:08}")
}

/// Webhooks of new leads, as LeadSquared posts them.
pub(crate) fn events(numbers: impl IntoIterator<Item = u32>) -> Vec<Value> {
    let event = |number| {
        json!({
            "ProspectID": format!("00000000-0000-4000-8000-{number:012}"),
            "FirstName": format!("Ana{number}"),
            "LastName": "DA SILVA",
            "Phone": format!("+55-{}", phone(number)),
            "Source": "Site",
            "ProspectStage": "Prospect",
            "CreatedOn": "2026-11-20 12:00:00",
            "ModifiedOn": "2026-11-20 12:00:00",
        })
    };
    numbers.into_iter().map(event).collect()
}

/// Posts all of them, `at_once` at a time. Each must be taken.
pub(crate) async fn post_all(contestant: &Contestant, bodies: Vec<Value>, at_once: usize) {
    let posts = bodies.into_iter().map(|body| async move {
        assert!(contestant.post(&body).await, "a webhook was not taken");
    });
    stream::iter(posts).buffer_unordered(at_once).collect::<Vec<()>>().await;
}
