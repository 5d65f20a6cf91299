//! `recado phone TEXT`: explains which number a text means, or why it means none.

use std::{path::PathBuf, process::ExitCode};

use recado_core::phone::{self, PhoneRules, Reading};
use serde::Serialize;

use super::load;
use crate::output;

/// Show which phone number a text contains, or why it contains none. It exits with 1 unless there is exactly one.
#[derive(Debug, clap::Args)]
pub(crate) struct Phone {
    /// The text, as in the lead's field or in a file.
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    text: String,
    /// The configuration with the `phones` settings; by default their defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The result. The number is shortened, since the user has the text.
#[derive(Serialize)]
struct Report {
    phone: Option<String>,
    line: Option<&'static str>,
    numbers: usize,
    why_not: Option<String>,
    steps: Vec<String>,
}

impl Phone {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let rules = match &self.config {
            Some(file) => load(file)?.phones,
            None => PhoneRules::default(),
        };
        let phone::Explanation { reading, steps } = phone::Phone::explain(&self.text, rules);
        let numbers = match reading {
            Reading::One(_) => 1,
            Reading::None(_) => 0,
            Reading::Several(numbers) => numbers,
        };
        let read = reading.one();
        let report = Report {
            phone: read.ok().map(phone::Phone::masked),
            line: read.ok().map(|phone| phone.line().as_str()),
            numbers,
            why_not: read.err().map(|error| error.to_string()),
            steps,
        };
        if self.json {
            output::json("phone", &report)?;
        } else {
            for step in &report.steps {
                output::say(step);
            }
            if let (Some(phone), Some(line)) = (&report.phone, report.line) {
                output::say(&format!("{phone}, a {line}"));
            }
        }
        Ok(if read.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
