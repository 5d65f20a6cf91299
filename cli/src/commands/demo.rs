//! `recado demo`.

use std::process::ExitCode;

/// Watch it work.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Answer with data.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}
