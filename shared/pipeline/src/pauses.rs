//! The pauses of operators, as senders see them: read from the table at most once a second.

use recado_core::reason::Reason;
use std::{fmt, sync::Arc, time::Duration};

use recado_core::message::Message;
use recado_ledger::{Ledger, LedgerError, Pause, Scope};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    planted::{Fault, planted},
    settings::SendSettings,
};

/// How long a reading of the pauses is believed. `recado pause` returns after twice this time, when every sender has
/// seen the pause.
pub const SEEN_WITHIN: Duration = Duration::from_secs(1);
/// The delay before a paused message is checked again, in ms, if nobody releases it. `recado resume` releases it.
pub(crate) const LOOK_MS: i64 = 3_600_000;

/// The pauses. Cheap to clone; clones share the last reading.
#[derive(Clone, Default)]
pub struct Pauses(Arc<Mutex<Option<Seen>>>);

/// The pauses, and the time of the reading.
type Seen = (Instant, Arc<Vec<Pause>>);

impl Pauses {
    /// The pauses in force. An error comes from the table: the pauses are then unknown, and nothing may start.
    pub(crate) async fn now(&self, ledger: &Ledger) -> Result<Arc<Vec<Pause>>, LedgerError> {
        if planted(Fault::PausesNotAsked) {
            return Ok(Arc::default());
        }
        let mut seen = self.0.lock().await;
        if let Some((_, pauses)) = seen.as_ref().filter(|(at, _)| at.elapsed() < SEEN_WITHIN) {
            return Ok(Arc::clone(pauses));
        }
        // Measured from before the request: the answer may be as old as that.
        let asked = Instant::now();
        let pauses = Arc::new(ledger.pauses().await?);
        *seen = Some((asked, Arc::clone(&pauses)));
        Ok(pauses)
    }
}

/// The pause that holds a message, if any. A rule's pause holds under all the rule's ids.
pub(crate) fn holding<'p>(pauses: &'p [Pause], message: &Message, settings: &SendSettings) -> Option<&'p Pause> {
    let is_of_rule = |scope: &Scope| match scope {
        Scope::Rule(rule) => settings.present(rule) == settings.present(&message.rule),
        Scope::All | Scope::Channel(_) => false,
    };
    pauses.iter().find(|pause| pause.scope.holds(message) || is_of_rule(&pause.scope))
}

/// The reason why a paused message waits.
pub(crate) fn why(pause: &Pause) -> Reason {
    Reason::Paused { what: pause.scope.words(), by: pause.by.clone(), why: pause.why.clone() }
}

impl fmt::Debug for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pauses")
    }
}
