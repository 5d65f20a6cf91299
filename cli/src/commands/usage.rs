//! `recado usage`.

use std::{collections::BTreeMap, process::ExitCode};

use recado_core::{
    config::{Config, Quotas},
    identity::BatchId,
    message::Message,
};
use recado_ledger::{Budget, Day};
use recado_limits::{Clock, Seen};
use recado_pipeline::{
    reconcile::WebhookHealth,
    settings::{next_midnight_ms, today},
    sync::{CrmSettings, outlook},
    warn::nearly_spent,
};
use serde::Serialize;

use super::{Which, pause};
use crate::{data::Store, installation, output};

/// The largest number of requests with missing delivery reports in the list.
const MOST_SILENT: usize = 20;

/// Show how much of each quota and limit is used today.
#[derive(Debug, clap::Args)]
pub(crate) struct Usage {
    #[command(flatten)]
    which: Which,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was spent today.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The calendar day of the tenant.
    pub(crate) day: String,
    /// The end of the day, in ms since the epoch.
    pub(crate) until_ms: i64,
    /// Quotas and limits.
    pub(crate) limits: Vec<Spent>,
    /// Requests to LigueLead today.
    pub(crate) liguelead_requests: u64,
    /// The fewest requests that could have carried the same messages, summed over the runs of the sender.
    pub(crate) liguelead_requests_fewest: u64,
    /// The backlog of the write-back.
    pub(crate) write_back: WriteBack,
    /// Messages kept in the table, by state.
    pub(crate) states: BTreeMap<String, u64>,
    /// The state of LeadSquared's webhooks at the last reconciliation that looked.
    pub(crate) webhooks: Option<WebhookHealth>,
    /// What operators have paused.
    pub(crate) paused: Vec<pause::Line>,
    /// The number of all messages without a delivery report in time.
    pub(crate) no_callback: u64,
    /// The same messages by request, the worst request first, at most [`MOST_SILENT`].
    pub(crate) silent: Vec<Silent>,
}

/// A request to LigueLead with missing delivery reports.
#[derive(Debug, Serialize)]
pub(crate) struct Silent {
    pub(crate) batch: String,
    pub(crate) campaign: Option<String>,
    pub(crate) no_callback: u64,
}

/// The backlog of the write-back, and how long it takes if nothing is added.
#[derive(Debug, Serialize)]
pub(crate) struct WriteBack {
    /// Messages.
    pub(crate) messages: u64,
    /// The number of rows: activities, and fields of leads.
    pub(crate) rows: u64,
    /// The bulk requests that the rows need.
    pub(crate) bulk_calls: u64,
    /// The single requests, look-ups included.
    pub(crate) single_calls: u64,
    /// The time until the last request starts, in ms.
    pub(crate) lasts_ms: i64,
}

/// One quota or limit.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Spent {
    pub(crate) name: String,
    pub(crate) used: u64,
    /// `None` if no limit is configured.
    pub(crate) limit: Option<u64>,
    pub(crate) left: Option<u64>,
    /// When it starts again from zero, in ms since the epoch; `None` for a sliding window.
    pub(crate) until_ms: Option<i64>,
    /// Set if the vendor refused a request: no request starts before this instant, in ms since the epoch.
    pub(crate) closed_until_ms: Option<i64>,
    /// The true limit of the account, as a refusal stated it.
    pub(crate) learnt: Option<Learnt>,
    /// Further notes: `closed until …`, `learnt …`, `nearly spent`, `in shadow`.
    pub(crate) notes: Vec<String>,
}

/// A limit learnt from a refusal, before the reserve is subtracted.
#[derive(Debug, Serialize)]
pub(crate) struct Learnt {
    pub(crate) calls: u32,
    pub(crate) window_ms: i64,
}

