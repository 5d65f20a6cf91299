//! `recado check FILE`: the file alone, and with `--data` what in the table it relies on.

use std::{path::PathBuf, process::ExitCode};

use recado_core::config::{Config, Diagnostic, Severity};
use recado_ledger::AudioRows;
use recado_pipeline::audio::{named_by_rules, not_added};
use serde::Serialize;

use super::read;
use crate::{
    data::{Location, Store},
    output,
};

/// Check a configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The configuration.
    file: PathBuf,
    /// The installation's data: also look whether the recordings that rules name have been added.
    #[arg(long, value_name = "DATA")]
    data: Option<Location>,
    /// Answer with data.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    file: String,
    good: bool,
    rules: usize,
    campaigns: usize,
    diagnostics: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    line: usize,
    column: usize,
    key: String,
    message: String,
    suggestion: Option<String>,
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            severity: if diagnostic.severity == Severity::Error { "error" } else { "warning" },
            line: diagnostic.line,
            column: diagnostic.column,
            key: diagnostic.key,
            message: diagnostic.message,
            suggestion: diagnostic.suggestion,
        }
    }
}

impl Check {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let file = self.file.display().to_string();
        let text = read(&self.file)?;
        let (config, diagnostics) = match Config::parse(&text) {
            Ok(checked) => (Some(checked.config), checked.warnings),
            Err(diagnostics) => (None, diagnostics),
        };
        let mut findings: Vec<Finding> = diagnostics.into_iter().map(Finding::from).collect();
        if let (Some(config), Some(data)) = (&config, &self.data) {
            let store = Store::open(data, config.retention_ms).await?;
            let rows = store.ledger.audios().await?;
            store.close().await;
            findings.extend(missing_audios(config, &rows, &text));
        }
        let good = config.is_some();
        let (rules, campaigns) = config.map_or((0, 0), |config| (config.rules.len(), config.campaigns.len()));
        if self.json {
            output::json(&Report { file, good, rules, campaigns, diagnostics: findings })?;
        } else {
            for finding in &findings {
                output::say(&finding.render(&file));
            }
            if good {
                output::say(&format!("{file}: good ({rules} rules, {campaigns} campaigns)"));
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

impl Finding {
    /// As [`Diagnostic::render`].
    fn render(&self, file: &str) -> String {
        let Self { line, column, message, .. } = self;
        let warning = if self.severity == "warning" { "warning: " } else { "" };
        let suggestion = self.suggestion.as_ref().map(|text| format!("; write {text}")).unwrap_or_default();
        format!("{file}:{line}:{column}: {warning}{message}{suggestion}")
    }
}

/// A warning for each recording that rules name and nobody has added, where the file first names it.
fn missing_audios(config: &Config, rows: &AudioRows, text: &str) -> Vec<Finding> {
    let named = named_by_rules(config);
    let finding = |(name, rules): (&String, &Vec<String>)| {
        let before = text.find(name.as_str()).and_then(|at| text.get(..at)).unwrap_or_default();
        Finding {
            severity: "warning",
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            key: String::new(),
            message: format!("{name} has not been added, and the calls of {} wait for it", rules.join(", ")),
            suggestion: Some(format!("recado audio add {name}")),
        }
    };
    not_added(&named, rows).into_iter().map(finding).collect()
}
