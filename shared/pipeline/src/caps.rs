//! The caps as dry runs check them: by lead and by phone, as the sender does, but nothing is written.

use std::collections::BTreeSet;

use recado_core::{
    caps::{Answer, Caps, Recent},
    message::Message,
    subject::Subject,
};
use recado_ledger::{Ledger, LedgerError};

/// Reads the recent messages of the leads and phones of `messages`, unless they are known already.
pub(crate) async fn know_recent<'m>(
    ledger: &Ledger,
    recent: &mut Recent,
    messages: impl Iterator<Item = &'m Message>,
) -> Result<(), LedgerError> {
    let unknown: BTreeSet<Subject> = messages.flat_map(|message| recent.unknown(message)).collect();
    let unknown: Vec<Subject> = unknown.into_iter().collect();
    let mut rows = ledger.caps(&unknown).await?;
    for subject in unknown {
        let sent = rows.remove(&subject).map(|row| row.sent).unwrap_or_default();
        recent.know(subject, sent);
    }
    Ok(())
}

/// Checks whether `message` may go at `now_ms`, and counts it if it may.
pub(crate) fn ask_recent(recent: &mut Recent, caps: &Caps, message: &Message, now_ms: i64) -> Answer {
    let subjects: Vec<Subject> = Subject::of_message(message).collect();
    recent.ask(caps, &subjects, message, now_ms)
}
