//! The caps per lead, asked at the one choke point that every send passes.
//!
//! A message is let through by a conditional write on its lead's row, together with all other messages to that lead
//! in the same wake-up: at most one write per message. A message that comes again (its request did not go out, or its
//! sender died) is found in the row and counts once, from when it passed last.

use std::collections::{BTreeMap, HashMap};

use recado_core::{
    caps::{Sent, Verdict},
    identity::RuleTag,
    message::Message,
};
use recado_ledger::{LeadCaps, LedgerError};

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
        let judged = self.judge_capped(messages, now_ms, report).await?;
        report.held += judged.holds.len() as u64;
        let holds = judged.holds.iter().map(|(message, until_ms, why)| held(message, *until_ms, why, now_ms));
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
        let keep_until_ms = now_ms.saturating_add(caps.longest_ms());
        let mut of_lead: BTreeMap<String, Vec<Message>> = BTreeMap::new();
        let mut judged = Capped::default();
        for message in messages {
            if caps.ask_about(&message.rule) && !planted(Fault::CapsNotAsked) {
                of_lead.entry(whose(&message)).or_default().push(message);
            } else {
                judged.passed.push(message);
            }
        }
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
                let (sent, passed) = self.ask_caps(&seen, messages, now_ms, &mut judged.holds, report);
                if sent == seen.sent {
                    judged.passed.extend(passed);
                } else {
                    asked.insert(lead.clone(), passed);
                    writes.push((lead, seen, sent));
                }
            }
            let leads: Vec<String> = writes.iter().map(|(lead, ..)| lead.clone()).collect();
            for (lead, written) in leads.into_iter().zip(self.ledger.write_caps(writes, keep_until_ms).await?) {
                let messages = asked.remove(&lead).unwrap_or_default();
                if written {
                    judged.passed.extend(messages);
                } else {
                    of_lead.insert(lead, messages);
                }
            }
        }
        judged.unsure = of_lead.into_values().flatten().collect();
        Ok(judged)
    }

    fn ask_caps(
        &self,
        seen: &LeadCaps,
        mut messages: Vec<Message>,
        now_ms: i64,
        holds: &mut Vec<(Message, i64, String)>,
        report: &mut SendReport,
    ) -> (Vec<Sent>, Vec<Message>) {
        messages.sort_by_key(|message| (message.created_ms, message.id));
        let (mut sent, mut passed) = (seen.sent.clone(), Vec::new());
        for message in messages {
            let rule = RuleTag::of(&message.rule);
            match self.settings.caps.ask(&sent, (message.id, rule), now_ms) {
                Verdict::Pass { shadow } => {
                    report.shadow_capped += u64::from(shadow);
                    sent = self.settings.caps.with(&sent, Sent { at_ms: now_ms, id: message.id, rule });
                    passed.push(message);
                }
                Verdict::Hold(until_ms) => {
                    let why = "the lead has had as many messages as the caps allow";
                    holds.push((message, until_ms, why.to_owned()));
                }
            }
        }
        (sent, passed)
    }
}

/// Whose caps a message counts towards: its lead's; where no lead is known, its phone's.
fn whose(message: &Message) -> String {
    match message.phone {
        Some(phone) if message.lead_id.is_empty() => format!("phone#{}", phone.national()),
        _ => message.lead_id.clone(),
    }
}

/// What the caps say of messages.
#[derive(Default)]
pub(super) struct Capped {
    pub(super) passed: Vec<Message>,
    /// Those that wait, until when, and why.
    pub(super) holds: Vec<(Message, i64, String)>,
    /// Those whose leads' rows others kept writing.
    pub(super) unsure: Vec<Message>,
}
