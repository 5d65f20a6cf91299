//! Delivery reports, saved as they came before they are processed.

use std::collections::HashSet;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use recado_core::{identity::BatchId, phone::Phone};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s, shard},
    error::unavailable,
    judged::{Judgement, insert, undecided},
    update::{Update, When},
};

/// How long after a report was stored the sweep checks whether it was applied, in ms.
const APPLIED_WITHIN_MS: i64 = 60_000;

/// The name by which a report's request is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredFor {
    /// The callback URL named the batch.
    Batch(BatchId),
    /// Only LigueLead's campaign is known.
    Campaign(String),
}

impl StoredFor {
    fn partition(&self) -> String {
        match self {
            Self::Batch(batch) => format!("B#{batch}"),
            Self::Campaign(campaign) => format!("P#{campaign}"),
        }
    }
}

/// The answer of the table to a report that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is to be applied: it is new, or was stored before and not applied.
    New,
    /// It was stored and applied before, or stands in this group already.
    Known,
    /// The table takes no such row, now or later. It was not stored.
    Refused,
}

/// One delivery report.
#[derive(Debug, Clone)]
pub struct StoredCallback {
    /// The request that it reports on.
    pub about: StoredFor,
    /// The recipient's phone.
    pub phone: Phone,
    /// LigueLead's status word.
    pub status: String,
    /// The time of the event, as LigueLead wrote it.
    pub occurred_at: String,
    /// The campaign that the report names.
    pub campaign_id: Option<String>,
    /// What LigueLead charged for the message, in credits.
    pub credits: Option<u32>,
    /// A digest of the text in the report. It finds a request whose response was lost.
    pub text_digest: Option<String>,
    /// When the report came, in ms since the epoch.
    pub received_ms: i64,
}

impl StoredCallback {
    /// The key of its row. Two reports with one key are one report.
    #[must_use]
    pub fn row(&self) -> (String, String) {
        let Key { pk, sk } = self.key();
        (pk, sk)
    }

    /// One row for each recipient, status and instant, so that a repeated report is stored once.
    pub(crate) fn key(&self) -> Key {
        Key {
            pk: self.about.partition(),
            sk: format!("C#{}#{}#{}", self.phone.national(), self.status, self.occurred_at),
        }
    }

    fn item(&self, ttl_s: i64) -> Item {
        let key = self.key();
        let first = key.pk.as_bytes().last().copied().unwrap_or_default();
        let mut item = key.into_item();
        let mut put = |name: &str, value| item.insert(name.to_owned(), value);
        // Not named `phone`: an attribute of that name would put the row into the index of messages.
        put("recipient", s(self.phone.national()));
        put("status", s(&self.status));
        put("occurred_at", s(&self.occurred_at));
        put("received_ms", n(self.received_ms));
        put("due_shard", shard(first));
        put("due_ms", n(self.received_ms + APPLIED_WITHIN_MS));
        put("ttl", n(ttl_s));
        if let Some(campaign) = &self.campaign_id {
            put("campaign", s(campaign));
        }
        if let Some(digest) = &self.text_digest {
            put("text_digest", s(digest));
        }
        if let Some(credits) = self.credits {
            put("credits", n(credits));
        }
        item
    }

    pub(crate) fn from_item(item: &Item) -> Result<Self, LedgerError> {
        let read = Reader::new(item);
        let pk = read.text("pk")?;
        let about = match (pk.strip_prefix("B#"), pk.strip_prefix("P#")) {
            (Some(batch), _) => StoredFor::Batch(batch.parse().map_err(|_| read.unreadable("pk"))?),
            (_, Some(campaign)) => StoredFor::Campaign(campaign.to_owned()),
            _ => return Err(read.unreadable("pk")),
        };
        Ok(Self {
            about,
            phone: recipient(&read)?,
            status: read.text("status")?,
            occurred_at: read.text("occurred_at")?,
            campaign_id: read.maybe_text("campaign"),
            credits: read.maybe_number("credits"),
            text_digest: read.maybe_text("text_digest"),
            received_ms: read.number("received_ms")?,
        })
    }
}

