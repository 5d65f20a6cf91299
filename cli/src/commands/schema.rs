//! `recado schema`: prints the schema of the configuration, for editors.

use std::process::ExitCode;

use crate::output;

/// Keys, types, ranges and words, with the descriptions of `docs/configuration.md`. A test compares it with that page
/// and with the code that reads the file.
const SCHEMA: &str = include_str!("../../../recado.schema.json");

pub(crate) fn run() -> ExitCode {
    output::say(SCHEMA.trim_end());
    ExitCode::SUCCESS
}
