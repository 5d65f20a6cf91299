//! Writes outcomes into the leads' own fields. Repeating a write is harmless. Recado remembers what a lead shows, to
//! avoid writes that change nothing.

use std::collections::{BTreeMap, HashMap};

use leadsquared::{Bulk, CallError, Class, LeadUpdate, RowOutcome, Standard};
use recado_core::{
    identity::MessageId,
    message::Message,
    transition::Transition,
    writeback::{LeadRow, Row, Shown, Then},
};

use super::{
    RunError, Syncer,
    unknown::Kind,
    window::{Ended, Window},
};

/// Rows that are ready to be written.
struct Ready {
    messages: Vec<(Message, Then)>,
    updates: Vec<LeadUpdate>,
}

impl Syncer {
    /// Writes each lead's own values, in bulk.
    pub(super) async fn leads(&self, rows: Vec<LeadRow>, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let Some(ready) = self.ready(rows, at_ms, window).await? else { return Ok(Ended::default()) };
        let Some(permit) = self.crm.permit_at::<Bulk>(at_ms).await else { return Ok(Ended::missed()) };
        let outcomes = self.crm.with(permit).update_leads(&ready.updates).await;
        self.written::<Bulk>(ready, outcomes, window).await
    }

    /// Writes one value of one field for all leads, in bulk. LeadSquared counts the written leads but does not name
    /// them. If the count is lower, each lead is written again by a request whose answer names it.
    pub(super) async fn same_value(&self, rows: Vec<LeadRow>, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let Some(ready) = self.ready(rows, at_ms, window).await? else { return Ok(Ended::default()) };
        let Some((name, value)) = ready.updates.first().and_then(|update| update.fields.first()).cloned() else {
            return Ok(Ended::default());
        };
        let ids: Vec<String> = ready.updates.iter().map(|update| update.lead_id.clone()).collect();
        let Some(permit) = self.crm.permit_at::<Bulk>(at_ms).await else { return Ok(Ended::missed()) };
        let written = self.crm.with(permit).update_leads_same_value(&ids, &name, &value).await;
        let outcome = |count: Option<u64>| match count {
            Some(count) if count == ids.len() as u64 => RowOutcome::Done { activity_id: None },
            _ => RowOutcome::Unknown,
        };
        let outcomes = written.map(|count| vec![outcome(count); ids.len()]);
        self.written::<Bulk>(ready, outcomes, window).await
    }

    /// Writes one lead's values by a standard request.
    pub(super) async fn lead_one(&self, row: LeadRow, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let Some(ready) = self.ready(vec![row], at_ms, window).await? else { return Ok(Ended::default()) };
        let Some(update) = ready.updates.first() else { return Ok(Ended::default()) };
        let Some(permit) = self.crm.permit_at::<Standard>(at_ms).await else { return Ok(Ended::missed()) };
        let outcome = self.crm.with(permit).update_lead(update).await;
        let outcomes = outcome.map(|()| vec![RowOutcome::Done { activity_id: None }]);
        self.written::<Standard>(ready, outcomes, window).await
    }

    /// Reads the rows again and leaves out those whose state moved: the next window plans them again. It also drops
    /// what is remembered about their leads, which may be wrong until the request has ended.
    async fn ready(&self, rows: Vec<LeadRow>, at_ms: i64, window: &Window) -> Result<Option<Ready>, RunError> {
        self.crm.wait_until(at_ms - window.prepare_ms).await;
        let planned: Vec<Row> = rows.iter().map(|row| row.row).collect();
        let is_as_planned = |message: &Message| {
            let planned = window.messages.get(&message.id).map(|planned| (planned.state, planned.changed_ms));
            message.crm.lead_state != Some(message.state) && planned == Some((message.state, message.changed_ms))
        };
        let messages = self.fresh(&planned, window, is_as_planned).await?;
        if messages.is_empty() {
            return Ok(None);
        }
        let mut set: HashMap<MessageId, (String, Vec<(String, String)>)> =
            rows.into_iter().map(|row| (row.row.id, (row.lead_id, row.set))).collect();
        let update = |(message, _): &(Message, Then)| {
            set.remove(&message.id).map(|(lead_id, fields)| LeadUpdate { lead_id, fields })
        };
        let updates: Vec<LeadUpdate> = messages.iter().filter_map(update).collect();
        let open = messages.iter().filter(|(message, _)| window.shown.contains_key(message.lead_id()));
        let open = open.map(|(message, _)| (message.lead_id().to_owned(), shown(message, BTreeMap::new()))).collect();
        self.ledger.keep_shown(&open, self.world.now_ms()).await?;
        Ok(Some(Ready { messages, updates }))
    }

    /// Records the outcomes, and what the leads show now.
    async fn written<C: Class>(
        &self,
        ready: Ready,
        outcomes: Result<Vec<RowOutcome>, CallError>,
        window: &Window,
    ) -> Result<Ended, RunError> {
        let Ready { messages, updates } = ready;
        let mut now_shown = BTreeMap::new();
        for (at, ((message, _), update)) in messages.iter().zip(updates).enumerate() {
            let is_done = matches!(&outcomes, Ok(rows) if matches!(rows.get(at), Some(RowOutcome::Done { .. })));
            let before = window.shown.get(message.lead_id());
            let values = match (is_done, before) {
                (true, before) => {
                    let mut values = before.map(|before| before.values.clone()).unwrap_or_default();
                    values.extend(update.fields);
                    values
                }
                (false, Some(_)) => BTreeMap::new(),
                (false, None) => continue,
            };
            now_shown.insert(message.lead_id().to_owned(), shown(message, values));
        }
        let known: BTreeMap<_, _> = now_shown
            .iter()
            .filter(|(_, shown)| !shown.values.is_empty())
            .map(|(l, s)| (l.clone(), s.clone()))
            .collect();
        // Stored before the messages' changes, because a finished message is not read again.
        self.ledger.keep_shown(&known, self.world.now_ms()).await?;
        let done = |message: &Message| Transition::of_crm(message.id).lead(message.state);
        let ended = self.record::<C>(&messages, outcomes, Kind::Lead, done).await?;
        Ok(Ended { shown: now_shown, ..ended })
    }
}

fn shown(message: &Message, values: BTreeMap<String, String>) -> Shown {
    Shown { by: message.id, changed_ms: message.changed_ms, values }
}
