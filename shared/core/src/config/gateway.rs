//! `liguelead:` the token's limits.

use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::section::Section;
use crate::folding::folded;

/// Concurrent requests that the seed advises. At 10,000 LigueLead refuses.
const ADVISED_CONCURRENCY: u32 = 1_000;

/// `liguelead`. The defaults are the seed's limits.
pub(super) const LIGUELEAD: Keys = Keys::new(
    "`liguelead`",
    &[
        Key::with_default(
            "requests_per_minute",
            Kind::Whole(1, 600_000),
            "600_000",
            "Requests in any 60 s, over all processes.",
        )
        .more("A higher number takes effect two minutes after the last process with the lower number has ended."),
        Key::with_default(
            "in_flight",
            Kind::Whole(1, ADVISED_CONCURRENCY as u64),
            "50",
            "Requests that one sender has under way at once.",
        )
        .limit("`environments` × `in_flight` at most 1,000"),
        Key::with_default(
            "environments",
            Kind::Whole(1, ADVISED_CONCURRENCY as u64),
            "10",
            "How many senders there can be.",
        )
        .limit("`environments` × `in_flight` at most 1,000")
        .more("One `recado serve` is two."),
        Key::with_default("phones_per_request", Kind::Whole(1, 10_000), "10_000", "Phones in one request."),
        Key::with_default(
            "campaign_share",
            Kind::Percent(1, 1_000),
            "80%",
            "The share of `requests_per_minute` that messages of `priority: low` may use.",
        )
        .more("The rest is kept for the other messages."),
        Key::with_default(
            "folds_text",
            Kind::Flag,
            "true",
            "Whether `recado plan` and `recado check` show each text as it may arrive: without accents, emoji, commas \
             and exclamation marks.",
        )
        .more(
            "LigueLead's own notes say that it folds texts; its pages say that it does not. Set it to `false` once a \
             text arrived as it was written.",
        ),
    ],
);

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

pub(super) fn read(root: &Section<'_>, problems: &mut Problems) -> LigueLead {
    let section = root.section_or_empty("liguelead", problems);
    let liguelead = LigueLead {
        requests_per_minute: section.whole("requests_per_minute", problems),
        in_flight: section.whole("in_flight", problems),
        environments: section.whole("environments", problems),
        phones_per_request: section.whole("phones_per_request", problems),
        campaign_share_per_mille: section.per_mille("campaign_share", problems),
        folds_text: section.flag("folds_text", problems),
    };
    let total = liguelead.in_flight.saturating_mul(liguelead.environments);
    if total > ADVISED_CONCURRENCY {
        let key = if section.has("in_flight") { "in_flight" } else { "environments" };
        let message = format!("environments × in_flight is {total}; LigueLead advises at most {ADVISED_CONCURRENCY}");
        let suggestion = format!("in_flight: {}", (ADVISED_CONCURRENCY / liguelead.environments.max(1)).max(1));
        section.error(key, message, &suggestion, problems);
    }
    liguelead
}
