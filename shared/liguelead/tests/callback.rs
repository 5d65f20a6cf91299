//! Delivery reports as the vendor documents them, and as they may come all the same.

use liguelead::callback::{Callback, CallbackError, Channel, Status};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

fn parse(body: &Value) -> Callback {
    Callback::parse(body.to_string().as_bytes()).unwrap()
}

fn documented() -> Value {
    json!({"event": "campaign.status", "app_id": "an-app", "occurred_at": "2026-02-02T12:00:15.400Z",
        "campaign": {"id": "c-1", "type": "sms", "source": "api", "phone": "+5513991884678", "credits_required": 1,
            "sent_at": "2026-02-02", "status": "delivered", "message": "Olá", "is_flash": false}})
}

#[test]
fn the_documented_callback_is_read_whole() {
    let callback = parse(&documented());
    assert_eq!(callback.app_id.as_deref(), Some("an-app"));
    assert_eq!(callback.occurred_at, "2026-02-02T12:00:15.400Z");
    assert_eq!(callback.occurred_at_ms, Some(1_770_033_615_400));
    assert_eq!(callback.campaign_id.as_deref(), Some("c-1"));
    assert_eq!(callback.channel, Some(Channel::Sms));
    assert_eq!(callback.phone.unwrap().expose_secret(), "+5513991884678");
    assert_eq!(callback.status, Status::Delivered);
    assert_eq!(callback.credits_required, Some(1));
    assert_eq!(callback.is_flash, Some(false));
    assert_eq!(callback.message.unwrap().expose_secret(), "Olá");
}

#[test]
fn scalars_of_the_wrong_type_are_read_all_the_same() {
    let callback = parse(&json!({"app_id": 5, "occurred_at": 7, "extra": [1], "campaign": {"id": 9, "type": "voice",
        "phone": 5_511_988_887_777_u64, "credits_required": "2", "status": "ANSWER", "is_flash": "true"}}));
    assert_eq!(callback.app_id.as_deref(), Some("5"));
    assert_eq!((callback.occurred_at.as_str(), callback.occurred_at_ms), ("7", None));
    assert_eq!(callback.campaign_id.as_deref(), Some("9"));
    assert_eq!(callback.phone.unwrap().expose_secret(), "5511988887777");
    assert_eq!((callback.credits_required, callback.is_flash), (Some(2), Some(true)));
    assert_eq!((callback.channel, callback.status), (Some(Channel::Voice), Status::Answered));
    let odd = parse(&json!({"campaign": {"status": "sent", "credits_required": -1, "phone": {}, "message": null}}));
    assert_eq!(odd.credits_required, None);
    assert!(odd.phone.is_none() && odd.message.is_none());
}

#[test]
fn what_is_too_long_or_not_printable_is_no_id_and_no_instant() {
    for long in ["x".repeat(2_000), "a\nb".to_owned(), "é".to_owned()] {
        let mut body = documented();
        body["occurred_at"] = json!(long);
        body["campaign"]["id"] = json!(long);
        body["campaign"]["status"] = json!(format!("{long}!"));
        let callback = parse(&body);
        assert_eq!((callback.occurred_at.as_str(), callback.occurred_at_ms, callback.campaign_id), ("", None, None));
        let Status::Other(word) = callback.status else { panic!("{long} is no status") };
        assert!(word.chars().count() <= 40, "{word}");
        assert_eq!(callback.phone.unwrap().expose_secret(), "+5513991884678", "the rest is read");
    }
}

