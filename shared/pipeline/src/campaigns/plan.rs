//! A dry run of a campaign: the same audience, judged by the same code, and nothing is written.
//!
//! It also checks what the sender would check: hours, suppressions, caps and the rest of the day's budgets. It cannot
//! check what only the send shows: later opt-outs, other messages to the same leads, and the rate.

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use recado_core::{
    block::{MAX_RECIPIENTS, Recipient},
    campaign::{Judge, Tally, columns},
    caps::Recent,
    config::{Campaign, Config, Tell},
    gate::{Gate, gate},
    identity::RunId,
    message::Message,
    writeback::ROWS_PER_CALL,
};
use recado_ledger::{Budget, Day, Quotas};
use serde::Serialize;

use super::{
    CampaignError, Campaigns,
    gather::{Seen, judged},
    source::Source,
};
use crate::{
    caps::{ask_recent, know_recent},
    opt_out::last_known,
    settings::{SendSettings, today},
};

/// The number of sample texts.
const SAMPLES: usize = 3;
/// The window of LeadSquared's bulk requests, in ms. Source: LeadSquared rate-limits page.
const CRM_WINDOW_MS: u64 = 5_000;

/// What a campaign would do if it started now.
#[derive(Debug, Default, Serialize)]
pub struct CampaignPlan {
    /// The campaign.
    pub campaign: String,
    /// Leads or lines of the audience.
    pub looked_at: u64,
    /// Leads that would get a message, now or later.
    pub recipients: u64,
    /// Leads that would get no message, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// Recipients that would be skipped as suppressed when their turn comes.
    pub suppressed: u64,
    /// Sample texts, as they would be sent.
    pub texts: Vec<PlannedText>,
    /// The number of different texts.
    pub different_texts: u64,
    /// Messages that would go out at once.
    pub now: u64,
    /// The fewest requests to LigueLead for these messages.
    pub requests_now: u64,
    /// Messages that would wait for their sending hours, by the opening instant (ms since the epoch).
    pub later: BTreeMap<i64, u64>,
    /// Messages that a cap would hold.
    pub capped: u64,
    /// Messages that today's budgets would hold until tomorrow.
    pub over_quota: u64,
    /// The rest of the account's budget of today after that; empty if there is no such budget.
    pub quota_left: QuotaLeft,
    /// Credits of all messages, by estimate.
    pub credits: u64,
    /// Requests to LeadSquared to read the audience.
    pub crm_calls_to_read: u64,
    /// The fewest requests to LeadSquared to write all outcomes back.
    pub crm_calls_to_tell: u64,
    /// The shortest time for these write-backs, in minutes.
    pub crm_minutes: u64,
}

/// The rest of a day's budget.
#[derive(Debug, Default, Serialize)]
pub struct QuotaLeft {
    /// Messages.
    pub messages: Option<u64>,
    /// Credits.
    pub credits: Option<u64>,
}

/// A text as it would be sent. Shown to the person who asked; never logged.
#[derive(Debug, Serialize)]
pub struct PlannedText {
    /// The text; for a voice call, the recording's name.
    pub text: String,
    /// The text as it may arrive, if the delivery changes it.
    pub arrives: Option<String>,
    /// Its length, in characters.
    pub chars: usize,
    /// The cost for each recipient, in credits: one for each part.
    pub credits: u32,
}

/// A plan under construction.
struct Making<'p> {
    plan: CampaignPlan,
    settings: SendSettings,
    like: Message,
    run: RunId,
    /// The number of recipients of each text.
    texts: HashMap<u64, u64>,
    /// The day's spending and quotas: the account's, and the campaign's.
    budgets: Vec<(Day, Quotas)>,
    now_ms: i64,
    campaigns: &'p Campaigns,
}

impl Campaigns {
    /// What `campaign` would do if it started at `now_ms`. It starts no request to LeadSquared after `until_ms`. Both
    /// instants are in ms since the epoch.
    pub async fn plan(
        &self,
        campaign: &Campaign,
        source: &Source,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<CampaignPlan, CampaignError> {
        let judge = Judge::new(&self.config, campaign, now_ms);
        let columns = columns(&self.config, campaign, last_known(&self.ledger).await?);
        let like = judge.message("", now_ms);
        let (run, mut seen, mut tally) = (RunId::of(campaign.id.as_str(), ""), Seen::default(), Tally::default());
        let mut making = Making {
            plan: CampaignPlan { campaign: campaign.id.as_str().to_owned(), ..CampaignPlan::default() },
            settings: SendSettings::of(&self.config),
            budgets: self.budgets(campaign, now_ms).await?,
            texts: HashMap::new(),
            like,
            run,
            now_ms,
            campaigns: self,
        };
        let (mut cursor, mut page) = (0, Vec::new());
        loop {
            let piece = self.piece(source, cursor, &columns, until_ms).await?;
            let size = piece.len() as u64;
            let is_last = match source {
                Source::Search(_) => {
                    making.plan.crm_calls_to_read += 1;
                    size < source.step()
                }
                Source::File(entries) => cursor + size >= entries.len() as u64,
            };
            cursor += size;
            for found in piece {
                page.extend(judged(&judge, &found, run, &mut seen, &mut tally, making.like.credits));
                if page.len() >= MAX_RECIPIENTS {
                    making.page(&judge, std::mem::take(&mut page)).await?;
                }
            }
            if is_last {
                break;
            }
        }
        making.page(&judge, page).await?;
        Ok(making.done(campaign, tally))
    }

    async fn budgets(&self, campaign: &Campaign, now_ms: i64) -> Result<Vec<(Day, Quotas)>, CampaignError> {
        let settings = SendSettings::of(&self.config);
        let day = today(now_ms, &settings.zone);
        let mut budgets = vec![(self.ledger.day(&day, &Budget::Account).await?, settings.quotas)];
        if let Some(quotas) = settings.rule_quotas.get(campaign.id.as_str()) {
            let budget = Budget::Rule(campaign.id.as_str().to_owned());
            budgets.push((self.ledger.day(&day, &budget).await?, *quotas));
        }
        Ok(budgets)
    }
}

impl Making<'_> {
    /// Plans a page of recipients.
    async fn page(&mut self, judge: &Judge<'_>, mut page: Vec<Recipient>) -> Result<(), CampaignError> {
        page.sort_by_cached_key(|one| (one.phone.zone().name().to_owned(), one.phone));
        let messages: Vec<Message> = page.iter().map(|one| one.message(&self.like, self.run)).collect();
        for message in &messages {
            let mut hash = DefaultHasher::new();
            (message.content.text().map(|text| text.expose()), &message.label.title).hash(&mut hash);
            let count = self.texts.entry(hash.finish()).or_default();
            *count += 1;
            if *count == 1 && self.plan.texts.len() < SAMPLES {
                self.plan.texts.push(planned(&self.campaigns.config, message));
            }
        }
        let mut open: Vec<Message> = Vec::new();
        let mut open_until_now = None;
        for message in messages {
            let asked = Message { id: self.like.id, ..message.clone() };
            match gate(&asked, &self.settings.hours, self.now_ms) {
                Gate::Hold { until_ms, .. } => {
                    *self.plan.later.entry(until_ms).or_default() += 1;
                    if open_until_now.replace(until_ms) != Some(until_ms) {
                        self.segment(judge, std::mem::take(&mut open)).await?;
                    }
                }
                Gate::Open | Gate::Expired => {
                    open_until_now = None;
                    open.push(message);
                }
            }
        }
        self.segment(judge, open).await
    }

