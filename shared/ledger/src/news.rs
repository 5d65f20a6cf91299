//! Reports this process's writes to its own waiting tasks. On one machine nobody needs to poll the table.

use std::{fmt, sync::Arc};

use recado_core::{
    message::{Message, Priority},
    transition::Transition,
};

use crate::Inserted;

/// Something that was written to the table.
#[derive(Debug, Clone)]
pub enum News {
    /// New messages that may be sent now or at their due times.
    Messages(Vec<Message>),
    /// Messages of a priority wait for the sender until this instant, in ms since the epoch.
    Waits(Priority, i64),
    /// An outcome is due to be written back to LeadSquared at this instant, in ms since the epoch.
    Outcome(i64),
}

/// The function that hears of writes. It must not block: the writer waits until it returns.
#[derive(Clone)]
pub(crate) struct Listener(Arc<dyn Fn(News) + Send + Sync>);

impl Listener {
    pub(crate) fn new(tell: impl Fn(News) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Reports the messages that are new, given the result of each write.
    pub(crate) fn inserted(&self, messages: &[Message], inserted: &[Inserted]) {
        let is_new = |(_, inserted): &(&Message, &Inserted)| **inserted == Inserted::New;
        let new: Vec<&Message> = messages.iter().zip(inserted).filter(is_new).map(|(message, _)| message).collect();
        self.outcomes(new.iter().filter_map(|message| message.crm.due_ms));
        let waiting = new.into_iter().filter(|message| message.state.is_waiting());
        let waiting: Vec<Message> = waiting.cloned().collect();
        if !waiting.is_empty() {
            (self.0)(News::Messages(waiting));
        }
    }

    /// Reports transitions that were made.
    pub(crate) fn moved<'t>(&self, made: impl Iterator<Item = &'t Transition> + Clone) {
        self.waits(made.clone().filter_map(Transition::waits));
        self.outcomes(made.filter_map(Transition::tells_ms));
    }

    /// Reports messages that wait for the sender: each priority with its distinct due times.
    fn waits(&self, waits: impl Iterator<Item = (Priority, i64)>) {
        let mut waits: Vec<_> = waits.collect();
        waits.sort_unstable();
        waits.dedup();
        for (priority, due_ms) in waits {
            (self.0)(News::Waits(priority, due_ms));
        }
    }

    /// Reports the earliest of some outcomes' due times.
    fn outcomes(&self, due: impl Iterator<Item = i64>) {
        if let Some(due_ms) = due.min() {
            (self.0)(News::Outcome(due_ms));
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
