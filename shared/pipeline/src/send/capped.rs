//! The caps, asked at the one choke point that every send passes: of the lead, and of whoever has the phone.
//!
//! A message is let through by two conditional writes: on its phone's row, and on its lead's. One write counts all messages
//! of a row in the same wake-up. Both rows are asked before either is written. A message may come again: its request did not
//! go out, or its sender died. It is found in the rows and counts once, from when it passed last.
//!
//! Phones' rows are written first, and leads' rows only for those whose phone's row was. So two messages to one person at one
//! moment, in two processes, never hold one another: who gets the phone's row gets the lead's, and the other is on neither.
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | the phones' rows | messages that wait, counted by phone | asked again, found there by their ids, and counted by lead |
//! | both | messages that wait, counted | asked again, and found |
//!
//! Only a race leaves a count too many: a message that has its phone's row and then finds its lead's full, because another
//! process sent to the lead under another phone meanwhile. It counts on the phone until the window is over or it goes. It is
//! not taken out again: an earlier attempt at it may have arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use recado_core::{
    caps::{Answer, Recent, Sent},
    message::Message,
    reason::Reason,
};
use recado_ledger::{CapsRow, LedgerError, Subject};

use super::{SendReport, Sender, moves::held};
use crate::planted::{Fault, planted};

/// Attempts at rows that others keep writing. What is left over waits for the sweep.
const ATTEMPTS: u32 = 4;

impl Sender {
    /// Lets through what the caps allow, oldest first, and holds the rest until they do. More urgent messages were
    /// asked for before, since each priority is sent by itself.
    pub(super) async fn capped(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let judged = self.judge_capped(messages, now_ms, report).await?;
        report.held += judged.holds.len() as u64;
        let holds = judged.holds.iter().map(|(message, until_ms, why)| held(message, *until_ms, why.clone(), now_ms));
        self.moved(holds.collect()).await;
        Ok(judged.passed)
    }

    /// What the caps say of messages; those that pass are counted from now on.
    pub(super) async fn judge_capped(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        report: &mut SendReport,
    ) -> Result<Capped, LedgerError> {
        let caps = &self.settings.caps;
        let is_asked = |message: &Message| caps.ask_about(&message.rule) && !planted(Fault::CapsNotAsked);
        let (mut asked, passed): (Vec<_>, Vec<_>) = messages.into_iter().partition(is_asked);
        let mut judged = Capped { passed, ..Capped::default() };
        asked.sort_by_key(|message| (message.created_ms, message.id));
        for _ in 0..ATTEMPTS {
            if asked.is_empty() {
                break;
            }
            asked = self.ask_caps(asked, now_ms, &mut judged, report).await?;
        }
        judged.unsure = asked;
        Ok(judged)
    }

    /// Asks once about messages, oldest first, and counts those that pass. Returns those that are to be asked about again,
    /// since somebody else has written their rows meanwhile.
    async fn ask_caps(
        &self,
        messages: Vec<Message>,
        now_ms: i64,
        judged: &mut Capped,
        report: &mut SendReport,
    ) -> Result<Vec<Message>, LedgerError> {
        let subjects: BTreeSet<Subject> = messages.iter().flat_map(counted).collect();
        let rows = self.ledger.caps(&subjects.into_iter().collect::<Vec<_>>()).await?;
        let mut recent = Recent::default();
        for (subject, row) in &rows {
            recent.know(subject.clone(), row.sent.clone());
        }
        let ask = |message: Message| {
            let answer = recent.ask(&self.settings.caps, &counted(&message), &message, now_ms);
            (message, answer)
        };
        let answers: Vec<(Message, Answer)> = messages.into_iter().map(ask).collect();

        let mut passing: Vec<&Message> =
            answers.iter().filter(|(_, answer)| answer.passes()).map(|(it, _)| it).collect();
        let mut lost = self.count(&rows, &passing, is_phone, now_ms).await?;
        let without_phone: Vec<&Message> = passing.extract_if(.., |message| has(&lost, message)).collect();
        // What was held because of these was held for nothing.
        let mut in_doubt: BTreeSet<Subject> = without_phone.into_iter().flat_map(counted).collect();
        lost.extend(self.count(&rows, &passing, |subject| !is_phone(subject), now_ms).await?);
        in_doubt.extend(lost.iter().cloned());

        let mut again = Vec::new();
        for (message, answer) in answers {
            match answer {
                Answer::Pass { shadow } if !has(&lost, &message) => {
                    report.shadow_capped += u64::from(shadow);
                    judged.passed.push(message);
                }
                Answer::Hold { until_ms, why } if !has(&in_doubt, &message) => {
                    judged.holds.push((message, until_ms, why));
                }
                _ => again.push(message),
            }
        }
        Ok(again)
    }

    /// Counts messages on those of their rows that are wanted. Returns whose rows could not be written.
    async fn count(
        &self,
        rows: &HashMap<Subject, CapsRow>,
        messages: &[&Message],
        is_wanted: impl Fn(&Subject) -> bool,
        now_ms: i64,
    ) -> Result<BTreeSet<Subject>, LedgerError> {
        let caps = &self.settings.caps;
        let mut counts: BTreeMap<Subject, (CapsRow, Vec<Sent>)> = BTreeMap::new();
        for message in messages {
            let new = Sent { at_ms: now_ms, id: message.id, rule: caps.tag(&message.rule) };
            for subject in counted(message).into_iter().filter(&is_wanted) {
                let (_, sent) = counts.entry(subject).or_insert_with_key(|subject| {
                    let seen = rows.get(subject).cloned().unwrap_or_default();
                    (seen.clone(), seen.sent)
                });
                *sent = caps.with(sent, new);
            }
        }
        let writes: Vec<_> = counts
            .into_iter()
            .filter(|(_, (seen, sent))| *sent != seen.sent)
            .map(|(subject, (seen, sent))| (subject, seen, sent))
            .collect();
        let subjects: Vec<Subject> = writes.iter().map(|(subject, ..)| subject.clone()).collect();
        let keep_until_ms = now_ms.saturating_add(caps.longest_ms());
        let written = self.ledger.write_caps(writes, keep_until_ms).await?;
        Ok(subjects.into_iter().zip(written).filter(|(_, written)| !written).map(|(subject, _)| subject).collect())
    }
}

/// On whose rows a message counts.
fn counted(message: &Message) -> Vec<Subject> {
    let is_asked = |subject: &Subject| match subject {
        Subject::Phone(_) => message.lead_id.is_empty() || !planted(Fault::CapsByLeadAlone),
        Subject::Lead(_) => !planted(Fault::CapsByPhoneAlone),
    };
    Subject::of_message(message).filter(is_asked).collect()
}

fn is_phone(subject: &Subject) -> bool {
    matches!(subject, Subject::Phone(_))
}

fn has(subjects: &BTreeSet<Subject>, message: &Message) -> bool {
    !subjects.is_empty() && counted(message).iter().any(|subject| subjects.contains(subject))
}

/// What the caps say of messages.
#[derive(Default)]
pub(super) struct Capped {
    pub(super) passed: Vec<Message>,
    /// Those that wait, until when, and why.
    pub(super) holds: Vec<(Message, i64, Reason)>,
    /// Those whose rows others kept writing.
    pub(super) unsure: Vec<Message>,
}
