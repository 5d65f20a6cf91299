//! Signed callback URLs, and the door at which LigueLead's reports arrive.
//!
//! A signed URL names its batch and the second until which it is good. The door also accepts, for a time, URLs in the form
//! of earlier releases; and the address of LigueLead's panel, if that address has a secret of its own.

use recado_core::identity::BatchId;
use recado_ledger::{Ledger, LedgerError};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::{Choice, ConstantTimeEq as _};
use url::Url;

use super::{
    CALLBACK_PATH, Secret,
    keys::{SIGNATURE_BYTES, sign, sign_as_before},
};
use crate::{http::HttpRequest, world::World};

/// How long a URL is good after the message stopped being awaited, in ms: a week. Phones that are off get an SMS for up
/// to three days, and a call that found its hours closed is made after a long weekend.
const LATE_REPORTS_MS: i64 = 7 * 86_400_000;
/// The setting that holds since when this installation signs in the present form.
const PRESENT_FORM: &str = "callback_urls";

/// Makes callback URLs.
#[derive(Debug, Clone)]
pub struct CallbackUrls {
    public: Url,
    secret: Secret,
    life_ms: i64,
}

/// The door for reports: which requests may report, and on what.
#[derive(Debug, Clone)]
pub struct CallbackDoor {
    secret: Secret,
    old_form_until_ms: i64,
    panel: Option<Panel>,
}

/// The address in LigueLead's panel. It is one address for all reports, so it can name no batch.
#[derive(Debug, Clone)]
pub struct Panel {
    /// The secret that the address must show: one of its own.
    pub secret: Secret,
    /// LigueLead's `app-id`. A report to this address must name it.
    pub app_id: SecretString,
}

/// What a request may report on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// The batch that its URL is signed for.
    Batch(BatchId),
    /// Any batch of our app: it came to the panel's address.
    Any,
}

/// Why a request may not report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotVouchedFor {
    /// It shows no signature and no secret, or a wrong one.
    Wrong,
    /// Its signature was good until a time that is over.
    Expired,
    /// It came to the panel's address, which has no secret of its own.
    PanelClosed,
}

impl NotVouchedFor {
    /// The reason in a word, for a log line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Expired => "expired",
            Self::PanelClosed => "panel_closed",
        }
    }
}

/// How long a callback URL is good, in ms. `unknown_after_ms` is how long a message waits for its report.
fn life_ms(unknown_after_ms: u64) -> i64 {
    i64::try_from(unknown_after_ms).unwrap_or(i64::MAX).saturating_add(LATE_REPORTS_MS)
}

impl CallbackUrls {
    /// URLs below `public`, this installation's own address, signed with a key of `secret`. `unknown_after_ms` is how
    /// long a message waits for its report.
    #[must_use]
    pub fn new(public: Url, secret: Secret, unknown_after_ms: u64) -> Self {
        Self { public, secret, life_ms: life_ms(unknown_after_ms) }
    }

    /// The callback URL of a batch that is sent at `now_ms`. Keep it secret: it works like a password.
    #[must_use]
    pub fn url(&self, batch: BatchId, now_ms: i64) -> SecretString {
        let mut url = self.public.clone();
        let path = format!("{}{CALLBACK_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let until_s = now_ms.saturating_add(self.life_ms).div_euclid(1_000);
        let signature = hex::encode(sign(&self.secret.newest(), batch, until_s));
        url.query_pairs_mut()
            .append_pair("batch", &batch.to_string())
            .append_pair("until", &until_s.to_string())
            .append_pair("sig", &signature);
        url.to_string().into()
    }
}

impl CallbackDoor {
    /// A door for URLs signed with a key of `secret`. URLs in the form of earlier releases are accepted for one more
    /// life of a URL after `present_form_since_ms`. Without `panel`, the panel's address is closed.
    #[must_use]
    pub fn new(secret: Secret, unknown_after_ms: u64, present_form_since_ms: i64, panel: Option<Panel>) -> Self {
        Self { secret, old_form_until_ms: present_form_since_ms.saturating_add(life_ms(unknown_after_ms)), panel }
    }

