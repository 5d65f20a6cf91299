//! The keys that sign callback URLs: derived from the callback secret, one for each purpose.
//!
//! A derived key opens nothing but its purpose, and the secret cannot be computed from it. The secret itself is never
//! used as a key, and never leaves the installation. Source: RFC 5869.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use recado_core::identity::BatchId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Bytes of the signature in a callback URL. 128 bits cannot be guessed, and keep the URL short.
pub(super) const SIGNATURE_BYTES: usize = 16;
/// The purpose of the key that signs callback URLs. A form that signs other things takes another text.
const CALLBACK_URL: &[u8] = b"recado/callback-url/2";

/// The signature of a batch's callback URL that is good until `until_s`, in seconds since the epoch.
pub(super) fn sign(secret: &SecretString, batch: BatchId, until_s: i64) -> [u8; SIGNATURE_BYTES] {
    let mut key = [0; 32];
    // HKDF gives up to 8,160 bytes; the error type exists for longer ones.
    if Hkdf::<Sha256>::new(None, secret.expose_secret().as_bytes()).expand(CALLBACK_URL, &mut key).is_err() {
        return [0; SIGNATURE_BYTES];
    }
    mac(&key, &[batch.as_bytes(), &until_s.to_be_bytes()])
}

/// The signature in the form of earlier releases: the secret itself was the key, and nothing said until when.
pub(super) fn sign_as_before(secret: &SecretString, batch: BatchId) -> [u8; SIGNATURE_BYTES] {
    mac(secret.expose_secret().as_bytes(), &[b"recado callback", batch.as_bytes()])
}

/// Each caller's parts have fixed lengths, so no two lists of parts make the same text.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    // HMAC takes a key of any length; the error type only exists for other constructions.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        for part in parts {
            mac.update(part);
        }
        for (to, from) in signature.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values were computed by other code, with Python's `hmac` alone: another form would refuse every URL under way.
    #[test]
    fn the_form_of_signatures_stays() {
        let (secret, batch) = (SecretString::from("a secret of the test, of any length"), BatchId::from_bytes([7; 16]));
        assert_eq!(hex::encode(sign(&secret, batch, 1_800_000_000)), "23c34be0fd643aca220fd7f2a9e6f4ba");
        assert_eq!(hex::encode(sign_as_before(&secret, batch)), "4872d9c049d786be57f52ba10aceb599");
    }
}
