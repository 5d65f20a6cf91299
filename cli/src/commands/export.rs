//! `recado export`: messages, failures or events as a file.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Context as _;
use recado_core::{
    audit::{About, Act},
    config::Config,
    message::Message,
    sheet,
};
use recado_ledger::{EventRow, Ledger, LedgerError};
use recado_pipeline::export::{Cell, EVENT_COLUMNS, Row, Shape, each_event, each_recipient, failed};
use serde_json::{Map, Value};

use super::{
    Which, audited, known_rule,
    select::{Filter, moment},
};
use crate::{
    data::Store,
    output::{self, NotTaken, Sink},
};

/// Write messages, failures or events to a file, for a spreadsheet or a script.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Export {
    /// Messages: a row for each recipient.
    Messages(Messages),
    /// Messages that nobody got: undelivered, refused, expired, skipped, or unknown without a report.
    Failures(Messages),
    /// Events that became no message, and why.
    Events(Events),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Messages {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    filter: Filter,
    /// Write whole phones. It leaves a row in the audit trail.
    #[arg(long)]
    show_phones: bool,
    /// Write the texts too. It leaves a row in the audit trail.
    #[arg(long)]
    texts: bool,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Events {
    #[command(flatten)]
    which: Which,
    /// Only events of this lead, by its ProspectID.
    #[arg(long, value_name = "LEAD")]
    lead: Option<String>,
    /// Only events since this ISO 8601 instant, or since a time ago such as `2h` or `7d`.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<jiff::Timestamp>,
    /// Only events before this instant or time ago.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<jiff::Timestamp>,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, clap::Args)]
struct To {
    /// The form of the rows: a CSV file for Excel (semicolons), or JSON Lines.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "csv")]
    format: Format,
    /// The file to write. Only you can read it. By default the rows go to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

impl Export {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Messages(messages) => messages.run("messages", |_| true).await,
            Self::Failures(messages) => messages.run("failures", failed).await,
            Self::Events(events) => events.run().await,
        }
    }
}

impl Messages {
    async fn run(self, what: &'static str, wanted: fn(&Message) -> bool) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        Ok(end(self.export(&config, &store, what, wanted).await?))
    }

    async fn export(
        &self,
        config: &Config,
        store: &Store,
        what: &'static str,
        wanted: fn(&Message) -> bool,
    ) -> anyhow::Result<Finished> {
        let ledger = &store.ledger;
        if let Some(rule) = &self.filter.rule {
            known_rule(config, ledger, rule).await?;
        }
        if self.show_phones || self.texts {
            self.record(store, what).await?;
        }
        let shape = Shape::new(config, self.show_phones, self.texts);
        let mut writer = Writer::begin(what, &self.to, shape.message_columns())?;
        let (written, ended) = watched(async |written| {
            each_recipient(
                ledger,
                |block| self.filter.opens(block),
                |message| {
                    let is_wanted = wanted(message) && self.filter.lets(message);
                    !is_wanted || writer.take(&shape.message(message), written)
                },
            )
            .await
        })
        .await;
        ended?;
        writer.finish(written)
    }

    /// Before the first row. Who sees whole phones or texts is known, or sees none.
    async fn record(&self, store: &Store, what: &str) -> anyhow::Result<()> {
        let shown = match (self.show_phones, self.texts) {
            (true, true) => "phones and texts",
            (true, false) => "phones",
            _ => "texts",
        };
        let words = [format!("{what} with {shown}"), self.filter.words()];
        let words = words.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ");
        let people = audited::marks(store, &self.filter.people()).await;
        audited::record_first(store, Act::Export, About::scope(&words).of_people(people)).await
    }
}

impl Events {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        Ok(end(self.export(&config, &store.ledger).await?))
    }

    async fn export(&self, config: &Config, ledger: &Ledger) -> anyhow::Result<Finished> {
        let shape = Shape::new(config, false, false);
        let mut writer = Writer::begin("events", &self.to, EVENT_COLUMNS.to_vec())?;
        let (written, ended) = watched(async |written| {
            each_event(ledger, |event| !self.lets(event) || writer.take(&shape.event(event), written)).await
        })
        .await;
        ended?;
        writer.finish(written)
    }

    fn lets(&self, event: &EventRow) -> bool {
        let is_of = |lead: &String| event.lead_id.as_ref().is_some_and(|its| its.eq_ignore_ascii_case(lead));
        self.lead.as_ref().is_none_or(is_of)
            && self.since.is_none_or(|since| event.received_ms >= since.as_millisecond())
            && self.until.is_none_or(|until| event.received_ms < until.as_millisecond())
    }
}

