//! The recordings of voice calls that are about to go. LigueLead must have each one, or its voice call waits.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use recado_core::{
    audio::Audio,
    call::{Call, Dial, Ready, dial},
    credits::call_credits,
    message::Message,
    reason::Reason,
    transition::Transition,
};
use recado_ledger::{LedgerError, UploadState, at_once};

use super::{SendReport, Sender, moves::held};
use crate::planted::{Fault, planted};

/// The shortest and longest delay before a missing recording is checked again, in ms. In between, half of the message's
/// age.
const LOOK_AGAIN_MS: (i64, i64) = (10_000, 300_000);
/// How often the use of an upload is noted, in ms. LigueLead deletes a file that nobody used for 365 days.
const NOTE_USE_MS: i64 = 86_400_000;
/// Recordings that are looked up at once.
const AT_ONCE: usize = 8;

/// A recording, ready or missing.
enum Recording {
    At(Audio, u64),
    Missing(String),
}

impl Sender {
    /// Adds what the requests of voice calls need, and holds voice calls that cannot be made yet.
    pub(super) async fn with_recordings(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let names = messages.iter().filter_map(|message| Some(message.content.call()?.audio.clone()));
        let names: std::collections::BTreeSet<String> = names.collect();
        if names.is_empty() {
            return Ok(messages);
        }
        let found = at_once(AT_ONCE, names, |name| self.recording(name, now_ms));
        let found: BTreeMap<String, Recording> = found.try_collect().await?;
        let (mut ready, mut holds): (Vec<Message>, Vec<Transition>) = (Vec::with_capacity(messages.len()), Vec::new());
        for mut message in messages {
            let zone = message.phone().map(|phone| phone.zone()).unwrap_or_default();
            let Some(call) = message.content.call_mut() else {
                ready.push(message);
                continue;
            };
            match found.get(&call.audio) {
                Some(Recording::At(audio, upload_id)) => {
                    let dial = match dial(self.settings.hours_of(&message.rule), &zone, now_ms) {
                        Dial::NotBefore(_) if planted(Fault::CallsAtAnyHour) => Dial::Now { redial_until_ms: None },
                        dial => dial,
                    };
                    match dial {
                        Dial::Now { redial_until_ms } => {
                            call.ready = Some(Ready { content: audio.id, upload_id: *upload_id, redial_until_ms });
                            message.credits = call_credits(audio.length_ms);
                            ready.push(message);
                        }
                        // The gate was open a moment ago, but the minute has passed since.
                        Dial::NotBefore(until_ms) => {
                            holds.push(held(&message, until_ms, Reason::CallHoursOver, now_ms));
                        }
                    }
                }
                Some(Recording::Missing(why)) => {
                    let until_ms = now_ms + ((now_ms - message.created_ms) / 2).clamp(LOOK_AGAIN_MS.0, LOOK_AGAIN_MS.1);
                    holds.push(held(&message, until_ms, Reason::AudioMissing { why: why.clone() }, now_ms));
                }
                None => {}
            }
        }
        report.held += holds.len() as u64;
        self.moved(holds).await;
        Ok(ready)
    }

    async fn recording(&self, name: String, now_ms: i64) -> Result<(String, Recording), LedgerError> {
        let Some(audio) = self.ledger.audio(&name).await? else {
            let why = format!("its audio has not been added: recado audio add {name}");
            return Ok((name, Recording::Missing(why)));
        };
        let row = self.ledger.upload(audio.id).await?;
        let used_ms = row.as_ref().and_then(|row| row.used_ms).unwrap_or_default();
        let recording = match row.map(|row| row.state) {
            Some(UploadState::There(upload_id)) => {
                if now_ms - used_ms > NOTE_USE_MS {
                    self.ledger.upload_used(audio.id, now_ms).await?;
                }
                Recording::At(audio, upload_id)
            }
            Some(UploadState::Refused(why)) => {
                Recording::Missing(format!("LigueLead refused its audio {why}; add another file as {name}"))
            }
            _ => Recording::Missing("its audio is not at LigueLead yet: it is being uploaded".to_owned()),
        };
        Ok((name, recording))
    }
}

/// Whether a voice call still has time for its redials: it may have waited since it passed the checks.
pub(super) fn has_time(call: &Call, now_ms: i64) -> bool {
    let until_ms = call.ready.as_ref().and_then(|ready| ready.redial_until_ms);
    until_ms.is_none_or(|until_ms| until_ms - now_ms >= recado_core::call::REDIALS_NEED_MS)
}

#[cfg(test)]
mod tests {
    use recado_core::{call::REDIALS_NEED_MS, identity::AudioId};

    use super::*;

    #[test]
    fn a_call_needs_time_for_its_redials_unless_nothing_closes() {
        let until = |redial_until_ms| {
            let ready = Some(Ready { content: AudioId::of(b"a"), upload_id: 1, redial_until_ms });
            Call { audio: "a.mp3".to_owned(), redials: 1, every_min: 15, ready }
        };
        let last_start_ms = 1_000_000_000;
        let call = until(Some(last_start_ms + REDIALS_NEED_MS));
        assert!(has_time(&call, last_start_ms));
        assert!(!has_time(&call, last_start_ms + 1));
        assert!(has_time(&until(None), i64::MAX));
    }
}
