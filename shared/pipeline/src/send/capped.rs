//! The caps per lead, asked at the one choke point that every send passes.
//!
//! A message is let through by a conditional write on its lead's row, together with all other messages to that lead
//! in the same wake-up: at most one write per message. A message that comes again (its request did not go out, or its
//! sender died) is found in the row and counts once, from when it passed last.

use std::collections::{BTreeMap, HashMap};

use recado_core::{
    caps::{Sent, Verdict, ask, with},
    message::Message,
};
use recado_ledger::{Change, LeadCaps, LedgerError};

use super::{SendReport, Sender, moves::held};
use crate::planted::{Fault, planted};

/// Attempts at a lead's row that others keep writing. What is left over waits for the sweep.
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
        let caps = &self.settings.caps;
        if planted(Fault::CapsNotAsked) {
            return Ok(messages);
        }
        let Some(longest_ms) = caps.iter().map(|cap| cap.every_ms).max() else { return Ok(messages) };
        let keep_until_ms = now_ms.saturating_add(i64::try_from(longest_ms).unwrap_or(i64::MAX / 2));
        let mut of_lead: BTreeMap<String, Vec<Message>> = BTreeMap::new();
        for message in messages {
            of_lead.entry(message.lead_id.clone()).or_default().push(message);
        }
        let (mut passed, mut holds) = (Vec::new(), Vec::new());
        for _ in 0..ATTEMPTS {
            let leads: Vec<String> = of_lead.keys().cloned().collect();
            if leads.is_empty() {
                break;
            }
            let mut rows = self.ledger.caps(&leads).await?;
            let mut writes = Vec::new();
            let mut asked: HashMap<String, Vec<Message>> = HashMap::new();
            for (lead, messages) in std::mem::take(&mut of_lead) {
                let seen = rows.remove(&lead).unwrap_or_default();
                let judged = self.ask_caps(&seen, messages, now_ms, report);
                holds.extend(judged.holds);
                if judged.sent == seen.sent {
                    passed.extend(judged.passed);
                } else {
                    asked.insert(lead.clone(), judged.passed);
                    writes.push((lead, seen, judged.sent));
                }
            }
            let leads: Vec<String> = writes.iter().map(|(lead, ..)| lead.clone()).collect();
            for (lead, written) in leads.into_iter().zip(self.ledger.write_caps(writes, keep_until_ms).await?) {
                let messages = asked.remove(&lead).unwrap_or_default();
                if written {
                    passed.extend(messages);
                } else {
                    of_lead.insert(lead, messages);
                }
            }
        }
        report.held += holds.len() as u64;
        self.moved(holds).await;
        Ok(passed)
    }

    fn ask_caps(&self, seen: &LeadCaps, mut messages: Vec<Message>, now_ms: i64, report: &mut SendReport) -> Judged {
        messages.sort_by_key(|message| (message.created_ms, message.id));
        let mut judged = Judged { sent: seen.sent.clone(), passed: Vec::new(), holds: Vec::new() };
        for message in messages {
            match ask(&self.settings.caps, &judged.sent, message.id, now_ms) {
                Verdict::Pass { shadow } => {
                    report.shadow_capped += u64::from(shadow);
                    judged.sent = with(&self.settings.caps, &judged.sent, Sent { at_ms: now_ms, id: message.id });
                    judged.passed.push(message);
                }
                Verdict::Hold(until_ms) => {
                    let why = "the lead has had as many messages as the caps allow";
                    judged.holds.push(held(&message, until_ms, why, now_ms));
                }
            }
        }
        judged
    }
}

struct Judged {
    sent: Vec<Sent>,
    passed: Vec<Message>,
    holds: Vec<Change>,
}
