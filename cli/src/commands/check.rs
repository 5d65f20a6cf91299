//! `recado check FILE`.

use std::{path::PathBuf, process::ExitCode};

use recado_core::config::{Config, Diagnostic, Severity};
use serde::Serialize;

use super::read;
use crate::output;

/// Check a configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The configuration.
    file: PathBuf,
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
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let file = self.file.display().to_string();
        let (config, diagnostics) = match Config::parse(&read(&self.file)?) {
            Ok(checked) => (Some(checked.config), checked.warnings),
            Err(diagnostics) => (None, diagnostics),
        };
        let good = config.is_some();
        let (rules, campaigns) = config.map_or((0, 0), |config| (config.rules.len(), config.campaigns.len()));
        if self.json {
            let diagnostics = diagnostics.into_iter().map(Finding::from).collect();
            output::json(&Report { file, good, rules, campaigns, diagnostics })?;
        } else {
            for diagnostic in &diagnostics {
                output::say(&diagnostic.render(&file));
            }
            if good {
                output::say(&format!("{file}: good ({rules} rules, {campaigns} campaigns)"));
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
