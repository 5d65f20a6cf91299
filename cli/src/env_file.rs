//! The file `.env` beside the configuration: variables for a terminal. A service has its own.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The file's name.
const FILE: &str = ".env";

/// Reads `.env` of the current directory, and of the directory of `--config FILE`. A variable that is set already stays.
///
/// To be called before any thread starts: it changes the process's environment.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let beside = config(arguments).and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default();
    for directory in [beside, PathBuf::new()] {
        let file = directory.join(FILE);
        if file.is_file() {
            // A failure shows the line, and a line may be a secret.
            let read = dotenvy::from_path(&file).map_err(|_| ());
            read.ok()
                .with_context(|| format!("{}: a line is not NAME=VALUE; quote values with '…'", file.display()))?;
        }
    }
    Ok(())
}

/// The value of `--config`.
fn config(mut arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(file) = argument.to_str().and_then(|argument| argument.strip_prefix("--config=")) {
            return Some(PathBuf::from(file));
        }
    }
    None
}
