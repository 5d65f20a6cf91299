//! A campaign: its audience, how an operator starts and cancels its run, and the required results. The audience comes
//! from a file of phones and of leads, which are read from LeadSquared.

use std::{error::Error, sync::Arc};

use fastrand::Rng;
use recado_core::{fields::Fields, identity::RunId};
use recado_ledger::Phase;

use super::{
    crm::FIRST_NAME,
    process::Installed,
    rows::Rows,
    scenario::{Scenario, content, lead_id, one_in, phone, pick},
    universe::{Event, Invariant, Process, Universe},
};
use crate::campaigns::{Entry, Who};

/// The campaign's id, and its run's name.
pub(super) const ID: &str = "news";
const RUN: &str = "one";
const TEXT: &str = "Confira as novidades deste mês";
const TITLE: &str = "Novidades";
/// The interval between ticks of a run, in ms.
const EVERY_MS: i64 = 60_000;

/// The kind of messages that a campaign sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sends {
    /// The same text to all recipients: blocks.
    OneText,
    /// A text of its own to each recipient: rows.
    OwnTexts,
    /// Voice calls: also rows.
    Calls,
}

impl Sends {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        pick(rng, &[Self::OneText, Self::OneText, Self::OneText, Self::OneText, Self::OwnTexts, Self::Calls])
    }

    /// The action in the configuration's words.
    pub(super) fn yaml(self, audio: &str) -> String {
        match self {
            Self::OneText => format!("sms: \"{TEXT}\""),
            Self::OwnTexts => format!("sms: \"{TEXT}, {{{{ lead.FirstName }}}}\""),
            Self::Calls => format!("voice: {{ audio: {audio}, title: {TITLE}, redials: 1, every: 15m }}"),
        }
    }

    fn content(self) -> String {
        match self {
            Self::OneText => TEXT.to_owned(),
            Self::OwnTexts => format!("{TEXT}, {FIRST_NAME}"),
            Self::Calls => content(true, TITLE, ""),
        }
    }
}

/// A run of the campaign.
#[derive(Debug, Clone)]
pub(super) struct Campaign {
    pub(super) sends: Sends,
    /// The content of its messages.
    pub(super) content: String,
    /// The leads in the file, with their phones.
    pub(super) leads: Vec<(String, String)>,
    /// The phones without a known lead.
    phones: Vec<String>,
    /// When the run is started, in ms since the beginning.
    pub(super) start_after_ms: i64,
    /// When the run is cancelled, in ms since the beginning.
    pub(super) cancel_after_ms: Option<i64>,
}

impl Campaign {
    /// A campaign to some of these leads and to some others.
    pub(super) fn draw(rng: &mut Rng, sends: Sends, known: &[(String, String)], storm_ms: i64) -> Self {
        let some = known.iter().filter(|_| !one_in(rng, 4)).cloned().collect::<Vec<_>>();
        let others = (known.len()..known.len() + rng.usize(1..=6)).collect::<Vec<_>>();
        let (mut leads, mut phones) = (some, Vec::new());
        for other in others {
            let number = phone(rng, other);
            if sends == Sends::OneText && one_in(rng, 3) {
                phones.push(number);
            } else {
                leads.push((lead_id(other), number));
            }
        }
        Self {
            sends,
            content: sends.content(),
            leads,
            phones,
            start_after_ms: rng.i64(0..storm_ms / 2),
            cancel_after_ms: one_in(rng, 5).then(|| rng.i64(storm_ms / 8..storm_ms)),
        }
    }

    /// The phones of all recipients.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &String> {
        self.leads.iter().map(|(_, phone)| phone).chain(&self.phones)
    }

    fn entries(&self) -> Vec<Entry> {
        let of = |who| Entry { who, row: Fields::new() };
        let leads = self.leads.iter().map(|(lead, _)| Who::Lead(lead.clone()));
        // A lead that stands in the file twice gets one message.
        let again = self.leads.first().map(|(lead, _)| Who::Lead(lead.to_uppercase()));
        let phones = self.phones.iter().map(|phone| Who::Phone(phone.clone()));
        leads.chain(phones).chain(again).map(of).collect()
    }
}

/// Starts the run, or continues reading its audience.
pub(super) async fn start(universe: &Arc<Universe>, installed: &Installed) -> Result<(), Box<dyn Error + Send + Sync>> {
    let plan = universe.state().campaign.clone();
    let campaigns = &installed.campaigns;
    let (Some(plan), Some(campaign)) = (plan, campaigns.config.campaigns.first()) else { return Ok(()) };
    let (mut run, _) = campaigns.start(campaign, RUN, Some("file".to_owned())).await?;
    if run.phase == Phase::Gathering {
        (run, _) = campaigns.run_file(run, &plan.entries(), i64::MAX).await?;
    }
    if run.phase == Phase::Gathering {
        return Err("its audience has not been read".into());
    }
    Ok(())
}

/// Cancels the run.
pub(super) async fn cancel(installed: &Installed) -> Result<(), Box<dyn Error + Send + Sync>> {
    let campaigns = &installed.campaigns;
    let run = campaigns.ledger.run(RunId::of(ID, RUN)).await?.ok_or("there is no such run yet")?;
    campaigns.cancel(run).await?;
    Ok(())
}

/// Continues the run in a process, and repeats that later unless the run is over.
pub(super) fn tick(universe: &Arc<Universe>, process: Process, installed: &Installed) {
    if universe.state().rows.run.as_ref().is_some_and(|phase| matches!(phase.as_str(), "released" | "cancelled")) {
        return;
    }
    universe.after(EVERY_MS, Event::Tick);
    let (campaigns, inside) = (installed.campaigns.clone(), Arc::clone(universe));
    universe.run(process, async move {
        match campaigns.tick(inside.now_ms() + EVERY_MS).await {
            Ok(report) => inside.tell(format_args!("process {} ticked: {report:?}", process.slot)),
            Err(error) => inside.tell(format_args!("process {} could not tick: {error}", process.slot)),
        }
    });
}

/// Judges a schedule that has come to rest. A started run must end, and each recipient must have one message, or one
/// place in one block. Recipients that opted out may have done so before the audience was read.
pub(super) fn judge(rows: &Rows, scenario: &Scenario, is_started: bool) -> Vec<(Invariant, String)> {
    let Some(plan) = &scenario.campaign else { return Vec::new() };
    let phase = rows.run.as_deref().unwrap_or("not begun");
    if phase == "cancelled" {
        return Vec::new();
    }
    let mut broken = Vec::new();
    if is_started && phase != "released" {
        broken.push((Invariant::Ends, format!("the run is {phase} for ever")));
    }
    let of_it = || rows.messages.values().filter(|row| row.content == plan.content);
    let recipients = plan.recipients().filter(|_| phase == "released");
    for phone in recipients {
        let places = of_it().filter(|row| row.is_to(phone)).count();
        let leaves = of_it().filter(|row| row.told_later && row.leaving.contains(phone)).count();
        if places == 0 && leaves == 0 && !scenario.leads.opts_out(phone, plan.sends == Sends::Calls) {
            broken.push((Invariant::NothingLost, format!("the run has no message to {phone}")));
        }
        if places > 1 {
            broken.push((Invariant::SentOnce, format!("the run has {places} messages to {phone}")));
        }
    }
    let strangers = of_it().flat_map(|row| &row.phones).find(|(_, phone)| !plan.recipients().any(|one| one == phone));
    broken.extend(strangers.map(|(_, phone)| (Invariant::Heeded, format!("{phone} is in no audience"))));
    broken
}
