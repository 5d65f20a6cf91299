//! Audio files: accepted formats, the list, and the cost of voice calls.

use recado_simulators::liguelead::Options;
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::common::LigueLead;

/// A WAV file of silence: 8 kHz, mono, 8 bits.
fn wav(seconds: u32) -> Vec<u8> {
    let data = seconds * 8_000;
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data".to_vec();
    file.extend(data.to_le_bytes());
    file.resize(44 + data as usize, 0x80);
    file
}

async fn upload(vendor: &LigueLead, title: &str, name: &str, media_type: &str, bytes: Vec<u8>) -> (u16, Value) {
    let part = Part::bytes(bytes).file_name(name.to_owned()).mime_str(media_type).unwrap();
    let form = Form::new().text("title", title.to_owned()).part("file", part);
    let response = vendor.request(Method::POST, "/voice/uploads").multipart(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_file_is_taken_listed_found_and_called_with() {
    let vendor = LigueLead::start(Options { dial_at_any_hour: true, ..Options::default() }).await;
    let (status, answer) = upload(&vendor, "Oi", "a.wav", "audio/wav", wav(30)).await;
    assert_eq!((status, &answer["message"]), (201, &json!("Voice upload successful.")));
    let short = answer["data"]["id"].as_u64().unwrap();
    // The same file again becomes another upload.
    let (_, answer) = upload(&vendor, "Oi", "a.wav", "audio/wav", wav(31)).await;
    let long = answer["data"]["id"].as_u64().unwrap();
    assert_ne!(short, long);
    let get = async |path: String| vendor.request(Method::GET, &path).send().await.unwrap();
    let list: Value = get("/voice/uploads".to_owned()).await.json().await.unwrap();
    assert_eq!(list["data"], json!([{ "id": short, "title": "Oi" }, { "id": long, "title": "Oi" }]));
    let (_, answer) = upload(&vendor, "Oi", "b.wav", "audio/wav", wav(95)).await;
    let longest = answer["data"]["id"].as_u64().unwrap();
    assert_eq!(get(format!("/voice/uploads/{short}")).await.status(), 200);

    let call = |id| json!({ "title": "V", "voice_upload_id": id, "phones": ["11987654321"] });
    for id in [short, long, longest] {
        assert_eq!(vendor.answer("/voice", call(id)).await.0, 202);
    }
    let received = vendor.simulator.received();
    assert_eq!(received.campaigns.iter().map(|campaign| campaign.credits_each).collect::<Vec<_>>(), [1, 2, 4]);
    let redials = received.campaigns[0].redials.clone().unwrap();
    assert_eq!((redials.attempts, redials.interval_min, redials.end_time), (3, 15, None));

    assert!(vendor.simulator.forget_upload(short) && !vendor.simulator.forget_upload(short));
    assert_eq!(vendor.answer("/voice", call(short)).await.0, 404);
    assert_eq!(get(format!("/voice/uploads/{short}")).await.status(), 404);
    let list: Value = get("/voice/uploads".to_owned()).await.json().await.unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert_eq!(vendor.simulator.received().uploads.len(), 3);
}

#[tokio::test]
async fn name_media_type_content_and_size_must_all_fit() {
    let vendor = LigueLead::start(Options::default()).await;
    for (name, media_type, bytes, expected) in [
        ("a.wav", "application/octet-stream", wav(1), 415),
        ("a.m4a", "audio/wav", wav(1), 415),
        ("a", "audio/wav", wav(1), 415),
        ("a.mp3", "audio/wav", wav(1), 415),
        ("a.mp3", "audio/mpeg", wav(1), 415),
        ("a.wav", "audio/wav", b"RIFF".to_vec(), 415),
        ("a.wav", "audio/wav", wav(6_250), 413),
    ] {
        let (status, answer) = upload(&vendor, "Oi", name, media_type, bytes).await;
        assert_eq!((status, answer["error"].is_string()), (expected, true), "{name} {media_type}");
    }
    let (status, answer) = upload(&vendor, &"x".repeat(256), "a.wav", "audio/wav", wav(1)).await;
    assert_eq!((status, &answer["error"][0]["field"]), (422, &json!("title")));
    let form = Form::new().text("title", "Oi");
    let response = vendor.request(Method::POST, "/voice/uploads").multipart(form).send().await.unwrap();
    assert_eq!(response.status(), 422);
    assert_eq!(vendor.answer("/voice/uploads", json!({})).await.0, 415);
    assert!(vendor.simulator.received().uploads.is_empty());
}

#[tokio::test]
async fn the_thousand_and_first_file_is_refused() {
    let vendor = LigueLead::start(Options::default()).await;
    let tiny = wav(0);
    for _ in 0..1_000 {
        assert_eq!(upload(&vendor, "Oi", "a.wav", "audio/wav", tiny.clone()).await.0, 201);
    }
    assert_eq!(upload(&vendor, "Oi", "a.wav", "audio/wav", tiny).await.0, 422);
}
