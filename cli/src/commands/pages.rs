//! `recado completions` and `recado man`: completions for shells, and manual pages.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::CommandFactory;

use crate::output;

/// Print the completions for a shell: `recado completions bash > /etc/bash_completion.d/recado`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// bash, elvish, fish, powershell or zsh.
    shell: clap_complete::Shell,
}

/// Write a manual page for each command into a directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The directory, which must exist.
    directory: PathBuf,
}

impl Completions {
    pub(crate) fn run<C: CommandFactory>(self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "recado", &mut script);
        output::say(String::from_utf8_lossy(&script).trim_end());
        ExitCode::SUCCESS
    }
}

impl Man {
    pub(crate) fn run<C: CommandFactory>(self) -> anyhow::Result<ExitCode> {
        let directory = self.directory.display().to_string();
        clap_mangen::generate_to(C::command(), &self.directory).with_context(|| directory.clone())?;
        output::say(&format!("wrote the manual pages into {directory}"));
        Ok(ExitCode::SUCCESS)
    }
}
