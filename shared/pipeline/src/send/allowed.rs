//! Who may be sent to now, asked at the one choke point that every send passes: not what is paused, not who is
//! suppressed, not who opted out in the CRM since the event.

use recado_core::message::{Message, State};
use recado_ledger::{Amend, LedgerError, Suppression};

use super::{SendReport, Sender, moves::held};
use crate::{
    pauses::{self, LOOK_MS},
    planted::{Fault, planted},
};

impl Sender {
    /// Lets through what may be sent; holds what is paused or could not be asked about, and ends what may never be.
    pub(super) async fn allowed(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        if messages.is_empty() {
            return Ok(messages);
        }
        let paused = self.pauses.now(&self.ledger).await?;
        let (mut holds, mut ends, mut running) = (Vec::new(), Vec::new(), Vec::with_capacity(messages.len()));
        for message in messages {
            match pauses::holding(&paused, &message) {
                Some(pause) => holds.push(held(&message, now_ms + LOOK_MS, &pauses::why(pause), now_ms)),
                None => running.push(message),
            }
        }
        let suppressed = self.ledger.suppressed(&running).await?;
        let mut asking = Vec::with_capacity(running.len());
        for (place, message) in running.into_iter().enumerate() {
            match suppressed.get(&place).filter(|_| !planted(Fault::SuppressionsNotAsked)) {
                Some(suppression) => ends.push(skip(&message, &reason(suppression), now_ms)),
                None => asking.push(message),
            }
        }
        let asked = match &self.opt_outs {
            Some(opt_outs) => opt_outs.ask(&asking, now_ms).await,
            None => crate::opt_out::Asked::default(),
        };
        let mut allowed = Vec::with_capacity(asking.len());
        for (place, message) in asking.into_iter().enumerate() {
            if let Some(why) = asked.forbidden.get(&place) {
                ends.push(skip(&message, why, now_ms));
            } else if asked.waiting.contains(&place) {
                holds.push(held(&message, asked.until_ms, &asked.why, now_ms));
            } else {
                allowed.push(message);
            }
        }
        report.held += holds.len() as u64;
        report.skipped += ends.len() as u64;
        self.moved(holds).await;
        if let Err(error) = self.ledger.amend(ends).await {
            tracing::error!(error = %error, "send.table_failed");
        }
        Ok(allowed)
    }

    /// The same of pauses alone, before each request of a run: what is left of `members`, and how many were held. If
    /// nobody can say whether they are paused, none is left; they are due.
    pub(super) async fn not_paused(&self, members: Vec<Message>) -> (Vec<Message>, u64) {
        let paused = match self.pauses.now(&self.ledger).await {
            Ok(paused) if paused.is_empty() => return (members, 0),
            Ok(paused) => paused,
            Err(error) => {
                tracing::error!(error = %error, "send.table_failed");
                return (Vec::new(), 0);
            }
        };
        let now_ms = self.world.now_ms();
        let (mut left, mut holds) = (Vec::with_capacity(members.len()), Vec::new());
        for message in members {
            match pauses::holding(&paused, &message) {
                Some(pause) => holds.push(held(&message, now_ms + LOOK_MS, &pauses::why(pause), now_ms)),
                None => left.push(message),
            }
        }
        let held = holds.len() as u64;
        self.moved(holds).await;
        (left, held)
    }
}

fn reason(suppression: &Suppression) -> String {
    let who = match suppression.subject {
        recado_ledger::Subject::Phone(_) => "phone",
        recado_ledger::Subject::Lead(_) => "lead",
    };
    format!("the {who} is suppressed for {} ({})", suppression.kind.as_str(), suppression.source)
}

fn skip(message: &Message, why: &str, now_ms: i64) -> Amend {
    let end = Amend::of(message);
    end.to(State::Skipped, Some(why), now_ms).over().tell(now_ms)
}
