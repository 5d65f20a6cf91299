//! The sender by itself, against an embedded table and LigueLead's simulator, without a process around it.

mod caps;
mod costs;
mod counter;
mod crash;
mod deadline;
mod late;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::support::{ANY_HOUR, messages_of};
use recado_core::{
    config::Config,
    message::{Message, State},
};
use recado_ledger::{Inserted, Ledger, embedded_client};
use recado_pipeline::{World, secrets::Secret, send::Sender, settle::Settler, sweep::Sweeper};
use recado_runtime::installation;
use recado_simulators::liguelead;
use recado_table::EmbeddedTable;

/// A sender and its surroundings.
struct Bench {
    config: Config,
    ledger: Ledger,
    sender: Sender,
    settler: Settler,
    vendor: liguelead::Simulator,
    _table: EmbeddedTable,
    /// How far the sender's clock is ahead, in ms.
    ahead_ms: Arc<AtomicI64>,
}

impl Bench {
    /// Starts a bench with these lines below `rules:`, and a table in this process.
    async fn start(rules: &str, options: liguelead::Options) -> Self {
        Self::with(rules, options, |client| client).await
    }

    async fn with(
        rules: &str,
        options: liguelead::Options,
        client: impl Fn(aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client,
    ) -> Self {
        let crm = "leadsquared: { plan: pro, opt_out: { system: false } }";
        let text = format!("version: 1\n{crm}\nsend: {{ call_timeout: 5s }}\n{ANY_HOUR}rules:\n{rules}");
        let config = Config::parse(&text).unwrap().config;
        let table = EmbeddedTable::memory().unwrap();
        let ledger = Ledger::new(client(embedded_client(table.http_client())), "recado", config.retention_ms);
        ledger.create_if_missing().await.unwrap();
        let credentials = ::liguelead::Credentials {
            api_token: options.api_token.clone().into(),
            app_id: options.app_id.clone().into(),
        };
        let vendor = liguelead::start_local(options).await.unwrap();
        let timeout = std::time::Duration::from_millis(config.send.call_timeout_ms);
        let vendor_client = ::liguelead::Client::new(&vendor.base_url(), &credentials, timeout).unwrap();
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead_ms);
        // No request for opt-outs is made: these configurations leave out all opt-out fields.
        let keys = ::leadsquared::Credentials { access_key: "a".into(), secret_key: "s".into() };
        let crm_client = ::leadsquared::Client::new("http://127.0.0.1:9/v2", &keys, timeout).unwrap();
        let mut sender = installation::sender(&config, vendor_client, crm_client, None, &ledger);
        let real = sender.world.clone();
        let fresh = sender.world.clone();
        sender.world =
            World::new(move || real.now_ms() + clock.load(Ordering::Relaxed), move || *fresh.fresh_batch().as_bytes());
        let secret = Secret::parse("a-callback-secret-that-nobody-guesses").unwrap();
        let mut settler = installation::settler(&config, (&secret, 0), None, &ledger);
        settler.world = sender.world.clone();
        Self { config, ledger, sender, settler, vendor, _table: table, ahead_ms }
    }

    fn now_ms(&self) -> i64 {
        self.sender.world.now_ms()
    }

    fn sweeper(&self) -> Sweeper {
        Sweeper { sender: self.sender.clone(), settler: self.settler.clone() }
    }

    /// The messages that the rules make when leads with these numbers are created.
    fn messages(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Message> {
        messages_of(&self.config, numbers, self.now_ms())
    }

    async fn write(&self, messages: &[Message]) {
        let inserted = self.ledger.insert_messages(messages).await.unwrap();
        assert!(inserted.iter().all(|one| *one == Inserted::New));
    }

    async fn in_state(&self, state: State) -> Vec<Message> {
        let mut found = Vec::new();
        let visit = |message: Message| {
            if message.state == state {
                found.push(message);
            }
            true
        };
        self.ledger.each_message(visit).await.unwrap();
        found
    }
}
