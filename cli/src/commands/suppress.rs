//! `recado suppress`: operators' suppressions, in addition to the opt-out fields of the CRM.

mod import;

use std::{fmt, path::PathBuf, process::ExitCode, str::FromStr};

use recado_core::{
    audit::{About, Act},
    config::Config,
    phone::{Phone, PhoneRules},
};
use recado_ledger::{Kind, Subject, Suppression};
use recado_runtime::installation;
use serde::Serialize;

use super::{
    Which, audited,
    list::{self, Bad, Columns},
};
use crate::{data::Store, output};

/// Keep phones and leads from getting messages, whatever the rules say.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Suppress {
    /// Suppress a phone or a lead.
    Add(Add),
    /// End the suppression of a phone or a lead.
    Remove(Remove),
    /// Show the suppressions. Phones are shortened.
    List(List),
    /// Suppress the people in a file with columns such as `phone`, `telefone` or `ProspectID`, and optionally `channel`.
    Import(Import),
}

/// The value of `--channel`: `sms` (Flash included) or `voice`.
#[derive(Debug, Clone, Copy)]
struct Channel(Kind);

impl FromStr for Channel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sms" | "flash" => Ok(Self(Kind::Sms)),
            "voice" => Ok(Self(Kind::Voice)),
            _ => Err(format!("unknown channel \"{text}\"; use sms (Flash included) or voice")),
        }
    }
}

/// The value of `--phone`. The configuration decides which number it means.
#[derive(Clone)]
struct Written(String);

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written")
    }
}

impl From<&str> for Written {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The phone, in any form that the configuration's `phones` allows.
    #[arg(long, value_name = "PHONE")]
    phone: Option<Written>,
    /// The lead, by its ProspectID.
    #[arg(long, value_name = "LEAD")]
    lead: Option<String>,
}

/// The command ends with exit code 2; the reason was shown.
struct WrongUse;

/// The phone or lead that the command line names, if any, under the configuration's rules for phones.
fn subject(phone: Option<&Written>, lead: Option<&String>, rules: PhoneRules) -> Result<Option<Subject>, WrongUse> {
    let Some(Written(text)) = phone else { return Ok(lead.cloned().map(Subject::Lead)) };
    let phone = Phone::read(text, rules).one().map_err(|error| {
        output::complain(&format!("--phone: {error}"));
        WrongUse
    });
    phone.map(|phone| Some(Subject::Phone(phone)))
}

impl Who {
    fn subject(&self, config: &Config) -> Result<Subject, WrongUse> {
        subject(self.phone.as_ref(), self.lead.as_ref(), config.phones)?.ok_or(WrongUse)
    }
}

#[derive(Debug, clap::Args)]
struct OfWhat {
    /// Only for this channel: sms (Flash included) or voice. By default both.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl OfWhat {
    fn words(&self) -> String {
        self.kinds().iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" and ")
    }

    /// Records that suppressions of one person came or went. If none did, nothing was done.
    async fn record(&self, store: &Store, act: Act, person: &Subject, count: usize) {
        if count > 0 {
            let people = audited::marks(store, std::slice::from_ref(person)).await;
            let about = About::scope(&format!("one {}, {}", person.as_str(), self.words()));
            audited::record(store, act, about.of_people(people)).await;
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        self.channel.map_or(Kind::ALL.to_vec(), |channel| vec![channel.0])
    }
}

/// Suppress a phone or a lead.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    of: OfWhat,
    /// The reason, for people who look at it later.
    #[arg(long, value_name = "TEXT", default_value = "by an operator")]
    why: String,
}

/// End the suppression of a phone or a lead.
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    of: OfWhat,
}

/// Show the suppressions.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
    /// Only this phone.
    #[arg(long, value_name = "PHONE", conflicts_with = "lead")]
    phone: Option<Written>,
    /// Only this lead.
    #[arg(long, value_name = "LEAD")]
    lead: Option<String>,
    #[command(flatten)]
    of: OfWhat,
}

/// Suppress the people in a CSV file.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(flatten)]
    which: Which,
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    columns: Columns,
    #[command(flatten)]
    of: OfWhat,
}

