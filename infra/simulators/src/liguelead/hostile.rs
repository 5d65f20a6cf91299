//! The callbacks of a hostile caller that knows the address: each value beyond its bound, of the wrong type, or about
//! somebody else.

use serde_json::{Value, json};

use super::received::Campaign;

/// A phone that is in no request.
const STRANGER: &str = "+5511900000001";

/// The bodies that come besides a campaign's own callbacks.
pub(super) fn bodies(app_id: &str, campaign: &Campaign) -> Vec<Vec<u8>> {
    let own = campaign.phones.first().map_or_else(String::new, |phone| format!("+55{phone}"));
    let long = |count: usize| "9".repeat(count);
    let report = |changes: &[(&str, Value)]| {
        let mut body = json!({
            "id": campaign.id, "source": "api", "phone": own, "type": "sms", "status": "sent",
            "credits_required": 1, "sent_at": "2026-11-20", "message": campaign.message, "is_flash": false,
        });
        let mut whole =
            json!({ "event": "campaign.status", "app_id": app_id, "occurred_at": "2026-11-20T12:00:00.000Z" });
        for (name, value) in changes {
            let of = if *name == "occurred_at" { &mut whole } else { &mut body };
            put(of, name, value.clone());
        }
        put(&mut whole, "campaign", body);
        whole.to_string().into_bytes()
    };
    vec![
        report(&[("occurred_at", json!(long(2_000)))]),
        report(&[("occurred_at", json!("1970-01-01T00:00:00.000Z"))]),
        report(&[("occurred_at", json!("9999-12-31T23:59:59.999Z"))]),
        report(&[("occurred_at", json!({ "at": [] }))]),
        report(&[("id", json!(long(5_000)))]),
        report(&[("id", json!([1, 2]))]),
        report(&[("credits_required", json!(4_000_000_000_u64))]),
        report(&[("credits_required", json!(-3))]),
        report(&[("credits_required", json!("muitos"))]),
        report(&[("status", json!("x".repeat(3_000)))]),
        report(&[("status", json!(7))]),
        report(&[("phone", json!(STRANGER)), ("status", json!("delivered"))]),
        report(&[("phone", json!(long(10_000)))]),
        report(&[("phone", json!([own]))]),
        report(&[("message", json!("x".repeat(900_000)))]),
        "[".repeat(100_000).into_bytes(),
        vec![0xff; 1_000],
        br#"{"event":"campaign.status","campaign":{"#.to_vec(),
        b"{}".to_vec(),
        b"null".to_vec(),
    ]
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
