//! `recado init`: a first configuration, from a few answers.

use std::{fs, io::IsTerminal as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use recado_core::config::{Config, Plan};

use crate::{environment::REQUIRED, output};

/// Write `recado.yaml`, `.env.example` and `recado.tests.yaml` into a directory. Existing files stay unchanged.
///
/// At a terminal it asks for the values that you do not pass.
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// The directory.
    #[arg(value_name = "DIRECTORY", default_value = ".")]
    directory: PathBuf,
    /// LeadSquared's host for API calls, as Settings > API and Webhooks shows it.
    #[arg(long, value_name = "HOST")]
    crm_host: Option<String>,
    /// LeadSquared's plan: lite, pro, super, basic, standard or enterprise.
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// When messages may go, on the recipient's clock.
    #[arg(long, value_name = "HOURS")]
    hours: Option<String>,
    /// The source of the new leads that the first rule welcomes.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// The text of the first rule after the name.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Ask nothing, and use defaults for the values that you do not pass.
    #[arg(long)]
    yes: bool,
    /// Print JSON, and ask nothing.
    #[arg(long)]
    json: bool,
}

struct Answers {
    host: String,
    plan: String,
    hours: String,
    source: String,
    text: String,
}

impl Init {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let at = |name: &str| self.directory.join(name);
        let [config, environment, cases] = ["recado.yaml", ".env.example", "recado.tests.yaml"].map(at);
        if config.exists() {
            bail!("{} exists already; recado check shows its mistakes", config.display());
        }
        let answers = self.answers()?;
        let text = answers.config();
        if let Err(mistakes) = Config::parse(&text) {
            for mistake in &mistakes {
                output::complain(&mistake.render("recado.yaml"));
            }
            bail!("the answers do not make a valid configuration; nothing was written");
        }
        fs::create_dir_all(&self.directory).with_context(|| self.directory.display().to_string())?;
        let (mut wrote, mut stays) = (Vec::new(), Vec::new());
        for (file, text) in [(&config, text), (&environment, answers.environment()), (&cases, answers.cases())] {
            let name = file.display().to_string();
            if file.exists() {
                stays.push(name);
            } else {
                // The environment holds the keys; the other two name who may be written to.
                output::write_private(file, &text).with_context(|| name.clone())?;
                wrote.push(name);
            }
        }
        if self.json {
            output::json("init", &serde_json::json!({ "wrote": wrote, "stays": stays }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for name in wrote {
            output::say(&format!("wrote {name}"));
        }
        for name in stays {
            output::say(&format!("{name} exists already and stays unchanged"));
        }
        output::say("next: recado dev, and in another terminal: recado trigger lead.created, recado messages");
        output::say("to send for real: fill in .env.example, save it as .env, then recado serve");
        Ok(ExitCode::SUCCESS)
    }

    fn answers(&self) -> anyhow::Result<Answers> {
        let asks = !self.yes && !self.json && std::io::stdin().is_terminal();
        let answer = |given: &Option<String>, question: &str, usual: &str| match given {
            Some(given) => Ok(given.clone()),
            None if asks => asked(question, usual),
            None => Ok(usual.to_owned()),
        };
        Ok(Answers {
            host: answer(&self.crm_host, "LeadSquared's host for API calls", "api.leadsquared.com")?,
            plan: answer(&self.plan, &format!("LeadSquared's plan ({})", Plan::NAMES.join(", ")), "standard")?,
            hours: answer(&self.hours, "When messages may go, on the recipient's clock", "08:00-20:00 mon-sat")?,
            source: answer(&self.source, "Welcome new leads of which source", "Site")?,
            text: answer(&self.text, "Text after the name", "recebemos o seu contato.")?,
        })
    }
}

/// Reads an answer from the terminal; an empty line means the default.
fn asked(question: &str, usual: &str) -> anyhow::Result<String> {
    output::complain(&format!("{question} [{usual}]"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let answer = line.trim();
    Ok(if answer.is_empty() { usual } else { answer }.to_owned())
}

/// A text in double quotes, which YAML accepts for any text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Answers {
    fn config(&self) -> String {
        let (plan, hours) = (&self.plan, quoted(&self.hours));
        let condition = quoted(&format!("lead.Source == {}", quoted(&self.source)));
        let sms = quoted(&format!("{}, {}", "Olá {{ lead.FirstName | first_name | default('cliente') }}", self.text));
        format!(
            "# yaml-language-server: $schema=recado.schema.json
# Every key: docs/configuration.md. `recado check` looks for mistakes, `recado schema` writes the schema for editors.
version: 1
timezone: America/Sao_Paulo
leadsquared: {{ plan: {plan} }}

# The most of a day. Raise them when you trust your rules.
quotas: {{ messages_per_day: 1_000 }}

# On the recipient's clock.
hours: {{ sms: {hours}, voice: {hours} }}

# At most so many messages for one person.
caps:
  - {{ max: 2, every: 1d }}

rules:
  - id: welcome
    on: lead.created
    when: {condition}
    sms: {sms}
    expires: 6h
"
        )
    }

    fn environment(&self) -> String {
        let mut text = "# What `recado serve` needs. Fill in the values, and save the file as .env beside recado.yaml.
# Quote values with '…': LeadSquared's keys often hold a $.
"
        .to_owned();
        for (name, found_in) in REQUIRED {
            text.extend(["\n# ", found_in, "\n", name, "=\n"]);
        }
        text.extend(["\n# LeadSquared's host for API calls.\nLEADSQUARED_BASE_URL=https://", &self.host, "/v2\n"]);
        text.push_str("\n# This installation's address, as LigueLead sees it: https://host\nRECADO_PUBLIC_URL=\n");
        text
    }

    fn cases(&self) -> String {
        let event = |source: &str| {
            let source = quoted(source);
            format!("{{ ProspectID: p-1, FirstName: MARIA, Phone: \"11987654321\", Source: {source} }}")
        };
        let (theirs, other) = (event(&self.source), event(&format!("not {}", self.source)));
        let said = quoted(&format!("Olá Maria, {}", self.text));
        format!(
            "# Run them with `recado test`. Each says what an event becomes.
- name: a new lead of this source is welcomed
  kind: lead.created
  event: {theirs}
  expect: {{ welcome: {{ text: {said} }} }}
- name: nobody else is
  kind: lead.created
  event: {other}
  expect: nothing
"
        )
    }
}
