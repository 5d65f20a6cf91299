//! `recado support-bundle`: writes the data that LigueLead's support page asks for, and the same for LeadSquared, into
//! one file.
//!
//! The file holds only numbers, names of our own, and ids. Of vendors' words only the codes are kept, since the words
//! may quote a phone, a name or a text.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use recado_core::{config::Config, reason::Reason};
use recado_ledger::Budget;
use recado_pipeline::settings::today;
use recado_runtime::environment::{leadsquared_base_url, liguelead_base_url, optional};
use serde::Serialize;

use super::{Which, usage};
use crate::{data::Store, installation, output};

/// How many days of usage are included.
const DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// How many last characters of a token support asks for, and how long a token must be to show them.
const LAST_CHARS: usize = 4;
const SHORTEST_TOKEN_CHARS: usize = 12;
/// Write a file for a vendor's support, without private data.
#[derive(Debug, clap::Args)]
pub(crate) struct SupportBundle {
    #[command(flatten)]
    which: Which,
    /// The file to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "recado-support.json")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Bundle {
    made_at: String,
    recado: Software,
    liguelead: LigueLead,
    leadsquared: LeadSquared,
    /// The last days with any use, oldest first.
    days: Vec<DayUsage>,
    limits: Vec<usage::Spent>,
    messages_by_state: BTreeMap<String, u64>,
    messages_by_channel: BTreeMap<String, u64>,
    /// Reasons of messages that were not sent, and of outcomes that LeadSquared refused: our own words, or codes from
    /// theirs.
    errors: BTreeMap<String, u64>,
    /// Values that only a person knows.
    to_fill_in: [&'static str; 4],
}

#[derive(Serialize)]
struct Software {
    version: &'static str,
    system: &'static str,
    machine: &'static str,
}

#[derive(Serialize)]
struct LigueLead {
    host: Option<String>,
    /// The token's last four characters.
    api_token_ends: Option<String>,
    app_id: Option<String>,
    requests_per_minute: u32,
}

#[derive(Serialize)]
struct LeadSquared {
    host: Option<String>,
    /// The access key's last four characters.
    access_key_ends: Option<String>,
    plan: Option<String>,
    calls_per_5s: u32,
    bulk_calls_per_5s: u32,
    calls_per_day: u64,
}

#[derive(Serialize)]
struct DayUsage {
    day: String,
    messages: u64,
    credits: u64,
    liguelead_requests: u64,
}

impl SupportBundle {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let bundle = bundle(&config, &store).await?;
        if self.out.as_os_str() == "-" {
            output::json("support-bundle", &bundle)?;
        } else {
            let name = self.out.display().to_string();
            let text = serde_json::to_string_pretty(&output::Answer::of("support-bundle", &bundle))?;
            output::write_private(&self.out, &text).with_context(|| name.clone())?;
            output::say(&format!("written to {name}; fill in the values under to_fill_in before you send it"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn bundle(config: &Config, store: &Store) -> anyhow::Result<Bundle> {
    let now_ms = installation::world().now_ms();
    let report = usage::report(config, store).await?;
    let mut days = Vec::new();
    for back in (0..DAYS).rev() {
        let day = today(now_ms - back * DAY_MS, &config.timezone);
        let spent = store.ledger.day(&day, &Budget::Account).await?;
        if spent.requests + spent.messages > 0 {
            let (messages, credits, liguelead_requests) = (spent.messages, spent.credits, spent.requests);
            days.push(DayUsage { day, messages, credits, liguelead_requests });
        }
    }
    let mut channels: BTreeMap<String, u64> = BTreeMap::new();
    let mut errors: BTreeMap<String, u64> = BTreeMap::new();
    store
        .ledger
        .each_message(|message| {
            *channels.entry(message.content.channel().to_string()).or_default() += 1;
            if let Some(why) = &message.why {
                *errors.entry(format!("{}: {}", message.state, code_of(why))).or_default() += 1;
            }
            true
        })
        .await?;
    for (why, count) in store.ledger.parked_reasons().await? {
        *errors.entry(format!("LeadSquared refused the outcome: {}", without_content(&why))).or_default() += count;
    }
    let crm = &config.leadsquared;
    Ok(Bundle {
        made_at: output::instant(now_ms),
        recado: Software {
            version: env!("CARGO_PKG_VERSION"),
            system: std::env::consts::OS,
            machine: std::env::consts::ARCH,
        },
        liguelead: LigueLead {
            host: host(&liguelead_base_url()),
            api_token_ends: optional("LIGUELEAD_API_TOKEN").and_then(|token| ends(&token)),
            app_id: optional("LIGUELEAD_APP_ID"),
            requests_per_minute: config.liguelead.requests_per_minute,
        },
        leadsquared: LeadSquared {
            host: host(&leadsquared_base_url()),
            access_key_ends: optional("LEADSQUARED_ACCESS_KEY").and_then(|key| ends(&key)),
            plan: crm.plan.map(|plan| format!("{plan:?}").to_lowercase()),
            calls_per_5s: crm.calls_per_5s,
            bulk_calls_per_5s: crm.bulk_calls_per_5s,
            calls_per_day: crm.calls_per_day,
        },
        days,
        limits: report.limits,
        messages_by_state: report.states,
        messages_by_channel: channels,
        errors,
        to_fill_in: [
            "the account's e-mail address",
            "the volume you expect",
            "what you use it for",
            "until when you need it",
        ],
    })
}

/// The host and port of an address, without its path and other parts.
fn host(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(match (url.host_str()?, url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    })
}

/// The last characters of a token, as support asks for them. A token too short to keep the rest secret gives nothing.
fn ends(token: &str) -> Option<String> {
    let chars: Vec<char> = token.chars().collect();
    (chars.len() >= SHORTEST_TOKEN_CHARS).then(|| chars.iter().rev().take(LAST_CHARS).rev().collect())
}

/// The reason of a message without anything that may come from a lead, a text or a vendor. It keeps our own words, and
/// the codes in the rest.
fn code_of(reason: &Reason) -> String {
    let (own, status) = match reason {
        Reason::Refused { status, .. } => ("LigueLead refused it".to_owned(), Some(*status)),
        Reason::AudioUnknown { status, .. } => ("LigueLead does not know its audio".to_owned(), Some(*status)),
        Reason::AccountRefused { .. } => ("LigueLead refuses the account".to_owned(), None),
        Reason::NotReached { .. } => ("LigueLead could not be reached".to_owned(), None),
        Reason::NoAnswer { .. } => ("no answer that says whether it was sent".to_owned(), None),
        Reason::Died | Reason::DiedCalling | Reason::TakenForDead => ("its sender died".to_owned(), None),
        Reason::OutsideHours { .. } => ("outside the hours".to_owned(), None),
        Reason::RateUsedUp => (reason.to_string(), None),
        Reason::InParts { first, .. } | Reason::NeverReported { first: Some(first) } => return code_of(first),
        other => (other.name(), None),
    };
    let codes = reason.outside().map(codes_in).unwrap_or_default();
    let status = status.map(|status| status.to_string());
    [own].into_iter().chain(status).chain(codes).collect::<Vec<_>>().join(" ")
}

/// The codes of a text, without the rest: HTTP statuses and LeadSquared's exceptions.
fn without_content(why: &str) -> String {
    match codes_in(why).as_slice() {
        [] => "another reason, see `recado messages`".to_owned(),
        codes => codes.join(" "),
    }
}

fn codes_in(text: &str) -> Vec<String> {
    let is_code = |word: &&str| {
        (word.starts_with("MX") && word.ends_with("Exception") && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            || (word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|byte| byte.is_ascii_digit()))
    };
    text.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(is_code).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use recado_core::reason::Reason;

    use super::{code_of, ends, host, without_content};

    #[test]
    fn reasons_keep_their_codes_and_lose_what_they_quote() {
        let why = |why: &str| why.to_owned();
        for (reason, kept) in [
            (Reason::Refused { status: 422, why: why("phones: 11988887777 is Ana's") }, "LigueLead refused it 422"),
            (Reason::AccountRefused { why: why("402: Ana has no credits") }, "LigueLead refuses the account 402"),
            (Reason::NotMade { why: why("Ana Lima has no phone 11988887777") }, "not_made"),
            (Reason::Earlier { words: why("LigueLead refused it (422): Ana") }, "earlier 422"),
        ] {
            assert_eq!(code_of(&reason), kept, "{reason}");
        }
        for (why, kept) in [
            ("LeadSquared refused the call (500 MXInvalidEntityException): Ana", "500 MXInvalidEntityException"),
            ("Ana Lima has no phone 11988887777", "another reason, see `recado messages`"),
            ("", "another reason, see `recado messages`"),
        ] {
            assert_eq!(without_content(why), kept, "{why}");
        }
    }

    #[test]
    fn of_a_token_four_characters_are_told_and_of_an_address_the_host() {
        assert_eq!(ends("0123456789abcdef").as_deref(), Some("cdef"));
        assert_eq!(ends("short"), None);
        assert_eq!(host("http://127.0.0.1:4001/v1?key=x").as_deref(), Some("127.0.0.1:4001"));
    }
}