impl Usage {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let report = report(&config, &store).await?;
        if self.json {
            output::json("usage", &report)?;
        } else {
            show(&report);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads what `recado usage` shows.
pub(crate) async fn report(config: &Config, store: &Store) -> anyhow::Result<Report> {
    let now_ms = installation::world().now_ms();
    let day = today(now_ms, &config.timezone);
    let until_ms = next_midnight_ms(now_ms, &config.timezone);
    let account = store.ledger.day(&day, &Budget::Account).await?;
    let mut limits = budget("", account, config.quotas, until_ms);
    for rule in &config.rules {
        let Some(quotas) = rule.quota else { continue };
        let spent = store.ledger.day(&day, &Budget::Rule(rule.first_id().to_string())).await?;
        limits.extend(budget(&format!(" of rule {}", rule.id.as_str()), spent, quotas, until_ms));
    }
    limits.push(liguelead_limit(config, store).await?);
    limits.extend(crm_limits(config, store, now_ms).await?);
    let (mut states, mut waiting, mut to_many) = (BTreeMap::<String, u64>::new(), Vec::new(), Vec::new());
    let mut silent = BTreeMap::<BatchId, (Option<String>, u64)>::new();
    store
        .ledger
        .each_message(|message| {
            match message.block() {
                Some(_) => to_many.push(message.clone()),
                None => *states.entry(message.state.to_string()).or_default() += 1,
            }
            if message.history.no_callback_ms.is_some()
                && let Some(batch) = message.batch
            {
                silent.entry(batch).or_insert((message.campaign_id.clone(), 0)).1 += 1;
            }
            if message.crm.due_ms.is_some() {
                waiting.push(message);
            }
            true
        })
        .await?;
    for message in to_many {
        for (state, count) in recado_pipeline::blocks::states(&store.ledger, &message).await? {
            *states.entry(state.to_string()).or_default() += count;
        }
    }
    let write_back = write_back(config, store, &waiting, now_ms).await?;
    let paused = store.ledger.pauses().await?.into_iter().map(pause::Line::from).collect();
    let no_callback = silent.values().map(|(_, count)| count).sum();
    let mut silent: Vec<Silent> = silent
        .into_iter()
        .map(|(batch, (campaign, no_callback))| Silent { batch: batch.to_string(), campaign, no_callback })
        .collect();
    silent.sort_by_key(|one| std::cmp::Reverse(one.no_callback));
    silent.truncate(MOST_SILENT);
    Ok(Report {
        write_back,
        webhooks: WebhookHealth::load(&store.ledger).await?,
        until_ms,
        limits,
        liguelead_requests: account.requests,
        liguelead_requests_fewest: account.requests_fewest,
        states,
        day,
        paused,
        no_callback,
        silent,
    })
}

async fn write_back(config: &Config, store: &Store, waiting: &[Message], now_ms: i64) -> anyhow::Result<WriteBack> {
    let account = installation::crm_account(config, &store.ledger);
    let told = outlook(&store.ledger, &account, &CrmSettings::of(config), waiting, now_ms).await?;
    Ok(WriteBack {
        messages: waiting.len() as u64,
        rows: told.rows,
        bulk_calls: told.bulk_calls,
        single_calls: told.single_calls,
        lasts_ms: told.lasts_ms,
    })
}

/// The lines of one budget.
fn budget(of: &str, spent: Day, quotas: Quotas, until_ms: i64) -> Vec<Spent> {
    let enforced =
        recado_ledger::Quotas { messages_per_day: quotas.messages_per_day, credits_per_day: quotas.credits_per_day };
    let near = nearly_spent(spent, enforced);
    [("messages", spent.messages, quotas.messages_per_day), ("credits", spent.credits, quotas.credits_per_day)]
        .into_iter()
        .map(|(what, used, limit)| {
            let near = near.iter().any(|(name, ..)| *name == what).then(|| "nearly spent".to_owned());
            let shadow = quotas.shadow.then(|| "in shadow".to_owned());
            let notes = near.into_iter().chain(shadow).collect();
            let left = limit.map(|limit| limit.saturating_sub(used));
            let name = format!("{what} a day{of}");
            Spent { name, used, limit, left, until_ms: Some(until_ms), notes, ..Spent::default() }
        })
        .collect()
}

/// The line of the LigueLead account.
async fn liguelead_limit(config: &Config, store: &Store) -> anyhow::Result<Spent> {
    let state = installation::liguelead_account(config, &store.ledger).state(Clock::new().read()).await?;
    let mut notes = Vec::new();
    if let Some(until_ms) = state.closed_until_ms {
        notes.push(format!("closed until {}", output::instant(until_ms)));
    }
    if let Some(why) = state.suspended {
        notes.push(format!("refuses the account ({why}); one request tries it then"));
    }
    if let Some((limit, until_ms)) = state.cut {
        notes.push(format!("others use it: cut to {limit} until {}", output::instant(until_ms)));
    }
    Ok(Spent {
        name: format!("LigueLead calls in {} s", state.window_ms / 1000),
        used: state.used,
        limit: Some(state.limit.into()),
        left: Some(state.left.into()),
        closed_until_ms: state.closed_until_ms,
        notes,
        ..Spent::default()
    })
}

/// The lines of the LeadSquared account.
async fn crm_limits(config: &Config, store: &Store, now_ms: i64) -> anyhow::Result<Vec<Spent>> {
    let state = installation::crm_account(config, &store.ledger).state(now_ms).await?;
    let crm = &config.leadsquared;
    let rate = |what: &str, used: u32, (limit, window_ms): (u32, i64), seen: Option<Seen>| {
        let closed = state.closed_until_ms.map(|until_ms| format!("closed until {}", output::instant(until_ms)));
        let learnt = seen.map(|seen| format!("learnt: {} in {} s", seen.calls, seen.window_ms / 1000));
        Spent {
            name: format!("LeadSquared {what} in {} s", window_ms / 1000),
            used: used.into(),
            limit: Some(limit.into()),
            left: Some(if closed.is_some() { 0 } else { limit.saturating_sub(used).into() }),
            closed_until_ms: state.closed_until_ms,
            learnt: seen.map(|Seen { calls, window_ms }| Learnt { calls, window_ms }),
            notes: closed.into_iter().chain(learnt).collect(),
            ..Spent::default()
        }
    };
    let day = Spent {
        name: "LeadSquared calls a day (UTC)".to_owned(),
        used: state.day_calls,
        limit: Some(crm.own_calls_per_day()),
        left: Some(crm.own_calls_per_day().saturating_sub(state.day_calls)),
        until_ms: Some((now_ms.div_euclid(86_400_000) + 1) * 86_400_000),
        notes: crm.day_in_shadow.then(|| "in shadow".to_owned()).into_iter().collect(),
        ..Spent::default()
    };
    Ok(vec![
        rate("calls", state.calls, (state.calls_limit, state.window_ms), state.learnt),
        rate("bulk calls", state.bulk_calls, (state.bulk_limit, state.bulk_window_ms), state.learnt_bulk),
        day,
    ])
}

fn show(report: &Report) {
    output::say(&format!("{} until {}", report.day, output::instant(report.until_ms)));
    let mut table = output::table(&["limit", "used", "of", "left", "until", ""]);
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for spent in &report.limits {
        table.add_row([
            spent.name.clone(),
            spent.used.to_string(),
            number(spent.limit),
            number(spent.left),
            spent.until_ms.map_or_else(|| "slides".to_owned(), output::instant),
            spent.notes.join(", "),
        ]);
    }
    output::say(&table.to_string());
    output::say(&format!(
        "requests to LigueLead: {}, of {} at the fewest",
        report.liguelead_requests, report.liguelead_requests_fewest
    ));
    let back = &report.write_back;
    output::say(&format!(
        "LeadSquared is to be told of {} messages: {} rows, {} bulk and {} single calls, the last in {}",
        back.messages,
        back.rows,
        back.bulk_calls,
        back.single_calls,
        output::duration(back.lasts_ms)
    ));
    if let Some(health) = &report.webhooks {
        for one in &health.switched_off {
            output::say(&format!(
                "LeadSquared has switched off its webhook {} ({}): no more of its events come",
                one.event,
                output::instant(health.looked_ms)
            ));
        }
    }
    for (state, count) in &report.states {
        output::say(&format!("{count:>9} {state}"));
    }
    if report.no_callback > 0 {
        output::say(&format!("{:>9} of them without a delivery report in time", report.no_callback));
    }
    for one in &report.silent {
        let campaign = one.campaign.as_ref().map(|campaign| format!(", campaign {campaign}")).unwrap_or_default();
        output::say(&format!("{:>9} of request {}{campaign}", one.no_callback, one.batch));
    }
    report.paused.iter().for_each(|pause| output::say(&pause.said()));
}
