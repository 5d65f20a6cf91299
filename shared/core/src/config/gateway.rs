//! `liguelead:` the token's limits.

use super::diagnostic::Problems;
use super::section::Section;
use super::values;
use crate::folding::folded;

const KEYS: [&str; 6] =
    ["requests_per_minute", "in_flight", "environments", "phones_per_request", "campaign_share", "folds_text"];

/// Requests in any minute (the seed's limit for each token).
const MAX_REQUESTS_PER_MINUTE: u32 = 600_000;
/// Concurrent requests that the seed advises. At 10,000 LigueLead refuses.
const ADVISED_CONCURRENCY: u32 = 1_000;
/// Phones that one request takes.
const MAX_PHONES: u32 = 10_000;
/// The share of the rate for low priority if the file does not say, in per mille.
const DEFAULT_CAMPAIGN_SHARE: u16 = 800;

/// Recado's use of LigueLead. Defaults are the seed's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LigueLead {
    /// Requests in any 60 s over all functions, 1 to 600,000. Default 600,000.
    pub requests_per_minute: u32,
    /// Concurrent requests of one environment, at least 1. Default 50.
    pub in_flight: u32,
    /// How many environments of the sender may exist (its reserved concurrency), at least 1. Default 10. `environments
    /// × in_flight` is at most 1,000, the concurrency that LigueLead advises. So the limit holds by arithmetic, without
    /// a request to the store.
    pub environments: u32,
    /// Phones in one request, 1 to 10,000. Default 10,000.
    pub phones_per_request: u32,
    /// The share of `requests_per_minute` for low priority, which campaigns and some rules have, in per mille (1 to
    /// 1,000). The rest is kept for the other rules. Default 800.
    pub campaign_share_per_mille: u16,
    /// Whether texts may arrive without accents, emoji and some punctuation, and are shown in that form. Default true.
    pub folds_text: bool,
}

impl LigueLead {
    /// The text as it may arrive, if that differs.
    #[must_use]
    pub fn arrives(&self, text: &str) -> Option<String> {
        Some(folded(text)).filter(|folded| self.folds_text && folded != text)
    }
}

impl Default for LigueLead {
    fn default() -> Self {
        Self {
            requests_per_minute: MAX_REQUESTS_PER_MINUTE,
            in_flight: 50,
            environments: 10,
            phones_per_request: MAX_PHONES,
            campaign_share_per_mille: DEFAULT_CAMPAIGN_SHARE,
            folds_text: true,
        }
    }
}

pub(super) fn read(root: &Section<'_>, problems: &mut Problems) -> LigueLead {
    let defaults = LigueLead::default();
    let Some(section) = root.section("liguelead", &KEYS, problems) else {
        return defaults;
    };
    let mut whole = |key, most: u32, default| section.whole(key, 1..=u64::from(most), problems).unwrap_or(default);
    let liguelead = LigueLead {
        requests_per_minute: whole("requests_per_minute", MAX_REQUESTS_PER_MINUTE, defaults.requests_per_minute),
        in_flight: whole("in_flight", ADVISED_CONCURRENCY, defaults.in_flight),
        environments: whole("environments", ADVISED_CONCURRENCY, defaults.environments),
        phones_per_request: whole("phones_per_request", MAX_PHONES, defaults.phones_per_request),
        campaign_share_per_mille: campaign_share(&section, problems),
        folds_text: section.flag("folds_text", problems).unwrap_or(defaults.folds_text),
    };
    let total = liguelead.in_flight.saturating_mul(liguelead.environments);
    if total > ADVISED_CONCURRENCY {
        let key = if section.has("in_flight") { "in_flight" } else { "environments" };
        let message = format!("environments × in_flight is {total}; LigueLead advises {ADVISED_CONCURRENCY} at once");
        let suggestion = format!("in_flight: {}", (ADVISED_CONCURRENCY / liguelead.environments).max(1));
        section.error(key, message, &suggestion, problems);
    }
    liguelead
}

fn campaign_share(section: &Section<'_>, problems: &mut Problems) -> u16 {
    let item = section.get("campaign_share", problems);
    item.and_then(|item| {
        item.parsed(problems, |text| match values::per_mille(text, 1_000)? {
            0 => Err(("low priority would never be sent".to_owned(), "a percentage from 0.1% to 100%".to_owned())),
            share => Ok(share),
        })
    })
    .unwrap_or(DEFAULT_CAMPAIGN_SHARE)
}
