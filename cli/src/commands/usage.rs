//! `recado usage`.

use std::{collections::BTreeMap, process::ExitCode};

use recado_core::{
    config::{Config, Quotas},
    message::Message,
};
use recado_ledger::{Budget, Day};
use recado_limits::Clock;
use recado_pipeline::{
    settings::{next_midnight_ms, today},
    sync::{CrmSettings, outlook},
    warn::nearly_spent,
};
use serde::Serialize;

use super::Which;
use crate::{data::Store, installation, output};

/// Show what was spent of each quota and limit today.
#[derive(Debug, clap::Args)]
pub(crate) struct Usage {
    #[command(flatten)]
    which: Which,
    /// Answer with data.
    #[arg(long)]
    json: bool,
}

/// What was spent today.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The tenant's calendar day.
    pub(crate) day: String,
    /// When it ends, in ms since the epoch.
    pub(crate) until_ms: i64,
    /// Quotas and limits.
    pub(crate) limits: Vec<Spent>,
    /// Requests to LigueLead today.
    pub(crate) liguelead_requests: u64,
    /// What LeadSquared is still to be told.
    pub(crate) write_back: WriteBack,
    /// Messages kept in the table, by state.
    pub(crate) states: BTreeMap<String, u64>,
}

/// What LeadSquared is still to be told, and how long that takes if nothing else comes.
#[derive(Debug, Serialize)]
pub(crate) struct WriteBack {
    /// Messages.
    pub(crate) messages: u64,
    /// Rows: activities, and leads' own fields.
    pub(crate) rows: u64,
    /// Bulk calls that they take.
    pub(crate) bulk_calls: u64,
    /// Single calls, look-ups included.
    pub(crate) single_calls: u64,
    /// Until the last of them starts, in ms.
    pub(crate) lasts_ms: i64,
}

/// One quota or limit.
#[derive(Debug, Serialize)]
pub(crate) struct Spent {
    pub(crate) name: String,
    pub(crate) used: u64,
    /// None: no limit is configured.
    pub(crate) limit: Option<u64>,
    pub(crate) left: Option<u64>,
    /// When it is as good as new, in ms since the epoch; none for a window that slides.
    pub(crate) until_ms: Option<i64>,
    /// `closed until …`, `learnt …`, `nearly spent`, `in shadow`: what else there is to know.
    pub(crate) notes: Vec<String>,
}

impl Usage {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let report = report(&config, &store).await?;
        store.close().await;
        if self.json {
            output::json(&report)?;
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
        let spent = store.ledger.day(&day, &Budget::Rule(rule.id.as_str().to_owned())).await?;
        limits.extend(budget(&format!(" of rule {}", rule.id.as_str()), spent, quotas, until_ms));
    }
    limits.push(liguelead_limit(config, store).await?);
    limits.extend(crm_limits(config, store, now_ms).await?);
    let (mut states, mut waiting) = (BTreeMap::new(), Vec::new());
    store
        .ledger
        .each_message(|message| {
            *states.entry(message.state.to_string()).or_default() += 1;
            if message.crm.due_ms.is_some() {
                waiting.push(message);
            }
            true
        })
        .await?;
    let write_back = write_back(config, store, &waiting, now_ms).await?;
    Ok(Report { write_back, until_ms, limits, liguelead_requests: account.requests, states, day })
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
            Spent { name: format!("{what} a day{of}"), used, limit, left, until_ms: Some(until_ms), notes }
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
    if let Some((limit, until_ms)) = state.cut {
        notes.push(format!("others use it: cut to {limit} until {}", output::instant(until_ms)));
    }
    Ok(Spent {
        name: format!("LigueLead calls in {} s", state.window_ms / 1000),
        used: state.used,
        limit: Some(state.limit.into()),
        left: Some(state.left.into()),
        until_ms: None,
        notes,
    })
}

/// The lines of the LeadSquared account.
async fn crm_limits(config: &Config, store: &Store, now_ms: i64) -> anyhow::Result<Vec<Spent>> {
    let state = installation::crm_account(config, &store.ledger).state(now_ms).await?;
    let mut notes = Vec::new();
    if let Some(until_ms) = state.closed_until_ms {
        notes.push(format!("closed until {}", output::instant(until_ms)));
    }
    if let Some((calls, window_ms)) = state.learnt {
        notes.push(format!("learnt: {calls} in {} s", window_ms / 1000));
    }
    let line = |name: &str, used: u64, limit: u64, until_ms, notes| Spent {
        name: format!("LeadSquared {name}"),
        used,
        limit: Some(limit),
        left: Some(limit.saturating_sub(used)),
        until_ms,
        notes,
    };
    let crm = &config.leadsquared;
    let tomorrow_ms = (now_ms.div_euclid(86_400_000) + 1) * 86_400_000;
    Ok(vec![
        line("calls in 5 s", state.calls.into(), state.calls_limit.into(), None, notes),
        line("bulk calls in 5 s", state.bulk_calls.into(), crm.bulk_calls_per_5s.into(), None, Vec::new()),
        line("calls a day (UTC)", state.day_calls, crm.own_calls_per_day(), Some(tomorrow_ms), Vec::new()),
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
    output::say(&format!("requests to LigueLead: {}", report.liguelead_requests));
    let back = &report.write_back;
    output::say(&format!(
        "LeadSquared is to be told of {} messages: {} rows, {} bulk and {} single calls, the last in {}",
        back.messages,
        back.rows,
        back.bulk_calls,
        back.single_calls,
        output::duration(back.lasts_ms)
    ));
    for (state, count) in &report.states {
        output::say(&format!("{count:>9} {state}"));
    }
}
