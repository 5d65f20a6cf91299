//! `recado setup leadsquared`.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use leadsquared::{Admitted, CallError};
use recado_pipeline::{
    crm::{Crm, CrmError},
    setup::{HookTarget, Item, Make, Setup as Account, Standing, Wanted, is_open},
};
use recado_runtime::environment::{
    leadsquared_base_url, leadsquared_client, leadsquared_credentials, public_url, webhook_secret,
};
use serde::Serialize;

use super::Which;
use crate::{installation, output};

/// How long one request may wait for its permit, in ms: 12 windows.
const TURN_MS: i64 = 60_000;

/// Create what Recado needs at a vendor.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Setup {
    /// Create the activity type, the lead fields and the webhooks that the configuration needs in LeadSquared.
    Leadsquared(Leadsquared),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Leadsquared {
    #[command(flatten)]
    which: Which,
    /// Create missing items without asking.
    #[arg(long)]
    yes: bool,
    /// Also change items that differ, and write the webhooks' secret again.
    #[arg(long)]
    update: bool,
    /// Print JSON. Without --yes it makes nothing.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    items: Vec<Line>,
    /// The steps that a person has to do.
    steps: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    name: String,
    /// `found`, `missing`, `differs` or `by hand`, before anything was made.
    standing: &'static str,
    /// How it differs, or why no request can make it.
    detail: Option<String>,
    /// `made`, `changed`, or why not; `None` if it was not tried.
    done: Option<String>,
    #[serde(skip)]
    good: bool,
}

impl Setup {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Leadsquared(leadsquared) => leadsquared.run().await,
        }
    }
}

impl Leadsquared {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let credentials = leadsquared_credentials()?;
        let secret = webhook_secret()?.newest();
        let target = public_url()?.map(|public_url| HookTarget { public_url, secret });
        let (config, store) = self.which.prepare().await?;
        let timeout = Duration::from_millis(config.send.call_timeout_ms);
        let client = leadsquared_client(&leadsquared_base_url(), &credentials, timeout)?;
        let account = Account { crm: installation::crm(&config, client, &store.ledger), ledger: store.ledger.clone() };
        let report = self.prepare(&account, &Wanted::of(&config, target.as_ref())).await?;
        if self.json {
            output::json("setup.leadsquared", &report)?;
        } else {
            report.show();
        }
        Ok(ExitCode::from(u8::from(!report.items.iter().all(|line| line.good))))
    }

    async fn prepare(&self, account: &Account, wanted: &Wanted) -> anyhow::Result<Report> {
        right_region(&account.crm).await?;
        let items = wanted.against(&account.account(&wanted.activity_type.name, until_ms()).await?);
        let lines: Vec<Line> = items.iter().map(Line::of).collect();
        let mut report = Report { items: lines, steps: wanted.steps.clone() };
        let to_do: Vec<bool> = items.iter().map(|item| self.is_due(item)).collect();
        if !to_do.contains(&true) || !self.may(&report)? {
            return Ok(report);
        }
        for ((item, line), due) in items.iter().zip(&mut report.items).zip(to_do) {
            if due {
                line.make(item, account, wanted).await?;
            }
        }
        Ok(report)
    }

    fn is_due(&self, item: &Item) -> bool {
        match item.standing {
            Standing::Missing => true,
            Standing::Differs(_) | Standing::Found => self.update && !matches!(item.make, Make::Nothing),
            Standing::ByHand(_) => false,
        }
    }

    /// Whether the account may be changed. Asks, unless a flag has answered already.
    fn may(&self, report: &Report) -> anyhow::Result<bool> {
        if self.yes || self.json {
            return Ok(self.yes);
        }
        report.show_items();
        output::say("create the missing items, and with --update change those that differ? [y/N]");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("the answer")?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes" | "s" | "sim"))
    }
}

/// Asks for the user of the keys, which every region answers. Other requests to a wrong region would all be refused.
async fn right_region(crm: &Crm) -> anyhow::Result<()> {
    let user = crm.call(until_ms(), async |crm: Admitted<'_, leadsquared::Standard>| crm.who_am_i().await).await;
    let user = match user {
        Err(CrmError::Call(error @ CallError::Credentials { .. })) => {
            bail!("LEADSQUARED_ACCESS_KEY or LEADSQUARED_SECRET_KEY was refused: {error}")
        }
        user => user?,
    };
    match user.api_host.filter(|host| !leadsquared_base_url().contains(host.as_str())) {
        Some(host) => bail!("the account is on another host; set LEADSQUARED_BASE_URL=https://{host}/v2"),
        None => Ok(()),
    }
}

fn until_ms() -> i64 {
    installation::world().now_ms() + TURN_MS
}

impl Line {
    fn of(item: &Item) -> Self {
        let (standing, detail) = match &item.standing {
            Standing::Found => ("found", None),
            Standing::Missing => ("missing", None),
            Standing::Differs(why) => ("differs", Some(why.clone())),
            Standing::ByHand(why) => ("by hand", Some(why.clone())),
        };
        let good = matches!(item.standing, Standing::Found | Standing::Differs(_));
        Self { kind: item.kind, name: item.name.clone(), standing, detail, done: None, good }
    }

    /// Makes the item. If a request got no answer, the item is looked up and the request is never repeated.
    async fn make(&mut self, item: &Item, account: &Account, wanted: &Wanted) -> anyhow::Result<()> {
        let word = if item.standing == Standing::Missing { "made" } else { "changed" };
        let made = account.make(&item.make, until_ms()).await;
        let done = match &made {
            Ok(()) => true,
            Err(error) if is_open(error) => {
                let now = wanted.against(&account.account(&wanted.activity_type.name, until_ms()).await?);
                now.iter().any(|one| one.kind == item.kind && one.name == item.name && one.standing == Standing::Found)
            }
            Err(_) => false,
        };
        self.good = done;
        self.done = Some(match made {
            _ if done => word.to_owned(),
            Err(error) => error.to_string(),
            Ok(()) => String::new(),
        });
        Ok(())
    }
}

impl Report {
    fn show_items(&self) {
        let mut table = output::table(&["what", "name", "is", "done", ""]);
        for line in &self.items {
            table.add_row([
                line.kind,
                &line.name,
                line.standing,
                line.done.as_deref().unwrap_or("-"),
                line.detail.as_deref().unwrap_or_default(),
            ]);
        }
        output::say_table(&table, 2);
    }

    fn show(&self) {
        self.show_items();
        for step in &self.steps {
            output::say(&format!("by hand: {step}"));
        }
        if self.items.iter().any(|line| line.standing == "differs" && line.done.is_none()) {
            output::say("--update changes the items that differ");
        }
    }
}
