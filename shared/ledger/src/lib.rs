//! The DynamoDB table of Recado: the queue, and the source of truth.
//!
//! | item | pk | sk | holds |
//! | --- | --- | --- | --- |
//! | message | `M#id` | `M` | one rule's message for one event, and its state |
//! | batch | `B#id` | `B` | one request to LigueLead, the messages it carries and its state |
//! | callback | `B#batch` or `P#campaign` | `C#phone#status#time` | one delivery report, as LigueLead posted it |
//! | campaign | `P#campaign` | `B` | the batch that a LigueLead campaign (`campaign_id`) belongs to |
//! | event | `E#id` | `E` | an event that became no message, and why |
//! | day | `D#day` | `D`, or `R#rule` | what a calendar day spent of its quotas: the account's, or one rule's |
//! | caps | `C#lead` or `C#phone#…` | `C` | the recent messages of a lead or a phone, as far back as the caps need |
//! | gathered | `G#instant#content` | `G` | how many messages with one text wait for one instant |
//! | audio | `A` | `N#name` | the recording behind a rule's file name, its length and size |
//! | upload | `A` | `U#content` | the state of a recording's upload to LigueLead, and LigueLead's id for it |
//! | limits | `L#account` | `L` | a vendor's shared rate; the limits crate writes it |
//! | once | `O#what` | `O` | a mark that something was done once, such as a warning, by whichever function was first |
//! | configuration | `S#config` | `S`, or `V#version` | the version in force; each text, its author and time |
//! | earlier attempt | `B#batch` | `R#phone` | a message that the batch carried before the message was sent again |
//! | unknown | `U` | batch | a batch whose request LigueLead may or may not have taken |
//! | suppression | `X#phone#…` or `X#lead#…` | `X` | a phone or lead that gets no messages: of which kind, since when |
//! | pause | `S#pause` | what | an operator's pause |
//! | settings | `S#name` | `S` | values that the CRM assigned, such as the activity type's code |
//! | incomplete event | `N#id` | `N` | an event with too few of its lead's fields, kept until the lead has been read |
//! | shown | `W#lead` | `W` | the values that the lead's own fields are known to show |
//! | sights | `F#lead` | `F` | the last seen values of the lead's fields that rules watch |
//! | lease | `K#name` | `K` | which function leads where one is enough, and until when |
//! | run | `Q` | run | a campaign's run, and its progress |
//! | page | `Q#run` | `P#page` | a part of a run's audience |
//! | audit | `T#month` | instant and number | what an operator did; rows are only added |
//! | notes | `M#id` | `N` | what reports say about the recipients of a block |
//!
//! Three sparse indexes find work. `due` holds the rows that the sweep must look at, by due time. `batch` holds a
//! batch's messages, by phone. `crm` holds the messages whose outcome LeadSquared does not know yet.
//!
//! Every write that moves a message is conditional on the state and the batch that it moves from. A repeated write, a
//! late write, or a write of a process thought dead therefore changes nothing.

mod at_once;
mod attempts;
mod audios;
mod audit;
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
mod people;
mod removed;
mod runs;
mod schema;
mod settings;
mod shown;
mod sights;
mod suppressions;
mod transitions;
mod unknown;
mod update;
mod walk;

pub use at_once::at_once;
pub use attempts::{Earlier, MOST_PRICES, Price};
pub use audios::{AudioRows, Forgotten, UploadEnd, UploadRow, UploadState};
pub use batches::{BatchChange, Begin, NewBatch, Prepared, Refund};
pub use blocks::BlockNotes;
pub use callbacks::{Stored, StoredCallback, StoredFor};
pub use caps::CapsRow;
pub use configs::{ConfigEntry, ConfigVersion, Pushed, Signals};
pub use days::{Budget, Day, Draw, Quotas};
pub use error::LedgerError;
pub use events::{EventOutcome, EventRow};
pub use incomplete::IncompleteEvent;
pub use messages::{DueRows, Inserted};
pub use news::News;
pub use pauses::{Pause, Scope};
pub use people::PersonRow;
pub use recado_core::subject::Subject;
pub use removed::Removed;
pub use runs::{Phase, Run};
pub use sights::{KeptSights, MOST_NOTICED};
pub use suppressions::{Kind, Suppression};
pub use walk::{Walk, Walked};

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

/// How many shards each index is spread over. One shard takes about 1,000 writes a second. Eight shards carry a burst
/// of 8,000 state changes a second without slowing the table.
const SHARDS: u8 = 8;

/// Timeouts of one attempt at the table, and of all attempts at one operation together. A table that hangs must not
/// block its caller.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(25))
        .build()
}

/// The endpoint of an embedded table. Nothing resolves it: the client's own HTTP connector leads to the table.
pub const EMBEDDED_ENDPOINT: &str = "http://table.invalid";

/// A client for an embedded table behind `http`. It signs nothing: the table belongs to this user alone.
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

/// The HTTP client of every AWS client in Recado: rustls with ring (docs/adr/0028-ring-for-tls.md).
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
    /// Collects conditional writes of concurrent tasks into shared requests.
    writes: Gather<Vec<Statement>, Result<Vec<Judgement>, LedgerError>>,
    /// Collects batches that concurrent tasks prepare into shared requests.
    prepares: Gather<NewBatch, Result<Prepared, LedgerError>>,
}

impl Ledger {
    /// The table named `table`, reached through `client`. Its rows are removed `retention_ms` after they were written.
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

    /// The same table, which reports each write to `tell` after it is made. The writer waits until `tell` returns.
    #[must_use]
    pub fn telling(self, tell: impl Fn(News) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Listener::new(tell)), ..self }
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The client, for the limits crate, which shares the table.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The instant, in epoch seconds, after which DynamoDB may remove a row written at `now_ms`.
    fn ttl_s(&self, now_ms: i64) -> i64 {
        (now_ms / 1000).saturating_add(self.retention_s)
    }
}
