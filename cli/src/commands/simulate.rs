//! `recado simulate liguelead|leadsquared|table`.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use recado_ledger::{Ledger, embedded_client};
use recado_simulators::{leadsquared, liguelead};
use recado_table::EmbeddedTable;
use tokio::net::TcpListener;

use crate::output;

/// Run the simulator of one vendor, or an embedded table, until Ctrl-C.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Simulate {
    /// LigueLead: SMS, callbacks, limits, faults.
    Liguelead(Liguelead),
    /// LeadSquared: leads, activities, limits, faults.
    Leadsquared(Leadsquared),
    /// DynamoDB, embedded, in memory, with an empty table, for functions on this machine.
    Table(Table),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Table {
    /// The address to listen on. Everybody who reaches it may read and write the table.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4003")]
    listen: SocketAddr,
    /// The name of the table.
    #[arg(long, value_name = "TABLE", default_value = "recado")]
    name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Liguelead {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4001")]
    listen: SocketAddr,
    #[command(flatten)]
    options: liguelead::Options,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Leadsquared {
    /// The address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4002")]
    listen: SocketAddr,
    #[command(flatten)]
    options: leadsquared::Options,
}

impl Simulate {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Liguelead(one) => {
                let simulator = liguelead::start(bind(one.listen).await?, one.options)?;
                output::say(&format!("LIGUELEAD_BASE_URL={}", simulator.base_url()));
                super::serve::interrupted().await;
                simulator.stop().await;
            }
            Self::Leadsquared(one) => {
                let simulator = leadsquared::start(bind(one.listen).await?, one.options)?;
                output::say(&format!("LEADSQUARED_BASE_URL={}", simulator.base_url()));
                super::serve::interrupted().await;
                simulator.stop().await;
            }
            Self::Table(one) => {
                let table = EmbeddedTable::memory()?;
                let ledger = Ledger::new(embedded_client(table.http_client()), &one.name, 0);
                ledger.create_if_missing().await?;
                output::say(&format!("AWS_ENDPOINT_URL_DYNAMODB={}", table.listen(one.listen).await?));
                super::serve::interrupted().await;
                table.stop().await;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
