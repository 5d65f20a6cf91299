//! Tells the triggers of this process about writes of the use cases, so that work goes on at once, without a schedule.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use recado_core::message::{Message, Priority, State};
use recado_ledger::{Ledger, News};
use tokio::sync::Notify;

use super::alarms::Alarms;

/// The most new messages that wait to be taken. Further ones are found in the table once there is room again.
const MOST_WAITING: usize = 10_000;
/// How long messages of low priority gather before they go, in ms. They are often many of one text.
const LOW_GATHERS_MS: i64 = 1_000;

/// The instants at which due rows are looked at. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Bells {
    lanes: Arc<[Alarms; 3]>,
    write_back: Arc<Alarms>,
}

impl Bells {
    /// The instants at which messages of this priority are due.
    pub(super) fn lane(&self, priority: Priority) -> &Alarms {
        let [urgent, normal, low] = &*self.lanes;
        match priority {
            Priority::Urgent => urgent,
            Priority::Normal => normal,
            Priority::Low => low,
        }
    }

    /// The instants at which outcomes are due for LeadSquared.
    pub(super) fn write_back(&self) -> &Alarms {
        &self.write_back
    }
}

/// New messages on their way to the lanes.
#[derive(Debug, Default)]
pub(super) struct Written {
    waiting: Mutex<Vec<Message>>,
    arrived: Notify,
    overflowed: AtomicBool,
}

impl Written {
    fn put(&self, messages: Vec<Message>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST_WAITING.saturating_sub(waiting.len());
        if messages.len() > room {
            self.overflow();
        }
        waiting.extend(messages.into_iter().take(room));
        self.arrived.notify_one();
    }

    /// Waits for messages, and takes all that have come. If `looks`, it also returns when some found no room. If the wait
    /// is cancelled, no message is lost.
    pub(super) async fn take(&self, looks: bool) -> Vec<Message> {
        loop {
            let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() || (looks && self.overflowed.load(Ordering::Relaxed)) {
                return taken;
            }
            self.arrived.notified().await;
        }
    }

    /// Whether some messages found no room since the last check. The table has them.
    pub(super) fn take_overflow(&self) -> bool {
        self.overflowed.swap(false, Ordering::Relaxed)
    }

    /// Notes that the table has more of them.
    pub(super) fn overflow(&self) {
        self.overflowed.store(true, Ordering::Relaxed);
    }
}

/// When the sweep of a message's priority looks for a new message, in ms since the epoch. None if its wake-up sends it.
fn rings_ms(message: &Message) -> Option<i64> {
    match (message.state, message.priority) {
        (State::Held, _) => message.due_ms,
        (State::Pending, Priority::Low) => Some(message.due_ms? + LOW_GATHERS_MS),
        _ => None,
    }
}

/// The same table, whose writes set alarms, and the queue of its new messages. The queue stays empty if the stream
/// reports them.
pub(super) fn listening(ledger: Ledger, is_streamed: bool) -> (Ledger, Bells, Arc<Written>) {
    let (bells, written) = (Bells::default(), Arc::new(Written::default()));
    let (rung, put) = (bells.clone(), Arc::clone(&written));
    let ledger = ledger.telling(move |news| match news {
        News::Messages(messages) => {
            for message in &messages {
                if let Some(due_ms) = rings_ms(message) {
                    rung.lane(message.priority).set(due_ms);
                }
            }
            if !is_streamed {
                put.put(messages.into_iter().filter(|message| message.priority != Priority::Low).collect());
            }
        }
        News::Waits(priority, due_ms) => rung.lane(priority).set(due_ms),
        News::Outcome(due_ms) => rung.write_back().set(due_ms),
    });
    (ledger, bells, written)
}

#[cfg(test)]
mod tests {
    use recado_core::{identity::MessageId, message::Channel};

    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_is_noticed_by_who_may_look_for_it() {
        let message = |number: usize| {
            let id = MessageId::from_bytes((number as u128).to_be_bytes());
            Message::new(id, "welcome", "lead", Channel::Sms, 0, 1)
        };
        let written = Written::default();
        written.put((0..=MOST_WAITING).map(message).collect());
        assert_eq!(written.take(false).await.len(), MOST_WAITING);
        let waits = tokio::time::timeout(std::time::Duration::from_millis(50), written.take(false)).await;
        assert!(waits.is_err(), "nothing has come, and nobody may look");
        assert!(written.take(true).await.is_empty() && written.take_overflow());
        assert!(!written.take_overflow(), "once");
    }
}
