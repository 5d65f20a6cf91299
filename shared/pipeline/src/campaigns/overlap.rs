//! Checks whether a list repeats the people of an earlier run of the same campaign.

use std::collections::HashSet;

use recado_core::{
    config::Campaign,
    identity::RunId,
    phone::{Phone, PhoneRules},
};
use recado_ledger::{Phase, Run};

use super::{CampaignError, Campaigns, Entry, source::Who};

/// An earlier run with many of a list's people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The run's name.
    pub run: String,
    /// When it was started, in ms since the epoch.
    pub started_ms: i64,
    /// People of the list who were in that run.
    pub people: u64,
    /// Lines of the list.
    pub lines: u64,
}

/// The people in a list, by phone and by lead.
struct People {
    phones: HashSet<Phone>,
    leads: HashSet<String>,
}

impl People {
    fn of(entries: &[Entry], rules: PhoneRules) -> Self {
        let mut people = Self { phones: HashSet::new(), leads: HashSet::new() };
        for entry in entries {
            match &entry.who {
                Who::Phone(text) => people.phones.extend(Phone::read(text, rules).one()),
                Who::Lead(id) => {
                    people.leads.insert(id.to_ascii_lowercase());
                }
            }
        }
        people
    }
}

impl Campaigns {
    /// The earlier run of `campaign` with the most people of a list, if they are more than half of the list. The run
    /// `name` itself is left out. Reads the audiences of the campaign's runs.
    pub async fn overlap(
        &self,
        campaign: &Campaign,
        name: &str,
        entries: &[Entry],
    ) -> Result<Option<Overlap>, CampaignError> {
        let people = People::of(entries, self.config.phones);
        let id = campaign.id.as_str();
        let mut found: Option<Overlap> = None;
        for run in self.ledger.runs().await? {
            let has_sent = run.phase != Phase::Cancelled || run.released > 0;
            if run.campaign != id || run.id() == RunId::of(id, name) || !has_sent {
                continue;
            }
            let count = self.in_common(&run, &people).await?;
            if count * 2 > entries.len() as u64 && found.as_ref().is_none_or(|found| found.people < count) {
                let (run, started_ms) = (run.name, run.started_ms);
                found = Some(Overlap { run, started_ms, people: count, lines: entries.len() as u64 });
            }
        }
        Ok(found)
    }

    async fn in_common(&self, run: &Run, people: &People) -> Result<u64, CampaignError> {
        let mut count = 0;
        for page in &run.pages {
            for recipient in self.ledger.places(run.id(), *page).await?.unwrap_or_default().into_iter().flatten() {
                let lead = recipient.lead.as_ref().map(|lead| lead.to_ascii_lowercase());
                let is_there =
                    people.phones.contains(&recipient.phone) || lead.is_some_and(|lead| people.leads.contains(&lead));
                count += u64::from(is_there);
            }
        }
        Ok(count)
    }
}
