//! The caps, checked at the one point that every send passes: for the lead, and for the phone.
//!
//! A message needs two conditional writes: on its phone's row and on its lead's. One write counts all messages of a row
//! in the same wake-up. Both rows are read before either is written. A message may come again, because its request
//! failed or its sender died. The rows recognise it, and it counts once, from the time of its last pass.
//!
//! Phones' rows are written first. Leads' rows are written only for messages whose phone's row was written. So two
//! messages to one person in two processes never hold each other: the winner of the phone's row also gets the lead's
//! row.
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | the phones' rows | messages that wait, counted by phone | checked again, found by their ids, counted by lead |
//! | both | messages that wait, counted | checked again, and recognised |
//!
//! Only a race leaves a count too high. A message has its phone's row, and then its lead's row is full, because another
//! process sent to the lead under another phone. It counts on the phone until it goes or the window is over. It is not
//! taken out again, because an earlier attempt at it may have arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use recado_core::{
    caps::{Answer, Recent, Sent},
    message::Message,
    reason::Reason,
};
use recado_ledger::{CapsRow, LedgerError, Subject};

use super::{SendReport, Sender, moves::held};
use crate::planted::{Fault, planted};

/// Attempts at rows that others keep writing. The sweep takes the remaining messages.
const ATTEMPTS: u32 = 4;

impl Sender {
    /// Returns the messages that the caps allow, oldest first, and holds the rest until the caps allow them. More
    /// urgent messages were checked before, since each priority is sent separately.
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

    /// Checks messages against the caps. Messages that pass count from now on.
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

    /// Checks messages once, oldest first, and counts those that pass. Returns messages to check again, because
    /// somebody else has written their rows meanwhile.
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
        // Messages that were held because of these were held without need.
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

    /// Counts messages on those of their rows that `is_wanted`. Returns the subjects whose rows could not be written.
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

/// The subjects whose rows count a message.
fn counted(message: &Message) -> Vec<Subject> {
    let is_asked = |subject: &Subject| match subject {
        Subject::Phone(_) => message.lead_id().is_empty() || !planted(Fault::CapsByLeadAlone),
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

/// The result of checking messages against the caps.
#[derive(Default)]
pub(super) struct Capped {
    pub(super) passed: Vec<Message>,
    /// Messages that wait: until when, and why.
    pub(super) holds: Vec<(Message, i64, Reason)>,
    /// Messages whose rows others kept writing.
    pub(super) unsure: Vec<Message>,
}