    /// What `request` may report on, at `now_ms`. Its body is not looked at.
    pub fn vouched(&self, request: &HttpRequest, now_ms: i64) -> Result<Vouched, NotVouchedFor> {
        if let (Some(batch), Some(shown)) = (request.parameter("batch"), request.parameter("sig")) {
            let batch = batch.parse().map_err(|_| NotVouchedFor::Wrong)?;
            return self.signed(batch, request.parameter("until"), shown, now_ms);
        }
        let shown = request.parameter("secret").ok_or(NotVouchedFor::Wrong)?;
        let panel = self.panel.as_ref().ok_or(NotVouchedFor::PanelClosed)?;
        if panel.secret.is(shown) { Ok(Vouched::Any) } else { Err(NotVouchedFor::Wrong) }
    }

    /// Whether a report to the panel's address is about our app.
    #[must_use]
    pub fn is_our_app(&self, id: &str) -> bool {
        let is_its = |panel: &Panel| panel.app_id.expose_secret().trim().eq_ignore_ascii_case(id.trim());
        self.panel.as_ref().is_some_and(is_its)
    }

    fn signed(&self, batch: BatchId, until: Option<&str>, shown: &str, now_ms: i64) -> Result<Vouched, NotVouchedFor> {
        let shown = hex::decode(shown).map_err(|_| NotVouchedFor::Wrong)?;
        let (is_signed, until_ms) = match until {
            Some(until) => {
                let until_s: i64 = until.parse().map_err(|_| NotVouchedFor::Wrong)?;
                (self.is_signed(&shown, |key| sign(key, batch, until_s)), until_s.saturating_mul(1_000))
            }
            None => (self.is_signed(&shown, |key| sign_as_before(key, batch)), self.old_form_until_ms),
        };
        match (is_signed, now_ms <= until_ms) {
            (false, _) => Err(NotVouchedFor::Wrong),
            (true, false) => Err(NotVouchedFor::Expired),
            (true, true) => Ok(Vouched::Batch(batch)),
        }
    }

