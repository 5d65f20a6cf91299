//! The progress of runs.

use std::collections::BTreeMap;

use recado_core::{
    identity::RunId,
    message::{Message, State},
    phone::Phone,
};
use recado_ledger::{Ledger, LedgerError, Phase, Run, Scope};
use serde::Serialize;

use crate::blocks::{Page, states};

/// The progress of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// The campaign.
    pub campaign: String,
    /// The run's name.
    pub run: String,
    /// `sms`, `flash` or `voice`.
    pub channel: String,
    /// `gathering`, `releasing`, `sending`, `done` or `cancelled`.
    pub phase: String,
    /// When it was started, in ms since the epoch.
    pub started_ms: i64,
    /// Leads and lines that were judged.
    pub looked_at: u64,
    /// Leads and lines that get a message.
    pub recipients: u64,
    /// Leads and lines that get no message, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Messages by state.
    pub states: BTreeMap<String, u64>,
    /// Messages that still wait, including those that were not released yet.
    pub waiting: u64,
    /// Messages that LigueLead took or may have taken.
    pub sent: u64,
    /// Messages that LigueLead took but has not reported on. LigueLead may lack credits, or the reports were lost.
    pub without_report: u64,
    /// The next due time of the waiting messages, in ms since the epoch.
    pub next_due_ms: Option<i64>,
    /// When all messages will be sent at the present pace, in ms since the epoch. `None` if that cannot be estimated:
    /// nothing was sent yet, the run is paused, or some messages wait for a later instant. Also `None` when all are
    /// sent.
    pub eta_ms: Option<i64>,
    /// Why it does not progress as it should, for a person to read.
    pub why: Option<String>,
}

/// The progress of all runs, the latest first; of one campaign's runs if `campaign` is given. Reads the whole table.
pub async fn statuses(ledger: &Ledger, campaign: Option<&str>, now_ms: i64) -> Result<Vec<RunStatus>, LedgerError> {
    let mut runs: Vec<Run> = ledger.runs().await?;
    runs.retain(|run| campaign.is_none_or(|campaign| run.campaign == campaign));
    runs.sort_by_key(|run| std::cmp::Reverse((run.started_ms, run.name.clone())));
    let mut counted: Vec<Counted> = runs.iter().map(|_| Counted::default()).collect();
    let places: BTreeMap<(String, String), usize> =
        runs.iter().enumerate().map(|(place, run)| ((run.campaign.clone(), run.event()), place)).collect();
    let mut blocks = Vec::new();
    ledger
        .each_message(|message| {
            let place = places.get(&(message.rule.clone(), message.event.clone()));
            if let Some((place, counted)) = place.and_then(|place| Some((*place, counted.get_mut(*place)?))) {
                counted.see(&message);
                match message.block() {
                    Some(_) => blocks.push((place, message)),
                    None => counted.add(message.state, 1),
                }
            }
            true
        })
        .await?;
    for (place, message) in blocks {
        let Some(counted) = counted.get_mut(place) else { continue };
        for (state, count) in states(ledger, &message).await? {
            counted.add(state, count);
        }
    }
    let pauses = ledger.pauses().await?;
    let status = |(run, counted): (Run, Counted)| {
        let is_paused = pauses.iter().any(|pause| match &pause.scope {
            Scope::All => true,
            Scope::Rule(rule) => *rule == run.campaign,
            Scope::Channel(channel) => channel.as_str() == run.frozen.channel(),
        });
        counted.status(run, is_paused, now_ms)
    };
    Ok(runs.into_iter().zip(counted).map(status).collect())
}

/// A message that LigueLead took but has not reported on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unreported {
    /// The campaign.
    pub campaign: String,
    /// The run.
    pub run: String,
    /// When LigueLead took it, in ms since the epoch.
    pub since_ms: i64,
    /// The phone, masked.
    pub phone: String,
    /// The lead, if it is known.
    pub lead: Option<String>,
}

