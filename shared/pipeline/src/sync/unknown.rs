//! Fields that the configuration or the activity type names but LeadSquared does not know. They are left out for a
//! while, so that one of them does not make LeadSquared refuse everything else.

use std::collections::BTreeMap;

use leadsquared::CallError;
use recado_ledger::{Ledger, LedgerError};

use super::{RunError, Syncer, names::FIELDS};

/// The setting that holds them: JSON, each name with the end of its time out, in ms since the epoch.
pub const UNKNOWN_FIELDS: &str = "unknown_fields";
/// How long a field is left out before it is tried again, in ms. Somebody may have created it by then.
const LEFT_OUT_MS: i64 = 6 * 3_600_000;

/// The owner of a field: a lead or an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lead,
    Activity,
}

/// The fields that LeadSquared did not know at the last write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownFields(BTreeMap<String, i64>);

impl UnknownFields {
    /// The fields that are left out at `now_ms`, as found by any function.
    pub async fn load(ledger: &Ledger, now_ms: i64) -> Result<Self, LedgerError> {
        let kept = ledger.setting(UNKNOWN_FIELDS).await?;
        let mut names: BTreeMap<String, i64> =
            kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default();
        names.retain(|_, until_ms| *until_ms > now_ms);
        Ok(Self(names))
    }

    /// Whether a lead's field of this name is left out.
    #[must_use]
    pub fn of_lead(&self, name: &str) -> bool {
        self.0.contains_key(&key(Kind::Lead, name))
    }

    /// Whether an activity's field of this name is left out.
    #[must_use]
    pub fn of_activity(&self, name: &str) -> bool {
        self.0.contains_key(&key(Kind::Activity, name))
    }

    /// Each field as `lead:NAME` or `activity:NAME`, and the instant until which it is left out, in ms since the epoch.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, until_ms)| (name.as_str(), *until_ms))
    }
}

impl Syncer {
    /// Leaves out the fields that a refused request names. `false`: it names no field that was written.
    pub(super) async fn learn_from(&self, error: &CallError, kind: Kind) -> Result<bool, RunError> {
        self.learn(error.unknown_attributes(), kind).await
    }

    /// Leaves these fields out from now on. `false`: none of them was written.
    pub(super) async fn learn(&self, names: Vec<&str>, kind: Kind) -> Result<bool, RunError> {
        let names: Vec<&str> = names.into_iter().filter(|name| self.writes(name, kind)).collect();
        if names.is_empty() {
            return Ok(false);
        }
        let now_ms = self.world.now_ms();
        let mut known = UnknownFields::load(&self.ledger, now_ms).await?;
        let before = known.clone();
        for name in names {
            if known.0.insert(key(kind, name), now_ms + LEFT_OUT_MS).is_none() {
                tracing::error!(field = name, "sync.unknown_field");
            }
        }
        if known.0.keys().ne(before.0.keys()) {
            let text = serde_json::to_string(&known.0).unwrap_or_default();
            self.ledger.set_setting(UNKNOWN_FIELDS, &text).await?;
        }
        Ok(true)
    }

    fn writes(&self, name: &str, kind: Kind) -> bool {
        match kind {
            Kind::Lead => {
                let fields = &self.settings.lead_fields;
                [&fields.status, &fields.at].into_iter().flatten().any(|field| field == name)
            }
            Kind::Activity => FIELDS.iter().any(|(field, _)| *field == name),
        }
    }
}

fn key(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Lead => format!("lead:{name}"),
        Kind::Activity => format!("activity:{name}"),
    }
}
