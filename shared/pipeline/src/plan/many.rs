//! A dry run of many deliveries at one instant, as if they came together. It shows the messages, their requests, the
//! rest of the day's budgets and the cost of the write-back. It checks the suppressions, caps and budgets in the table
//! with the sender's own functions, and writes nothing.
//!
//! It does not ask LeadSquared for missing fields or for opt-outs that are older than `fresh`. It reports how many
//! deliveries and messages need such requests, and the number of requests.

mod report;

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::MAX_LEADS_PER_READ;
use recado_core::{
    audio::Audio,
    caps::Recent,
    config::Config,
    group::into_requests,
    identity::MessageId,
    message::{Channel, Message, Priority, State},
    opt_out::OwnFields,
    writeback::Forecast,
};
use recado_ledger::{Budget, Day, Ledger, Quotas};
use recado_limits::CrmAccount;

pub use report::{BudgetAfter, CrmPart, Followed, Going, ManyPlan, RuleTally, TextTally};

use super::{Delivered, PlannedEvent, delivered};
use crate::{
    caps::{ask_recent, know_recent},
    crm::RunError,
    opt_out::{is_asked, last_known},
    settings::{SendSettings, today},
    sync::{CrmSettings, outlook},
};

/// The reason of a message that would wait beyond its expiry.
const EXPIRES: &str = "it expires before it may go";

/// One webhook's delivery.
#[derive(Clone)]
pub struct Delivery {
    /// The kind of event, as in the webhook's URL.
    pub kind: Option<String>,
    /// Its body, JSON.
    pub body: Vec<u8>,
}

/// A plan under construction.
struct Making<'p> {
    config: &'p Config,
    settings: SendSettings,
    ledger: &'p Ledger,
    now_ms: i64,
    plan: ManyPlan,
    /// LeadSquared's own opt-out fields that the account had at the last look.
    own: OwnFields,
    /// What days have spent: of the account (without a name), and of rules with budgets.
    spent: BTreeMap<(String, Option<String>), Day>,
}

/// Plans `deliveries` as if all came at `now_ms`, in their order. `audios` are the added recordings, if they should be
/// checked; `each` keeps every event's own plan.
pub async fn plan_many(
    config: &Config,
    (ledger, account): (&Ledger, &CrmAccount),
    deliveries: &[Delivery],
    now_ms: i64,
    audios: Option<&[Audio]>,
    each: bool,
) -> Result<ManyPlan, RunError> {
    let settings = SendSettings::of(config);
    let (own, plan) = (last_known(ledger).await?, ManyPlan::default());
    let mut making = Making { config, settings, ledger, now_ms, plan, own, spent: BTreeMap::new() };
    making.read_budgets().await?;
    let messages = making.read(deliveries, audios, each);
    let messages = making.new_ones(messages).await?;
    let waiting = making.send(messages).await?;
    let told = outlook(ledger, account, &CrmSettings::of(config), &waiting, now_ms).await?;
    Ok(making.done(&waiting, told))
}

