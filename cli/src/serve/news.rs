//! What the use cases write, told to the triggers of this process: it goes on at once, and no schedule is waited for.

use std::sync::Arc;

use recado_core::message::{Message, Priority};
use recado_ledger::{Ledger, News};
use tokio::sync::mpsc;

use super::alarms::Alarms;

/// Writes of new messages that may wait to be seen. What comes beyond is due in a minute, and the sweep takes it.
const WRITES_WAITING: usize = 1_024;

/// When what is due is looked at. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Bells {
    lanes: Arc<[Alarms; 3]>,
    write_back: Arc<Alarms>,
}

impl Bells {
    /// When messages of this priority are due.
    pub(super) fn lane(&self, priority: Priority) -> &Alarms {
        let [urgent, normal, low] = &*self.lanes;
        match priority {
            Priority::Urgent => urgent,
            Priority::Normal => normal,
            Priority::Low => low,
        }
    }

    /// When outcomes are due to be told to LeadSquared.
    pub(super) fn write_back(&self) -> &Alarms {
        &self.write_back
    }
}

/// The same table, whose writes ring the bells, and the new messages that are written to it.
pub(super) fn listening(ledger: Ledger) -> (Ledger, Bells, mpsc::Receiver<Vec<Message>>) {
    let bells = Bells::default();
    let (written, messages) = mpsc::channel(WRITES_WAITING);
    let rung = bells.clone();
    let ledger = ledger.telling(move |news| match news {
        News::Messages(messages) => {
            for held in messages.iter().filter(|message| message.state == recado_core::message::State::Held) {
                held.due_ms.iter().for_each(|due_ms| rung.lane(held.priority).set(*due_ms));
            }
            if written.try_send(messages).is_err() {
                tracing::warn!("wake_up.queue_full");
            }
        }
        News::Waits(priority, due_ms) => rung.lane(priority).set(due_ms),
        News::Outcomes { due_ms, .. } => rung.write_back().set(due_ms),
    });
    (ledger, bells, messages)
}
