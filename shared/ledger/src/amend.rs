//! Changes of single attributes of a message. Delivery reports, deadlines and operators use them.

use aws_sdk_dynamodb::types::AttributeValue;
use recado_core::{
    identity::{BatchId, MessageId},
    message::{Message, Priority, State},
    reason::Reason,
};

use crate::{
    Ledger, LedgerError,
    codec::{Key, due_shard, message_shard, n, s},
    judged::{Judgement, Statement, Update},
};

/// A change of one message that keeps every attribute it does not name. It is written only if the message still has the
/// state and the batch that were read.
#[derive(Debug, Clone)]
pub struct Amend {
    id: MessageId,
    state: State,
    batch: Option<BatchId>,
    priority: Priority,
    set: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
    unreported: bool,
    /// The due time, if the message waits for the sender; and the time of the write-back. Both in ms since the epoch.
    waits_ms: Option<i64>,
    tell_ms: Option<i64>,
}

impl Amend {
    /// An empty change of a message as it was read.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        let Message { id, state, batch, priority, .. } = *message;
        Self {
            id,
            state,
            batch,
            priority,
            set: Vec::new(),
            remove: Vec::new(),
            unreported: false,
            waits_ms: None,
            tell_ms: None,
        }
    }

    /// The message.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// Moves it to `state` at `now_ms`, with this reason or none.
    #[must_use]
    pub fn to(mut self, state: State, why: Option<Reason>, now_ms: i64) -> Self {
        self.set.extend([("state", s(state.as_str())), ("changed_ms", n(now_ms))]);
        self.why(why)
    }

    /// Changes the reason, or removes it.
    #[must_use]
    pub fn why(mut self, why: Option<Reason>) -> Self {
        match why {
            Some(why) => self.set.extend([("why", s(why.to_string())), ("reason", s(why.code()))]),
            None => self.remove.extend(["why", "reason"]),
        }
        self
    }

    /// Makes the message wait for the sender until this instant, in ms since the epoch.
    #[must_use]
    pub fn waits(mut self, due_ms: i64) -> Self {
        self.set.extend([("due_shard", due_shard(self.priority, self.id)), ("due_ms", n(due_ms))]);
        self.waits_ms = Some(due_ms);
        self
    }

    /// Removes the due time.
    #[must_use]
    pub fn over(mut self) -> Self {
        self.remove.extend(["due_shard", "due_ms"]);
        self
    }

    /// Has LeadSquared told of the outcome at this instant, in ms since the epoch.
    #[must_use]
    pub fn tell(mut self, due_ms: i64) -> Self {
        self.set.extend([("crm_shard", message_shard(self.id)), ("crm_due_ms", n(due_ms))]);
        self.tell_ms = Some(due_ms);
        self
    }

    /// The same, even if LeadSquared already shows the state, because the reason has changed.
    #[must_use]
    pub fn tell_again(mut self, due_ms: i64) -> Self {
        self.remove.push("crm_activity_state");
        self.tell(due_ms)
    }

    /// Sets LigueLead's campaign, if there is one.
    #[must_use]
    pub fn campaign(mut self, campaign_id: Option<&str>) -> Self {
        if let Some(campaign) = campaign_id {
            self.set.push(("campaign", s(campaign)));
        }
        self
    }

    /// Notes that a report came after all.
    #[must_use]
    pub fn reported(mut self) -> Self {
        self.remove.push("no_callback_ms");
        self
    }

    /// Notes that no report came until `now_ms`.
    #[must_use]
    pub fn not_reported(mut self, now_ms: i64) -> Self {
        self.set.push(("no_callback_ms", n(now_ms)));
        self.unreported = true;
        self
    }

    /// Returns the message to `batch`, which carried it before. The batch stays among the earlier ones, because its
    /// note holds the price.
    #[must_use]
    pub fn back_in(mut self, batch: BatchId) -> Self {
        self.set.push(("batch", s(batch.to_string())));
        self
    }

    /// Takes the message out of its batch, to be sent again. `earlier` lists all batches that carried it.
    #[must_use]
    pub fn out_of(mut self, earlier: &[BatchId]) -> Self {
        self.remove.extend(["batch", "campaign", "charged", "no_callback_ms"]);
        if !earlier.is_empty() {
            let ids: Vec<String> = earlier.iter().map(ToString::to_string).collect();
            self.set.push(("earlier", s(ids.join(" "))));
        }
        self
    }

    /// Sets the instant until which it may be sent, in ms since the epoch.
    #[must_use]
    pub fn expires(mut self, expires_ms: i64) -> Self {
        self.set.push(("expires_ms", n(expires_ms)));
        self
    }

    fn statement(self, table: &str) -> Statement {
        let mut update = Update::of(Key::message(self.id));
        for (name, value) in self.set {
            update.set(name, value);
        }
        for name in self.remove {
            update.remove(name);
        }
        update.only_if("\"state\"=?", [s(self.state.as_str())]);
        match self.batch {
            Some(batch) => update.only_if("\"batch\"=?", [s(batch.to_string())]),
            None => update.only_if("\"batch\" IS MISSING", []),
        };
        if self.unreported {
            update.only_if("\"no_callback_ms\" IS MISSING", []);
        }
        update.build(table)
    }
}

impl Ledger {
    /// Changes messages, each under its own guard. Returns for each whether this write certainly changed it.
    pub async fn amend(&self, changes: Vec<Amend>) -> Result<Vec<bool>, LedgerError> {
        let told: Vec<_> = changes.iter().map(|change| (change.priority, change.waits_ms, change.tell_ms)).collect();
        let statements = changes.into_iter().map(|change| change.statement(&self.table)).collect();
        let judged = self.judge(statements).await?;
        let amended: Vec<bool> = judged.into_iter().map(|judgement| judgement == Judgement::Written).collect();
        if let Some(listener) = &self.listener {
            let made = || told.iter().zip(&amended).filter(|(_, amended)| **amended).map(|(told, _)| *told);
            listener.waits(made().filter_map(|(priority, waits_ms, _)| Some((priority, waits_ms?))));
            listener.outcomes(made().filter_map(|(_, _, tell_ms)| tell_ms));
        }
        Ok(amended)
    }
}
