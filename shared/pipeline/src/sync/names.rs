//! The fields of the activity that stands for a message.

/// The activity's field with the message's id. An open post is looked up by this field.
pub(super) const ID_FIELD: &str = "mx_Custom_1";
pub(super) const RULE_FIELD: &str = "mx_Custom_2";
pub(super) const CHANNEL_FIELD: &str = "mx_Custom_3";
pub(super) const STATE_FIELD: &str = "mx_Custom_4";
pub(super) const WHY_FIELD: &str = "mx_Custom_5";
/// All fields, with the display names that people read.
pub(super) const FIELDS: [(&str, &str); 5] = [
    (ID_FIELD, "Message Id"),
    (RULE_FIELD, "Rule"),
    (CHANNEL_FIELD, "Channel"),
    (STATE_FIELD, "State"),
    (WHY_FIELD, "Reason"),
];
