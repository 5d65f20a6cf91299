//! Finds a report's batch, and the message that the batch carried to the report's phone.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures::TryStreamExt as _;
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Batch, BatchState, Message},
    phone::Phone,
    transition::BatchMove,
};
use recado_ledger::{BatchChange, LedgerError, StoredCallback, StoredFor, at_once};

use super::{Settler, digest, known::Facts};
use crate::send::Follow;

/// Most unknown batches that a report without a batch is compared with.
const MOST_UNKNOWN: i32 = 100;
/// For each report on a batch, up to this many members are read at once instead of looked up one by one. A read of a
/// hundred takes about as long as one look-up.
const READ_PER_REPORT: usize = 50;
/// Most look-ups under way at once.
const LOOK_UPS_AT_ONCE: usize = 16;

impl Settler {
    /// The batches of reports; `None` if a report's batch is not known yet.
    pub(super) async fn batches_of(&self, reports: &[StoredCallback]) -> Result<Vec<Option<BatchId>>, LedgerError> {
        let mut of_campaign: HashMap<&str, BatchId> = HashMap::new();
        let mut batches = Vec::with_capacity(reports.len());
        for report in reports {
            batches.push(match &report.about {
                StoredFor::Batch(batch) => Some(*batch),
                StoredFor::Campaign(campaign) => match of_campaign.get(campaign.as_str()) {
                    Some(batch) => Some(*batch),
                    None => {
                        let found = self.batch_of_campaign(campaign, report).await?;
                        of_campaign.extend(found.map(|batch| (campaign.as_str(), batch)));
                        found
                    }
                },
            });
        }
        Ok(batches)
    }

    /// The batch of a campaign, by the campaign's id. If LigueLead's response was lost, the text and the phone find the
    /// batch.
    async fn batch_of_campaign(&self, campaign: &str, report: &StoredCallback) -> Result<Option<BatchId>, LedgerError> {
        if let Some(batch) = self.ledger.batch_of_campaign(campaign).await? {
            return Ok(Some(batch));
        }
        let Some(wanted) = &report.text_digest else { return Ok(None) };
        let mut unknown = self.ledger.unknown_batches(MOST_UNKNOWN).await?;
        // The oldest first: of two requests with one text to one phone, the first report is on the first.
        unknown.reverse();
        for (at_ms, id) in unknown {
            let Some(batch) = self.ledger.batch(id).await? else { continue };
            if batch.state != BatchState::Unknown {
                self.ledger.known_batch(at_ms, id).await?;
                continue;
            }
            if self.is_about(&batch, wanted, report.phone).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    async fn is_about(&self, batch: &Batch, wanted: &str, phone: Phone) -> Result<bool, LedgerError> {
        let Some(first) = batch.members.first() else { return Ok(false) };
        let first = self.ledger.messages(&[*first]).await?;
        let text = first.first().and_then(|message| message.content.text());
        if text.is_none_or(|text| digest(text.expose()) != wanted) {
            return Ok(false);
        }
        if let Some(many) = self.block_of(&batch.members).await? {
            return Ok(many.has(phone));
        }
        let now = self.ledger.message_of(batch.id, phone).await?;
        Ok(now.is_some() || self.ledger.earlier_of(batch.id, phone).await?.is_some())
    }

    /// The facts about batches. A report on each batch proves that it was sent.
    pub(super) async fn facts_of(
        &self,
        reports: &BTreeMap<BatchId, Vec<&StoredCallback>>,
    ) -> Result<HashMap<BatchId, Arc<Facts>>, LedgerError> {
        let mut facts = HashMap::new();
        let mut wanted = Vec::new();
        for &id in reports.keys() {
            match self.known.get(id) {
                Some(known) => {
                    facts.insert(id, known);
                }
                None => wanted.push(id),
            }
        }
        for batch in self.ledger.batches(&wanted).await? {
            let campaign = reports.get(&batch.id).into_iter().flatten().find_map(|one| one.campaign_id.as_deref());
            let stands = self.prove_sent(&batch, campaign).await?;
            let mut known = Facts::of(&batch);
            if batch.messages > known.members.len() as u64 {
                known.many = Box::pin(self.block_of(&known.members)).await?;
            }
            let known = Arc::new(known);
            if stands {
                self.known.keep(batch.id, Arc::clone(&known));
            }
            facts.insert(batch.id, known);
        }
        Ok(facts)
    }

    /// Marks a batch with a report as accepted: the report proves that LigueLead took the request. Messages in state
    /// unknown follow. Returns whether the batch has a final outcome.
    async fn prove_sent(&self, row: &Batch, campaign_id: Option<&str>) -> Result<bool, LedgerError> {
        match row.state {
            BatchState::Accepted | BatchState::Refused | BatchState::Released => return Ok(true),
            BatchState::Prepared => return Ok(false),
            BatchState::Calling | BatchState::Unknown => {}
        }
        let now_ms = self.world.now_ms();
        let change = BatchChange {
            campaign_id: campaign_id.map(str::to_owned),
            ..BatchChange::new(row.id, BatchMove::Accept, now_ms)
        };
        let token = self.world.fresh_batch().to_string();
        let moved = self.ledger.move_batch(&change, &token).await?;
        if moved && row.state == BatchState::Unknown {
            let follow = |&id: &MessageId| {
                Follow { id, batch: row.id, now_ms }.accepted(campaign_id.map(str::to_owned), &self.settings)
            };
            self.ledger.apply(row.members.iter().map(follow).collect()).await?;
        }
        Ok(moved)
    }

    /// The messages that a batch carried to these phones.
    pub(super) async fn messages_of(
        &self,
        batch: BatchId,
        facts: Option<Arc<Facts>>,
        phones: Vec<Phone>,
    ) -> Result<(BatchId, HashMap<Phone, MessageId>), LedgerError> {
        if let Some(facts) = facts.filter(|facts| !facts.members.is_empty()) {
            if let Some(by_phone) = &facts.by_phone {
                return Ok((batch, only(by_phone, &phones)));
            }
            if facts.members.len() <= phones.len().saturating_mul(READ_PER_REPORT) {
                let by_phone = by_phone(&self.ledger.messages(&facts.members).await?);
                let found = only(&by_phone, &phones);
                if self.known.get(batch).is_some() {
                    self.known.keep(batch, Arc::new(Facts { by_phone: Some(by_phone), ..Facts::clone(&facts) }));
                }
                return Ok((batch, found));
            }
        }
        let found = at_once(LOOK_UPS_AT_ONCE, phones, |phone| self.look_up(batch, phone));
        let found: Vec<Option<(Phone, MessageId)>> = found.try_collect().await?;
        Ok((batch, found.into_iter().flatten().collect()))
    }

    async fn look_up(&self, batch: BatchId, phone: Phone) -> Result<Option<(Phone, MessageId)>, LedgerError> {
        let found = match self.ledger.message_of(batch, phone).await? {
            Some(id) => Some(id),
            None => self.ledger.earlier_of(batch, phone).await?.map(|earlier| earlier.id),
        };
        Ok(found.map(|id| (phone, id)))
    }
}

fn by_phone(messages: &[Message]) -> HashMap<Phone, MessageId> {
    messages.iter().filter_map(|message| Some((message.phone()?, message.id))).collect()
}

fn only(by_phone: &HashMap<Phone, MessageId>, phones: &[Phone]) -> HashMap<Phone, MessageId> {
    phones.iter().filter_map(|phone| Some((*phone, *by_phone.get(phone)?))).collect()
}