/// Runs the export with its progress at a terminal. Returns how many rows it wrote.
async fn watched(work: impl AsyncFnOnce(&AtomicU64) -> Result<(), LedgerError>) -> (u64, Result<(), LedgerError>) {
    let written = AtomicU64::new(0);
    let ended = {
        let work = Box::pin(work(&written));
        let look = async || Some(output::counted(written.load(Ordering::Relaxed), "row"));
        output::watched(work, look).await
    };
    (written.into_inner(), ended)
}

/// Writes rows in one of the forms. After a line that was not taken, it takes no more.
struct Writer {
    schema: String,
    format: Format,
    columns: Vec<&'static str>,
    sink: Sink,
    failed: Option<NotTaken>,
    is_file: bool,
}

/// What became of an export.
struct Finished {
    rows: u64,
    is_file: bool,
}

impl Writer {
    fn begin(what: &str, to: &To, columns: Vec<&'static str>) -> anyhow::Result<Self> {
        let name = || to.out.as_ref().map(|out| out.display().to_string()).unwrap_or_default();
        let sink = Sink::open(to.out.as_deref()).with_context(name)?;
        let mut writer = Self {
            schema: format!("export.{what}"),
            format: to.format,
            columns,
            sink,
            failed: None,
            is_file: to.out.is_some(),
        };
        if writer.format == Format::Csv {
            let mark = if writer.sink.is_terminal() { "" } else { sheet::MARK };
            let headings = format!("{mark}{}", sheet::line(writer.columns.iter().copied()));
            writer.failed = writer.sink.write(&headings).err();
        }
        Ok(writer)
    }

    /// Writes a row. `false`: the rows have no reader any more.
    fn take(&mut self, row: &Row, written: &AtomicU64) -> bool {
        if self.failed.is_some() {
            return false;
        }
        let line = match self.format {
            Format::Csv => {
                let words: Vec<_> = row.cells().map(Cell::words).collect();
                sheet::line(words.iter().map(AsRef::as_ref))
            }
            Format::Jsonl => {
                let pairs = self.columns.iter().zip(row.cells());
                let values: Map<String, Value> = pairs.map(|(name, cell)| ((*name).to_owned(), value(cell))).collect();
                let line = serde_json::to_string(&output::Answer::of(&self.schema, values)).unwrap_or_default();
                format!("{line}\n")
            }
        };
        self.failed = self.sink.write(&line).err();
        if self.failed.is_none() {
            written.fetch_add(1, Ordering::Relaxed);
        }
        self.failed.is_none()
    }

    fn finish(self, rows: u64) -> anyhow::Result<Finished> {
        let ended = self.failed.map_or_else(|| self.sink.finish(), Err);
        match ended {
            // `head` has seen enough.
            Ok(()) | Err(NotTaken::Closed) => Ok(Finished { rows, is_file: self.is_file }),
            Err(NotTaken::Failed(error)) => Err(error).context("the rows could not be written"),
        }
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Number(number) => Value::from(*number),
    }
}

fn end(done: Finished) -> ExitCode {
    let Finished { rows, is_file } = done;
    if is_file {
        output::complain(&output::counted(rows, "row"));
    }
    ExitCode::SUCCESS
}