#[test]
fn every_known_spelling_of_a_status_is_known() {
    for (kind, word, expected) in [
        ("sms", "sent", Status::Sent),
        ("sms", "Delivered", Status::Delivered),
        ("sms", "undelivered", Status::Undelivered),
        ("sms", "rejected", Status::Undelivered),
        ("sms", "failed", Status::Failed),
        ("rcs", "queued", Status::Queued),
        ("rcs", "read", Status::Read),
        ("rcs", "opened", Status::Read),
        ("voice", "answer", Status::Answered),
        ("voice", "answered", Status::Answered),
        ("voice", "completed", Status::Answered),
        ("sms", "completed", Status::Other("completed".into())),
        ("voice", "no_answer", Status::NoAnswer),
        ("voice", "NO-ANSWER", Status::NoAnswer),
        ("voice", "busy", Status::Busy),
        ("sms", "lost\n11988887777", Status::Other("lost [number]".into())),
    ] {
        assert_eq!(parse(&json!({"campaign": {"type": kind, "status": word}})).status, expected, "{word}");
    }
}

#[test]
fn the_status_may_stand_in_the_event() {
    assert_eq!(parse(&json!({"event": "read", "campaign": {"type": "rcs"}})).status, Status::Read);
    assert_eq!(parse(&json!({"event": "campaign.delivered", "campaign": {}})).status, Status::Delivered);
    let both = json!({"event": "sent", "campaign": {"status": "failed"}});
    assert_eq!(parse(&both).status, Status::Failed);
    assert_eq!(parse(&json!({"status": "sent", "id": "c-1"})).campaign_id.as_deref(), Some("c-1"));
}

#[test]
fn flash_is_a_text_message() {
    let callback = parse(&json!({"campaign": {"type": "sms_flash", "status": "sent"}}));
    assert_eq!((callback.channel, callback.is_flash), (Some(Channel::Sms), Some(true)));
    let other = parse(&json!({"campaign": {"type": "fax", "status": "sent"}}));
    assert_eq!(other.channel, Some(Channel::Other("fax".into())));
}

#[test]
fn times_without_a_zone_are_utc_and_dates_are_no_times() {
    let at = |text: &str| parse(&json!({"occurred_at": text, "campaign": {"status": "sent"}})).occurred_at_ms;
    assert_eq!(at("2026-02-02T12:00:15.400"), Some(1_770_033_615_400));
    assert_eq!(at("2026-02-02T09:00:15.400-03:00"), Some(1_770_033_615_400));
    assert_eq!(at("2026-02-02"), None);
    assert_eq!(at("soon"), None);
}

#[test]
fn unreadable_bodies_give_clear_errors_without_their_values() {
    let error = |body: &[u8]| Callback::parse(body).unwrap_err();
    let cut = error(br#"{"campaign":{"phone":"11988887777""#);
    assert!(matches!(cut, CallbackError::NotJson { .. }) && !cut.to_string().contains("8888"), "{cut}");
    assert!(matches!(error(b""), CallbackError::NotJson { .. }));
    assert!(matches!(error(b"{\"a\":\"\xff\"}"), CallbackError::NotJson { .. }));
    assert!(matches!(error("[".repeat(100_000).as_bytes()), CallbackError::NotJson { .. }));
    assert_eq!(error(b"[1]"), CallbackError::NotAnObject);
    assert_eq!(error(br#"{"event":"campaign.status","campaign":{"id":"c"}}"#), CallbackError::NoStatus);
}

#[test]
fn debug_prints_neither_phone_nor_text() {
    let printed = format!("{:?}", parse(&documented()));
    assert!(!printed.contains("13991884678") && !printed.contains("Olá"), "{printed}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Callback::parse(&bytes);
    }

    #[test]
    fn no_member_panics(status in ".{0,40}", at in ".{0,40}", kind in ".{0,20}", event in ".{0,20}", credits in any::<f64>()) {
        let body = json!({"event": event, "occurred_at": at,
            "campaign": {"status": status, "type": kind, "credits_required": credits}});
        let _ = Callback::parse(body.to_string().as_bytes());
    }

    #[test]
    fn every_instant_comes_back(ms in -62_135_596_800_000_i64..253_402_207_200_000) {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
        let callback = parse(&json!({"occurred_at": at, "campaign": {"status": "sent"}}));
        prop_assert_eq!(callback.occurred_at_ms, Some(ms));
    }
}