    fn is_signed(&self, shown: &[u8], sign: impl Fn(&SecretString) -> [u8; SIGNATURE_BYTES]) -> bool {
        let equal = self.secret.0.iter().fold(Choice::from(0), |found, key| found | sign(key).as_slice().ct_eq(shown));
        equal.into()
    }
}

/// Since when this installation signs in the present form, in ms since the epoch: the first time that a release which
/// does so asked. URLs in the form before end some time after it.
pub async fn present_form_since(ledger: &Ledger, world: &World) -> Result<i64, LedgerError> {
    let since = match ledger.setting(PRESENT_FORM).await? {
        Some(since) => since,
        None => ledger.first_setting(PRESENT_FORM, &world.now_ms().to_string()).await?,
    };
    // Nobody writes anything else there. If somebody did, the old form is over.
    Ok(since.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Body;

    const SECRET: &str = "a-callback-secret-that-nobody-guesses";
    const NEWER: &str = "another-secret-that-nobody-can-guess";
    const PANEL: &str = "the-secret-of-the-panels-own-address";
    const DAY_MS: i64 = 86_400_000;
    const NOW_MS: i64 = 1_800_000_000_000;

    fn secret(text: &str) -> Secret {
        Secret::parse(text).unwrap()
    }

    fn door(secrets: &str, panel: Option<&str>) -> CallbackDoor {
        let panel = panel.map(|text| Panel { secret: secret(text), app_id: "our-app".into() });
        CallbackDoor::new(secret(secrets), 86_400_000, NOW_MS, panel)
    }

    fn request(query: &[(&str, &str)]) -> HttpRequest {
        HttpRequest {
            method: "POST".to_owned(),
            query: query.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            content_type: None,
            secret: None,
            body: Body::Whole(b"{}".to_vec()),
        }
    }

    /// The query of a batch's callback URL.
    fn query(batch: BatchId) -> Vec<(String, String)> {
        let urls = CallbackUrls::new("https://recado.example/prod/".parse().unwrap(), secret(SECRET), 86_400_000);
        let url: Url = urls.url(batch, NOW_MS).expose_secret().parse().unwrap();
        assert_eq!(url.path(), "/prod/webhooks/liguelead");
        assert!(url.as_str().len() <= 512, "LigueLead takes no longer one");
        url.query_pairs().into_owned().collect()
    }

    fn with(query: &[(String, String)], name: &str, value: Option<&str>) -> HttpRequest {
        let kept = query.iter().filter(|(one, _)| one != name).map(|(name, value)| (name.as_str(), value.as_str()));
        request(&kept.chain(value.map(|value| (name, value))).collect::<Vec<_>>())
    }

    #[test]
    fn a_callbacks_signature_is_good_for_its_batch_alone() {
        let batch = BatchId::from_bytes([7; 16]);
        let query = query(batch);
        let good = with(&query, "nothing", None);
        assert_eq!(door(SECRET, None).vouched(&good, NOW_MS), Ok(Vouched::Batch(batch)));
        let changing = format!("{NEWER},{SECRET}");
        assert_eq!(door(&changing, None).vouched(&good, NOW_MS), Ok(Vouched::Batch(batch)), "signed before the change");
        assert_eq!(door(NEWER, None).vouched(&good, NOW_MS), Err(NotVouchedFor::Wrong));
        let other = BatchId::from_bytes([8; 16]).to_string();
        let until = query.iter().find(|(name, _)| name == "until").unwrap().1.clone();
        let later = (until.parse::<i64>().unwrap() + 1).to_string();
        for (name, value) in [
            ("batch", Some(other.as_str())),
            ("batch", Some("no-batch")),
            ("batch", None),
            ("until", Some(later.as_str())),
            ("until", Some("")),
            ("until", Some("99999999999999999999")),
            ("until", None),
            ("sig", Some("")),
            ("sig", Some("zz")),
            ("sig", None),
        ] {
            let altered = with(&query, name, value);
            assert_eq!(
                door(SECRET, Some(PANEL)).vouched(&altered, NOW_MS),
                Err(NotVouchedFor::Wrong),
                "{name}={value:?}"
            );
        }
    }

    #[test]
    fn a_signed_url_ends_a_week_after_its_messages_are_awaited_no_more() {
        let good = with(&query(BatchId::from_bytes([7; 16])), "nothing", None);
        assert!(door(SECRET, None).vouched(&good, NOW_MS + 8 * DAY_MS).is_ok());
        assert_eq!(door(SECRET, None).vouched(&good, NOW_MS + 8 * DAY_MS + 1), Err(NotVouchedFor::Expired));
    }

    #[test]
    fn a_url_of_an_earlier_release_is_good_until_the_last_of_them_would_have_ended() {
        let batch = BatchId::from_bytes([7; 16]);
        let signature = hex::encode(sign_as_before(&SECRET.into(), batch));
        let old = request(&[("batch", &batch.to_string()), ("sig", &signature)]);
        assert_eq!(door(SECRET, None).vouched(&old, NOW_MS + 8 * DAY_MS), Ok(Vouched::Batch(batch)));
        assert_eq!(door(SECRET, None).vouched(&old, NOW_MS + 8 * DAY_MS + 1), Err(NotVouchedFor::Expired));
        assert_eq!(door(NEWER, None).vouched(&old, NOW_MS), Err(NotVouchedFor::Wrong));
        // Neither form passes as the other one.
        let dated = request(&[("batch", &batch.to_string()), ("until", "1800000001"), ("sig", &signature)]);
        assert_eq!(door(SECRET, None).vouched(&dated, NOW_MS), Err(NotVouchedFor::Wrong));
    }

    #[test]
    fn the_panels_address_is_closed_without_a_secret_of_its_own_and_the_callback_secret_never_opens_it() {
        let shows = |value| request(&[("secret", value)]);
        for shown in [SECRET, PANEL, ""] {
            assert_eq!(door(SECRET, None).vouched(&shows(shown), NOW_MS), Err(NotVouchedFor::PanelClosed), "{shown}");
        }
        let open = door(SECRET, Some(PANEL));
        assert_eq!(open.vouched(&shows(PANEL), NOW_MS), Ok(Vouched::Any));
        assert_eq!(open.vouched(&shows(SECRET), NOW_MS), Err(NotVouchedFor::Wrong));
        assert_eq!(open.vouched(&request(&[]), NOW_MS), Err(NotVouchedFor::Wrong));
        assert!(open.is_our_app(" OUR-APP") && !open.is_our_app("other") && !door(SECRET, None).is_our_app("our-app"));
        // Who knows the panel's secret can sign for no batch.
        let batch = BatchId::from_bytes([7; 16]);
        for signature in [sign_as_before(&PANEL.into(), batch), sign(&PANEL.into(), batch, 1_900_000_000)] {
            for until in [None, Some(("until", "1900000000"))] {
                let (batch, signature) = (batch.to_string(), hex::encode(signature));
                let shown = [Some(("batch", batch.as_str())), until, Some(("sig", signature.as_str()))];
                let forged = request(&shown.into_iter().flatten().collect::<Vec<_>>());
                assert_eq!(open.vouched(&forged, NOW_MS), Err(NotVouchedFor::Wrong));
            }
        }
    }
}
