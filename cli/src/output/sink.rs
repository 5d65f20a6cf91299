//! Where many lines go: a file of the owner's, or standard output.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::printable::printable;

/// Takes lines one by one. A file gets its name when it is complete, so a broken export leaves no file that looks whole.
pub(crate) enum Sink {
    File { writer: BufWriter<File>, part: PathBuf, path: PathBuf },
    Stdout { writer: BufWriter<StdoutLock<'static>>, is_terminal: bool },
}

/// Why a line was not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// Nobody reads the pipe any more.
    Closed,
    Failed(io::Error),
}

impl From<io::Error> for NotTaken {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Failed(error) }
    }
}

impl Sink {
    /// A file that only its owner can read, or standard output.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else {
            let is_terminal = io::stdout().is_terminal();
            return Ok(Self::Stdout { writer: BufWriter::new(io::stdout().lock()), is_terminal });
        };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        // A file of an earlier try may have other rights.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        Ok(Self::File { writer: BufWriter::new(file), part, path: path.to_owned() })
    }

    /// Whether a person reads the lines as they come.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout { is_terminal: true, .. })
    }

    /// Writes text as it is; at a terminal without what steers it.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), NotTaken> {
        match self {
            Self::File { writer, .. } => writer.write_all(text.as_bytes())?,
            Self::Stdout { writer, is_terminal: false } => writer.write_all(text.as_bytes())?,
            Self::Stdout { writer, is_terminal: true } => {
                writer.write_all(printable(text.trim_end_matches(['\r', '\n'])).as_bytes())?;
                writer.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and gives a file its name.
    pub(crate) fn finish(self) -> Result<(), NotTaken> {
        match self {
            Self::File { mut writer, part, path } => {
                writer.flush()?;
                fs::rename(part, path)?;
            }
            Self::Stdout { mut writer, .. } => writer.flush()?,
        }
        Ok(())
    }
}
