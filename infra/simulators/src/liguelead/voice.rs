//! `POST /voice` and the list of audios.

use axum::http::StatusCode;
use jiff::{Timestamp, civil::Time, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    body::{Fields, refuse},
    options::Options,
    received::Channel,
    send::{Send, callback_address, recipients, title},
};
use crate::{answer::Answer, clock::timestamp, gate::Incoming};

/// Reads and judges the request. A bad retry field is a 422; an older page of the vendor says 400.
pub(super) fn read(call: &Incoming, options: &Options) -> Result<Send, Answer> {
    let mut fields = Fields::read(call)?;
    let title = title(&mut fields, true);
    let voice_upload_id = fields.number("voice_upload_id", 1..=u64::MAX);
    if fields.get("voice_upload_id").is_none() {
        fields.wrong("voice_upload_id", "is required");
    }
    let phones = recipients(&mut fields, options);
    fields.number("retry_attempts", 1..=3);
    fields.number("retry_interval_min", 5..=180);
    if let Some(text) = fields.text("retry_end_time", false)
        && !may_end_at(&text, timestamp(call.at_ms))
    {
        fields.wrong("retry_end_time", "must be HH:MM from 08:00 to 21:45 and at least 10 minutes ahead");
    }
    let webhook_url = callback_address(&mut fields, options);
    fields.finish()?;
    if let Some(id) = voice_upload_id
        && !is_uploaded(id, options)
    {
        return Err(refuse(StatusCode::NOT_FOUND, "Voice upload not found"));
    }
    Ok(Send {
        channel: Channel::Voice,
        phones,
        message: String::new(),
        title,
        is_flash: false,
        voice_upload_id,
        webhook_url,
        credits_each: options.voice_credits,
    })
}

fn is_uploaded(id: u64, options: &Options) -> bool {
    options.voice_uploads.is_empty() || options.voice_uploads.contains(&id)
}

/// `HH:MM` from 08:00 to 21:45 in São Paulo, at least 10 minutes after `now` on the same day.
fn may_end_at(text: &str, now: Timestamp) -> bool {
    let (Ok(end), 5) = (Time::strptime("%H:%M", text), text.len()) else {
        return false;
    };
    // An unknown zone cannot happen with the bundled database; UTC would be wrong by three hours, not by a crash.
    let zone = TimeZone::get("America/Sao_Paulo").unwrap_or(TimeZone::UTC);
    let now = now.to_zoned(zone).datetime().time();
    let minutes = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    let seconds_of_now = minutes(now) * 60 + i32::from(now.second());
    (8 * 60..=21 * 60 + 45).contains(&minutes(end)) && minutes(end) * 60 >= seconds_of_now + 600
}

/// `GET /voice/uploads`: the vendor's page names it as the check of credentials, but shows no answer. Clients expect
/// either this shape or a bare array.
pub(super) fn uploads(options: &Options) -> Answer {
    let rows: Vec<Value> = options.voice_uploads.iter().map(|id| row(*id)).collect();
    Answer::ok(json!({ "data": rows }))
}

/// `GET /voice/uploads/{id}`.
pub(super) fn upload(id: &str, options: &Options) -> Answer {
    match id.parse().ok().filter(|id| options.voice_uploads.contains(id)) {
        Some(id) => Answer::ok(json!({ "data": row(id) })),
        None => refuse(StatusCode::NOT_FOUND, "Voice upload not found"),
    }
}

fn row(id: u64) -> Value {
    json!({ "id": id, "title": format!("Audio {id}") })
}

#[cfg(test)]
mod tests {
    use super::may_end_at;

    #[test]
    fn redialling_ends_inside_the_day_and_ten_minutes_ahead() {
        // 20:00 UTC is 17:00 in São Paulo.
        let now = "2026-11-21T20:00:00Z".parse().unwrap();
        for time in ["17:10", "21:45"] {
            assert!(may_end_at(time, now), "{time}");
        }
        for time in ["17:09", "16:00", "21:46", "07:59", "24:00", "9:00", "18:00:00", "later"] {
            assert!(!may_end_at(time, now), "{time}");
        }
    }

    #[test]
    fn seconds_count_too() {
        let now = "2026-11-21T20:00:01Z".parse().unwrap();
        assert!(!may_end_at("17:10", now));
        assert!(may_end_at("17:11", now));
    }
}
