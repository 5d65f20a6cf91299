//! `recado person`: what is kept of one person, for a request under LGPD, article 18.

mod report;

use std::{path::PathBuf, process::ExitCode};

use recado_core::{
    audit::{About, Act},
    config::Config,
    erase::NotYet,
    subject::Subject,
};
use recado_ledger::{Kind, Suppression};
use recado_pipeline::{
    audit::marks,
    erase::{NotErased, erase, may_begin},
    person::{Held, Person, search},
};
use recado_runtime::installation::world;
use serde::Serialize;

use self::report::{report, show};
use super::{Which, audited};
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
