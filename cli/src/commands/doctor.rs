//! `recado doctor`: checks everything that an installation relies on, and says how to repair each problem.
//!
//! It changes nothing. Its requests to the vendors stay inside the same limits as all others: 7 to LeadSquared, 1 to
//! LigueLead. It also sends requests to this installation's own address.

mod here;
mod leadsquared;
mod liguelead;

use std::process::ExitCode;

use serde::Serialize;

use super::Which;
use crate::output::{self, Mood};

/// How long one request may wait for its permit, in ms.
const TURN_MS: i64 = 20_000;
/// How far a vendor's clock may differ from this machine's, in ms. The vendor's `Date` has whole seconds, and the
/// answer takes time to travel. The limits rely on a far smaller difference, but only a clock that nobody sets differs
/// more than this.
const CLOCK_MS: i64 = 3_000;

/// Check an installation, and say how to repair it.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    which: Which,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It is as it should be.
    Good,
    /// An operator should look at it.
    Warning,
    /// It must be repaired.
    Wrong,
    /// It could not be checked, because of another problem.
    NotChecked,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    /// What the check found.
    what: String,
    /// How to repair it.
    todo: Option<String>,
}

impl Finding {
    fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, state: State::Good, what: what.into(), todo: None }
    }

    fn warning(check: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, state: State::Warning, what: what.into(), todo: Some(todo.into()) }
    }

    fn wrong(check: &'static str, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, state: State::Wrong, what: what.into(), todo: Some(todo.into()) }
    }

    fn not_checked(check: &'static str, because: impl Into<String>) -> Self {
        Self { check, state: State::NotChecked, what: because.into(), todo: None }
    }
}

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut findings = Vec::new();
        match self.which.installed_or_prepared().await {
            Err(error) => {
                let todo = "repair the configuration (`recado check FILE`) or --data; the other checks need them";
                findings.push(Finding::wrong("configuration and table", format!("{error:#}"), todo));
            }
            Ok((config, store)) => {
                findings.push(Finding::good(
                    "configuration",
                    format!("{} rules, {} campaigns", config.rules.len(), config.campaigns.len()),
                ));
                findings.extend(here::table(&store).await);
                findings.extend(here::secrets());
                findings.extend(here::callback_address(&store).await);
                findings.extend(leadsquared::all(&config, &store).await);
                findings.extend(liguelead::all(&config, &store).await);
            }
        }
        if self.json {
            output::json("doctor", &serde_json::json!({ "findings": findings }))?;
        } else {
            show(&findings);
        }
        Ok(ExitCode::from(u8::from(findings.iter().any(|one| one.state == State::Wrong))))
    }
}

fn show(findings: &[Finding]) {
    for one in findings {
        let mark = match one.state {
            State::Good => Mood::Good.paint("ok     "),
            State::Warning => Mood::Look.paint("warning"),
            State::Wrong => Mood::Bad.paint("WRONG  "),
            State::NotChecked => "skipped".to_owned(),
        };
        output::say(&format!("{mark} {}: {}", one.check, one.what));
        if let Some(todo) = &one.todo {
            output::say(&format!("        do: {todo}"));
        }
    }
    let wrong = findings.iter().filter(|one| one.state == State::Wrong).count();
    output::say(&format!("{wrong} wrong, {} checks", findings.len()));
}

/// Compares a vendor's clock with this machine's.
fn clock(vendor: &'static str, vendor_ms: Option<i64>, now_ms: i64) -> Finding {
    let Some(vendor_ms) = vendor_ms else { return Finding::not_checked("clock", format!("{vendor} sent no date")) };
    let off_ms = now_ms - vendor_ms;
    // The date has whole seconds: a difference of up to one second means nothing.
    if (-CLOCK_MS..=CLOCK_MS + 1_000).contains(&off_ms) {
        return Finding::good("clock", format!("within {} s of {vendor}'s", CLOCK_MS / 1_000));
    }
    Finding::wrong(
        "clock",
        format!("{} s from {vendor}'s", off_ms / 1_000),
        "set this machine's clock by the network (NTP): limits, hours and LeadSquared's periods need it",
    )
}
