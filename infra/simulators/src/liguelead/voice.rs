//! `POST /voice`: when phones may be dialled, and how often.

use axum::http::StatusCode;
use jiff::{Timestamp, ToSpan as _, Zoned, civil::Time, tz::TimeZone};

use super::{
    body::{Fields, refuse},
    options::Options,
    received::{Channel, Redials},
    send::{Send, callback_address, recipients, title},
    uploads::Uploads,
};
use crate::{answer::Answer, clock::timestamp, gate::Incoming};

/// Reads and checks the request. A bad retry field is a 422; an older page of the vendor says 400.
pub(super) fn read(call: &Incoming, options: &Options, uploads: &Uploads) -> Result<Send, Answer> {
    let mut fields = Fields::read(call)?;
    let title = title(&mut fields, true);
    let voice_upload_id = fields.number("voice_upload_id", 1..=u64::MAX);
    if fields.get("voice_upload_id").is_none() {
        fields.wrong("voice_upload_id", "is required");
    }
    let phones = recipients(&mut fields, options);
    let attempts = fields.number("retry_attempts", 1..=3).unwrap_or(3);
    let interval_min = fields.number("retry_interval_min", 5..=180).unwrap_or(15);
    let end_time = fields.text("retry_end_time", false);
    if end_time.as_ref().is_some_and(|end| !may_end_at(end, timestamp(call.at_ms), options.dial_at_any_hour)) {
        fields.wrong("retry_end_time", "must be HH:MM from 08:00 to 21:45 and at least 10 minutes ahead");
    }
    let group_id = fields.text("group_id", false);
    let webhook_url = callback_address(&mut fields, options);
    fields.finish()?;
    let Some(credits_each) = voice_upload_id.and_then(|id| uploads.credits(id, options)) else {
        return Err(refuse(StatusCode::NOT_FOUND, "Voice upload not found"));
    };
    Ok(Send {
        channel: Channel::Voice,
        phones,
        message: String::new(),
        title,
        is_flash: false,
        voice_upload_id,
        redials: Some(Redials { attempts, interval_min, end_time }),
        group_id,
        webhook_url,
        credits_each,
    })
}

/// Milliseconds until dialling starts: 0 from 08:00 to 21:44 in São Paulo, else the time until the next 08:00.
pub(super) fn dialled_in_ms(now: Timestamp) -> u64 {
    let now = in_sao_paulo(now);
    if (8 * 60..=21 * 60 + 44).contains(&minutes(now.time())) {
        return 0;
    }
    let date = if now.hour() < 8 { Ok(now.date()) } else { now.date().tomorrow() };
    let opens = date
        .and_then(|date| date.at(0, 0, 0, 0).checked_add(8.hours()))
        .and_then(|at| at.to_zoned(now.time_zone().clone()));
    opens.map_or(0, |opens| {
        u64::try_from(opens.timestamp().as_millisecond() - now.timestamp().as_millisecond()).unwrap_or(0)
    })
}

fn in_sao_paulo(at: Timestamp) -> Zoned {
    // The bundled database knows this zone, so the fallback never runs. UTC would be wrong by three hours, but would
    // not crash.
    at.to_zoned(TimeZone::get("America/Sao_Paulo").unwrap_or(TimeZone::UTC))
}

fn minutes(time: Time) -> i32 {
    i32::from(time.hour()) * 60 + i32::from(time.minute())
}

/// Whether the end is `HH:MM` from 08:00 to 21:45 in São Paulo, at least 10 minutes after `now` on the same day.
fn may_end_at(text: &str, now: Timestamp, at_any_hour: bool) -> bool {
    let (Ok(end), 5) = (Time::strptime("%H:%M", text), text.len()) else {
        return false;
    };
    let now = in_sao_paulo(now).time();
    let seconds_of_now = minutes(now) * 60 + i32::from(now.second());
    let in_day = at_any_hour || (8 * 60..=21 * 60 + 45).contains(&minutes(end));
    in_day && minutes(end) * 60 >= seconds_of_now + 600
}

#[cfg(test)]
mod tests {
    use super::{dialled_in_ms, may_end_at};

    #[test]
    fn redialling_ends_inside_the_day_and_ten_minutes_ahead() {
        // 20:00 UTC is 17:00 in São Paulo.
        let now = "2026-11-21T20:00:00Z".parse().unwrap();
        for time in ["17:10", "21:45"] {
            assert!(may_end_at(time, now, false), "{time}");
        }
        for time in ["17:09", "16:00", "21:46", "07:59", "24:00", "9:00", "18:00:00", "later"] {
            assert!(!may_end_at(time, now, false), "{time}");
        }
    }

    #[test]
    fn seconds_count_too() {
        let now = "2026-11-21T20:00:01Z".parse().unwrap();
        assert!(!may_end_at("17:10", now, false));
        assert!(may_end_at("17:11", now, false));
    }

    #[test]
    fn at_any_hour_the_end_need_only_be_ahead() {
        let night = "2026-11-22T04:00:00Z".parse().unwrap();
        assert!(may_end_at("01:10", night, true) && !may_end_at("01:10", night, false));
        assert!(!may_end_at("00:59", night, true));
    }

    #[test]
    fn calls_of_the_night_are_dialled_at_eight() {
        let of = |utc: &str| dialled_in_ms(utc.parse().unwrap());
        // 08:00 and 21:44:59 in São Paulo.
        assert_eq!((of("2026-11-21T11:00:00Z"), of("2026-11-22T00:44:59Z")), (0, 0));
        assert_eq!(of("2026-11-22T00:45:00Z"), 36_900_000);
        assert_eq!(of("2026-11-21T10:59:00Z"), 60_000);
    }
}
