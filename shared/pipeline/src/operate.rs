//! What operators can change: retry or cancel messages, and release messages that a pause held.

use recado_core::{
    config::Config,
    message::{Message, State},
    reason::Reason,
    settle::{Again, again, cancel},
    transition::Transition,
};
use recado_ledger::{Earlier, Ledger, LedgerError};

use crate::{
    planted::{Fault, planted},
    world::World,
};

/// The setting that holds the configuration version for which held messages were last checked.
const LOOKED_AT: &str = "looked_at_version";

/// Changes messages on an operator's request.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The table.
    pub ledger: Ledger,
    /// The clock.
    pub world: World,
}

/// The result of a requested change: `Err` holds the reason why the message was not changed.
pub type Done = Result<(), String>;

impl Operator {
    /// Sends messages again, if that is allowed. Messages that may have reached somebody are sent only if
    /// `maybe_twice`. Returns the results in the messages' order.
    ///
    /// A message keeps its id and gets another attempt. It is worth sending for as long again as at first.
    pub async fn retry(&self, messages: &[Message], maybe_twice: bool) -> Result<Vec<Done>, LedgerError> {
        let now_ms = self.world.now_ms();
        let (mut attempts, mut changes, mut done) = (Vec::new(), Vec::new(), Vec::with_capacity(messages.len()));
        for message in messages {
            let refusal = match again(message) {
                Again::Yes => None,
                Again::MaybeTwice(_) if maybe_twice || planted(Fault::RetryTakesTheRisk) => None,
                Again::MaybeTwice(why) => Some(format!("{why}: --may-send-twice if it is to be sent all the same")),
                Again::No(why) => Some(why.to_owned()),
            };
            done.push(refusal.map_or(Ok(()), Err));
            if !matches!(done.last(), Some(Ok(()))) {
                continue;
            }
            changes.push(Transition::retry(message, now_ms));
            if let (Some(batch), Some(phone)) = (message.batch, message.phone()) {
                attempts.push((batch, phone, Earlier { id: message.id, charged: message.history.charged }));
            }
        }
        // Before they leave their batch: only this note leads a late report to them.
        self.ledger.note_attempts(attempts, now_ms).await?;
        self.write(changes, done).await
    }

    /// Cancels waiting messages. Returns the results in the messages' order.
    pub async fn cancel(&self, messages: &[Message]) -> Result<Vec<Done>, LedgerError> {
        let now_ms = self.world.now_ms();
        let done: Vec<Done> = messages.iter().map(|message| cancel(message).map_err(str::to_owned)).collect();
        let cancelled = messages.iter().zip(&done).filter(|(_, done)| done.is_ok());
        let changes = cancelled.map(|(message, _)| Transition::skip(message, Reason::Cancelled, now_ms));
        self.write(changes.collect(), done).await
    }

    /// Releases messages that a pause held: the next sweep checks them again. Returns how many.
    pub async fn release_paused(&self) -> Result<usize, LedgerError> {
        self.look_again(|message| message.why.as_ref().is_some_and(Reason::is_pause)).await
    }

    /// Makes the held messages that are `wanted` due for the next sweep, which checks hours, caps, quotas and opt-outs
    /// anew. Returns how many.
    pub async fn look_again(&self, wanted: impl Fn(&Message) -> bool) -> Result<usize, LedgerError> {
        let now_ms = self.world.now_ms();
        let mut changes = Vec::new();
        self.ledger
            .each_message(|message| {
                if message.state == State::Held && wanted(&message) {
                    changes.push(Transition::release(&message, now_ms));
                }
                true
            })
            .await?;
        let released = self.ledger.apply(changes).await?;
        Ok(released.into_iter().filter(|released| *released).count())
    }

    /// Makes held messages due for the next sweep, if this configuration version has other hours, quotas or caps than
    /// the last version that was checked. Returns how many; `None` if there was nothing to do.
    ///
    /// One of several processes does this. If it dies in between, no other process repeats it: held messages keep their
    /// own due times, and [`Operator::look_again`] needs no version.
    pub async fn follow_version(&self, version: u64, config: &Config) -> Result<Option<usize>, LedgerError> {
        let seen = self.ledger.setting(LOOKED_AT).await?;
        let before: Option<u64> = seen.as_deref().and_then(|seen| seen.parse().ok());
        // A process that does not know the newest version yet does nothing.
        let is_news = before.is_none_or(|before| before < version);
        if !is_news || !self.ledger.change_setting(LOOKED_AT, seen.as_deref(), &version.to_string()).await? {
            return Ok(None);
        }
        let Some(before) = before else { return Ok(None) };
        let row = self.ledger.config(before).await?;
        let old = row.and_then(|row| Config::parse(&row.text).ok());
        if old.is_some_and(|old| waits_of(&old.config) == waits_of(config)) {
            return Ok(None);
        }
        let released = self.look_again(|_| true).await?;
        tracing::info!(configuration.version = version, messages = released, "configuration.looked_again");
        Ok(Some(released))
    }

    /// Writes the changes that were not refused.
    async fn write(&self, changes: Vec<Transition>, mut done: Vec<Done>) -> Result<Vec<Done>, LedgerError> {
        let mut written = self.ledger.apply(changes).await?.into_iter();
        for one in done.iter_mut().filter(|one| one.is_ok()) {
            if written.next() != Some(true) {
                *one = Err("it has moved meanwhile: look at it again".to_owned());
            }
        }
        Ok(done)
    }
}

/// The parts of a configuration that make messages wait: hours, quotas and caps, of the account and of each rule and
/// campaign.
fn waits_of(config: &Config) -> impl PartialEq {
    let rules =
        config.rules.iter().map(|rule| (rule.id.to_string(), rule.hours.clone(), rule.quota, rule.caps.clone()));
    let campaigns = config.campaigns.iter().map(|campaign| (campaign.id.to_string(), campaign.quota));
    let account = (config.timezone.clone(), config.quotas, config.hours.clone(), config.caps.clone());
    (account, rules.collect::<Vec<_>>(), campaigns.collect::<Vec<_>>())
}
