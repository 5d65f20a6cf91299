//! The world when a schedule begins: an empty table, and LigueLead.

use dynoxide::Database;
use fastrand::Rng;
use recado_simulators::liguelead::{Billing, CallbackOptions, InProcess, Options};
use serde_json::json;

use super::{
    scenario::{Prices, REDIAL_ENDING, Scenario, one_in, pick},
    store::{TABLE, ask},
};

/// An empty table.
pub(super) fn engine() -> Database {
    let engine = Database::memory().unwrap_or_else(|error| panic!("{error}"));
    let index = |name: &str, hash: &str, range: &str| {
        json!({
            "IndexName": name, "Projection": { "ProjectionType": "KEYS_ONLY" },
            "KeySchema": [
                { "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" },
            ],
        })
    };
    let attribute = |name: &str, kind: &str| json!({ "AttributeName": name, "AttributeType": kind });
    let table = json!({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            attribute("pk", "S"), attribute("sk", "S"), attribute("due_shard", "S"), attribute("due_ms", "N"),
            attribute("batch", "S"), attribute("phone", "S"), attribute("crm_shard", "S"), attribute("crm_due_ms", "N"),
        ],
        "KeySchema": [
            { "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" },
        ],
        "GlobalSecondaryIndexes": [
            index("due", "due_shard", "due_ms"), index("batch", "batch", "phone"), index("crm", "crm_shard", "crm_due_ms"),
        ],
    });
    ask(&engine, "CreateTable", &table);
    engine
}

pub(super) fn vendor(seed: u64, scenario: &Scenario, rng: &mut Rng) -> InProcess {
    let callbacks = CallbackOptions {
        sent_after_ms: pick(rng, &[0, 500, 30_000]),
        // The last value is after the end of the wait for reports.
        final_after_ms: pick(rng, &[2_000, 60_000, 7_200_000, 28_800_000]),
        callback_jitter_ms: pick(rng, &[0, 5_000, 3_600_000]),
        undelivered_share: 0.2,
        failed_share: 0.1,
        redial_endings: vec![REDIAL_ENDING.to_owned()],
        redial_after_ms: pick(rng, &[300_000, 3_600_000]),
        callbacks_out_of_order: one_in(rng, 4),
        callbacks_before_answer: one_in(rng, 6),
        ..CallbackOptions::default()
    };
    let mut options = Options {
        requests_per_minute: scenario.vendor_per_minute,
        reject_phones: scenario.reject_phones.clone(),
        billing: if scenario.prices == Prices::Lower { Billing::FirstPart160 } else { Billing::EveryPart152 },
        voice_uploads: scenario.recording.uploads(),
        voice_credits: match scenario.prices {
            Prices::AsExpected => u64::try_from(scenario.recording.credits()).unwrap_or(1),
            Prices::Lower => 1,
            Prices::Higher => 2,
        },
        callbacks,
        ..Options::default()
    };
    options.faults.seed = seed;
    InProcess::new(options)
}
