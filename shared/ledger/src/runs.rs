//! Campaigns' runs: one row for each run, and the pages of its audience.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use recado_core::{
    block::{Recipient, page_bytes, places_bytes, places_from},
    campaign::{Frozen, Tally},
    identity::RunId,
    message::Message,
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::{made, unavailable},
};

/// The one partition of all runs.
const RUNS: &str = "Q";

/// The beginning of the event text of a run's messages.
const EVENT: &str = "campaign ";

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its audience is being read.
    Gathering,
    /// Its audience is complete, and goes to the sender page by page.
    Releasing,
    /// The sender has all of it.
    Released,
    /// An operator has cancelled it.
    Cancelled,
}

/// A run of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The campaign.
    pub campaign: String,
    /// Its name, unique among the campaign's runs.
    pub name: String,
    /// The campaign as it was when the run started.
    pub frozen: Frozen,
    /// When it was started, in ms since the epoch.
    pub started_ms: i64,
    /// Its progress.
    pub phase: Phase,
    /// The next page of the search, or the next line of the file, to read.
    pub cursor: u64,
    /// The hash of the recipients' file; `None` if the audience is not a file.
    pub file: Option<String>,
    /// The keys of its audience's pages.
    pub pages: Vec<u64>,
    /// How many of these pages the sender has.
    pub released: usize,
    /// What became of the audience's leads.
    pub tally: Tally,
    /// When its audience was complete, in ms since the epoch.
    pub gathered_ms: Option<i64>,
    /// Whether LeadSquared's own opt-out field was read for all leads so far.
    #[serde(default)]
    pub own_opt_out_read: bool,
    /// Why it has stopped, for a person to read.
    pub why: Option<String>,
    /// The version of the row. Each write adds one.
    #[serde(default)]
    pub version: u64,
}

impl Run {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        RunId::of(&self.campaign, &self.name)
    }

    /// The event text of its messages.
    #[must_use]
    pub fn event(&self) -> String {
        format!("{EVENT}{}", self.name)
    }

    /// The name of the run that a message belongs to; `None` if it belongs to no campaign.
    #[must_use]
    pub fn name_of(message: &Message) -> Option<&str> {
        message.event.strip_prefix(EVENT)
    }

    /// The run that a message belongs to; `None` if it belongs to no campaign.
    #[must_use]
    pub fn of(message: &Message) -> Option<RunId> {
        Self::name_of(message).map(|name| RunId::of(&message.rule, name))
    }
}

impl Ledger {
    /// Writes a new run. `false`: a run of that name exists.
    pub async fn begin_run(&self, run: &Run, now_ms: i64) -> Result<bool, LedgerError> {
        self.put_run(run, "attribute_not_exists(pk)", None, now_ms).await
    }

    /// Writes a run and increments its version, unless somebody wrote it since it was read. `false`: somebody did.
    pub async fn move_run(&self, run: &mut Run, now_ms: i64) -> Result<bool, LedgerError> {
        let was = run.version;
        run.version += 1;
        self.put_run(run, "version = :was", Some(was), now_ms).await
    }

