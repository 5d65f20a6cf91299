//! Keeps the bytes of recordings, in case LigueLead loses one.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::future::BoxFuture;
use recado_core::{audio::Audio, identity::AudioId};

/// A source of files by name.
pub trait Files: fmt::Debug + Send + Sync {
    /// The file `name`; `None` if it does not exist.
    fn read<'f>(&'f self, name: &'f str) -> BoxFuture<'f, io::Result<Option<Vec<u8>>>>;
}

/// The store of recordings. A deployed installation keeps them in a bucket; on one machine they are files.
#[derive(Debug, Clone)]
pub enum AudioStore {
    /// In a directory of their own, by content. If one is missing there, beside the configuration, by name.
    Directory {
        /// The directory; created with the first recording.
        kept: PathBuf,
        /// The configuration's directory.
        beside: PathBuf,
    },
    /// Only beside the configuration, where somebody put them by hand. Nothing is written.
    Beside(PathBuf),
    /// In another place, where somebody put them by name. Nothing is written.
    Elsewhere(Arc<dyn Files>),
}

impl AudioStore {
    /// Keeps a recording's content. The same content is kept once. `part` names the unfinished file: concurrent calls
    /// with the same content must use different parts.
    pub(super) async fn keep(&self, audio: &Audio, bytes: &[u8], part: &str) -> io::Result<()> {
        let Self::Directory { kept, .. } = self else { return Ok(()) };
        let (part, file, bytes) = (kept.join(format!("part-{part}")), kept.join(file_name(audio)), bytes.to_vec());
        let kept = kept.clone();
        blocking(move || {
            fs::create_dir_all(&kept)?;
            // Under another name first, so that a file of the right name is complete.
            fs::write(&part, bytes)?;
            fs::rename(&part, file)
        })
        .await
    }

    /// The content of a recording, from any place that still has it.
    pub(super) async fn fetch(&self, audio: &Audio) -> io::Result<Option<Vec<u8>>> {
        let id = audio.id;
        let places: Vec<PathBuf> = match self {
            Self::Elsewhere(files) => {
                return Ok(files.read(&audio.name).await?.filter(|bytes| AudioId::of(bytes) == id));
            }
            Self::Directory { kept, beside } => vec![kept.join(file_name(audio)), beside.join(&audio.name)],
            Self::Beside(beside) => vec![beside.join(&audio.name)],
        };
        blocking(move || {
            for place in places {
                if let Some(bytes) = read(&place)?.filter(|bytes| AudioId::of(bytes) == id) {
                    return Ok(Some(bytes));
                }
            }
            Ok(None)
        })
        .await
    }
}

fn file_name(audio: &Audio) -> String {
    format!("{}.{}", audio.id, audio.format)
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
