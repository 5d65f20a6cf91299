//! Log lines as metrics, so that the counts and the log cannot disagree.
//!
//! Each warning, each error and each line in `MEASURED` adds 1 to the metric of its own name. If the line names an
//! account, it also adds 1 to `line.account`. Lines in `MEASURED` are about success, and also add their numbers, as
//! `line.field`. `docs/logging.md` lists all lines.

use std::fmt;

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    layer::Context,
};

/// Lines about success, and the fields whose numbers are added up.
const MEASURED: [(&str, &[&str]); 7] = [
    ("webhook.taken", &["events", "messages.new", "messages.known", "not_understood"]),
    ("send.called", &["batch.messages"]),
    ("sweep.done", &["waiting", "recovered", "callbacks"]),
    ("callback.applied", &["reports"]),
    ("sync.done", &["calls", "rows", "refused"]),
    ("enrich.done", &["calls", "events", "messages"]),
    ("campaign.done", &["started", "looked_at", "released"]),
];

/// The layer that counts. It reads only Recado's own lines, whatever `RECADO_LOG` says.
#[must_use]
pub fn layer() -> Box<dyn Layer<Registry> + Send + Sync> {
    Box::new(Meters.with_filter(Targets::new().with_target("recado", LevelFilter::INFO)))
}

struct Meters;

impl<S: Subscriber> Layer<S> for Meters {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        for (name, amount) in line.counts(*event.metadata().level()) {
            metrics::counter!(name).increment(amount);
        }
    }
}

/// The parts of a log line that are counted.
#[derive(Debug, Default)]
struct Line {
    name: String,
    outcome: Option<String>,
    account: Option<String>,
    numbers: Vec<(&'static str, u64)>,
}

impl Line {
    fn counts(&self, level: Level) -> Vec<(String, u64)> {
        let measured = MEASURED.iter().find(|(name, _)| *name == self.name).map(|(_, fields)| *fields);
        let mut counts = Vec::new();
        if level <= Level::WARN || measured.is_some() {
            counts.push((self.name.clone(), 1));
            if let Some(account) = &self.account {
                counts.push((format!("{}.{account}", self.name), 1));
            }
        }
        for (field, amount) in &self.numbers {
            if *amount > 0 && measured.is_some_and(|fields| fields.contains(field)) {
                counts.push((format!("{}.{field}", self.name), *amount));
                if let Some(outcome) = &self.outcome {
                    counts.push((format!("{}.{outcome}", self.name), *amount));
                }
            }
        }
        counts
    }
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.numbers.push((field.name(), value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "outcome" => self.outcome = Some(value.to_owned()),
            "limit.account" => self.account = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.name = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_counts_and_what_went_well_adds_its_numbers() {
        let line = |name: &str, outcome: Option<&str>, numbers| Line {
            name: name.to_owned(),
            outcome: outcome.map(str::to_owned),
            account: None,
            numbers,
        };
        let counts =
            |line: Line, level| line.counts(level).into_iter().map(|(n, c)| format!("{n}={c}")).collect::<Vec<_>>();
        assert_eq!(counts(line("quota.warning", None, vec![("quota.used", 80)]), Level::WARN), ["quota.warning=1"]);
        assert_eq!(
            counts(line("send.called", Some("accepted"), vec![("batch.messages", 25)]), Level::INFO),
            ["send.called=1", "send.called.batch.messages=25", "send.called.accepted=25"]
        );
        assert_eq!(
            counts(line("webhook.taken", None, vec![("events", 2), ("messages.new", 0)]), Level::INFO),
            ["webhook.taken=1", "webhook.taken.events=2"]
        );
        let closed = Line { account: Some("liguelead".to_owned()), ..line("limits.closed", None, vec![]) };
        assert_eq!(counts(closed, Level::WARN), ["limits.closed=1", "limits.closed.liguelead=1"]);
        assert!(
            counts(line("configuration.changed", None, vec![("configuration.version", 3)]), Level::INFO).is_empty()
        );
    }
}
