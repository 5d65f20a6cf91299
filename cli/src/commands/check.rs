//! `recado check FILE`: checks the file. With `--data` it also checks the table entries that the file relies on. With
//! LeadSquared's credentials in the environment it also checks that the account has the file's fields and dropdown
//! values.

mod fields;
mod options;

use std::{path::PathBuf, process::ExitCode};

use recado_core::config::{Checked, Config, Diagnostic, Severity};
use recado_ledger::AudioRows;
use recado_pipeline::audio::{named_by_rules, not_added};
use recado_runtime::environment::leadsquared_credentials;
use serde::Serialize;

use super::{configs::renamed, read};
use crate::{
    data::{Location, Store},
    output,
};

/// The severity of findings that make a file invalid.
const ERROR: &str = "error";

/// Check a configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The configuration.
    #[arg(value_name = "FILE", default_value = "recado.yaml")]
    file: PathBuf,
    /// The installation's data, to check that recordings are added. With LeadSquared's credentials in the environment,
    /// its fields are checked too, inside this installation's limits.
    #[arg(long, value_name = "DATA")]
    data: Option<Location>,
    /// The name of a deployed installation's stack, instead of --data.
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    stack: Option<String>,
    /// Print JSON.
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
    may_arrive: Vec<Arrival>,
}

/// The text of a rule or campaign, if it may arrive as another text.
#[derive(Serialize)]
struct Arrival {
    id: String,
    text: String,
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
            severity: if diagnostic.severity == Severity::Error { ERROR } else { "warning" },
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
        let (checked, diagnostics) = match Config::parse(&text) {
            Ok(checked) => {
                let found = [checked.warnings.clone(), checked.undecided.clone()].concat();
                (Some(checked), found)
            }
            Err(diagnostics) => (None, diagnostics),
        };
        let mut findings: Vec<Finding> = diagnostics.into_iter().map(Finding::from).collect();
        if let Some(checked) = &checked {
            findings.extend(self.of_installation(checked, &text).await?);
            findings.sort_by_key(|finding| (finding.line, finding.column));
        }
        let good = findings.iter().all(|finding| finding.severity != ERROR);
        let config = checked.map(|checked| checked.config);
        let may_arrive = config.as_ref().map(arrivals).unwrap_or_default();
        let (rules, campaigns) = config.map_or((0, 0), |config| (config.rules.len(), config.campaigns.len()));
        if self.json {
            output::json("check", &Report { file, good, rules, campaigns, diagnostics: findings, may_arrive })?;
        } else {
            for finding in &findings {
                output::say(&finding.render(&file));
            }
            for Arrival { id, text } in &may_arrive {
                output::say(&format!("{id} may arrive as: {text}"));
            }
            if good {
                output::say(&format!("{file}: good ({rules} rules, {campaigns} campaigns)"));
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// The findings from the table and from LeadSquared, as far as both can be asked.
    async fn of_installation(&self, checked: &Checked, text: &str) -> anyhow::Result<Vec<Finding>> {
        let config = &checked.config;
        let asks_crm = leadsquared_credentials().is_ok();
        let store = match (&self.stack, &self.data) {
            (Some(stack), _) => Store::deployed(stack).await?,
            (None, Some(Location::Memory)) => Store::empty(config.retention_ms).await?,
            (None, Some(data)) => Store::open(data).await?,
            (None, None) if asks_crm && Location::find(None).is_ok() => Store::open(&Location::find(None)?).await?,
            (None, None) if asks_crm => {
                output::complain(
                    "the fields were not compared with LeadSquared's: pass --data DATA or --stack NAME, so that the request \
                     counts in that installation's limits (--data memory if nothing is installed yet)",
                );
                return Ok(Vec::new());
            }
            (None, None) => return Ok(Vec::new()),
        };
        let mut findings = missing_audios(config, &store.ledger.audios().await?, text);
        findings.extend(renamed(checked, &store.ledger).await?.into_iter().map(Finding::from));
        if asks_crm {
            findings.extend(fields::compared(checked, &store).await);
        }
        Ok(findings)
    }
}

impl Finding {
    /// Renders the finding as [`Diagnostic::render`] does.
    fn render(&self, file: &str) -> String {
        let Self { line, column, message, .. } = self;
        let warning = if self.severity == "warning" { "warning: " } else { "" };
        let suggestion = self.suggestion.as_ref().map(|text| format!("; write {text}")).unwrap_or_default();
        format!("{file}:{line}:{column}: {warning}{message}{suggestion}")
    }
}

/// The texts that LigueLead may change, with their expressions as written.
fn arrivals(config: &Config) -> Vec<Arrival> {
    let rules = config.rules.iter().flat_map(|rule| rule.actions().map(|action| (&rule.id, action)));
    let campaigns = config.campaigns.iter().map(|campaign| (&campaign.id, &campaign.action));
    let texts = rules.chain(campaigns).filter_map(|(id, action)| Some((id, action.text()?)));
    texts
        .filter(|(_, text)| config.liguelead.folds_text && text.folded() != text.source().trim())
        .map(|(id, text)| Arrival { id: id.to_string(), text: text.folded() })
        .collect()
}

/// A warning for each recording that rules name and that is not added, at its first place in the file.
fn missing_audios(config: &Config, rows: &AudioRows, text: &str) -> Vec<Finding> {
    let named = named_by_rules(config);
    let finding = |(name, rules): (&String, &Vec<String>)| {
        let before = text.find(name.as_str()).and_then(|at| text.get(..at)).unwrap_or_default();
        Finding {
            severity: "warning",
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            key: String::new(),
            message: format!("{name} is not added, and the calls of {} wait for it", rules.join(", ")),
            suggestion: Some(format!("recado audio add {name}")),
        }
    };
    not_added(&named, rows).into_iter().map(finding).collect()
}
