//! The last seen values of leads' fields that rules watch. Read together; written by one conditional write per lead.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};
use recado_core::{message::Message, sight::Sights};

use crate::{
    Ledger, LedgerError,
    batches::condition_failed,
    codec::{Item, Key, Reader, n, s},
    error::unavailable,
    judged::{Judgement, Statement, insert},
    schema::misbuilt,
    update::{Update, When},
};

/// Most messages that [`Ledger::notice`] writes with a lead's sights: a transaction holds 100 writes.
pub const MOST_NOTICED: usize = 99;

/// The sights of a lead as read, and the version that a write must still find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptSights {
    /// The last seen values; empty if the lead has no row yet.
    pub sights: Sights,
    version: Option<u64>,
}

impl Ledger {
    /// The sights of leads, by lead in lower case. Leads without a row are left out. A lead may be named more than
    /// once.
    pub async fn sights(&self, lead_ids: &[&str]) -> Result<BTreeMap<String, KeptSights>, LedgerError> {
        // The table refuses a request that names a key twice.
        let leads: BTreeSet<String> = lead_ids.iter().map(|lead| lead.to_ascii_lowercase()).collect();
        let mut kept = BTreeMap::new();
        for item in self.get_items(leads.iter().map(|lead| key(lead)).collect()).await? {
            let read = Reader::new(&item);
            let pk = read.text("pk")?;
            let lead = pk.strip_prefix("F#").ok_or_else(|| read.unreadable("pk"))?.to_owned();
            let sights = serde_json::from_str(&read.text("seen")?).map_err(|_| read.unreadable("seen"))?;
            kept.insert(lead, KeptSights { sights, version: Some(read.number("version")?) });
        }
        Ok(kept)
    }

    /// Writes the sights of leads, unless somebody wrote them since they were read. Returns for each lead whether its
    /// sights were certainly written.
    pub async fn keep_sights(
        &self,
        changes: Vec<(String, KeptSights, Sights)>,
        now_ms: i64,
    ) -> Result<Vec<bool>, LedgerError> {
        let statement = |(lead, kept, sights): (String, KeptSights, Sights)| -> Statement {
            let Some(version) = kept.version else {
                return insert(&self.table, self.sights_item(&lead, 1, &sights, now_ms));
            };
            let mut update = Update::of(key(&lead));
            update.set("seen", s(text(&sights))).set("version", n(version + 1)).set("ttl", n(self.ttl_s(now_ms)));
            update.only_if(When::Is("version", n(version)));
            update.build(&self.table)
        };
        let judged = self.judge(changes.into_iter().map(statement).collect()).await?;
        Ok(judged.into_iter().map(|judgement| judgement == Judgement::Written).collect())
    }

    /// Writes the sights of a lead together with the messages that they lead to, all or nothing. Takes at most
    /// [`MOST_NOTICED`] messages. `false`: somebody else wrote the sights since they were read, or one of the messages
    /// exists.
    pub async fn notice(
        &self,
        (lead, kept, sights): (&str, &KeptSights, &Sights),
        messages: &[Message],
        now_ms: i64,
    ) -> Result<bool, LedgerError> {
        let version = kept.version.unwrap_or_default() + 1;
        let mut row = Put::builder()
            .table_name(&self.table)
            .set_item(Some(self.sights_item(lead, version, sights, now_ms)))
            .condition_expression(if kept.version.is_some() { "version = :was" } else { "attribute_not_exists(pk)" });
        if let Some(version) = kept.version {
            row = row.expression_attribute_values(":was", n(version));
        }
        let mut writes = vec![TransactWriteItem::builder().put(row.build().map_err(misbuilt)?).build()];
        for message in messages {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(self.message_row(message)))
                .condition_expression("attribute_not_exists(pk)")
                .build()
                .map_err(misbuilt)?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        // These messages and this version make one write, however often it is tried.
        let first = messages.first().map(|message| message.id.to_string()).unwrap_or_default();
        match self.transact(format!("{first:.16}-{version}"), writes).await {
            Ok(()) => Ok(true),
            Err(error) if condition_failed(&error) || was_noticed(error.as_service_error()) => Ok(false),
            Err(error) => Err(unavailable("TransactWriteItems")(error)),
        }
    }

    fn sights_item(&self, lead: &str, version: u64, sights: &Sights, now_ms: i64) -> Item {
        let mut item = key(lead).into_item();
        item.insert("seen".to_owned(), s(text(sights)));
        item.insert("version".to_owned(), n(version));
        item.insert("ttl".to_owned(), n(self.ttl_s(now_ms)));
        item
    }
}

/// The same token with other content: another process noticed the same change, and its rows have another time.
fn was_noticed(error: Option<&TransactWriteItemsError>) -> bool {
    matches!(error, Some(TransactWriteItemsError::IdempotentParameterMismatchException(_)))
}

fn text(sights: &Sights) -> String {
    serde_json::to_string(sights).unwrap_or_default()
}

/// The case of a lead's id means nothing to LeadSquared.
pub(crate) fn key(lead_id: &str) -> Key {
    Key { pk: format!("F#{}", lead_id.to_ascii_lowercase()), sk: "F".to_owned() }
}
