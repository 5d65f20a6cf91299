//! The embedded DynamoDB of one-machine installations and tests.
//!
//! It speaks DynamoDB's own API on top of SQLite. So the same code, the same SDK and the same retries run here as on
//! AWS. The SDK in the same process reaches it without a socket. One process at a time owns a data directory, so that
//! there is a single writer. Other commands on the same directory reach it through a Unix socket. No port is open,
//! unless one is requested.

mod directory;
mod engine;
mod error;
mod upkeep;
mod wire;

use std::{
    fs::{self, File, Permissions, TryLockError},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use dynoxide::Database;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::watch,
    task::JoinHandle,
};

use self::{
    directory::{ADDRESS_FILE, failed, own_directory, private, remove, socket_of, stays, stays_in, write},
    engine::{Asked, Engine, Flush, Threads},
    wire::Door,
};
pub use engine::{Answer, dispatch, is_write};
pub use error::TableError;

/// The file inside a data directory that holds the table.
const DATABASE_FILE: &str = "table.sqlite";
/// The suffix of the file to which SQLite writes first.
const LOG_SUFFIX: &str = "-wal";
/// The file inside a data directory that the owner keeps locked.
const LOCK_FILE: &str = "lock";

/// How long a process that wants to own the directory waits for a process that reads a report.
const OWNED_WITHIN: Duration = Duration::from_secs(10);
/// How often expired rows are removed; DynamoDB does it within a few days.
const EXPIRE_EVERY: Duration = Duration::from_mins(10);

/// A running embedded table, or a connection to the table that another process runs on the same directory.
///
/// Dropping it stops what this process started.
#[derive(Debug)]
pub struct EmbeddedTable {
    door: Door,
    owned: Option<Owned>,
}

#[derive(Debug)]
struct Owned {
    threads: Threads,
    /// Dropping it ends the servers and the removal of old rows.
    stop: Option<watch::Sender<()>>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Held as long as the table runs. The system releases it in whatever way the process ends.
    lock: Option<File>,
    /// A directory to remove with the table.
    scratch: Option<tempfile::TempDir>,
}

impl EmbeddedTable {
    /// A table that lives as long as this value and is not stored. Use it for small tables: at each commit SQLite walks
    /// through all pages in its memory. Those are all pages of a database in memory, but only 2 MB of one in a
    /// directory.
    pub fn memory() -> Result<Self, TableError> {
        // The upkeep is added to a file, and the file is loaded into memory.
        let directory = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
        let file = directory.path().join(DATABASE_FILE);
        drop(database_of(&file)?);
        let database = Database::memory().map_err(database_failed)?;
        database.restore_from(&file.to_string_lossy()).map_err(database_failed)?;
        Self::start(database, None)
    }

    /// A table in a directory of its own, which is removed with the table: for tests with large tables. No write waits
    /// for the disk, so the data may be unusable after a crash of the machine.
    pub fn scratch() -> Result<Self, TableError> {
        let directory = tempfile::tempdir().map_err(failed(&std::env::temp_dir()))?;
        let database = database_of(&directory.path().join(DATABASE_FILE))?;
        database.enable_bulk_loading().map_err(database_failed)?;
        let mut table = Self::start(database, None)?;
        table.keep(None, Some(directory));
        Ok(table)
    }

    /// Whether a directory holds a table.
    #[must_use]
    pub fn is_in(directory: &Path) -> bool {
        directory.join(DATABASE_FILE).is_file()
    }

