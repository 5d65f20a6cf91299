//! `recado person`: what is kept of one person, for a request under LGPD, article 18.

use std::{path::PathBuf, process::ExitCode};

use recado_core::{
    audit::{About, Act},
    config::Config,
    erase::NotYet,
    phone::Phone,
    subject::Subject,
};
use recado_ledger::{Kind, StoredCallback, StoredFor, Suppression};
use recado_pipeline::{
    audit::marks,
    erase::{NotErased, erase, may_begin},
    person::{Held, Person, search},
};
use recado_runtime::installation::world;
use serde::Serialize;
use serde_json::Value;

use super::{
    Which,
    audit::Line as AuditLine,
    audited,
    lines::{EventLine, MessageLine, say_messages},
};
use crate::{
    data::Store,
    output::{self, NotTaken, Sink},
    serve::spool,
};

/// Show, write or remove everything that is kept of one person.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PersonVerb {
    /// Show what is kept of a person, with phones shortened and without texts. It leaves a row in the audit trail.
    Show(Show),
    /// Write everything that is kept of a person as JSON, with whole phones and texts. It leaves a row in the audit
    /// trail.
    Export(Export),
    /// Remove what is kept of a person, and leave what keeps a repeated event from sending again.
    ///
    /// It shows what it removes, and asks. Waiting messages are cancelled. Suppressions stay. It refuses while a request,
    /// a report or a write-back of one of the messages is open.
    Erase(Erase),
}

/// The person, as the command line names them.
#[derive(Clone)]
struct Named(String);

impl std::fmt::Debug for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Named")
    }
}

