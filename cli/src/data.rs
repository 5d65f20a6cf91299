//! Where an installation's table is: in memory, in a directory, or on DynamoDB.

mod aws;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context as _, bail};
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Region};
use recado_ledger::{EMBEDDED_ENDPOINT, Ledger, embedded_client, timeouts};
use recado_table::EmbeddedTable;

use crate::output;

/// The default directory of an installation.
const DIRECTORY: &str = ".recado";

/// The table's name when it is embedded.
const EMBEDDED_TABLE: &str = "recado";

/// The retention of rows until the configuration of a stack is read; the configuration sets its own retention.
const UNTIL_READ_MS: u64 = 90 * 86_400_000;

/// The value of `--data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// `memory`: nothing is stored.
    Memory,
    /// A directory.
    Directory(PathBuf),
    /// `dynamodb:TABLE`, with the region and credentials that the AWS SDK finds.
    DynamoDb(String),
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dynamodb:") {
            Some("") => Err("name the table: dynamodb:TABLE".to_owned()),
            Some(table) => Ok(Self::DynamoDb(table.to_owned())),
            None if text == "memory" => Ok(Self::Memory),
            None if text.is_empty() => Err("name a directory, `memory`, or `dynamodb:TABLE`".to_owned()),
            None => Ok(Self::Directory(PathBuf::from(text))),
        }
    }
}

/// An open table.
pub(crate) struct Store {
    /// The table.
    pub(crate) ledger: Ledger,
    /// The client of the table's stream.
    pub(crate) streams: aws_sdk_dynamodbstreams::Client,
    /// The embedded table, which must live as long as this store.
    embedded: Option<EmbeddedTable>,
    /// The directory of the table, if it is in one.
    directory: Option<PathBuf>,
    /// The service that says whose credentials these are, if the table is at AWS.
    sts: Option<aws_sdk_sts::Client>,
}

impl Location {
    /// The installation of a command: the one that is named, or the nearest `.recado` in this directory or above it. It
    /// must exist.
    pub(crate) fn find(named: Option<&Self>) -> anyhow::Result<Self> {
        let Some(named) = named else {
            let here = std::env::current_dir().context("this directory")?;
            let found = here.ancestors().map(|above| above.join(DIRECTORY)).find(|at| EmbeddedTable::is_in(at));
            let missing = || {
                format!(
                    "there is no installation: {DIRECTORY} is neither in {} nor above it; pass --data or set RECADO_DATA, or \
                     start one with recado serve",
                    here.display()
                )
            };
            return Ok(Self::Directory(found.with_context(missing)?));
        };
        match named {
            Self::Directory(directory) if !EmbeddedTable::is_in(directory) => {
                bail!("there is no installation in {}: it has no table; recado serve creates one", directory.display())
            }
            Self::Memory => {
                bail!("--data memory lives in the process that runs it; no other process can see it")
            }
            Self::Directory(_) | Self::DynamoDb(_) => Ok(named.clone()),
        }
    }

    /// The default location where `serve` runs.
    pub(crate) fn here() -> Self {
        Self::Directory(PathBuf::from(DIRECTORY))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Directory(directory) => directory.canonicalize().as_ref().unwrap_or(directory).display().fmt(f),
            Self::DynamoDb(table) => write!(f, "dynamodb:{table}"),
        }
    }
}

impl Store {
    /// Opens the table of an existing installation. If another process runs the directory, the table is reached through
    /// that process.
    pub(crate) async fn open(location: &Location) -> anyhow::Result<Self> {
        let location = Location::find(Some(location))?;
        match &location {
            Location::DynamoDb(table) => {
                let hint = "check its name, its account and its region (AWS_REGION); recado serve creates one";
                Self::existing(table, hint).await
            }
            Location::Directory(directory) => {
                let table = EmbeddedTable::open(directory)?;
                Self::at(&location, Some(table), UNTIL_READ_MS).await
            }
            Location::Memory => Self::empty(UNTIL_READ_MS).await,
        }
    }

    /// Opens the table to run an installation on it, and creates it if it is missing. A directory belongs to this
    /// process alone.
    pub(crate) async fn own(location: &Location, retention_ms: u64) -> anyhow::Result<Self> {
        let table = match location {
            Location::Directory(directory) => Some(EmbeddedTable::own(directory).await?),
            _ => None,
        };
        Self::at(location, table, retention_ms).await
    }

    /// Opens an empty table, for a dry run.
    pub(crate) async fn empty(retention_ms: u64) -> anyhow::Result<Self> {
        Self::at(&Location::Memory, None, retention_ms).await
    }

    /// Opens the table of a deployed stack. The table has the stack's name.
    pub(crate) async fn deployed(stack: &str) -> anyhow::Result<Self> {
        Self::existing(stack, "check the name of the stack, its account and its region (AWS_REGION)").await
    }

