//! Campaigns: their schedules, their audiences, and how audiences reach the sender.
//!
//! A run is first **gathered** completely, and then **released**. So the run goes to the audience as it was at the
//! start, even if its own messages change the audience. Each step ends in one conditional write of the run's row:
//!
//! | the process dies after | the table shows | what follows |
//! | --- | --- | --- |
//! | a page was written | a page that the run does not name | the page is read again, and written under a new key |
//! | the run names the page | the cursor behind it | the next page is read |
//! | a page was released, or a part of it | rows, and the run not counting them | released again, with equal ids |

mod gather;
mod overlap;
mod plan;
mod release;
mod source;
mod status;

use std::sync::Arc;

use recado_core::{
    campaign::{Frozen, MAX_RUN_BYTES, NotThawed, Tally},
    config::{Audience, Campaign, Config},
    message::Priority,
};
use recado_ledger::{Ledger, LedgerError, Phase, Run};
use recado_limits::LimitError;

use crate::{
    crm::{Crm, CrmError},
    pauses::{self, Pauses},
    settings::SendSettings,
    world::World,
};

pub use overlap::Overlap;
pub use plan::{CampaignPlan, PlannedText, QuotaLeft};
pub use source::{Entry, Source, Who, as_list};
pub use status::{RunStatus, Unreported, statuses, unreported};

/// The longest delay, in ms, at which a missed start is made up for. A longer outage skips the start.
const MISSED_MS: i64 = 3_600_000;
/// How long the lease on a run lasts without a renewal, in ms.
const LEASE_MS: i64 = 20_000;

/// Starts campaigns and hands their audiences to the sender.
#[derive(Debug, Clone)]
pub struct Campaigns {
    /// The table.
    pub ledger: Ledger,
    /// LeadSquared's client, held inside the account's limits.
    pub crm: Crm,
    /// The configuration in force.
    pub config: Arc<Config>,
    /// The pauses of operators.
    pub pauses: Pauses,
    /// The clock and new identifiers.
    pub world: World,
    /// This function's name as the holder of leases. Each function has a different name.
    pub holder: String,
}

