//! The deliveries of the demonstration, and the expected outcome of each.

/// One delivery.
pub(super) struct Case {
    /// The name of the file below `tests/fixtures/leadsquared`.
    pub(super) file: &'static str,
    /// The body.
    pub(super) body: &'static [u8],
    /// `event` in the webhook's URL.
    pub(super) event: Option<&'static str>,
    pub(super) content_type: &'static str,
    pub(super) end: End,
}

/// The expected outcome of a delivery.
pub(super) enum End {
    /// Messages of these leads, by this rule, in this state.
    Messages { leads: &'static [u8], rule: &'static str, state: &'static str },
    /// No message: an event that is kept with this outcome.
    Event { lead: u8, outcome: &'static str },
    /// Nothing new: the message exists already.
    Known { lead: u8, rule: &'static str },
}

const JSON: &str = "application/json";

macro_rules! case {
    ($file:literal, $event:expr, $content_type:expr, $end:expr) => {
        Case {
            file: $file,
            body: include_bytes!(concat!("../../../../tests/fixtures/leadsquared/", $file)),
            event: $event,
            content_type: $content_type,
            end: $end,
        }
    };
}

const fn one(lead: &'static [u8], rule: &'static str, state: &'static str) -> End {
    End::Messages { leads: lead, rule, state }
}

const fn event(lead: u8, outcome: &'static str) -> End {
    End::Event { lead, outcome }
}

/// All deliveries, in order.
pub(super) const CASES: &[Case] = &[
    case!("01-lead-created.json", Some("3"), JSON, one(&[1], "welcome", "delivered")),
    case!("02-lead-created-other-source.json", Some("3"), JSON, event(2, "no_rule")),
    case!("03-stage-changed.json", Some("5"), JSON, one(&[3], "qualified", "delivered")),
    case!("04-same-change-as-lead-update.json", Some("6"), JSON, End::Known { lead: 3, rule: "qualified" }),
    case!("05-field-changed.json", Some("26"), JSON, one(&[5], "invoice", "delivered")),
    case!("06-activities.json", Some("2"), JSON, one(&[6], "missed-call", "delivered")),
    case!("07-one-activity-without-lead.json", Some("2"), JSON, one(&[7], "missed-call", "skipped")),
    case!("08-redelivered.json", Some("3"), JSON, End::Known { lead: 1, rule: "welcome" }),
    case!("09-own-edit.json", Some("5"), JSON, event(9, "ignored")),
    case!("10-null-against-empty.json", Some("6"), JSON, event(10, "ignored")),
    case!("11-opportunity-created.json", Some("31"), JSON, event(11, "no_rule")),
    case!("12-task-created.json", Some("7"), JSON, event(12, "no_rule")),
    case!("13-automation-pairs.json", Some("lead.created"), JSON, one(&[13], "welcome", "delivered")),
    case!("14-form.txt", Some("3"), "application/x-www-form-urlencoded", one(&[14], "welcome", "delivered")),
    case!("15-text-plain.txt", Some("3"), "text/plain", one(&[15], "welcome", "delivered")),
    case!("16-landline.json", Some("3"), JSON, one(&[16], "welcome", "skipped")),
    case!("17-foreign.json", Some("3"), JSON, one(&[17], "welcome", "skipped")),
    case!("18-no-phone.json", Some("3"), JSON, one(&[18], "welcome", "skipped")),
    case!("19-name-missing.json", Some("3"), JSON, one(&[19], "welcome", "delivered")),
    case!("20-opted-out.json", Some("3"), JSON, one(&[20], "welcome", "skipped")),
    case!("21-undelivered.json", Some("3"), JSON, one(&[21], "welcome", "undelivered")),
    case!("22-failed.json", Some("3"), JSON, one(&[22], "welcome", "undelivered")),
    case!("23-five-customers.json", Some("5"), JSON, one(&[30, 31, 32, 33, 34], "customer", "delivered")),
    case!("24-cut-off.json", Some("3"), JSON, event(24, "not_understood")),
    case!("25-lead-id-spelled-otherwise.json", Some("3"), JSON, one(&[25], "welcome", "delivered")),
];

/// A fixture's lead id from its number.
pub(super) fn lead_id(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}
