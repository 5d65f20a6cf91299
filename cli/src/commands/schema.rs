//! `recado schema`: prints the schema of the configuration, for editors.

use std::process::ExitCode;

use recado_core::config;

use crate::output;

pub(crate) fn run() -> ExitCode {
    output::say(&format!("{:#}", config::schema()));
    ExitCode::SUCCESS
}