impl Ledger {
    /// Stores reports. Returns the table's answer to each.
    ///
    /// # Errors
    ///
    /// Some reports may not be stored: the caller stores all of them again.
    pub async fn store_callbacks(&self, callbacks: &[StoredCallback]) -> Result<Vec<Stored>, LedgerError> {
        // The table refuses a request that names a row twice. Of repeated reports in one request, the first is stored.
        let mut seen = HashSet::new();
        let first: Vec<bool> = callbacks.iter().map(|callback| seen.insert(callback.key())).collect();
        let statements = callbacks
            .iter()
            .zip(&first)
            .filter(|(_, first)| **first)
            .map(|(callback, _)| insert(&self.table, callback.item(self.ttl_s(callback.received_ms))))
            .collect();
        let judged = self.judge(statements).await?;
        if judged.contains(&Judgement::Undecided) {
            return Err(undecided("a report could not be stored"));
        }
        let mut judged = judged.into_iter();
        let mut stored: Vec<Stored> = first
            .iter()
            .map(|first| match first.then(|| judged.next()).flatten() {
                Some(Judgement::Written) => Stored::New,
                Some(Judgement::Refused) => Stored::Refused,
                _ => Stored::Known,
            })
            .collect();
        // A report that was stored but not applied is applied now: its repetition is a second chance.
        let there: Vec<&StoredCallback> = callbacks
            .iter()
            .zip(&stored)
            .zip(&first)
            .filter(|((_, stored), first)| **stored == Stored::Known && **first)
            .map(|((callback, _), _)| callback)
            .collect();
        if there.is_empty() {
            return Ok(stored);
        }
        let keys = there.iter().map(|callback| callback.key()).collect();
        let items = self.get_items(keys).await?;
        let open: Vec<Key> =
            items.iter().filter(|item| item.contains_key("due_ms")).map(Key::of).collect::<Result<_, _>>()?;
        for ((callback, stored), first) in callbacks.iter().zip(&mut stored).zip(&first) {
            if *first && open.contains(&callback.key()) {
                *stored = Stored::New;
            }
        }
        Ok(stored)
    }

    /// Marks reports as applied, so that the sweep need not look at them.
    pub async fn callbacks_applied(&self, callbacks: &[&StoredCallback]) -> Result<(), LedgerError> {
        let statements = callbacks
            .iter()
            .map(|callback| {
                let mut update = Update::of(callback.key());
                update.remove("due_shard").remove("due_ms");
                update.build(&self.table)
            })
            .collect();
        self.judge(statements).await?;
        Ok(())
    }

    /// Moves the due time of reports to `due_ms`, because their messages are not known yet.
    pub async fn callbacks_later(&self, callbacks: &[&StoredCallback], due_ms: i64) -> Result<(), LedgerError> {
        let statements = callbacks
            .iter()
            .map(|callback| {
                let mut update = Update::of(callback.key());
                update.set("due_ms", n(due_ms)).only_if(When::Has("due_shard"));
                update.build(&self.table)
            })
            .collect();
        self.judge(statements).await?;
        Ok(())
    }

    /// The stored reports under keys that [`Ledger::due`] named.
    pub async fn callbacks(&self, keys: &[(String, String)]) -> Result<Vec<StoredCallback>, LedgerError> {
        let keys = keys.iter().map(|(pk, sk)| Key { pk: pk.clone(), sk: sk.clone() }).collect();
        self.get_items(keys).await?.iter().map(StoredCallback::from_item).collect()
    }

    /// The reports on a phone that name `about`, applied or not, ordered by their status words.
    pub async fn callbacks_of(&self, about: &StoredFor, phone: Phone) -> Result<Vec<StoredCallback>, LedgerError> {
        let (mut rows, mut found) = (self.stored(about, Some(phone)).into_paginator().items().send(), Vec::new());
        while let Some(row) = rows.next().await {
            found.push(StoredCallback::from_item(&row.map_err(unavailable("Query"))?)?);
        }
        Ok(found)
    }

    /// The phones with a stored report that names `about`, applied or not. With `phone`, only that phone is looked up.
    pub async fn reported(&self, about: &StoredFor, phone: Option<Phone>) -> Result<HashSet<Phone>, LedgerError> {
        let query = self.stored(about, phone).projection_expression("recipient");
        let (mut rows, mut phones) = (query.into_paginator().items().send(), HashSet::new());
        while let Some(row) = rows.next().await {
            phones.insert(recipient(&Reader::new(&row.map_err(unavailable("Query"))?))?);
        }
        Ok(phones)
    }

    fn stored(&self, about: &StoredFor, phone: Option<Phone>) -> QueryFluentBuilder {
        let prefix = phone.map_or("C#".to_owned(), |phone| format!("C#{}#", phone.national()));
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", s(about.partition()))
            .expression_attribute_values(":prefix", s(prefix))
            .consistent_read(true)
    }
}

fn recipient(row: &Reader<'_>) -> Result<Phone, LedgerError> {
    Phone::parse(&row.text("recipient")?).map_err(|_| row.unreadable("recipient"))
}