    /// Opens a table that must exist on DynamoDB. If it is missing, `hint` says what to do.
    async fn existing(table: &str, hint: &str) -> anyhow::Result<Self> {
        let store = Self::on_dynamodb(table, UNTIL_READ_MS).await?;
        if !aws::exists(&store.ledger).await? {
            bail!("there is no table {table} here: {hint}");
        }
        Ok(store)
    }

    /// The same table, with another retention of rows.
    pub(crate) fn with_retention(self, retention_ms: u64) -> Self {
        Self { ledger: self.ledger.with_retention(retention_ms), ..self }
    }

    async fn on_dynamodb(table: &str, retention_ms: u64) -> anyhow::Result<Self> {
        let config = aws::config().await?;
        let client = aws_sdk_dynamodb::Client::new(&config);
        Ok(Self {
            ledger: Ledger::new(client, table, retention_ms),
            streams: streams_client(&config),
            embedded: None,
            directory: None,
            sts: aws::sts(&config),
        })
    }

    /// Opens the table, and creates it if it does not exist.
    async fn at(location: &Location, table: Option<EmbeddedTable>, retention_ms: u64) -> anyhow::Result<Self> {
        let store = match (location, table) {
            (_, Some(table)) => Self::embedded(table, retention_ms),
            (Location::Memory | Location::Directory(_), None) => Self::embedded(EmbeddedTable::memory()?, retention_ms),
            (Location::DynamoDb(table), None) => {
                let store = Self::on_dynamodb(table, retention_ms).await?;
                // If DynamoDB refuses this look-up, it would refuse to create the table as well.
                aws::exists(&store.ledger).await?;
                store
            }
        };
        let directory = match location {
            Location::Directory(directory) => Some(directory.clone()),
            _ => None,
        };
        let store = Self { directory, ..store };
        let created = if store.is_shared() {
            store.ledger.create_if_missing().await
        } else {
            store.ledger.create_unstreamed_if_missing().await
        };
        created.with_context(|| format!("the table {}", store.ledger.table()))?;
        Ok(store)
    }

    fn embedded(table: EmbeddedTable, retention_ms: u64) -> Self {
        let streams = aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("local"))
            .allow_no_auth()
            .endpoint_url(EMBEDDED_ENDPOINT)
            .timeout_config(timeouts())
            .http_client(table.http_client())
            .build();
        Self {
            ledger: Ledger::new(embedded_client(table.http_client()), EMBEDDED_TABLE, retention_ms),
            streams: aws_sdk_dynamodbstreams::Client::from_conf(streams),
            embedded: Some(table),
            directory: None,
            sts: None,
        }
    }

    /// Whether other processes write to the table directly. If so, only the table's stream reports all messages.
    pub(crate) fn is_shared(&self) -> bool {
        self.embedded.is_none()
    }

    /// The directory of the table, if it is in one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// The person who puts a version in force, for the history. On AWS it is whoever the credentials belong to, as AWS says.
    /// What `claimed` says beside that, or the shell says elsewhere, nobody checks.
    pub(crate) async fn author(&self, claimed: Option<&str>) -> String {
        let from_shell = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let claim = || claimed.map(str::to_owned).or_else(from_shell).unwrap_or_else(|| "unknown".to_owned());
        let Some(sts) = &self.sts else { return claim() };
        match (Box::pin(aws::caller(sts)).await, claimed) {
            (Ok(arn), None) => arn,
            (Ok(arn), Some(claimed)) => format!("{claimed} ({arn})"),
            (Err(error), _) => {
                output::complain(&format!("AWS did not say whose credentials these are: {error}"));
                format!("{} (not checked)", claim())
            }
        }
    }

    /// Rewrites the file of an embedded table, so that nothing stays in it of what was deleted. `false`: the table is on
    /// DynamoDB.
    pub(crate) async fn rewrite(&self) -> anyhow::Result<bool> {
        let Some(table) = &self.embedded else { return Ok(false) };
        table.rewrite().await?;
        Ok(true)
    }

    /// Closes the table after the open requests end.
    pub(crate) async fn close(self) {
        if let Some(table) = self.embedded {
            table.stop().await;
        }
    }
}

/// The client of the stream. The stream is served by the table's endpoint: a variable that redirects the table also
/// redirects the stream.
fn streams_client(config: &aws_config::SdkConfig) -> aws_sdk_dynamodbstreams::Client {
    let mut streams = aws_sdk_dynamodbstreams::config::Builder::from(config);
    if std::env::var("AWS_ENDPOINT_URL_DYNAMODB_STREAMS").is_err()
        && let Ok(endpoint) = std::env::var("AWS_ENDPOINT_URL_DYNAMODB")
    {
        streams = streams.endpoint_url(endpoint);
    }
    aws_sdk_dynamodbstreams::Client::from_conf(streams.build())
}