/// The messages without a report, of all runs or of one campaign's, the oldest first. Reads the whole table.
pub async fn unreported(ledger: &Ledger, campaign: Option<&str>) -> Result<Vec<Unreported>, LedgerError> {
    let mut runs: Vec<Run> = ledger.runs().await?;
    runs.retain(|run| campaign.is_none_or(|campaign| run.campaign == campaign));
    let runs: BTreeMap<RunId, Run> = runs.into_iter().map(|run| (run.id(), run)).collect();
    let mut accepted = Vec::new();
    ledger
        .each_message(|message| {
            let run = Run::of(&message).filter(|run| runs.contains_key(run));
            accepted.extend(run.filter(|_| message.state == State::Accepted).map(|run| (run, message)));
            true
        })
        .await?;
    let mut found = Vec::new();
    for (run, message) in accepted {
        let Some(Run { campaign, name, .. }) = runs.get(&run) else { continue };
        let since_ms = message.changed_ms;
        let mut add = |phone: Option<Phone>, lead: Option<String>| {
            let phone = phone.map(Phone::masked).unwrap_or_default();
            found.push(Unreported { campaign: campaign.clone(), run: name.clone(), since_ms, phone, lead });
        };
        let Some(block) = message.block() else {
            add(message.phone(), Some(message.lead_id().to_owned()).filter(|lead| !lead.is_empty()));
            continue;
        };
        let (page, notes) = (Page::of(ledger, block).await?, ledger.block_notes(message.id).await?.notes);
        for place in block.places().filter(|place| notes.state(*place).is_none_or(|state| state == State::Accepted)) {
            if let Some(recipient) = page.at(place) {
                add(Some(recipient.phone), recipient.lead.clone());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The counts of a run.
#[derive(Default)]
struct Counted {
    states: BTreeMap<State, u64>,
    next_due_ms: Option<i64>,
    last_due_ms: Option<i64>,
}

impl Counted {
    fn add(&mut self, state: State, count: u64) {
        if count > 0 {
            *self.states.entry(state).or_default() += count;
        }
    }

    fn see(&mut self, message: &Message) {
        if message.state.is_waiting()
            && let Some(due_ms) = message.due_ms
        {
            self.next_due_ms = Some(self.next_due_ms.map_or(due_ms, |next_ms| next_ms.min(due_ms)));
            // Pending messages go when their turn comes: their due time only covers a lost wake-up.
            if message.state == State::Held {
                self.last_due_ms = self.last_due_ms.max(Some(due_ms));
            }
        }
    }

    fn status(self, run: Run, is_paused: bool, now_ms: i64) -> RunStatus {
        let of = |states: &[State]| states.iter().filter_map(|state| self.states.get(state)).sum::<u64>();
        let known: u64 = self.states.values().sum();
        let unreleased = run.tally.recipients.saturating_sub(known);
        let open = of(&[State::Pending, State::Held, State::Sending]);
        let waiting = if run.phase == Phase::Cancelled { open } else { open + unreleased };
        let ended_unsent = of(&[State::Skipped, State::Expired]);
        let sent = known - open - ended_unsent;
        let without_report = of(&[State::Accepted]);
        let phase = match run.phase {
            Phase::Gathering => "gathering",
            Phase::Releasing => "releasing",
            Phase::Cancelled => "cancelled",
            Phase::Released if waiting > 0 => "sending",
            Phase::Released => "done",
        };
        let pace = Pace { since_ms: run.gathered_ms.unwrap_or(run.started_ms), sent, last_due_ms: self.last_due_ms };
        let eta_ms = pace.ends_ms(waiting, now_ms).filter(|_| !is_paused);
        RunStatus {
            phase: phase.to_owned(),
            channel: run.frozen.channel().to_owned(),
            campaign: run.campaign,
            run: run.name,
            started_ms: run.started_ms,
            looked_at: run.tally.looked_at,
            recipients: run.tally.recipients,
            left_out: run.tally.left_out,
            states: self.states.into_iter().map(|(state, count)| (state.as_str().to_owned(), count)).collect(),
            waiting,
            sent,
            without_report,
            next_due_ms: self.next_due_ms.filter(|_| waiting > 0),
            eta_ms,
            why: run.why,
        }
    }
}

/// The pace of a run so far.
struct Pace {
    /// When sending could begin, in ms since the epoch.
    since_ms: i64,
    /// Messages sent since then.
    sent: u64,
    /// The last due time of the held messages, in ms since the epoch.
    last_due_ms: Option<i64>,
}

impl Pace {
    /// When the rest will be sent at this pace. A message with a later due time waits for something else than its turn,
    /// and the length of that wait is unknown.
    fn ends_ms(&self, waiting: u64, now_ms: i64) -> Option<i64> {
        let took_ms = u64::try_from(now_ms - self.since_ms).ok()?;
        let left_ms = took_ms.checked_mul(waiting)?.checked_div(self.sent)?;
        let ends_ms = now_ms + i64::try_from(left_ms).ok()?;
        (waiting > 0 && self.last_due_ms.is_none_or(|due_ms| due_ms <= ends_ms)).then_some(ends_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn an_end_is_told_only_where_the_pace_tells_it() {
        let ends = |sent, last_due_ms, waiting| Pace { since_ms: 1_000, sent, last_due_ms }.ends_ms(waiting, 11_000);
        assert_eq!(ends(100, None, 50), Some(16_000));
        assert_eq!(ends(100, Some(16_000), 50), Some(16_000));
        assert_eq!(ends(100, Some(16_001), 50), None, "some wait for an instant of their own");
        assert_eq!(ends(0, None, 50), None, "nothing was sent yet");
        assert_eq!(ends(100, None, 0), None, "all is sent");
        assert_eq!(ends(u64::MAX, None, u64::MAX), None);
    }
}
