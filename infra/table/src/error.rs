//! Why a table could not be started.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the embedded table could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The directory, the lock, the socket or the address file could not be used.
    #[error("{path} cannot be used")]
    Directory {
        /// The path that could not be used.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Other users may enter the directory, which holds phones and texts.
    #[error("{path} is open to other users of this machine (mode {mode:o}): chmod 700 {path}")]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its mode, as `chmod` writes it.
        mode: u32,
    },
    /// Another process holds the directory: as its owner, or it has not (yet) written the address of its socket.
    #[error("{0}: in use by another process; several processes share a table with `dynamodb:TABLE`")]
    Owned(PathBuf),
    /// The database file could not be opened.
    #[error("the table could not be opened: {0}")]
    Database(String),
    /// The address could not be bound.
    #[error("the table cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
}