    async fn put_run(&self, run: &Run, condition: &str, was: Option<u64>, now_ms: i64) -> Result<bool, LedgerError> {
        let text = serde_json::to_string(run)
            .map_err(|error| LedgerError::Unavailable { operation: "PutItem", reason: error.to_string() })?;
        let values = was.map(|was| HashMap::from([(":was".to_owned(), n(was))]));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(run_key(run.id()).into_item()))
            .item("run", s(text))
            .item("version", n(run.version))
            .item("ttl", n(self.ttl_s(now_ms)))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .send()
            .await;
        made("PutItem", put)
    }

    /// A run by its id.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, LedgerError> {
        self.get_items(vec![run_key(id)]).await?.first().map(run_from).transpose()
    }

    /// The cancelled runs among the runs of `messages`.
    pub async fn cancelled_runs(&self, messages: &[Message]) -> Result<HashSet<RunId>, LedgerError> {
        let runs: HashSet<RunId> = messages.iter().filter_map(Run::of).collect();
        if runs.is_empty() {
            return Ok(runs);
        }
        let found = self.get_items(runs.into_iter().map(run_key).collect()).await?;
        let found: Vec<Run> = found.iter().map(run_from).collect::<Result<_, _>>()?;
        Ok(found.iter().filter(|run| run.phase == Phase::Cancelled).map(Run::id).collect())
    }

    /// All runs, in no particular order.
    pub async fn runs(&self) -> Result<Vec<Run>, LedgerError> {
        let mut runs = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :runs")
            .expression_attribute_values(":runs", s(RUNS))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            runs.push(run_from(&item.map_err(unavailable("Query"))?)?);
        }
        Ok(runs)
    }

    /// Writes a page of a run's audience. Nobody reads the page until the run's row names it. DynamoDB removes the page
    /// some time after `needed_until_ms`, in ms since the epoch.
    pub async fn put_page(
        &self,
        run: RunId,
        page: u64,
        recipients: &[Recipient],
        needed_until_ms: i64,
    ) -> Result<(), LedgerError> {
        let has_own = recipients.iter().any(|recipient| recipient.own.is_some());
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(page_key(run, page).into_item()))
            .item("recipients", AttributeValue::B(Blob::new(page_bytes(recipients))))
            .item("own", AttributeValue::Bool(has_own))
            .item("ttl", n(self.ttl_s(needed_until_ms)))
            .send()
            .await
            .map_err(unavailable("PutItem"))?;
        Ok(())
    }

    /// The recipients of a page from which nobody was erased, in the order of their places; `None` if there is no such
    /// page. Nobody is erased before the whole run is released.
    pub async fn page(&self, run: RunId, page: u64) -> Result<Option<Vec<Recipient>>, LedgerError> {
        let Some(places) = self.places(run, page).await? else { return Ok(None) };
        let erased = || LedgerError::Unreadable { pk: page_key(run, page).pk, attribute: "recipients" };
        places.into_iter().collect::<Option<_>>().map(Some).ok_or_else(erased)
    }

    /// The recipients of a page, in the order of their places; `None` if there is no such page. A place whose recipient
    /// was erased is empty.
    pub async fn places(&self, run: RunId, page: u64) -> Result<Option<Vec<Option<Recipient>>>, LedgerError> {
        self.page_item(run, page).await?.as_ref().map(places_of).transpose()
    }

    async fn page_item(&self, run: RunId, page: u64) -> Result<Option<Item>, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(page_key(run, page).into_item()))
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        Ok(output.item)
    }

    /// Erases recipients of a page. Their places stay, and are empty. `false`: somebody else changed the page.
    pub async fn empty_places(&self, run: RunId, page: u64, places: &[u16]) -> Result<bool, LedgerError> {
        let Some(item) = self.page_item(run, page).await? else { return Ok(true) };
        let (was, has_own) = page_in(&item)?;
        let mut now = places_of(&item)?;
        for place in places {
            if let Some(there) = now.get_mut(usize::from(*place)) {
                *there = None;
            }
        }
        let now = places_bytes(&now, has_own);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(page_key(run, page).into_item()))
            .update_expression("SET recipients = :now")
            .condition_expression("recipients = :was")
            .expression_attribute_values(":now", AttributeValue::B(Blob::new(now)))
            .expression_attribute_values(":was", AttributeValue::B(was.clone()))
            .send()
            .await;
        made("UpdateItem", update)
    }
}

/// The bytes of a page's item, and whether each recipient has a text or title of its own.
fn page_in(item: &Item) -> Result<(&Blob, bool), LedgerError> {
    let bytes = item.get("recipients").and_then(|bytes| bytes.as_b().ok());
    let has_own = item.get("own").and_then(|own| own.as_bool().ok()).copied().unwrap_or_default();
    Ok((bytes.ok_or_else(|| Reader::new(item).unreadable("recipients"))?, has_own))
}

/// The recipients of a page's item, in the order of their places; `None` for those that were erased.
pub(crate) fn places_of(item: &Item) -> Result<Vec<Option<Recipient>>, LedgerError> {
    let (bytes, has_own) = page_in(item)?;
    places_from(bytes.as_ref(), has_own).map_err(|_| Reader::new(item).unreadable("recipients"))
}

fn run_key(id: RunId) -> Key {
    Key { pk: RUNS.to_owned(), sk: id.to_string() }
}

fn page_key(run: RunId, page: u64) -> Key {
    Key { pk: format!("Q#{run}"), sk: format!("P#{page:016x}") }
}

fn run_from(item: &Item) -> Result<Run, LedgerError> {
    let read = Reader::new(item);
    serde_json::from_str(&read.text("run")?).map_err(|_| read.unreadable("run"))
}
