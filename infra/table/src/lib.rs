//! The embedded DynamoDB that one-machine installations and tests run on.
//!
//! It is a real DynamoDB API over HTTP on loopback (SQLite underneath), so that the same code, the same SDK
//! and the same retries run here as on AWS. One process at a time owns a data directory; it leaves its address
//! beside the data, and other commands on the same directory talk to it instead of opening the file a second
//! time, so that there is a single writer.

mod upkeep;

use std::{
    fs::{self, File, TryLockError},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use dynoxide::Database;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// The file inside a data directory that holds the table.
const DATABASE_FILE: &str = "table.sqlite";
/// The file inside a data directory that its owner keeps locked.
const LOCK_FILE: &str = "lock";
/// The file inside a data directory that names its owner's loopback address.
const ADDRESS_FILE: &str = "address";

/// What stands below the address if its owner keeps the directory for as long as it runs.
const STAYS: &str = "stays";

/// Where a table answers that is for this machine alone.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// How long a process that wants the directory for itself waits for one that reads a report.
const OWNED_WITHIN: Duration = Duration::from_secs(10);
/// How often rows that are past their time are removed; DynamoDB does it within a few days.
const EXPIRE_EVERY: Duration = Duration::from_mins(10);

/// Why the embedded table could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The directory, the lock or the address file could not be used.
    #[error("{path}: {source}")]
    Directory {
        /// What could not be used.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Another process holds the directory: for itself, or without having said where it listens (yet).
    #[error("{0}: in use by another process; several processes share a table with `dynamodb:TABLE`")]
    Owned(PathBuf),
    /// The database file could not be opened.
    #[error("the table could not be opened: {0}")]
    Database(String),
    /// Its address could not be bound.
    #[error("the table cannot listen on {address}: {source}")]
    Listen {
        /// Where it was to answer.
        address: SocketAddr,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// A running embedded table, or the address of the one that another process runs on the same directory.
///
/// Dropping it stops the server that this process started.
#[derive(Debug)]
pub struct EmbeddedTable {
    address: SocketAddr,
    owned: Option<Owned>,
}

#[derive(Debug)]
struct Owned {
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    /// Held for as long as the table runs; the system releases it however the process ends.
    _lock: Option<File>,
    /// A directory that nobody needs afterwards.
    _scratch: Option<tempfile::TempDir>,
}

impl EmbeddedTable {
    /// A table that lives as long as this value and is kept nowhere. For small ones: at each commit SQLite goes through all
    /// pages that it holds, which are all pages of a database in memory, and 2 MB of one in a directory.
    pub async fn memory() -> Result<Self, TableError> {
        Self::memory_at(LOOPBACK).await
    }

    /// The same, which answers at `address`: whoever reaches it may read and write all of it.
    pub async fn memory_at(address: SocketAddr) -> Result<Self, TableError> {
        // The upkeep is written into a file, and the file is read into memory.
        let directory = tempfile::tempdir().map_err(|source| {
            let path = std::env::temp_dir();
            TableError::Directory { path, source }
        })?;
        let file = directory.path().join(DATABASE_FILE);
        drop(database_of(&file)?);
        let database = Database::memory().map_err(database_failed)?;
        database.restore_from(&file.to_string_lossy()).map_err(database_failed)?;
        Self::start(database, None, address, None).await
    }

    /// The same in a directory of its own, which is removed with it: for tests whose tables are large. Nothing is waited
    /// for until it is on the disk, so what is left after a crash of the machine may be of no use.
    pub async fn scratch() -> Result<Self, TableError> {
        let failed = |source| TableError::Directory { path: std::env::temp_dir(), source };
        let directory = tempfile::tempdir().map_err(failed)?;
        let database = database_of(&directory.path().join(DATABASE_FILE))?;
        database.enable_bulk_loading().map_err(database_failed)?;
        Self::start(database, None, LOOPBACK, Some(directory)).await
    }

    /// Whether a directory holds a table.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        directory.join(DATABASE_FILE).is_file()
    }

    /// The table of `directory`, run by this process for as long as it lives; waits for a moment for another one that
    /// only reads a report from it.
    ///
    /// # Errors
    ///
    /// [`TableError::Owned`] if another process keeps the directory.
    pub async fn own(directory: &Path) -> Result<Self, TableError> {
        let begun = Instant::now();
        loop {
            match Self::open(directory).await {
                Ok(table) if table.owned.is_some() => {
                    table.stays_in(directory)?;
                    return Ok(table);
                }
                // It stays: waiting for it is of no use.
                Ok(_) if stays(directory) => return Err(TableError::Owned(directory.to_owned())),
                Err(error) if !matches!(error, TableError::Owned(_)) => return Err(error),
                _ if begun.elapsed() > OWNED_WITHIN => return Err(TableError::Owned(directory.to_owned())),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The table of `directory`, created if it does not exist: run by this process, or, if another process runs
    /// it already, that one.
    pub async fn open(directory: &Path) -> Result<Self, TableError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| TableError::Directory { path, source }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        let lock_path = directory.join(LOCK_FILE);
        let lock =
            File::options().create(true).truncate(false).write(true).open(&lock_path).map_err(failed(&lock_path))?;
        let address_path = directory.join(ADDRESS_FILE);
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Self::of_other(directory, &address_path),
            Err(TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        // An address left by an owner that was killed must not be believed while this one starts.
        match fs::remove_file(&address_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&address_path)(error));
            }
            _ => {}
        }
        let database = database_of(&directory.join(DATABASE_FILE))?;
        let table = Self::start(database, Some(lock), LOOPBACK, None).await?;
        fs::write(&address_path, table.address.to_string()).map_err(failed(&address_path))?;
        Ok(table)
    }

    /// Says to others that this process keeps the directory for as long as it runs.
    fn stays_in(&self, directory: &Path) -> Result<(), TableError> {
        let path = directory.join(ADDRESS_FILE);
        let text = format!("{}\n{STAYS}\n", self.address);
        fs::write(&path, text).map_err(|source| TableError::Directory { path, source })
    }

    fn of_other(directory: &Path, address_path: &Path) -> Result<Self, TableError> {
        let address = fs::read_to_string(address_path)
            .ok()
            .and_then(|text| text.lines().next()?.trim().parse().ok())
            .ok_or_else(|| TableError::Owned(directory.to_owned()))?;
        Ok(Self { address, owned: None })
    }

    async fn start(
        database: Database,
        lock: Option<File>,
        address: SocketAddr,
        scratch: Option<tempfile::TempDir>,
    ) -> Result<Self, TableError> {
        let failed = |source| TableError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let expiring = tokio::spawn(expire(database.clone()));
        let server = tokio::spawn(async move {
            // The error is a listener that broke: every later request fails and says so to its caller.
            let _ = dynoxide::server::serve_with_shutdown(listener, database, async {
                let _ = stopped.await;
            })
            .await;
            expiring.abort();
        });
        Ok(Self { address, owned: Some(Owned { stop: Some(stop), server, _lock: lock, _scratch: scratch }) })
    }

    /// Where the DynamoDB API answers, for `AWS_ENDPOINT_URL_DYNAMODB` and the SDK.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops the server after the requests in flight, and releases the directory.
    pub async fn stop(mut self) {
        if let Some(mut owned) = self.owned.take() {
            if let Some(stop) = owned.stop.take() {
                let _ = stop.send(());
            }
            // A panic of the server has nothing left to stop.
            let _ = owned.server.await;
        }
    }
}

/// Whether the process that runs a directory's table keeps it for as long as it runs.
fn stays(directory: &Path) -> bool {
    let text = fs::read_to_string(directory.join(ADDRESS_FILE)).unwrap_or_default();
    text.lines().nth(1) == Some(STAYS)
}

/// Removes rows that are past their time, for ever. A failure is tried again at the next turn.
async fn expire(database: Database) {
    loop {
        tokio::time::sleep(EXPIRE_EVERY).await;
        let database = database.clone();
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

/// The database in `file`, made if it does not exist, with our upkeep.
fn database_of(file: &Path) -> Result<Database, TableError> {
    let database = Database::new(&file.to_string_lossy()).map_err(database_failed)?;
    upkeep::add_to(file).map_err(database_failed)?;
    Ok(database)
}

fn database_failed(error: impl std::fmt::Display) -> TableError {
    TableError::Database(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_opener_is_given_the_first_ones_address() {
        let directory = tempfile::tempdir().unwrap();
        let first = EmbeddedTable::open(directory.path()).await.unwrap();
        let second = EmbeddedTable::open(directory.path()).await.unwrap();
        assert_eq!(first.endpoint_url(), second.endpoint_url());
        second.stop().await;
        assert!(tokio::net::TcpStream::connect(first.address).await.is_ok(), "the owner still serves");
        first.stop().await;
        let third = EmbeddedTable::own(directory.path()).await.unwrap();
        assert!(third.owned.is_some(), "a released directory can be owned again");
        let begun = Instant::now();
        let fourth = EmbeddedTable::own(directory.path()).await;
        assert!(matches!(fourth, Err(TableError::Owned(_))), "but by one at a time");
        assert!(begun.elapsed() < OWNED_WITHIN, "one that stays is not waited for");
        let reader = EmbeddedTable::open(directory.path()).await.unwrap();
        assert_eq!(reader.address, third.address);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = EmbeddedTable::open(&file.path().join("below")).await.unwrap_err();
        assert!(error.to_string().contains("below"), "{error}");
    }
}
