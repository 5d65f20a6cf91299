//! A table that counts its requests, and a connection to it that can lose answers.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
    },
    error::BoxError,
    operation::{
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use recado_ledger::{EMBEDDED_ENDPOINT, Ledger, embedded_client, http_client};
use recado_limits::{LigueLeadAccount, Plan, Reading};
use recado_table::EmbeddedTable;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// The requests to the table.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Asked {
    /// `GetItem`.
    pub reads: u32,
    /// `UpdateItem` and `PutItem`, made or refused.
    pub writes: u32,
    /// Of these, the writes that were refused or not answered.
    pub refused: u32,
    /// Capacity units of all requests.
    pub units: f64,
}

/// Counts a client's operations, and makes the table report the cost of each.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<Mutex<Asked>>);

impl Counter {
    pub fn asked(&self) -> Asked {
        *self.0.lock().unwrap()
    }

    /// The requests since the last call of this method.
    pub fn take(&self) -> Asked {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        let total = Some(ReturnConsumedCapacity::Total);
        if let Some(input) = input.downcast_mut::<UpdateItemInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<PutItemInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<GetItemInput>() {
            input.return_consumed_capacity = total;
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut asked = self.0.lock().unwrap();
        let units = |consumed: Option<&ConsumedCapacity>| consumed.and_then(|c| c.capacity_units).unwrap();
        match context.output_or_error() {
            Err(_) => {
                asked.writes += 1;
                asked.refused += 1;
            }
            Ok(output) => {
                if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
                    asked.writes += 1;
                    asked.units += units(output.consumed_capacity());
                } else if let Some(output) = output.downcast_ref::<PutItemOutput>() {
                    asked.writes += 1;
                    asked.units += units(output.consumed_capacity());
                } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
                    asked.reads += 1;
                    asked.units += units(output.consumed_capacity());
                }
            }
        }
        Ok(())
    }
}

/// A table in memory, with the ledger's key.
pub struct Store {
    table: EmbeddedTable,
}

impl Store {
    pub async fn start() -> Self {
        let table = EmbeddedTable::memory().unwrap();
        let client = embedded_client(table.http_client());
        Ledger::new(client, "recado", 0).create_if_missing().await.unwrap();
        Self { table }
    }

    /// The address at which others reach it, from now on.
    pub async fn listen(&self) -> String {
        self.table.listen(([127, 0, 0, 1], 0).into()).await.unwrap()
    }

    pub fn client(&self) -> (Client, Counter) {
        counted(self.table.http_client(), EMBEDDED_ENDPOINT)
    }

    /// An account of its own, as in another process: it knows only the content of the table.
    pub fn account(&self, plan: Plan) -> (LigueLeadAccount, Counter) {
        let (client, counter) = self.client();
        (LigueLeadAccount::new(client, "recado", plan), counter)
    }

    pub fn at_share(&self, plan: Plan, per_mille: u16) -> LigueLeadAccount {
        LigueLeadAccount::at_share(self.client().0, "recado", plan, per_mille)
    }
}

/// A client of the table at `url`.
pub fn client(url: &str) -> (Client, Counter) {
    counted(http_client(), url)
}

fn counted(http: aws_sdk_dynamodb::config::SharedHttpClient, url: &str) -> (Client, Counter) {
    let counter = Counter::default();
    let config = embedded_client(http).config().to_builder();
    (Client::from_conf(config.endpoint_url(url).interceptor(counter.clone()).build()), counter)
}

pub fn plan(limit: u32, window_ms: u32) -> Plan {
    Plan::new(NonZeroU32::new(limit).unwrap(), NonZeroU32::new(window_ms).unwrap())
}

/// The start of the tests' clocks.
pub const NOW_MS: i64 = 1_790_000_000_000;

/// A reading so many ms after the start of the tests' clocks.
pub fn at(ms: i64) -> Reading {
    Reading { wall_us: (NOW_MS + ms) * 1_000, mono_us: ms * 1_000 }
}

/// A connection to the table on which answers can be lost after the table has acted.
pub struct Way {
    pub url: String,
    lose: Arc<AtomicI64>,
}

impl Way {
    pub async fn to(store: &Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let table = store.listen().await.replace("http://", "");
        let lose = Arc::new(AtomicI64::new(0));
        let losing = Arc::clone(&lose);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, table.clone(), Arc::clone(&losing)));
            }
        });
        Self { url, lose }
    }

    /// Loses the next `answers` answers.
    pub fn lose(&self, answers: i64) {
        self.lose.store(answers, Ordering::SeqCst);
    }
}

/// Carries requests and answers until one is lost or either side closes.
async fn carry(mut client: TcpStream, table: String, lose: Arc<AtomicI64>) -> Option<()> {
    let mut server = TcpStream::connect(table).await.ok()?;
    loop {
        let request = message(&mut client).await?;
        server.write_all(&request).await.ok()?;
        let answer = message(&mut server).await?;
        if lose.fetch_sub(1, Ordering::SeqCst) > 0 {
            return None;
        }
        client.write_all(&answer).await.ok()?;
    }
}

/// One HTTP message with a stated length.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).map(str::trim);
        let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        if bytes.len() >= head + 4 + length {
            return Some(bytes);
        }
    }
}
