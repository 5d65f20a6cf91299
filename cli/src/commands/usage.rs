//! `recado usage`.

use std::{collections::BTreeMap, process::ExitCode};

use recado_core::config::Config;
use recado_ledger::Budget;
use recado_pipeline::settings::{next_midnight_ms, today};
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
    /// Messages kept in the table, by state.
    pub(crate) states: BTreeMap<String, u64>,
}

/// One quota or limit.
#[derive(Debug, Serialize)]
pub(crate) struct Spent {
    pub(crate) name: &'static str,
    pub(crate) used: u64,
    /// None: no limit is configured.
    pub(crate) limit: Option<u64>,
    pub(crate) left: Option<u64>,
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
    let spent = store.ledger.day(&day, &Budget::Account).await?;
    let crm_calls = installation::crm_account(config, store).calls_today(now_ms).await?;
    let mut states = BTreeMap::new();
    store
        .ledger
        .each_message(|message| {
            *states.entry(message.state.to_string()).or_default() += 1;
            true
        })
        .await?;
    let limit = |name, used, limit: Option<u64>| Spent {
        name,
        used,
        limit,
        left: limit.map(|limit| limit.saturating_sub(used)),
    };
    Ok(Report {
        until_ms: next_midnight_ms(now_ms, &config.timezone),
        limits: vec![
            limit("messages a day", spent.messages, config.quotas.messages_per_day),
            limit("credits a day", spent.credits, config.quotas.credits_per_day),
            limit("LeadSquared calls a day (UTC)", crm_calls, Some(config.leadsquared.own_calls_per_day())),
        ],
        liguelead_requests: spent.requests,
        states,
        day,
    })
}

fn show(report: &Report) {
    output::say(&format!("{} until {}", report.day, output::instant(report.until_ms)));
    let mut table = output::table(&["limit", "used", "of", "left"]);
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for spent in &report.limits {
        table.add_row([spent.name.to_owned(), spent.used.to_string(), number(spent.limit), number(spent.left)]);
    }
    output::say(&table.to_string());
    output::say(&format!("requests to LigueLead: {}", report.liguelead_requests));
    for (state, count) in &report.states {
        output::say(&format!("{count:>9} {state}"));
    }
}
