//! Wake-ups: which messages go at once, which wait for others of their text, and when a full request is together.
//!
//! A lingering message is `held` until the end of a window that is the same for all functions. At that instant, every
//! function that was woken for such a message acts. The first one sends all due messages from the table, also those for
//! which other functions were woken. So one text goes in as few requests as possible, however many functions took its
//! events. Each function then checks its own messages, for those that the index did not show yet or that were written
//! at the last moment.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use recado_core::{
    decide::WAKE_UP_WITHIN_MS,
    group::content_key,
    identity::MessageId,
    message::{Message, Priority, State},
};
use recado_ledger::LedgerError;

use super::{ROWS_PER_SHARD, SendReport, Sender};

/// The longest linger, in ms, and so how far ahead of an instant a process takes its messages in hand.
const LINGER_MS_MAX: i64 = 600_000;
/// How long a function that runs for one wake-up waits for an instant, in ms. Longer waits are left to the sweep,
/// because other wake-ups queue behind this one.
const WAITED_MS_MAX: i64 = 5_000;
/// The delay after an instant before the other functions check whether their messages were taken, in ms.
const FOLLOW_UP_MS: u64 = 1_500;
/// Overlooked messages that are read at once.
const OVERLOOKED_MOST: usize = 10_000;
/// A wake-up with less than this fraction of a full request of one text is not counted towards a full one. Counting
/// would cost a write for each text.
const COUNTED_PART: usize = 100;

/// Messages that were just written, sorted by when they go. Low ones are left to the sweep.
#[derive(Debug, Default)]
pub struct Woken {
    /// Go at once, before all others.
    pub urgent: Vec<Message>,
    /// Go at once.
    pub normal: Vec<Message>,
    /// Go at these instants, in ms since the epoch.
    pub lingering: BTreeMap<i64, Vec<MessageId>>,
    /// Texts with a full request together: the instant that they wait for, and their short names.
    pub full: BTreeSet<(i64, String)>,
}

/// Waiting messages for which no function was woken, or whose function had no room.
#[derive(Debug)]
pub struct Overlooked {
    /// Some of these messages, sorted by when they go.
    pub woken: Woken,
    /// Whether there are more.
    pub more: bool,
}

impl Sender {
    /// Finds messages that were written lately and are not in hand already.
    pub async fn overlooked(&self, in_hand: &HashSet<MessageId>) -> Result<Overlooked, LedgerError> {
        let until_ms = self.world.now_ms() + WAKE_UP_WITHIN_MS;
        let (mut ids, mut more) = (Vec::new(), false);
        for priority in [Priority::Urgent, Priority::Normal] {
            let due = self.ledger.due(priority, until_ms, ROWS_PER_SHARD).await?;
            ids.extend(due.messages.into_iter().filter(|id| !in_hand.contains(id)));
            more |= due.more;
        }
        more |= ids.len() > OVERLOOKED_MOST;
        ids.truncate(OVERLOOKED_MOST);
        Ok(Overlooked { woken: self.woken(&ids).await?, more })
    }

    /// Reads messages that were just written, and sorts them by when they go.
    pub async fn woken(&self, ids: &[MessageId]) -> Result<Woken, LedgerError> {
        self.sorted(self.ledger.messages(ids).await?).await
    }

    /// The same for messages that are in memory already.
    pub async fn sorted(&self, messages: Vec<Message>) -> Result<Woken, LedgerError> {
        let now_ms = self.world.now_ms();
        let mut woken = Woken::default();
        let mut counts: BTreeMap<(i64, String), usize> = BTreeMap::new();
        for message in messages {
            match (message.state, message.priority) {
                (_, Priority::Low) => {}
                (State::Pending, Priority::Urgent) => woken.urgent.push(message),
                (State::Pending, Priority::Normal) => woken.normal.push(message),
                (State::Held, _) => {
                    let soon = |due_ms: &i64| *due_ms <= now_ms + LINGER_MS_MAX;
                    let Some(due_ms) = message.due_ms.filter(soon) else { continue };
                    *counts.entry((due_ms, content_key(&message))).or_default() += 1;
                    woken.lingering.entry(due_ms).or_default().push(message.id);
                }
                _ => {}
            }
        }
        let most = self.settings.phones_per_request;
        for ((due_ms, key), added) in counts {
            if added * COUNTED_PART < most {
                continue;
            }
            let together = self.ledger.count_gathered(due_ms, &key, added as u64).await?;
            let before = together.saturating_sub(added as u64);
            if together / most as u64 > before / most as u64 {
                woken.full.insert((due_ms, key));
            }
        }
        Ok(woken)
    }

    /// Sends the messages of an instant that has come. Sends all due messages, unless another function does so; then
    /// those of `ids` that nobody took.
    pub async fn send_gathered(
        &self,
        due_ms: i64,
        ids: &[MessageId],
        deadline_ms: i64,
    ) -> Result<SendReport, LedgerError> {
        let mut report = SendReport::default();
        if self.ledger.once(&format!("gathered#{due_ms}"), self.world.now_ms()).await? {
            loop {
                let now_ms = self.world.now_ms();
                let due = self.ledger.due(Priority::Normal, now_ms, ROWS_PER_SHARD).await?;
                let waiting = self.held_until(&due.messages, now_ms).await?;
                let found = waiting.len();
                report = report.and(self.send(waiting, deadline_ms).await);
                if !due.more || found == 0 {
                    break;
                }
            }
        } else {
            tokio::time::sleep(std::time::Duration::from_millis(FOLLOW_UP_MS)).await;
        }
        let forgotten = self.held_until(ids, self.world.now_ms()).await?;
        Ok(report.and(self.send(forgotten, deadline_ms).await))
    }

    /// Sends the full requests of a text that waits until `due_ms`, before that instant. The rest goes on waiting.
    pub async fn send_full(&self, due_ms: i64, key: &str, deadline_ms: i64) -> Result<SendReport, LedgerError> {
        let due = self.ledger.due(Priority::Normal, due_ms, ROWS_PER_SHARD).await?;
        let mut together = self.held_until(&due.messages, due_ms).await?;
        together.retain(|message| message.due_ms == Some(due_ms) && content_key(message) == key);
        together.sort_by_key(|message| (message.created_ms, message.id));
        together.truncate(together.len() - together.len() % self.settings.phones_per_request.max(1));
        Ok(self.send(together, deadline_ms).await)
    }

    /// Those of `ids` that are held until `until_ms` or earlier.
    async fn held_until(&self, ids: &[MessageId], until_ms: i64) -> Result<Vec<Message>, LedgerError> {
        let mut messages = self.ledger.messages(ids).await?;
        messages.retain(|one| one.state == State::Held && one.due_ms.is_some_and(|due_ms| due_ms <= until_ms));
        Ok(messages)
    }

    /// Waits for the near instants of a wake-up that fit in the deadline, and sends their messages.
    pub(super) async fn linger(&self, woken: Woken, deadline_ms: i64) -> Result<SendReport, LedgerError> {
        let mut report = SendReport::default();
        for (due_ms, key) in woken.full {
            report = report.and(self.send_full(due_ms, &key, deadline_ms).await?);
        }
        let latest_ms = self.world.now_ms() + WAITED_MS_MAX;
        for (due_ms, ids) in woken.lingering {
            let wait_ms = due_ms - self.world.now_ms();
            if due_ms > latest_ms || due_ms.saturating_add(self.settings.call_timeout_ms) > deadline_ms {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(u64::try_from(wait_ms).unwrap_or_default())).await;
            report = report.and(self.send_gathered(due_ms, &ids, deadline_ms).await?);
        }
        Ok(report)
    }
}