#[derive(Serialize)]
struct Line {
    phone: Option<String>,
    lead: Option<String>,
    channel: &'static str,
    since_ms: i64,
    source: String,
}

impl Suppress {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run().await,
            Self::Remove(remove) => remove.run().await,
            Self::List(list) => list.run().await,
            Self::Import(import) => import.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let Ok(subject) = self.who.subject(&config) else { return Ok(ExitCode::from(2)) };
        let since_ms = installation::world().now_ms();
        let rows: Vec<Suppression> = self
            .of
            .kinds()
            .into_iter()
            .map(|kind| Suppression { subject: subject.clone(), kind, since_ms, source: self.why.clone() })
            .collect();
        let new = store.ledger.suppress(&rows).await?;
        self.of.record(&store, Act::SuppressAdd, &subject, new).await;
        counted("add", "suppressed", new, self.of.json)
    }
}

impl Remove {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let Ok(subject) = self.who.subject(&config) else { return Ok(ExitCode::from(2)) };
        let lifted = store.ledger.unsuppress(&subject, &self.of.kinds()).await?;
        self.of.record(&store, Act::SuppressRemove, &subject, lifted).await;
        let code = counted("remove", "lifted", lifted, self.of.json)?;
        Ok(if lifted == 0 { ExitCode::from(1) } else { code })
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let subject = subject(self.phone.as_ref(), self.lead.as_ref(), config.phones);
        let Ok(subject) = subject else { return Ok(ExitCode::from(2)) };
        let mut rows = store.ledger.suppressions(subject.as_ref()).await?;
        let kinds = self.of.kinds();
        rows.retain(|row| kinds.contains(&row.kind));
        rows.sort_by(|a, b| (b.since_ms, &a.subject, a.kind).cmp(&(a.since_ms, &b.subject, b.kind)));
        let lines: Vec<Line> = rows.into_iter().map(Line::from).collect();
        if self.of.json {
            output::json("suppress.list", &serde_json::json!({ "suppressions": lines }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = output::table(&["phone", "lead", "channel", "since", "source"]);
        for line in &lines {
            table.add_row([
                line.phone.clone().unwrap_or_default(),
                line.lead.clone().unwrap_or_default(),
                line.channel.to_owned(),
                output::instant(line.since_ms),
                line.source.clone(),
            ]);
        }
        output::say(&table.to_string());
        output::say(&format!("{} suppression(s)", lines.len()));
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    async fn run(self) -> anyhow::Result<ExitCode> {
        #[derive(Serialize)]
        struct Report {
            lines: usize,
            new: usize,
            bad: Vec<Bad>,
        }
        let name = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (config, store): (_, Store) = self.which.open().await?;
        let list = list::read(&self.file, &self.columns, config.phones)?;
        let read = import::of(&list, config.phones, &self.of.kinds(), installation::world().now_ms(), &name);
        let new = store.ledger.suppress(&read.rows).await?;
        let about = About::scope(&self.of.words()).of_count(new as u64);
        audited::record(&store, Act::SuppressImport, about).await;
        let lines = list.lines.len() + list.bad.len();
        list::keep(&self.file, &list, &read.bad);
        if self.of.json {
            output::json("suppress.import", &Report { lines, new, bad: read.bad.iter().map(Bad::from).collect() })?;
        } else {
            list::show(&self.file, &read.bad);
            let bad = read.bad.len();
            output::say(&format!("{} of {lines} line(s) taken, {new} new suppression(s), {bad} bad", lines - bad));
        }
        Ok(if read.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

impl From<Suppression> for Line {
    fn from(row: Suppression) -> Self {
        let (phone, lead) = match row.subject {
            Subject::Phone(phone) => (Some(phone.masked()), None),
            Subject::Lead(lead) => (None, Some(lead)),
        };
        Self { phone, lead, channel: row.kind.as_str(), since_ms: row.since_ms, source: row.source }
    }
}

fn counted(verb: &str, what: &str, count: usize, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&format!("suppress.{verb}"), &serde_json::json!({ what: count }))?;
    } else {
        output::say(&format!("{what}: {count}"));
    }
    Ok(ExitCode::SUCCESS)
}