    /// The table of `directory`, run by this process for its whole life. If another process only reads a report from
    /// it, this waits for a moment.
    ///
    /// # Errors
    ///
    /// [`TableError::Owned`] if another process keeps the directory.
    pub async fn own(directory: &Path) -> Result<Self, TableError> {
        let begun = Instant::now();
        loop {
            match Self::open(directory) {
                Ok(table) if table.owned.is_some() => {
                    stays_in(directory)?;
                    return Ok(table);
                }
                // The other process stays, so waiting is useless.
                Ok(_) if stays(directory) => return Err(TableError::Owned(directory.to_owned())),
                Err(error) if !matches!(error, TableError::Owned(_)) => return Err(error),
                _ if begun.elapsed() > OWNED_WITHIN => return Err(TableError::Owned(directory.to_owned())),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The table of `directory`, created if it does not exist. This process runs it. If another process already does,
    /// the result is a connection to that one.
    pub fn open(directory: &Path) -> Result<Self, TableError> {
        own_directory(directory)?;
        let lock_path = directory.join(LOCK_FILE);
        let lock = private().truncate(false).open(&lock_path).map_err(failed(&lock_path))?;
        let address_path = directory.join(ADDRESS_FILE);
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Self::of_other(directory, &address_path),
            Err(TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        // Remove an address left by an owner that was killed, so that nobody trusts it while this process starts.
        remove(&address_path)?;
        let file = directory.join(DATABASE_FILE);
        // SQLite gives its log the mode of the file, which it would make by the umask.
        private().truncate(false).open(&file).map_err(failed(&file))?;
        let database = database_of(&file)?;
        // SQLite leaves the flush to the engine, so that many commits share one.
        database.disable_bulk_loading().map_err(database_failed)?;
        let mut table = Self::start(database, Some(flush_of(&file)?))?;
        let (socket, scratch) = socket_of(directory)?;
        table.answer_at_socket(&socket)?;
        table.keep(Some(lock), scratch);
        write(&address_path, &format!("{}\n", socket.display()))?;
        Ok(table)
    }

    fn of_other(directory: &Path, address_path: &Path) -> Result<Self, TableError> {
        let address = fs::read_to_string(address_path).ok();
        let socket = address.as_deref().and_then(|text| text.lines().next()).filter(|line| !line.is_empty());
        let socket = socket.ok_or_else(|| TableError::Owned(directory.to_owned()))?;
        Ok(Self { door: Door::Socket(Arc::new(PathBuf::from(socket))), owned: None })
    }

    fn start(database: Database, flush: Option<Flush>) -> Result<Self, TableError> {
        let (engine, threads) = Engine::start(database.clone(), flush).map_err(database_failed)?;
        let (stop, mut stopped) = watch::channel(());
        let expiring = tokio::spawn(async move {
            tokio::select! {
                () = expire(database) => {}
                _ = stopped.changed() => {}
            }
        });
        let owned = Owned { threads, stop: Some(stop), tasks: Mutex::new(vec![expiring]), lock: None, scratch: None };
        Ok(Self { door: Door::Here(engine), owned: Some(owned) })
    }

    /// Keeps a lock and a directory for as long as the table runs.
    fn keep(&mut self, lock: Option<File>, scratch: Option<tempfile::TempDir>) {
        if let Some(owned) = &mut self.owned {
            (owned.lock, owned.scratch) = (lock, scratch);
        }
    }

    /// Answers at a Unix socket, which only this user can open.
    fn answer_at_socket(&self, path: &Path) -> Result<(), TableError> {
        remove(path)?;
        let listener = UnixListener::bind(path).map_err(failed(path))?;
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed(path))?;
        self.serve(listener, wire::router);
        Ok(())
    }

    /// Also answers at `address`, and returns the URL for `AWS_ENDPOINT_URL_DYNAMODB`. Any program that can reach it may
    /// read and write the whole table; a web page may not.
    ///
    /// # Errors
    ///
    /// [`TableError::Listen`] if the address cannot be bound.
    pub async fn listen(&self, address: SocketAddr) -> Result<String, TableError> {
        let failed = |source| TableError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        self.serve(listener, |engine| wire::router_at(engine, bound));
        Ok(format!("http://{bound}"))
    }

    fn serve<L: axum::serve::Listener>(&self, listener: L, router: impl FnOnce(Engine) -> axum::Router)
    where
        L::Addr: std::fmt::Debug,
    {
        let (Door::Here(engine), Some(owned)) = (&self.door, &self.owned) else { return };
        let Some(stop) = &owned.stop else { return };
        let (app, mut stopped) = (router(engine.clone()), stop.subscribe());
        let served = tokio::spawn(async move {
            // An error means that the listener broke: every later request fails and reports that to its client.
            let _ = axum::serve(listener, app)
                .with_graceful_shutdown(async move {
                    let _ = stopped.changed().await;
                })
                .await;
        });
        owned.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(served);
    }

    /// The HTTP client for an SDK, which sends its requests to this table, whatever endpoint they name.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        self.door.http_client()
    }

    /// Rewrites the file, so that nothing stays in it of rows that were deleted or changed. No request runs meanwhile: it
    /// takes about as long as copying the file twice.
    ///
    /// # Errors
    ///
    /// [`TableError::Database`]: something else reads the file, or the disk has no room for a second one.
    pub async fn rewrite(&self) -> Result<(), TableError> {
        let asked = Asked { operation: engine::REWRITE.to_owned(), body: Vec::new() };
        let answer = self.door.ask(asked).await.map_err(|error| TableError::Database(format!("{error:?}")))?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(TableError::Database(String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// Stops after the open requests end, and releases the directory.
    pub async fn stop(mut self) {
        let Some(mut owned) = self.owned.take() else { return };
        for task in owned.end_servers() {
            // If a server panicked, nothing is left to stop.
            let _ = task.await;
        }
        let door = self.door.clone();
        let _ = tokio::task::spawn_blocking(move || owned.end(&door)).await;
    }
}

impl Drop for EmbeddedTable {
    /// Stops without waiting for the servers' open requests, and releases the directory.
    fn drop(&mut self) {
        if let Some(mut owned) = self.owned.take() {
            drop(owned.end_servers());
            owned.end(&self.door);
        }
    }
}

impl Owned {
    /// Tells the servers to end, and returns them.
    fn end_servers(&mut self) -> Vec<JoinHandle<()>> {
        self.stop = None;
        std::mem::take(self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the engine and waits for its threads. The directory is released after them.
    fn end(self, door: &Door) {
        if let Door::Here(engine) = door {
            engine.stop();
        }
        self.threads.join();
    }
}

/// Flushes the commits to the database in `file`. SQLite's log holds them until a checkpoint; before a checkpoint
/// SQLite flushes the log itself.
fn flush_of(file: &Path) -> Result<Flush, TableError> {
    let mut log = file.as_os_str().to_owned();
    log.push(LOG_SUFFIX);
    let log = PathBuf::from(log);
    let opened = File::open(&log).map_err(failed(&log))?;
    // The name of the log must survive a power loss as well.
    if let Some(directory) = file.parent() {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed(directory))?;
    }
    Ok(Box::new(move || opened.sync_data()))
}

/// Removes expired rows, for ever. A failure is retried at the next turn.
async fn expire(database: Database) {
    loop {
        tokio::time::sleep(EXPIRE_EVERY).await;
        let database = database.clone();
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

/// The database in `file`, created if it is missing, with our upkeep.
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
    use directory::{SOCKET_FILE, SOCKET_PATH_BYTES_MAX};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn socket(table: &EmbeddedTable) -> PathBuf {
        match &table.door {
            Door::Socket(path) => path.to_path_buf(),
            Door::Here(_) => panic!("it is this process's own"),
        }
    }

    #[tokio::test]
    async fn a_rewritten_file_has_nothing_of_rows_that_were_deleted_or_changed() {
        let directory = tempfile::tempdir().unwrap();
        let first = EmbeddedTable::open(directory.path()).unwrap();
        // The request comes from another process, as an operator's does.
        let second = EmbeddedTable::open(directory.path()).unwrap();
        let ask = async |operation: &str, body: serde_json::Value| {
            let asked = Asked { operation: operation.to_owned(), body: body.to_string().into_bytes() };
            assert_eq!(second.door.ask(asked).await.unwrap().status, 200, "{operation}");
        };
        let table = serde_json::json!({
            "TableName": "some", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        });
        ask("CreateTable", table).await;
        let put = |key: &str, text: &str| serde_json::json!({ "TableName": "some", "Item": { "pk": { "S": key }, "text": { "S": text } } });
        for number in 0..50 {
            ask("PutItem", put(&format!("row-{number}"), "gone-for-good")).await;
            ask("PutItem", put(&format!("row-{number}"), "still-here")).await;
        }
        let gone = serde_json::json!({ "TableName": "some", "Key": { "pk": { "S": "row-7" } } });
        ask("DeleteItem", gone).await;
        let holds = |text: &str| {
            let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
            let read = files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
            read.into_iter().any(|content| content.windows(text.len()).any(|part| part == text.as_bytes()))
        };
        assert!(holds("gone-for-good"), "SQLite leaves what was deleted in the files");
        second.rewrite().await.unwrap();
        assert!(!holds("gone-for-good") && !holds("row-7\"") && holds("still-here"));
        ask("PutItem", put("later", "still-works")).await;
        assert!(holds("still-works"));
        first.stop().await;
    }

    #[tokio::test]
    async fn a_second_opener_is_led_to_the_first_one() {
        let directory = tempfile::tempdir().unwrap();
        let first = EmbeddedTable::open(directory.path()).unwrap();
        let second = EmbeddedTable::open(directory.path()).unwrap();
        let path = socket(&second);
        assert_eq!(path, directory.path().canonicalize().unwrap().join(SOCKET_FILE));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for file in [LOCK_FILE, ADDRESS_FILE, DATABASE_FILE, "table.sqlite-wal"] {
            let mode = fs::metadata(directory.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        second.stop().await;
        assert!(tokio::net::UnixStream::connect(&path).await.is_ok(), "the owner still serves");
        first.stop().await;
        let third = EmbeddedTable::own(directory.path()).await.unwrap();
        assert!(third.owned.is_some(), "a released directory can be owned again");
        let begun = Instant::now();
        let fourth = EmbeddedTable::own(directory.path()).await;
        assert!(matches!(fourth, Err(TableError::Owned(_))), "but by one at a time");
        assert!(begun.elapsed() < OWNED_WITHIN, "one that stays is not waited for");
        let reader = EmbeddedTable::open(directory.path()).unwrap();
        assert_eq!(socket(&reader), path);
    }

    #[tokio::test]
    async fn a_port_answers_programs_and_no_web_page() {
        let table = EmbeddedTable::memory().unwrap();
        let url = table.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = url.strip_prefix("http://").unwrap().to_owned();
        let ask = async |more: &str| {
            let mut connection = tokio::net::TcpStream::connect(&address).await.unwrap();
            let request = format!(
                "POST / HTTP/1.1\r\n{more}connection: close\r\nx-amz-target: DynamoDB_20120810.ListTables\r\ncontent-length: 2\r\n\r\n{{}}"
            );
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            answer.split_whitespace().nth(1).unwrap().to_owned()
        };
        assert_eq!(ask(&format!("host: {address}\r\n")).await, "200");
        assert_eq!(ask(&format!("host: {address}\r\norigin: http://evil.example\r\n")).await, "403");
        assert_eq!(ask("host: evil.example\r\n").await, "403", "its name leads to this machine");
        table.stop().await;
    }

    #[tokio::test]
    async fn a_directory_is_made_for_its_owner_alone_and_one_that_others_may_enter_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let directory = above.path().join("data");
        EmbeddedTable::open(&directory).unwrap().stop().await;
        let mode = || fs::metadata(&directory).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        let refused = EmbeddedTable::open(&directory).unwrap_err().to_string();
        assert!(refused.ends_with(&format!("(mode 755): chmod 700 {}", directory.display())), "{refused}");
    }

    #[tokio::test]
    async fn a_directory_whose_path_is_too_long_for_a_socket_works_as_well() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("a".repeat(60)).join("b".repeat(60));
        let first = EmbeddedTable::open(&deep).unwrap();
        let second = EmbeddedTable::open(&deep).unwrap();
        let path = socket(&second);
        assert!(path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX, "{}", path.display());
        assert!(tokio::net::UnixStream::connect(&path).await.is_ok());
        first.stop().await;
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_committed_goes_to_the_log_that_is_flushed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(DATABASE_FILE);
        let database = database_of(&file).unwrap();
        database.disable_bulk_loading().unwrap();
        let _flush = flush_of(&file).unwrap();
        let log = directory.path().join(format!("{DATABASE_FILE}{LOG_SUFFIX}"));
        let opened = File::open(&log).unwrap();
        let before = opened.metadata().unwrap().len();
        let table =
            br#"{"TableName":"some","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
            "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}"#;
        let created = dispatch(&database, "CreateTable", &mut serde_json::Deserializer::from_slice(table));
        assert_eq!(created.status, 200);
        assert!(opened.metadata().unwrap().len() > before, "it grows by what was committed");
        assert!(fs::metadata(&log).unwrap().len() == opened.metadata().unwrap().len(), "and is the same file still");
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = EmbeddedTable::open(&file.path().join("below")).unwrap_err();
        assert!(error.to_string().contains("below"), "{error}");
    }
}
