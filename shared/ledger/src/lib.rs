//! The DynamoDB table of Recado: the queue and the truth.
//!
//! | item | pk | sk | holds |
//! | --- | --- | --- | --- |
//! | message | `M#id` | `M` | one rule's answer to one change, and where it stands |
//! | batch | `B#id` | `B` | one request to LigueLead, and which messages it carries |
//! | callback | `B#batch` or `P#campaign` | `C#phone#status#time` | one delivery report, as it came |
//! | campaign | `P#campaign` | `B` | which batch a `campaign_id` belongs to |
//! | event | `E#id` | `E` | a delivery that became no message, and why |
//! | day | `D#day` | `D`, or `R#rule` | what was spent of a calendar day's quotas, the account's or a rule's own |
//! | caps | `C#lead` or `C#phone#…` | `C` | a lead's or a phone's recent messages, as far as the caps ask |
//! | gathered | `G#instant#content` | `G` | how many messages of one text wait for an instant |
//! | audio | `A` | `N#name` | which recording a rule's file name stands for, its length and size |
//! | upload | `A` | `U#content` | where a recording's upload to LigueLead stands, and under which id it is there |
//! | limits | `L#account` | `L` | a vendor's shared rate; the limits' crate writes it |
//! | once | `O#what` | `O` | that something was done, such as a warning given, by whichever function was first |
//! | configuration | `S#config` | `S`, or `V#version` | which version is in force; the text of each version, by whom and when |
//! | earlier attempt | `B#batch` | `R#phone` | the message that a batch carried before it was sent again |
//! | unknown | `U` | batch | a batch of which it is unknown whether it was sent |
//! | suppression | `X#phone#…` or `X#lead#…` | `X` | who gets no messages, of which kind, since when |
//! | pause | `S#pause` | what | what an operator has paused |
//! | settings | `S#name` | `S` | what the CRM assigned, such as the activity type's code |
//! | incomplete event | `N#id` | `N` | a change that tells too little of its lead, until the lead has been read |
//! | shown | `W#lead` | `W` | what the lead's own fields are known to show |
//! | sights | `F#lead` | `F` | what was last seen of the lead's fields that rules watch |
//! | lease | `K#name` | `K` | who leads where one function is enough, and until when |
//! | run | `Q` | run | a campaign's run, and how far it has come |
//! | page | `Q#run` | `P#page` | recipients of a run |
//! | notes | `M#id` | `N` | what reports say of the recipients of a message to many |
//!
//! Three sparse indexes find work: `due` (what the sweep must look at, and when), `batch` (whose phone is whose in
//! a batch) and `crm` (what LeadSquared does not know yet). Every write that moves a message is conditional on the
//! state and the batch that it moves from, so that a repeated write, a late one or one of a process thought dead
//! changes nothing.

mod amend;
mod attempts;
mod audios;
mod batches;
mod blocks;
mod callbacks;
mod caps;
mod codec;
mod configs;
mod days;
mod error;
mod events;
mod gather;
mod gathered;
mod incomplete;
mod judged;
mod lease;
mod messages;
mod news;
mod parked;
mod pauses;
mod runs;
mod schema;
mod settings;
mod shown;
mod sights;
mod suppressions;
mod unknown;

pub use amend::Amend;
pub use attempts::{Earlier, MOST_PRICES, Price};
pub use audios::{AudioRows, Forgotten, UploadEnd, UploadRow, UploadState};
pub use batches::{BatchChange, NewBatch, Prepared, Refund};
pub use blocks::BlockNotes;
pub use callbacks::{Stored, StoredCallback, StoredFor};
pub use caps::CapsRow;
pub use configs::{ConfigEntry, ConfigVersion, Pushed, Signals};
pub use days::{Budget, Day, Draw, Quotas};
pub use error::LedgerError;
pub use events::{EventOutcome, EventRow};
pub use incomplete::IncompleteEvent;
pub use messages::{Change, CrmChange, Due, DueRows, Guard, Inserted};
pub use news::News;
pub use pauses::{Pause, Scope};
pub use recado_core::subject::Subject;
pub use runs::{Phase, Run};
pub use sights::{KeptSights, MOST_NOTICED};
pub use suppressions::{Kind, Suppression};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Region, SharedHttpClient, StalledStreamProtectionConfig, timeout::TimeoutConfig},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use std::time::Duration;

use self::{
    gather::Gather,
    judged::{Judgement, Statement},
    news::Listener,
};

/// How many shards each index is spread over: one shard takes about 1,000 writes a second, so eight carry a burst of
/// 8,000 state changes a second without holding up the table.
const SHARDS: u8 = 8;

/// How long one attempt at the table may take, and all attempts at one operation together: a table that hangs must
/// not hang who waits for an answer.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(25))
        .build()
}

/// The endpoint of an embedded table, which nothing looks up: its HTTP client knows the way.
pub const EMBEDDED_ENDPOINT: &str = "http://table.invalid";

/// A client for an embedded table that `http` leads to. It signs nothing: the table belongs to this user alone.
#[must_use]
pub fn embedded_client(http: SharedHttpClient) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .allow_no_auth()
        .endpoint_url(EMBEDDED_ENDPOINT)
        .timeout_config(timeouts())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http)
        .build();
    Client::from_conf(config)
}

/// The HTTP client of every AWS client here: rustls with ring (docs/adr/0028-ring-for-tls.md).
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// The table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
    table: String,
    /// How long rows are kept after they were written, in seconds.
    retention_s: i64,
    listener: Option<Listener>,
    /// Conditional writes of tasks side by side.
    writes: Gather<Vec<Statement>, Result<Vec<Judgement>, LedgerError>>,
    /// Batches that are prepared side by side.
    prepares: Gather<NewBatch, Result<Prepared, LedgerError>>,
}

impl Ledger {
    /// The table named `table`, reached by `client`; rows written by it are removed `retention_ms` after.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, retention_ms: u64) -> Self {
        let retention_s = i64::try_from(retention_ms / 1000).unwrap_or(i64::MAX / 2);
        Self {
            client,
            table: table.into(),
            retention_s,
            listener: None,
            writes: Gather::default(),
            prepares: Gather::default(),
        }
    }

    /// The same table, with rows removed `retention_ms` after they were written.
    #[must_use]
    pub fn with_retention(&self, retention_ms: u64) -> Self {
        Self {
            listener: self.listener.clone(),
            writes: self.writes.clone(),
            prepares: self.prepares.clone(),
            ..Self::new(self.client.clone(), self.table.clone(), retention_ms)
        }
    }

    /// The same table, whose writes are told to `tell` once they are made. Each of them waits until `tell` returns.
    #[must_use]
    pub fn telling(self, tell: impl Fn(News) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Listener::new(tell)), ..self }
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The client, for what shares the table: the limits.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The instant, in epoch seconds, after which DynamoDB may remove a row written at `now_ms`.
    fn ttl_s(&self, now_ms: i64) -> i64 {
        (now_ms / 1000).saturating_add(self.retention_s)
    }
}
