//! `recado schema`: the configuration's form, for editors.

use std::process::ExitCode;

use crate::output;

/// Keys, types, ranges and words, with what `docs/configuration.md` says of each. A test compares it with that page and
/// with the code that reads the file.
const SCHEMA: &str = include_str!("../../../recado.schema.json");

/// Print a JSON Schema of the configuration, for editors.
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {}

impl Schema {
    #[allow(clippy::unused_self, reason = "a verb as the others")]
    pub(crate) fn run(self) -> ExitCode {
        output::say(SCHEMA.trim_end());
        ExitCode::SUCCESS
    }
}