/// Why a campaign stops.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// The table failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The limits could not be read.
    #[error(transparent)]
    Limits(#[from] LimitError),
    /// LeadSquared did not return the audience.
    #[error(transparent)]
    Crm(#[from] CrmError),
    /// Another version of Recado stored the run.
    #[error(transparent)]
    Thaw(#[from] NotThawed),
    /// It cannot be started in this way.
    #[error("{0}")]
    Refused(String),
}

/// What one round did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CampaignReport {
    /// Runs that their schedules started.
    pub started: u64,
    /// Leads and lines that were judged.
    pub looked_at: u64,
    /// Messages that went to the sender.
    pub released: u64,
}

impl CampaignReport {
    /// Logs what was done, if anything was.
    pub fn log(&self) {
        if self.started + self.looked_at + self.released > 0 {
            tracing::info!(
                started = self.started,
                looked_at = self.looked_at,
                released = self.released,
                "campaign.done"
            );
        }
    }
}

impl Campaigns {
    /// Starts campaigns by their schedules, and continues all runs. It starts no request to LeadSquared after
    /// `until_ms`, in ms since the epoch.
    pub async fn tick(&self, until_ms: i64) -> Result<CampaignReport, CampaignError> {
        let mut report = CampaignReport::default();
        for campaign in self.config.campaigns.iter().filter(|campaign| campaign.schedule.is_some()) {
            report.started += u64::from(self.start_if_due(campaign).await?);
        }
        for run in self.ledger.runs().await? {
            let goes_on = match run.phase {
                Phase::Gathering => run.file.is_none(),
                Phase::Releasing => true,
                Phase::Released | Phase::Cancelled => false,
            };
            if goes_on && let Err(error) = Box::pin(self.go_on(run, until_ms, &mut report)).await {
                tracing::error!(error = %error, "campaign.failed");
            }
        }
        Ok(report)
    }

    /// Starts a run. A repeated start is harmless: it returns the same run. `file` is the hash of the recipients' file.
    /// The `bool` says whether the run is new.
    pub async fn start(
        &self,
        campaign: &Campaign,
        name: &str,
        file: Option<String>,
    ) -> Result<(Run, bool), CampaignError> {
        if name.is_empty() || name.len() > MAX_RUN_BYTES || name.chars().any(char::is_control) {
            let why = format!("the name of a run has 1 to {MAX_RUN_BYTES} characters");
            return Err(CampaignError::Refused(why));
        }
        match (&campaign.audience, &file) {
            (Audience::Csv, None) => {
                return Err(CampaignError::Refused("its audience is a file: give it with --csv".to_owned()));
            }
            (Audience::Search(_), Some(_)) => {
                return Err(CampaignError::Refused("its audience is a search: no file can be given".to_owned()));
            }
            _ => {}
        }
        let now_ms = self.world.now_ms();
        let run = Run {
            campaign: campaign.id.as_str().to_owned(),
            name: name.to_owned(),
            frozen: Frozen::of(campaign),
            started_ms: now_ms,
            phase: Phase::Gathering,
            cursor: 0,
            file,
            pages: Vec::new(),
            released: 0,
            tally: Tally::default(),
            gathered_ms: None,
            own_opt_out_read: false,
            why: None,
            version: 0,
        };
        if self.ledger.begin_run(&run, now_ms).await? {
            tracing::info!(campaign = run.campaign, run = run.name, "campaign.started");
            return Ok((run, true));
        }
        let there = self.ledger.run(run.id()).await?;
        let there = there.ok_or_else(|| CampaignError::Refused("the run is gone; try again".to_owned()))?;
        if there.file != run.file {
            let why = format!("{name} is a run of another file: give this one a name of its own with --run");
            return Err(CampaignError::Refused(why));
        }
        Ok((there, false))
    }

    /// Continues a run until `until_ms`.
    pub(crate) async fn go_on(
        &self,
        mut run: Run,
        until_ms: i64,
        report: &mut CampaignReport,
    ) -> Result<(), CampaignError> {
        let campaign = run.frozen.thaw()?;
        if !self.lead(&run).await? {
            return Ok(());
        }
        if run.phase == Phase::Gathering {
            let Audience::Search(search) = &campaign.audience else { return Ok(()) };
            self.gather(&mut run, &campaign, &Source::Search(search.clone()), until_ms, report).await?;
        }
        if run.phase == Phase::Releasing {
            self.release(&mut run, &campaign, until_ms, report).await?;
        }
        self.end_lead(&run).await
    }

    /// Reads the audience from a file, in the process that has the file, and then continues like any other run.
    pub async fn run_file(
        &self,
        mut run: Run,
        entries: &[Entry],
        until_ms: i64,
    ) -> Result<(Run, CampaignReport), CampaignError> {
        let mut report = CampaignReport::default();
        let campaign = run.frozen.thaw()?;
        if run.phase == Phase::Gathering {
            if !self.lead(&run).await? {
                return Err(CampaignError::Refused("another process is reading its audience".to_owned()));
            }
            let source = Source::File(entries.to_vec());
            self.gather(&mut run, &campaign, &source, until_ms, &mut report).await?;
            self.end_lead(&run).await?;
        }
        Ok((run, report))
    }

    /// Cancels a run. Nothing more is gathered or released, and the sender skips the run's waiting messages when they
    /// are due. `false`: it was cancelled before.
    pub async fn cancel(&self, mut run: Run) -> Result<bool, CampaignError> {
        const ATTEMPTS: usize = 20;
        for _ in 0..ATTEMPTS {
            if run.phase == Phase::Cancelled {
                return Ok(false);
            }
            run.phase = Phase::Cancelled;
            if self.ledger.move_run(&mut run, self.world.now_ms()).await? {
                tracing::info!(campaign = run.campaign, run = run.name, "campaign.cancelled");
                return Ok(true);
            }
            let id = run.id();
            run =
                self.ledger.run(id).await?.ok_or_else(|| CampaignError::Refused("there is no such run".to_owned()))?;
        }
        Err(CampaignError::Refused("the run's row is being written all the time; try again".to_owned()))
    }

    async fn start_if_due(&self, campaign: &Campaign) -> Result<bool, CampaignError> {
        let Some(schedule) = &campaign.schedule else { return Ok(false) };
        let now_ms = self.world.now_ms();
        let setting = format!("campaign#{}", campaign.id.as_str());
        let seen = self.ledger.setting(&setting).await?;
        let seen = seen.as_deref().and_then(|seen| seen.split_once(' '));
        // A schedule counts from the moment when it was first seen. Earlier starts do not count.
        let Some(since_ms) =
            seen.and_then(|(since_ms, text)| since_ms.parse().ok().filter(|_| text == schedule.as_str()))
        else {
            self.ledger.set_setting(&setting, &format!("{now_ms} {}", schedule.as_str())).await?;
            return Ok(false);
        };
        let since_ms: i64 = since_ms;
        let zone = &self.config.timezone;
        let Some(at_ms) = schedule.last_start_ms(since_ms.max(now_ms - MISSED_MS), now_ms, zone) else {
            return Ok(false);
        };
        let (_, is_new) = self.start(campaign, &run_name(at_ms), None).await?;
        self.ledger.set_setting(&setting, &format!("{at_ms} {}", schedule.as_str())).await?;
        Ok(is_new)
    }

    /// Whether this function holds the lease on the run. Without it, another function would do the same work twice.
    async fn lead(&self, run: &Run) -> Result<bool, CampaignError> {
        let now_ms = self.world.now_ms();
        let name = format!("run#{}", run.id());
        Ok(self.ledger.lease(&name, &self.holder, now_ms, now_ms + LEASE_MS).await?.is_none())
    }

    async fn end_lead(&self, run: &Run) -> Result<(), CampaignError> {
        Ok(self.ledger.end_lease(&format!("run#{}", run.id()), &self.holder).await?)
    }

    /// Whether an operator has paused the campaign.
    async fn is_paused(&self, campaign: &Campaign) -> Result<bool, CampaignError> {
        let judge = recado_core::campaign::Judge::new(&self.config, campaign, 0);
        let message = judge.message("", 0);
        Ok(pauses::holding(&self.pauses.now(&self.ledger).await?, &message, &SendSettings::of(&self.config)).is_some())
    }
}

/// The name of the run that starts at an instant: the minute in UTC.
#[must_use]
pub fn run_name(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// Whether this priority is low. Messages of low priority wake no sender.
fn is_low(priority: Priority) -> bool {
    priority == Priority::Low
}