impl Making<'_> {
    async fn read_budgets(&mut self) -> Result<(), RunError> {
        let day = today(self.now_ms, &self.settings.zone);
        let rules = self.settings.rule_quotas.keys().cloned().map(Some);
        for rule in std::iter::once(None).chain(rules).collect::<Vec<_>>() {
            let counted_as = |rule: &String| Budget::Rule(self.settings.counted_as(rule));
            let budget = rule.as_ref().map_or(Budget::Account, counted_as);
            self.spent.insert((day.clone(), rule), self.ledger.day(&day, &budget).await?);
        }
        Ok(())
    }

    /// The messages that the deliveries lead to, in their order.
    fn read(&mut self, deliveries: &[Delivery], audios: Option<&[Audio]>, each: bool) -> Vec<Message> {
        let (mut messages, mut incomplete) = (Vec::new(), BTreeSet::new());
        for delivery in deliveries {
            let query: Vec<(String, String)> =
                delivery.kind.iter().map(|kind| ("event".to_owned(), kind.clone())).collect();
            let read = delivered(self.config, &query, Some("application/json"), &delivery.body, self.now_ms, audios);
            let Delivered { events, messages: asked, incomplete: lacking } = match read {
                Ok(read) => read,
                Err(error) => {
                    self.plan.events += 1;
                    *self.plan.not_asked.entry(error.to_string()).or_default() += 1;
                    continue;
                }
            };
            for event in &events {
                self.count(event);
            }
            messages.extend(asked);
            self.plan.crm.incomplete_events += lacking.len() as u64;
            incomplete.extend(lacking);
            if each {
                self.plan.each.extend(events);
            }
        }
        self.plan.crm.calls_to_read += incomplete.len().div_ceil(MAX_LEADS_PER_READ) as u64;
        messages
    }

    fn count(&mut self, event: &PlannedEvent) {
        self.plan.events += 1;
        if event.rules.is_empty() {
            let why = event.not_asked.clone().unwrap_or_else(|| "there is no rule".to_owned());
            *self.plan.not_asked.entry(why).or_default() += 1;
        }
        for rule in &event.rules {
            let tally = self.plan.rules.entry(rule.rule.clone()).or_default();
            match &rule.why_not {
                None => tally.wants += 1,
                Some(why) => *tally.why_not.entry(why.clone()).or_default() += 1,
            }
        }
    }

    /// The messages that no earlier event led to.
    async fn new_ones(&mut self, mut messages: Vec<Message>) -> Result<Vec<Message>, RunError> {
        let asked = messages.len();
        // The table refuses a request that names an id twice.
        let ids: BTreeSet<MessageId> = messages.iter().map(|message| message.id).collect();
        let there = self.ledger.messages(&ids.into_iter().collect::<Vec<_>>()).await?;
        let mut seen: BTreeSet<MessageId> = there.iter().map(|message| message.id).collect();
        messages.retain(|message| seen.insert(message.id));
        // The sender works by age; here the place in the file stands for the age.
        for (message, place) in messages.iter_mut().zip(0..) {
            message.created_ms = self.now_ms.saturating_add(place);
        }
        self.plan.known = (asked - messages.len()) as u64;
        self.plan.messages = messages.len() as u64;
        Ok(messages)
    }

    /// Plans what happens to the messages. Returns those whose outcomes are written back, each in an end state.
    async fn send(&mut self, messages: Vec<Message>) -> Result<Vec<Message>, RunError> {
        let mut ends: Vec<Message> = Vec::new();
        // The sender takes messages that are due together, in their order, each priority separately.
        let mut lots: BTreeMap<(i64, Priority), Vec<Message>> = BTreeMap::new();
        for message in messages {
            let at_ms = match (message.state, message.due_ms) {
                (State::Pending, _) => self.now_ms,
                (State::Held, Some(until_ms)) => until_ms,
                (State::Held, None) => {
                    self.plan.without_audio += 1;
                    continue;
                }
                _ => {
                    self.skip(message.why.as_ref().map(ToString::to_string).unwrap_or_default());
                    ends.push(message);
                    continue;
                }
            };
            if message.expires_ms <= at_ms {
                self.skip(EXPIRES.to_owned());
                ends.push(Message { state: State::Expired, ..message });
            } else {
                lots.entry((at_ms, message.priority)).or_default().push(message);
            }
        }
        let mut recent = Recent::default();
        let (mut sent, mut read) = (Vec::new(), BTreeMap::<i64, BTreeSet<String>>::new());
        for ((at_ms, _), lot) in lots {
            let allowed = self.allowed(lot, &mut ends).await?;
            let passed = self.passed(allowed, at_ms, &mut recent).await?;
            let packed = self.packed(passed, at_ms);
            let asked =
                packed.iter().filter(|message| is_asked(&self.config.leadsquared.opt_out, self.own, message, at_ms));
            for message in asked {
                self.plan.crm.opt_outs_asked += 1;
                read.entry(at_ms).or_default().insert(message.lead_id().to_owned());
            }
            sent.extend(packed);
        }
        self.plan.crm.calls_to_read +=
            read.values().map(|leads| leads.len().div_ceil(MAX_LEADS_PER_READ) as u64).sum::<u64>();
        self.plan.texts = texts(self.config, &sent);
        let followed: Vec<&Message> = sent.iter().filter_map(|message| message.fallback.as_deref()).collect();
        self.plan.followed = Followed { messages: followed.len() as u64, credits: credits(followed) };
        ends.extend(sent.into_iter().map(|message| Message { state: end(message.content.channel()), ..message }));
        for message in &mut ends {
            message.crm.due_ms = Some(self.now_ms);
        }
        Ok(ends)
    }

    fn skip(&mut self, why: String) {
        *self.plan.skipped.entry(why).or_default() += 1;
    }

    /// The messages that are not suppressed.
    async fn allowed(&mut self, lot: Vec<Message>, ends: &mut Vec<Message>) -> Result<Vec<Message>, RunError> {
        let suppressed = self.ledger.suppressed(&lot).await?;
        self.plan.suppressed += suppressed.len() as u64;
        let (kept, gone): (Vec<_>, Vec<_>) =
            lot.into_iter().enumerate().partition(|(place, _)| !suppressed.contains_key(place));
        ends.extend(gone.into_iter().map(|(_, message)| Message { state: State::Skipped, ..message }));
        Ok(kept.into_iter().map(|(_, message)| message).collect())
    }

    /// The messages that the caps allow, in the order of their deliveries.
    async fn passed(&mut self, lot: Vec<Message>, at_ms: i64, recent: &mut Recent) -> Result<Vec<Message>, RunError> {
        let settings = &self.settings.caps;
        know_recent(self.ledger, recent, lot.iter().filter(|message| settings.ask_about(&message.rule))).await?;
        let mut passed = Vec::with_capacity(lot.len());
        for message in lot {
            if !settings.ask_about(&message.rule) || ask_recent(recent, settings, &message, at_ms).passes() {
                passed.push(message);
            } else {
                self.plan.capped += 1;
            }
        }
        Ok(passed)
    }

    /// The messages that fit the budgets of their day, request by request. Adds them to the plan's counts.
    fn packed(&mut self, lot: Vec<Message>, at_ms: i64) -> Vec<Message> {
        let day = today(at_ms, &self.settings.zone);
        let quotas = &self.settings.rule_quotas;
        let requests = into_requests(lot, self.settings.phones_per_request, |rule| quotas.contains_key(rule));
        let mut sent = Vec::new();
        for mut request in requests {
            let rule = request.members.first().map(|first| first.rule.clone()).unwrap_or_default();
            let budgets = self.budgets(&day, &rule);
            let rest = request.members.split_off(how_many_fit(&budgets, &request.members));
            self.plan.over_quota += rest.len() as u64;
            let messages = request.members.len() as u64;
            if messages == 0 {
                continue;
            }
            let credits = credits(&request.members);
            for (whose, ..) in budgets {
                let spent = self.spent.entry((day.clone(), whose)).or_default();
                spent.messages += messages;
                spent.credits += credits;
            }
            let plan = &mut self.plan;
            let going = if at_ms > self.now_ms { plan.later.entry(at_ms).or_default() } else { &mut plan.now };
            going.messages += messages;
            going.credits += credits;
            going.requests += 1;
            sent.extend(request.members);
        }
        sent
    }

    /// The budgets that a rule draws on: the owner, the amount spent, and the quotas.
    fn budgets(&self, day: &str, rule: &str) -> Vec<(Option<String>, Day, Quotas)> {
        let own = self.settings.rule_quotas.get(rule).map(|quotas| (Some(rule.to_owned()), *quotas));
        let all = std::iter::once((None, self.settings.quotas)).chain(own);
        all.map(|(whose, quotas)| {
            let key = (day.to_owned(), whose);
            let spent = self.spent.get(&key).copied().unwrap_or_default();
            (key.1, spent, quotas)
        })
        .collect()
    }

    fn done(mut self, waiting: &[Message], told: Forecast) -> ManyPlan {
        self.plan.crm = CrmPart {
            told: waiting.len() as u64,
            bulk_calls: told.bulk_calls,
            single_calls: told.single_calls,
            lasts_ms: told.lasts_ms,
            ..self.plan.crm
        };
        let quotas_of = |rule: &Option<String>| match rule {
            None => self.settings.quotas,
            Some(rule) => self.settings.rule_quotas.get(rule).copied().unwrap_or(Quotas::NONE),
        };
        let after = |((day, rule), spent): (&(String, Option<String>), &Day)| BudgetAfter {
            day: day.clone(),
            rule: rule.clone(),
            messages: spent.messages,
            messages_per_day: quotas_of(rule).messages_per_day,
            credits: spent.credits,
            credits_per_day: quotas_of(rule).credits_per_day,
        };
        ManyPlan { budgets: self.spent.iter().map(after).collect(), ..self.plan }
    }
}

