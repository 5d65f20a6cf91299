//! One LeadSquared account's grants, on one item of the table, shared by all functions.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use tokio::sync::Mutex;

use crate::slots::{CallClass, CrmLimits, CrmState, Grants, Seen, Slot};

/// Attempts at a write that other functions keep overtaking.
const ATTEMPTS: u32 = 20;

/// Why no slot could be given. No request may be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LimitError {
    /// The table did not answer.
    #[error("the limits' table is unavailable: {0}")]
    Unavailable(String),
    /// Other functions were faster, every time.
    #[error("the limits' item is contended; try again")]
    Contended,
}

/// The limits of one LeadSquared account. Cheap to clone; clones share their knowledge.
#[derive(Debug, Clone)]
pub struct CrmAccount {
    client: Client,
    table: String,
    limits: CrmLimits,
    /// The item as last seen, so that a grant without contention is one write and no read.
    seen: Arc<Mutex<Option<(u64, Grants)>>>,
    /// Until when the vendor's last refusal closes the account, as far as this function saw it, in ms since the epoch.
    closed_until_ms: Arc<AtomicI64>,
}

impl CrmAccount {
    /// The account whose grants are stored in `table`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, limits: CrmLimits) -> Self {
        Self { client, table: table.into(), limits, seen: Arc::default(), closed_until_ms: Arc::default() }
    }

    /// The configured limits.
    #[must_use]
    pub fn limits(&self) -> &CrmLimits {
        &self.limits
    }

    /// Whether a request may start at `now_ms` on a slot that was reserved before. A refusal in between closes the
    /// account for reserved slots too. The store is not asked: only the refusals that this function saw count.
    #[must_use]
    pub fn is_open(&self, now_ms: i64) -> bool {
        now_ms >= self.closed_until_ms.load(Ordering::Relaxed)
    }

    /// Reserves a slot for one request: the first free instant from `now_ms` on, if it is not after `latest_ms`.
    ///
    /// If the answer to the write is lost, the slot stays reserved and nobody uses it.
    pub async fn slot(&self, class: CallClass, now_ms: i64, latest_ms: i64) -> Result<Slot, LimitError> {
        let mut seen = self.seen.lock().await;
        for _ in 0..ATTEMPTS {
            let (version, grants) = match seen.take() {
                Some(known) => known,
                None => self.read().await?,
            };
            self.closed_until_ms.store(grants.closed_until_ms, Ordering::Relaxed);
            let at_ms = grants.next_slot(class, &self.limits, now_ms);
            if at_ms > latest_ms {
                *seen = Some((version, grants));
                return Ok(Slot::NotBefore(at_ms));
            }
            let granted = grants.with(class, &self.limits, now_ms, at_ms);
            if self.write(version, &granted).await? {
                *seen = Some((version + 1, granted));
                return Ok(Slot::At(at_ms));
            }
        }
        Err(LimitError::Contended)
    }

    /// Records that the vendor refused a request of `class`: no function makes a request before `until_ms`. If the
    /// refusal `named` a limit that is stricter than the configured one, it holds from now on.
    ///
    /// `Some`: it was learnt as the limit of requests of that class.
    pub async fn refused(
        &self,
        class: CallClass,
        now_ms: i64,
        until_ms: i64,
        named: Option<Seen>,
    ) -> Result<Option<CallClass>, LimitError> {
        self.closed_until_ms.fetch_max(until_ms, Ordering::Relaxed);
        let mut seen = self.seen.lock().await;
        for _ in 0..ATTEMPTS {
            let (version, mut grants) = self.read().await?;
            let learnt = grants.refused(class, &self.limits, now_ms, until_ms, named);
            if self.write(version, &grants).await? {
                *seen = Some((version + 1, grants));
                tracing::warn!(limit.account = "leadsquared", closed.ms = until_ms - now_ms, "limits.closed");
                if let (Some(learnt), Some(named)) = (learnt, named) {
                    let limit = match learnt {
                        CallClass::Standard => "calls",
                        CallClass::Bulk => "bulk_calls",
                    };
                    tracing::warn!(
                        limit.account = "leadsquared",
                        limit.name = limit,
                        limit.calls = named.calls,
                        limit.window_ms = named.window_ms,
                        "limits.learnt"
                    );
                }
                return Ok(learnt);
            }
        }
        Err(LimitError::Contended)
    }

    /// Forgets the limits learnt from refusals: the configured limit holds again. An operator decides this.
    pub async fn forget_learnt(&self) -> Result<(), LimitError> {
        let mut seen = self.seen.lock().await;
        for _ in 0..ATTEMPTS {
            let (version, mut grants) = self.read().await?;
            (grants.learnt, grants.learnt_bulk) = (None, None);
            grants.closed_until_ms = 0;
            if self.write(version, &grants).await? {
                *seen = Some((version + 1, grants));
                return Ok(());
            }
        }
        Err(LimitError::Contended)
    }

    /// The state of the account at `now_ms`, for people to read.
    pub async fn state(&self, now_ms: i64) -> Result<CrmState, LimitError> {
        let (_, grants) = self.read().await?;
        Ok(grants.state(&self.limits, now_ms))
    }

    async fn read(&self) -> Result<(u64, Grants), LimitError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| LimitError::Unavailable(kind_of(&error)))?;
        Ok(output.item.map(|item| decode(&item)).unwrap_or_default())
    }

    /// Writes the grants if the item is still at `version`; `false` if it is not.
    async fn write(&self, version: u64, grants: &Grants) -> Result<bool, LimitError> {
        let condition = if version == 0 { "attribute_not_exists(version)" } else { "version = :seen" };
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(encode(version + 1, grants)))
            .condition_expression(condition);
        if version > 0 {
            put = put.expression_attribute_values(":seen", number(version));
        }
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(LimitError::Unavailable(kind_of(&error))),
        }
    }
}

