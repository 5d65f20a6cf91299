//! The file `.env` beside the configuration. It sets variables for commands at a terminal; a service sets its own.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// The file's name.
const FILE: &str = ".env";

/// Reads `.env` in the current directory and in the directory of `--config FILE`. A variable that is already set stays.
///
/// Call this before any thread starts, because it changes the environment of the process.
pub(crate) fn read(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let beside = config(arguments).and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default();
    for directory in [beside, PathBuf::new()] {
        let file = directory.join(FILE);
        if file.is_file() {
            // The error would show the line, and the line may hold a secret.
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
