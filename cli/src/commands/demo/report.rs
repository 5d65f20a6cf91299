//! The report of the demonstration.

use std::collections::BTreeMap;

use recado_simulators::{leadsquared, liguelead};
use serde::Serialize;

use super::cases::{CASES, Case, End, lead_id};
use crate::{
    commands::{
        lines::{EventLine, MessageLine, Report as Rows},
        usage,
    },
    output,
};

/// The whole result of one demonstration.
#[derive(Serialize)]
pub(super) struct Report {
    /// Whether every delivery had its expected outcome.
    pub(super) good: bool,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) requests: Vec<Request>,
    pub(super) messages_sent: usize,
    pub(super) callbacks: BTreeMap<String, usize>,
    pub(super) leadsquared_calls: BTreeMap<String, CrmCalls>,
    pub(super) activities: usize,
    pub(super) usage: usage::Report,
    pub(super) took_ms: u128,
}

/// One delivery and its outcome.
#[derive(Serialize)]
pub(super) struct Delivery {
    pub(super) file: &'static str,
    pub(super) event: String,
    /// The rule that matched, or why none did.
    pub(super) rule: String,
    /// The message's state, and what LeadSquared knows about it.
    pub(super) became: String,
    pub(super) good: bool,
}

/// One request to LigueLead.
#[derive(Serialize)]
pub(super) struct Request {
    pub(super) messages: usize,
    pub(super) credits: u64,
    /// Whether LigueLead's answer was lost on the way.
    pub(super) answer_lost: bool,
}

/// Requests of one kind to LeadSquared.
#[derive(Default, Serialize)]
pub(super) struct CrmCalls {
    pub(super) calls: usize,
    pub(super) rows: usize,
    pub(super) throttled: usize,
}

impl Report {
    pub(super) fn new(
        rows: &Rows,
        liguelead: &liguelead::Received,
        leadsquared: &leadsquared::Received,
        usage: usage::Report,
        took_ms: u128,
    ) -> Self {
        let deliveries: Vec<Delivery> = CASES.iter().map(|case| delivery(case, rows)).collect();
        let mut callbacks = BTreeMap::new();
        for callback in &liguelead.callbacks {
            *callbacks.entry(callback.status.clone()).or_default() += 1;
        }
        let mut calls: BTreeMap<String, CrmCalls> = BTreeMap::new();
        for call in &leadsquared.calls {
            let path = call.path.rsplit(".svc/").next().unwrap_or_default().to_owned();
            let kind = calls.entry(path).or_default();
            kind.calls += 1;
            kind.rows += call.items;
            kind.throttled += usize::from(call.is_throttled());
        }
        let lost = |id: u64| liguelead.calls.iter().any(|call| call.id == id && call.answer_lost);
        let requests: Vec<Request> = liguelead
            .campaigns
            .iter()
            .map(|campaign| Request {
                messages: campaign.phones.len(),
                credits: campaign.credits_each * campaign.phones.len() as u64,
                answer_lost: lost(campaign.call),
            })
            .collect();
        Self {
            good: deliveries.iter().all(|delivery| delivery.good),
            deliveries,
            messages_sent: requests.iter().map(|request| request.messages).sum(),
            requests,
            callbacks,
            leadsquared_calls: calls,
            activities: leadsquared.activities.len(),
            usage,
            took_ms,
        }
    }

