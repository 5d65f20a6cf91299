//! Both vendors simulated on this machine, and the settings with which an installation uses them.

use std::net::SocketAddr;

use recado_simulators::{leadsquared, liguelead};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;

use crate::environment::{Environment, made_up_secret};

/// Both vendors simulated.
pub(crate) struct Vendors {
    pub(crate) liguelead: liguelead::Simulator,
    pub(crate) leadsquared: leadsquared::Simulator,
    /// The settings with which an installation at the address uses the simulators.
    pub(crate) environment: Environment,
    /// The secret that a webhook must carry.
    pub(crate) secret: SecretString,
}

impl Vendors {
    /// Starts both for an installation that listens at `address`. Each takes its usual port if that is free.
    pub(crate) async fn start(
        address: SocketAddr,
        sms: liguelead::Options,
        crm: leadsquared::Options,
        usual: [u16; 2],
    ) -> anyhow::Result<Self> {
        let (secret, callback_secret) = (made_up_secret(), made_up_secret());
        let (sms_keys, crm_keys) = (
            ::liguelead::Credentials { api_token: sms.api_token.clone().into(), app_id: sms.app_id.clone().into() },
            ::leadsquared::Credentials {
                access_key: crm.access_key.clone().into(),
                secret_key: crm.secret_key.clone().into(),
            },
        );
        let [sms_port, crm_port] = usual;
        let liguelead = liguelead::start(listener(sms_port).await?, sms)?;
        let leadsquared = leadsquared::start(listener(crm_port).await?, crm)?;
        let environment = Environment {
            liguelead_base_url: liguelead.base_url(),
            liguelead: sms_keys,
            leadsquared_base_url: leadsquared.base_url(),
            leadsquared: crm_keys,
            webhook_secret: read_back(&secret)?,
            callback_secret: read_back(&callback_secret)?,
            panel_secret: None,
            public_url: Some(format!("http://{address}").parse()?),
        };
        Ok(Self { liguelead, leadsquared, environment, secret })
    }

    pub(crate) async fn stop(self) {
        self.liguelead.stop().await;
        self.leadsquared.stop().await;
    }
}

/// Listens on this port of this machine, or on any free port if it is taken.
async fn listener(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await,
    }
}

fn read_back(secret: &SecretString) -> anyhow::Result<recado_pipeline::secrets::Secret> {
    use anyhow::Context as _;
    recado_pipeline::secrets::Secret::parse(secret.expose_secret()).context("a secret that was made up")
}