pub(crate) fn kind_of<E: aws_sdk_dynamodb::error::ProvideErrorMetadata, R>(
    error: &aws_sdk_dynamodb::error::SdkError<E, R>,
) -> String {
    error.as_service_error().and_then(|e| e.code()).unwrap_or("no answer").to_owned()
}

fn key() -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S("L#leadsquared".to_owned())),
        ("sk".to_owned(), AttributeValue::S("L".to_owned())),
    ])
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn encode(version: u64, grants: &Grants) -> HashMap<String, AttributeValue> {
    let list = |instants: &[i64]| AttributeValue::L(instants.iter().map(number).collect());
    let mut item = key();
    for (name, value) in [
        ("version", number(version)),
        ("calls", list(&grants.calls)),
        ("bulk", list(&grants.bulk)),
        ("closed_until_ms", number(grants.closed_until_ms)),
        ("day", number(grants.day)),
        ("day_calls", number(grants.day_calls)),
        ("settled_ms", number(grants.settled_ms)),
    ] {
        item.insert(name.to_owned(), value);
    }
    for (name, learnt) in [("learnt", grants.learnt), ("learnt_bulk", grants.learnt_bulk)] {
        if let Some(Seen { calls, window_ms }) = learnt {
            item.insert(format!("{name}_calls"), number(calls));
            item.insert(format!("{name}_window_ms"), number(window_ms));
        }
    }
    item
}

fn decode(item: &HashMap<String, AttributeValue>) -> (u64, Grants) {
    fn read<T: std::str::FromStr>(value: Option<&AttributeValue>) -> Option<T> {
        value.and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
    }
    let list = |name: &str| -> Vec<i64> {
        let values = item.get(name).and_then(|list| list.as_l().ok());
        values.into_iter().flatten().filter_map(|value| read(Some(value))).collect()
    };
    let seen = |name: &str| {
        let calls = read(item.get(&format!("{name}_calls")))?;
        Some(Seen { calls, window_ms: read(item.get(&format!("{name}_window_ms")))? })
    };
    let grants = Grants {
        calls: list("calls"),
        bulk: list("bulk"),
        closed_until_ms: read(item.get("closed_until_ms")).unwrap_or_default(),
        day: read(item.get("day")).unwrap_or_default(),
        day_calls: read(item.get("day_calls")).unwrap_or_default(),
        learnt: seen("learnt"),
        learnt_bulk: seen("learnt_bulk"),
        settled_ms: read(item.get("settled_ms")).unwrap_or_default(),
    };
    (read(item.get("version")).unwrap_or_default(), grants)
}