    /// Plans neighbours on a page whose hours are open now.
    async fn segment(&mut self, judge: &Judge<'_>, messages: Vec<Message>) -> Result<(), CampaignError> {
        let ledger = &self.campaigns.ledger;
        let suppressed = ledger.suppressed(&messages).await?;
        self.plan.suppressed += suppressed.len() as u64;
        let left = messages.into_iter().enumerate().filter(|(place, _)| !suppressed.contains_key(place));
        let mut passed: Vec<Message> = left.map(|(_, message)| message).collect();
        if self.settings.caps.ask_about(&self.like.rule) {
            let before = passed.len();
            let mut recent = Recent::default();
            know_recent(ledger, &mut recent, passed.iter()).await?;
            passed.retain(|message| ask_recent(&mut recent, &self.settings.caps, message, self.now_ms).passes());
            self.plan.capped += (before - passed.len()) as u64;
        }
        let (fit, credits) = self.fit(&passed);
        for (spent, _) in &mut self.budgets {
            spent.messages += fit;
            spent.credits += credits;
        }
        self.plan.now += fit;
        self.plan.over_quota += passed.len() as u64 - fit;
        if judge.is_shared() {
            self.plan.requests_now += u64::from(fit > 0);
        } else {
            let mut texts: HashMap<u64, u64> = HashMap::new();
            for message in passed.iter().take(usize::try_from(fit).unwrap_or(usize::MAX)) {
                let mut hash = DefaultHasher::new();
                (message.content.text().map(|text| text.expose()), &message.label.title).hash(&mut hash);
                *texts.entry(hash.finish()).or_default() += 1;
            }
            self.plan.requests_now += texts.len() as u64;
        }
        Ok(())
    }

    /// How many of these messages fit the day's budgets, and their credits.
    fn fit(&self, messages: &[Message]) -> (u64, u64) {
        let (mut count, mut credits) = (0, 0);
        for message in messages {
            let more = Day { messages: count + 1, credits: credits + u64::from(message.credits), ..Day::default() };
            if !self.budgets.iter().all(|(spent, quotas)| quotas.allow(*spent, more)) {
                break;
            }
            (count, credits) = (more.messages, more.credits);
        }
        (count, credits)
    }

    fn done(self, campaign: &Campaign, tally: Tally) -> CampaignPlan {
        let crm = &self.campaigns.config.leadsquared;
        let told = if campaign.write_back == Tell::All { tally.recipients } else { 0 };
        let kinds = if crm.write_back.status.is_some() || crm.write_back.at.is_some() { 2 } else { 1 };
        let calls = told.div_ceil(ROWS_PER_CALL as u64) * kinds;
        let windows = calls.div_ceil(u64::from(crm.bulk_calls_per_5s).max(1));
        let left = self.budgets.first().map(|(spent, quotas)| QuotaLeft {
            messages: quotas.messages_per_day.map(|limit| limit.saturating_sub(spent.messages)),
            credits: quotas.credits_per_day.map(|limit| limit.saturating_sub(spent.credits)),
        });
        CampaignPlan {
            looked_at: tally.looked_at,
            recipients: tally.recipients,
            left_out: tally.left_out,
            credits: tally.credits,
            different_texts: self.texts.len() as u64,
            quota_left: left.unwrap_or_default(),
            crm_calls_to_tell: calls,
            crm_minutes: (windows * CRM_WINDOW_MS).div_ceil(60_000),
            ..self.plan
        }
    }
}

fn planned(config: &Config, message: &Message) -> PlannedText {
    let text = message.content.text().map(|text| text.expose().to_owned());
    let arrives = text.as_ref().and_then(|text| config.liguelead.arrives(text));
    let text = text.or_else(|| message.content.call().map(|call| call.audio.clone())).unwrap_or_default();
    PlannedText { chars: text.chars().count(), text, arrives, credits: message.credits }
}
