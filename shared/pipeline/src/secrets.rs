//! Secrets that a request must show, and the signature by which a callback proves its batch.

use hmac::{Hmac, KeyInit as _, Mac as _};
use recado_core::identity::BatchId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};
use url::Url;

/// The path of LigueLead's callbacks.
pub const CALLBACK_PATH: &str = "/webhooks/liguelead";
/// The path of LeadSquared's webhooks.
pub const WEBHOOK_PATH: &str = "/webhooks/leadsquared";
/// Bytes of the signature in a callback URL. 128 bits cannot be guessed, and keep the URL short.
const SIGNATURE_BYTES: usize = 16;

/// One or two values of one secret. There are two while the secret is being changed.
#[derive(Debug, Clone)]
pub struct Secret(Vec<SecretString>);

impl Secret {
    /// Reads `value`, or `new,old` while the secret is being changed. `None`: the text holds no value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let values: Vec<SecretString> =
            text.split(',').map(str::trim).filter(|value| !value.is_empty()).map(Into::into).collect();
        if values.is_empty() { None } else { Some(Self(values)) }
    }

    /// The value to use from now on: the first.
    #[must_use]
    pub fn newest(&self) -> SecretString {
        // `parse` guarantees at least one value.
        self.0.first().cloned().unwrap_or_default()
    }

    /// Whether `shown` is one of the values. The time of the comparison does not depend on how many characters match.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        let equal = self
            .0
            .iter()
            .fold(Choice::from(0), |found, value| found | digest(value.expose_secret()).ct_eq(&digest(shown)));
        equal.into()
    }
}

/// Comparing digests also hides the length.
fn digest(text: &str) -> [u8; 32] {
    use sha2::Digest as _;
    Sha256::digest(text.as_bytes()).into()
}

/// Makes callback URLs.
#[derive(Debug, Clone)]
pub struct CallbackUrls {
    public: Url,
    secret: Secret,
}

impl CallbackUrls {
    /// URLs below `public`, this installation's own address, signed with `secret`.
    #[must_use]
    pub fn new(public: Url, secret: Secret) -> Self {
        Self { public, secret }
    }

    /// The callback URL of a batch. Keep it secret: it works like a password.
    #[must_use]
    pub fn url(&self, batch: BatchId) -> SecretString {
        let mut url = self.public.clone();
        let path = format!("{}{CALLBACK_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let signature = self.secret.0.first().map(|key| hex::encode(sign(key, batch))).unwrap_or_default();
        url.query_pairs_mut().append_pair("batch", &batch.to_string()).append_pair("sig", &signature);
        url.to_string().into()
    }
}

impl Secret {
    /// Whether `signature`, in hexadecimal, is this secret's signature for `batch`.
    #[must_use]
    pub fn signed(&self, batch: BatchId, signature: &str) -> bool {
        let Ok(shown) = hex::decode(signature) else { return false };
        let equal = self.0.iter().fold(Choice::from(0), |found, key| found | sign(key, batch).as_slice().ct_eq(&shown));
        equal.into()
    }
}

fn sign(key: &SecretString, batch: BatchId) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    // HMAC takes a key of any length; the error type only exists for other constructions.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) {
        mac.update(b"recado callback");
        mac.update(batch.as_bytes());
        for (to, from) in signature.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_value_of_a_secret_opens_while_it_is_changed() {
        let secret = Secret::parse("new, old").unwrap();
        assert!(secret.is("new") && secret.is("old"));
        assert!(!secret.is("new, old") && !secret.is("") && !secret.is("ne"));
        assert!(Secret::parse(" , ").is_none());
        assert!(!format!("{secret:?}").contains("old"));
    }

    #[test]
    fn a_callbacks_signature_is_good_for_its_batch_alone() {
        let batch = BatchId::from_bytes([7; 16]);
        let secret = Secret::parse("s3cret").unwrap();
        let urls = CallbackUrls::new("https://recado.example/prod/".parse().unwrap(), secret.clone());
        let url: Url = urls.url(batch).expose_secret().parse().unwrap();
        assert_eq!(url.path(), "/prod/webhooks/liguelead");
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        assert_eq!(query[0], ("batch".to_owned(), batch.to_string()));
        assert!(secret.signed(batch, &query[1].1));
        assert!(Secret::parse("newer,s3cret").unwrap().signed(batch, &query[1].1), "signed before the change");
        assert!(!secret.signed(BatchId::from_bytes([8; 16]), &query[1].1));
        assert!(!secret.signed(batch, "") && !secret.signed(batch, "zz"));
        assert!(!Secret::parse("other").unwrap().signed(batch, &query[1].1));
    }
}
