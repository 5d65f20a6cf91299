//! The versions of the configuration in the table: reads them, and puts another one in force.

use anyhow::{Context as _, bail};
use recado_core::config::{Checked, Config, Diagnostic};
use recado_ledger::{ConfigVersion, Ledger, Pushed};
use recado_runtime::installation::world;

/// Rules that may be renamed rules of the version in force, if there is such a version.
pub(super) async fn renamed(checked: &Checked, ledger: &Ledger) -> anyhow::Result<Vec<Diagnostic>> {
    let Some(number) = ledger.config_version().await? else { return Ok(Vec::new()) };
    // A version that this release cannot read says nothing about rules.
    let old = Config::parse(&version(ledger, number).await?.text);
    Ok(old.map(|old| checked.renamed_since(&old.config)).unwrap_or_default())
}

/// The version with this number.
pub(super) async fn version(ledger: &Ledger, version: u64) -> anyhow::Result<ConfigVersion> {
    ledger.config(version).await?.with_context(|| format!("there is no version {version}; see recado history"))
}

/// The version in force.
pub(super) async fn in_force(ledger: &Ledger) -> anyhow::Result<ConfigVersion> {
    let number = ledger.config_version().await?.context("there is no version yet; run recado push FILE")?;
    version(ledger, number).await
}

/// Puts a checked text in force, and returns its number. If the text is the one in force, the number stays.
pub(crate) async fn put_in_force(ledger: &Ledger, text: &str, author: &str) -> anyhow::Result<u64> {
    match ledger.push_config(text, author, world().now_ms()).await? {
        Pushed::Version(version) | Pushed::Already(version) => Ok(version),
        Pushed::Overtaken => {
            bail!("somebody else put another version in force at the same time; look at that version first")
        }
        Pushed::TooLarge(bytes) => bail!("the configuration is over {bytes} bytes"),
    }
}