/// How many of a request's messages, in order, fit the budgets.
fn how_many_fit(budgets: &[(Option<String>, Day, Quotas)], members: &[Message]) -> usize {
    let mut more = Day::default();
    let fits = |message: &Message| {
        more.messages += 1;
        more.credits += u64::from(message.credits);
        budgets.iter().all(|(_, spent, quotas)| quotas.allow(*spent, more))
    };
    members.iter().map(fits).take_while(|fits| *fits).count()
}

pub(super) fn credits<'m>(messages: impl IntoIterator<Item = &'m Message>) -> u64 {
    messages.into_iter().map(|message| u64::from(message.credits)).sum()
}

/// The most common end state of a channel's messages.
fn end(channel: Channel) -> State {
    if channel == Channel::Voice { State::Answered } else { State::Delivered }
}

/// Each different text, title or recording, with the most recipients first.
fn texts(config: &Config, messages: &[Message]) -> Vec<TextTally> {
    let mut tallies: BTreeMap<(String, String, Option<String>), TextTally> = BTreeMap::new();
    for message in messages {
        let text = message.content.text().map(|text| text.expose().to_owned());
        let text = text.or_else(|| message.content.call().map(|call| call.audio.clone())).unwrap_or_default();
        let channel = message.content.channel().to_string();
        let key = (channel.clone(), text.clone(), message.label.title.clone());
        let tally = tallies.entry(key).or_insert_with(|| TextTally {
            channel,
            chars: message.content.text().map_or(0, |text| text.expose().chars().count()),
            arrives: message.content.text().and_then(|text| config.liguelead.arrives(text.expose())),
            text,
            title: message.label.title.clone(),
            credits: message.credits,
            recipients: 0,
        });
        tally.recipients += 1;
    }
    let mut tallies: Vec<TextTally> = tallies.into_values().collect();
    tallies.sort_by_key(|tally| std::cmp::Reverse(tally.recipients));
    tallies
}