impl From<&str> for Named {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    /// The person: a phone in any form that the configuration's `phones` allows, or a lead's ProspectID.
    #[arg(value_name = "PHONE|LEAD")]
    who: Named,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    which: Which,
    /// The person: a phone in any form that the configuration's `phones` allows, or a lead's ProspectID.
    #[arg(value_name = "PHONE|LEAD")]
    who: Named,
    /// The file to write. Only you can read it. By default the answer goes to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    which: Which,
    /// The person: a phone in any form that the configuration's `phones` allows, or a lead's ProspectID.
    #[arg(value_name = "PHONE|LEAD")]
    who: Named,
    /// Also keep this phone or lead from getting messages. Without it, a later event of the person makes a message.
    #[arg(long)]
    suppress: bool,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Print JSON. Without --yes it changes nothing.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct EraseReport {
    erased: bool,
    /// Messages that waited, and were cancelled.
    cancelled: u64,
    /// Messages that lost phone, lead and text.
    messages: u64,
    /// Places on the lists of campaigns' recipients.
    places: u64,
    /// Reports and other rows.
    rows: u64,
    /// Suppressions, which hold the phone or the lead.
    suppressions: usize,
    /// Whether the table's file was rewritten; false on DynamoDB.
    rewritten: bool,
}

/// What is kept of a person, as the answer shows it.
#[derive(Serialize)]
struct Report {
    phones: Vec<String>,
    leads: Vec<String>,
    messages: Vec<KeptMessage>,
    reports: Vec<KeptReport>,
    /// Places on the lists of campaigns' recipients.
    places: Vec<KeptPlace>,
    /// Requests that carried a message before it was sent again.
    earlier_attempts: Vec<KeptAttempt>,
    events: Vec<EventLine>,
    waiting_events: Vec<KeptWaiting>,
    caps: Vec<KeptCaps>,
    suppressions: Vec<KeptSuppression>,
    seen_values: Vec<KeptSights>,
    shown_values: Vec<KeptShown>,
    audit: Vec<AuditLine>,
}

#[derive(Serialize)]
struct KeptMessage {
    #[serde(flatten)]
    line: MessageLine,
    /// The block that holds it; none if it has a row of its own.
    block: Option<String>,
    title: Option<String>,
    /// The text; only in an export.
    text: Option<String>,
    text_chars: usize,
    /// The message that follows if this one does not arrive, as a channel.
    fallback: Option<String>,
    fallback_text: Option<String>,
}

#[derive(Serialize)]
struct KeptReport {
    batch: Option<String>,
    campaign: Option<String>,
    phone: String,
    status: String,
    occurred_at: String,
    received_ms: i64,
    credits: Option<u32>,
}

#[derive(Serialize)]
struct KeptPlace {
    run: String,
    page: u64,
    place: u16,
    phone: String,
    lead: Option<String>,
    title: Option<String>,
    text: Option<String>,
}

#[derive(Serialize)]
struct KeptAttempt {
    batch: String,
    phone: String,
    message: String,
}

#[derive(Serialize)]
struct KeptWaiting {
    id: String,
    received_ms: i64,
    /// The event as it came; only in an export.
    event: Option<Value>,
}

#[derive(Serialize)]
struct KeptCaps {
    of: &'static str,
    sent_ms: Vec<i64>,
}

#[derive(Serialize)]
struct KeptSuppression {
    of: &'static str,
    channel: &'static str,
    since_ms: i64,
    source: String,
}

#[derive(Serialize)]
struct KeptSights {
    lead: String,
    /// The fields' values; only in an export.
    values: Option<Value>,
}

#[derive(Serialize)]
struct KeptShown {
    lead: String,
    message: String,
    changed_ms: i64,
    values: Value,
}

impl PersonVerb {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(show) => show.run().await,
            Self::Export(export) => export.run().await,
            Self::Erase(erase) => erase.run().await,
        }
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let Some(held) = found(&config, &store, &self.who, Act::PersonShow).await? else {
            return Ok(ExitCode::from(2));
        };
        let is_empty = held.is_empty();
        let report = report(held, false);
        if self.json {
            output::json("person.show", &report)?;
        } else {
            show(&report);
        }
        Ok(if is_empty { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

impl Export {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let Some(held) = found(&config, &store, &self.who, Act::PersonExport).await? else {
            return Ok(ExitCode::from(2));
        };
        let is_empty = held.is_empty();
        let text = serde_json::to_string_pretty(&output::Answer::of("person.export", report(held, true)))?;
        let mut sink = Sink::open(self.out.as_deref())?;
        let written = sink.write(&format!("{text}\n")).and_then(|()| sink.finish());
        if let Err(NotTaken::Failed(error)) = written {
            return Err(error.into());
        }
        if is_empty {
            output::complain("nothing is kept of this person");
        }
        Ok(if is_empty { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

impl Erase {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let Some(report) = self.erase(&config, &store).await? else { return Ok(ExitCode::from(2)) };
        let code = if report.erased { ExitCode::SUCCESS } else { ExitCode::from(1) };
        if self.json {
            output::json("person.erase", &report)?;
        } else if report.erased {
            output::say(&format!(
                "erased: {} message(s), {} place(s) on lists, {} other row(s); {} waited and were cancelled",
                report.messages, report.places, report.rows, report.cancelled
            ));
            if report.suppressions > 0 {
                output::say(&format!("kept: {} suppression(s), with the phone or the lead", report.suppressions));
            }
            if !report.rewritten {
                output::complain("backups and point-in-time recovery hold the person until they expire");
            }
        }
        Ok(code)
    }

    /// `None`: the text names nobody, which was said.
    async fn erase(&self, config: &Config, store: &Store) -> anyhow::Result<Option<EraseReport>> {
        let ledger = &store.ledger;
        let Some(person) = named(config, store, &self.who).await? else { return Ok(None) };
        let held = search(ledger, &person, world().now_ms()).await?;
        let nothing = EraseReport {
            erased: false,
            cancelled: 0,
            messages: 0,
            places: 0,
            rows: 0,
            suppressions: held.suppressions.len(),
            rewritten: false,
        };
        may_begin(ledger, &held).await.map_err(explained)?;
        if !self.json {
            audited::record_first(store, Act::PersonShow, about(&person)).await?;
            show(&report(held.clone(), false));
        }
        if held.is_erased() && !self.suppress {
            output::complain("there is nothing to erase");
            return Ok(Some(nothing));
        }
        if !(self.yes || !self.json && output::confirmed("erase this person")?) {
            return Ok(Some(nothing));
        }
        audited::record_first(store, Act::PersonErase, about(&person)).await?;
        if let Some(directory) = store.directory() {
            spool::forget(directory, &held.phones)?;
        }
        let erased = erase(ledger, &world(), &person, &held).await.map_err(explained)?;
        if self.suppress {
            let suppression = |kind| Suppression {
                subject: person.named.clone(),
                kind,
                since_ms: world().now_ms(),
                source: "erased at the person's request".to_owned(),
            };
            ledger.suppress(&Kind::ALL.map(suppression)).await?;
        }
        let rewritten = store.rewrite().await?;
        let left = search(ledger, &person, world().now_ms()).await?;
        anyhow::ensure!(left.is_erased(), "some rows came meanwhile: run it again");
        Ok(Some(EraseReport {
            erased: true,
            cancelled: erased.cancelled,
            messages: erased.messages,
            places: erased.places,
            rows: erased.rows,
            suppressions: left.suppressions.len(),
            rewritten,
        }))
    }
}

/// Why a person is not erased, with the instant from which it is possible.
fn explained(error: NotErased) -> anyhow::Error {
    match &error {
        NotErased::Open(NotYet { until_ms: Some(until_ms), .. }) => {
            anyhow::anyhow!("a message may not be erased yet: {error}; possible from {}", output::instant(*until_ms))
        }
        NotErased::Open(_) => anyhow::anyhow!("a message may not be erased yet: {error}; try again in a few minutes"),
        _ => error.into(),
    }
}

/// The person whom the text names. `None`: it names nobody, which was said.
async fn named(config: &Config, store: &Store, who: &Named) -> anyhow::Result<Option<Person>> {
    let named = match Subject::read(&who.0, config.phones) {
        Ok(named) => named,
        Err(error) => {
            output::complain(&format!("this names no person: {error}; pass one phone, or a lead's ProspectID"));
            return Ok(None);
        }
    };
    let marks = marks(&store.ledger, &world(), std::slice::from_ref(&named)).await?;
    Ok(Some(Person { named, rules: config.phones, marks }))
}

fn about(person: &Person) -> About {
    About::scope(&format!("one {}", person.named.as_str())).of_people(person.marks.clone())
}

/// Everything that is kept of the person, after the row in the audit trail. `None`: the text names nobody, which was
/// said.
async fn found(config: &Config, store: &Store, who: &Named, act: Act) -> anyhow::Result<Option<Held>> {
    let Some(person) = named(config, store, who).await? else { return Ok(None) };
    audited::record_first(store, act, about(&person)).await?;
    Ok(Some(search(&store.ledger, &person, world().now_ms()).await?))
}

fn report(held: Held, in_full: bool) -> Report {
    let phone = |phone: Phone| if in_full { phone.national() } else { phone.masked() };
    let own = held.messages.into_iter().map(|message| (None, message));
    let inside = held.in_blocks.into_iter().map(|(block, message)| (Some(block.to_string()), message));
    let mut messages: Vec<KeptMessage> = own
        .chain(inside)
        .map(|(block, message)| {
            let text = message.content.text().map(|text| text.expose().to_owned());
            let next = message.fallback.as_deref();
            KeptMessage {
                block,
                title: message.label.title.clone().filter(|_| in_full),
                text_chars: text.as_ref().map_or(0, |text| text.chars().count()),
                text: text.filter(|_| in_full),
                fallback: next.map(|next| next.content.channel().to_string()),
                fallback_text: next
                    .and_then(|next| next.content.text())
                    .filter(|_| in_full)
                    .map(|text| text.expose().to_owned()),
                line: MessageLine { phone: message.phone().map(phone), ..MessageLine::from(message) },
            }
        })
        .collect();
    messages.sort_by_key(|message| message.line.created_ms);
    Report {
        phones: held.phones.into_iter().map(phone).collect(),
        leads: held.leads.into_iter().collect(),
        messages,
        reports: held.reports.into_iter().map(|report| kept_report(report, phone)).collect(),
        places: held
            .places
            .into_iter()
            .map(|place| {
                let (title, text) = place.recipient.own.map(|own| (own.title, own.text)).unwrap_or_default();
                KeptPlace {
                    run: place.run.to_string(),
                    page: place.page,
                    place: place.place,
                    phone: phone(place.recipient.phone),
                    lead: place.recipient.lead,
                    title: title.filter(|_| in_full),
                    text: text.filter(|_| in_full).map(|text| text.expose().to_owned()),
                }
            })
            .collect(),
        earlier_attempts: held
            .attempts
            .into_iter()
            .map(|(batch, to, message)| KeptAttempt {
                batch: batch.to_string(),
                phone: phone(to),
                message: message.to_string(),
            })
            .collect(),
        events: held.events.into_iter().map(EventLine::from).collect(),
        waiting_events: held
            .waiting
            .into_iter()
            .map(|waiting| KeptWaiting {
                id: waiting.id.to_string(),
                received_ms: waiting.received_ms,
                event: Some(waiting.event).filter(|_| in_full),
            })
            .collect(),
        caps: held
            .caps
            .into_iter()
            .map(|(of, sent)| KeptCaps { of: of.as_str(), sent_ms: sent.into_iter().map(|sent| sent.at_ms).collect() })
            .collect(),
        suppressions: held
            .suppressions
            .into_iter()
            .map(|one| KeptSuppression {
                of: one.subject.as_str(),
                channel: one.kind.as_str(),
                since_ms: one.since_ms,
                source: one.source,
            })
            .collect(),
        seen_values: held
            .sights
            .into_iter()
            .map(|(lead, seen)| KeptSights { lead, values: serde_json::to_value(seen).ok().filter(|_| in_full) })
            .collect(),
        shown_values: held
            .shown
            .into_iter()
            .map(|(lead, shown)| KeptShown {
                lead,
                message: shown.by.to_string(),
                changed_ms: shown.changed_ms,
                values: serde_json::to_value(shown.values).unwrap_or_default(),
            })
            .collect(),
        audit: held.entries.into_iter().map(AuditLine::from).collect(),
    }
}

fn kept_report(report: StoredCallback, phone: impl Fn(Phone) -> String) -> KeptReport {
    let (batch, campaign) = match report.about {
        StoredFor::Batch(batch) => (Some(batch.to_string()), report.campaign_id),
        StoredFor::Campaign(campaign) => (None, Some(campaign)),
    };
    KeptReport {
        batch,
        campaign,
        phone: phone(report.phone),
        status: report.status,
        occurred_at: report.occurred_at,
        received_ms: report.received_ms,
        credits: report.credits,
    }
}

fn show(report: &Report) {
    say_messages(report.messages.iter().map(|message| &message.line));
    let counts = [
        (report.messages.len(), "message"),
        (report.reports.len(), "delivery report"),
        (report.places.len(), "place on a campaign's list"),
        (report.earlier_attempts.len(), "earlier attempt"),
        (report.events.len(), "event without a message"),
        (report.waiting_events.len(), "event that waits for its lead"),
        (report.caps.len(), "row of caps"),
        (report.seen_values.len(), "row of seen values"),
        (report.shown_values.len(), "row of values that LeadSquared shows"),
        (report.suppressions.len(), "suppression"),
        (report.audit.len(), "mention in the audit trail"),
    ];
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        output::say(&format!("{count:>6}  {what}"));
    }
    if counts.iter().all(|(count, _)| *count == 0) {
        output::say("nothing is kept of this person");
    }
    output::say(&format!("phones: {}; leads: {}", listed(&report.phones), listed(&report.leads)));
    if report.leads.len() > 1 {
        output::complain(
            "several leads share this phone: they may be several people; name one lead to see one of them",
        );
    }
}

fn listed(values: &[String]) -> String {
    if values.is_empty() { "none".to_owned() } else { values.join(", ") }
}