    pub(super) fn show(&self) {
        let mut table = output::table(&["delivery", "event", "rule", "became", ""]);
        for delivery in &self.deliveries {
            table.add_row([
                delivery.file,
                &delivery.event,
                &delivery.rule,
                &delivery.became,
                if delivery.good { "ok" } else { "WRONG" },
            ]);
        }
        output::say_table(&table, 4);
        let sizes: Vec<String> = self.requests.iter().map(|request| request.messages.to_string()).collect();
        let lost = self.requests.iter().filter(|request| request.answer_lost).count();
        output::say(&format!(
            "LigueLead    {} messages in {} requests ({}); {lost} answer lost on its way and settled by callbacks",
            self.messages_sent,
            self.requests.len(),
            sizes.join(" + "),
        ));
        let callbacks: Vec<String> = self.callbacks.iter().map(|(status, count)| format!("{count} {status}")).collect();
        output::say(&format!("callbacks    {}", callbacks.join(", ")));
        for (kind, calls) in &self.leadsquared_calls {
            output::say(&format!(
                "LeadSquared  {kind}: {} calls, {} rows, {} throttled",
                calls.calls, calls.rows, calls.throttled
            ));
        }
        output::say(&format!("             {} activities stand for the messages", self.activities));
        for spent in self.usage.limits.iter().filter(|spent| spent.until_ms.is_some()) {
            let left = spent.left.map_or_else(String::new, |left| format!(", {left} left"));
            output::say(&format!("spent        {}: {}{left}", spent.name, spent.used));
        }
        let verdict = if self.good { "every delivery came to the end it should" } else { "NOT as it should be" };
        output::say(&format!("{verdict}, in {}.{} s", self.took_ms / 1000, self.took_ms % 1000 / 100));
    }
}

/// Whether all work is done: no message is on its way, and LeadSquared knows all outcomes.
pub(super) fn at_rest(rows: &Rows) -> bool {
    rows.messages
        .iter()
        .all(|message| matches!(message.state.as_str(), "delivered" | "undelivered" | "skipped") && !message.crm_waits)
}

fn delivery(case: &Case, rows: &Rows) -> Delivery {
    match &case.end {
        End::Messages { leads, rule, state } => {
            let found: Vec<&MessageLine> = leads.iter().flat_map(|lead| messages_of(rows, *lead, rule)).collect();
            let good = found.len() == leads.len()
                && found.iter().all(|message| message.state == *state && known_to_crm(message));
            let event = found.first().map(|message| message.event.clone()).unwrap_or_default();
            let count = if leads.len() > 1 { format!("{} × ", found.len()) } else { String::new() };
            let became = found.first().map_or_else(|| "nothing".to_owned(), |message| story(message));
            Delivery { file: case.file, event, rule: (*rule).to_owned(), became: format!("{count}{became}"), good }
        }
        End::Known { lead, rule } => {
            let found: Vec<&MessageLine> = messages_of(rows, *lead, rule).collect();
            let event = found.first().map(|message| message.event.clone()).unwrap_or_default();
            let became = "known already: no second message".to_owned();
            Delivery { file: case.file, event, rule: (*rule).to_owned(), became, good: found.len() == 1 }
        }
        End::Event { lead, outcome } => {
            let lead = lead_id(*lead);
            let is_it = |event: &&EventLine| event.lead.as_ref() == Some(&lead) && event.outcome == *outcome;
            match rows.events.iter().find(is_it) {
                Some(event) => Delivery {
                    file: case.file,
                    event: event.kind.clone(),
                    rule: "none".to_owned(),
                    became: format!("{}: {}", event.outcome, event.why),
                    good: true,
                },
                None => Delivery {
                    file: case.file,
                    event: String::new(),
                    rule: String::new(),
                    became: format!("not kept as {outcome}"),
                    good: false,
                },
            }
        }
    }
}

fn messages_of<'r>(rows: &'r Rows, lead: u8, rule: &'r str) -> impl Iterator<Item = &'r MessageLine> {
    let lead = lead_id(lead);
    rows.messages.iter().filter(move |message| message.lead == lead && message.rule == rule)
}

fn known_to_crm(message: &MessageLine) -> bool {
    message.crm_activity.is_some() && message.crm_activity_state.as_ref() == Some(&message.state)
}

fn story(message: &MessageLine) -> String {
    let why = message.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let crm = if known_to_crm(message) { "" } else { ", not in the CRM" };
    format!("{} {}{why}{crm}", message.channel, message.state)
}
