//! Finds out which installation answers at an address: a challenge, and the proof that only this installation can give.
//!
//! `recado doctor` sends a random challenge to the public address. The answer is an HMAC of the challenge. Its key is a
//! random number that never leaves the installation's table.
//!
//! The key is not one of the secrets, for three reasons. Two installations with the same secrets must be told apart.
//! Anybody may send a challenge, and no answer may help to guess a secret. On AWS, the function of one address cannot
//! read the secret of the other.

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use recado_ledger::{Ledger, LedgerError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::OnceCell;

use crate::{
    http::{HttpAnswer, HttpRequest},
    world::World,
};

/// The query parameter that holds a challenge.
pub const CHALLENGE: &str = "challenge";
/// The setting that holds the installation's key.
const INSTALLATION: &str = "installation";
/// Characters of a challenge: 128 bits in hexadecimal.
const CHALLENGE_CHARS: usize = 32;

/// A random number that was not used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

/// The server that answered a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// This installation.
    This,
    /// Another installation.
    Another,
    /// A server that gives no proof: not Recado, or an earlier release.
    WithoutProof,
}

#[derive(Serialize, Deserialize)]
struct Proof {
    message: String,
    proof: String,
}

/// Answers challenges. Cheap to clone; all clones read the key once.
#[derive(Debug, Clone)]
pub struct Prover {
    ledger: Ledger,
    world: World,
    key: Arc<OnceCell<SecretString>>,
}

impl Challenge {
    /// A new challenge.
    #[must_use]
    pub fn fresh(world: &World) -> Self {
        Self(hex::encode(world.fresh_batch().as_bytes()))
    }

    /// The challenge in a request; `None` if the request holds none.
    fn of(request: &HttpRequest) -> Option<Self> {
        let text = request.parameter(CHALLENGE).filter(|_| request.method == "GET")?;
        let is_one = text.len() == CHALLENGE_CHARS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The challenge, as the query carries it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Judges the answer to this challenge. The key is read after the answer came, since the first answer creates the
    /// key.
    pub async fn judge(&self, answer: &[u8], ledger: &Ledger) -> Result<Answered, LedgerError> {
        let proof = serde_json::from_slice(answer).ok().and_then(|Proof { proof, .. }| hex::decode(proof).ok());
        let Some(proof) = proof else { return Ok(Answered::WithoutProof) };
        let key = ledger.setting(INSTALLATION).await?;
        let mac = key.and_then(|key| self.mac(&key.into()));
        Ok(match mac.map(|mac| mac.verify_slice(&proof)) {
            Some(Ok(())) => Answered::This,
            Some(Err(_)) | None => Answered::Another,
        })
    }

    fn mac(&self, key: &SecretString) -> Option<Hmac<Sha256>> {
        // HMAC takes a key of any length; the error type only exists for other constructions.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
        mac.update(b"recado installation");
        mac.update(self.0.as_bytes());
        Some(mac)
    }
}

impl Prover {
    /// Answers for the installation that owns this table.
    #[must_use]
    pub fn new(ledger: Ledger, world: World) -> Self {
        Self { ledger, world, key: Arc::default() }
    }

    /// The answer to a request with a challenge; `None` for any other request.
    pub async fn answer(&self, request: &HttpRequest) -> Option<HttpAnswer> {
        let challenge = Challenge::of(request)?;
        let first_key = || installation_key(&self.ledger, &self.world);
        let proof = match self.key.get_or_try_init(first_key).await {
            Ok(key) => challenge.mac(key)?.finalize().into_bytes(),
            Err(error) => {
                tracing::warn!(error = %error, "challenge.not_answered");
                return Some(HttpAnswer { status: 503, body: r#"{"message":"not ready"}"#.to_owned() });
            }
        };
        let proof = Proof { message: "ready".to_owned(), proof: hex::encode(proof) };
        Some(HttpAnswer { status: 200, body: serde_json::to_string(&proof).unwrap_or_default() })
    }
}

/// The installation's key, created by the first process that needs it.
pub(crate) async fn installation_key(ledger: &Ledger, world: &World) -> Result<SecretString, LedgerError> {
    if let Some(key) = ledger.setting(INSTALLATION).await? {
        return Ok(key.into());
    }
    let half = || hex::encode(world.fresh_batch().as_bytes());
    let key = format!("{}{}", half(), half());
    Ok(ledger.first_setting(INSTALLATION, &key).await?.into())
}
