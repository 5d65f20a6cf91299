//! How the simulated account is set up.

use std::{collections::BTreeMap, fmt};

use clap::{ArgAction, ValueEnum};

use crate::faults::Faults;

/// The stages of an unchanged account, and two that people have added.
const STAGES: [&str; 8] =
    ["Prospect", "Opportunity", "Customer", "Disqualified", "Invalid", "Qualified", "Won", "Invalid/ Junk"];

/// The account, its limits and its manners. As command line flags the defaults are those of [`Options::default`].
///
/// A struct of an account's many independent settings, so its booleans are what they are.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "independent settings, each a flag of its own")]
pub struct Options {
    /// The only access key that is accepted.
    #[arg(long, env = "LEADSQUARED_ACCESS_KEY", hide_env_values = true, default_value_t = Self::default().access_key)]
    pub access_key: String,
    /// The only secret key that is accepted.
    #[arg(long, env = "LEADSQUARED_SECRET_KEY", hide_env_values = true, default_value_t = Self::default().secret_key)]
    pub secret_key: String,
    /// The user whom the keys belong to, and who is recorded as the author of every write.
    #[arg(long, default_value_t = Self::default().user_id)]
    pub user_id: String,
    /// The host of the account's region, when it is not this one: then every call is refused but the one that names it.
    #[arg(long)]
    pub api_host: Option<String>,
    /// The plan, which gives the calls in 5 s.
    #[arg(long, value_enum, default_value_t = Self::default().plan)]
    pub plan: Plan,
    /// Calls that may start in any 5 s, instead of the plan's.
    #[arg(long)]
    pub calls_per_5s: Option<u64>,
    /// Bulk calls that may start in any 5 s.
    #[arg(long, default_value_t = Self::default().bulk_calls_per_5s)]
    pub bulk_calls_per_5s: u64,
    /// Whether a bulk call also counts among all calls.
    #[arg(long, action = ArgAction::Set, default_value_t = Self::default().bulk_counts_as_standard)]
    pub bulk_counts_as_standard: bool,
    /// Calls that may start in any 24 hours. Unlimited when absent.
    #[arg(long)]
    pub calls_per_day: Option<u64>,
    /// How a throttled call is answered.
    #[arg(long, value_enum, default_value_t = Self::default().throttle)]
    pub throttle: Throttle,
    /// Rows of one Create or Update in bulk: 25 by its own page, 50 by the page of limits.
    #[arg(long, default_value_t = Self::default().create_or_update_rows)]
    pub create_or_update_rows: usize,
    /// Whether `Lead/Bulk/UpdateV2`, which the page of limits does not name, is of the bulk class.
    #[arg(long, action = ArgAction::Set, default_value_t = Self::default().update_v2_is_bulk)]
    pub update_v2_is_bulk: bool,
    /// Answer errors with status 200 instead of 500, the body unchanged.
    #[arg(long)]
    pub hide_errors: bool,
    /// Custom lead fields that exist, with their `mx_`. When empty every `mx_` name exists.
    #[arg(long = "mx-field", value_name = "NAME", default_values_t = Self::default().mx_fields)]
    pub mx_fields: Vec<String>,
    /// Lead fields whose values no two leads may share.
    #[arg(long = "unique-field", value_name = "NAME", default_values_t = Self::default().unique_fields)]
    pub unique_fields: Vec<String>,
    /// Custom activity types that exist, by code; none of them declares its fields, so `mx_Custom_1` to `50` all exist.
    #[arg(long = "activity-type", value_name = "CODE=NAME", value_parser = code_and_name)]
    pub activity_types: Vec<(u32, String)>,
    /// Create a lead when an activity is added to an id that is not known. The vendor refuses the row.
    #[arg(long, action = ArgAction::Set, default_value_t = Self::default().accept_unknown_leads)]
    pub accept_unknown_leads: bool,
    /// Characters of a string field of an activity; longer ones are refused.
    #[arg(long, default_value_t = Self::default().activity_field_chars)]
    pub activity_field_chars: usize,
    /// What `Offset` counts where a lead's activities are read: rows, as clients take it, or pages, as its page says.
    #[arg(long, value_enum, default_value_t = Self::default().activity_offset)]
    pub activity_offset: Counted,
    /// Activities of one lead in one answer, however many are asked for. No document says.
    #[arg(long, default_value_t = Self::default().activities_of_lead_rows)]
    pub activities_of_lead_rows: usize,
    /// How it is said that a lead is gone.
    #[arg(long, value_enum, default_value_t = Self::default().missing_lead)]
    pub missing_lead: MissingLead,
    /// Whether leads have the field `DoNotSMS`: one live account has it, and no page shows it.
    #[arg(long, action = ArgAction::Set, default_value_t = Self::default().do_not_sms)]
    pub do_not_sms: bool,
    /// A lead field that is a dropdown, and its options. Values that are none are stored all the same.
    #[arg(long = "dropdown", value_name = "NAME=A|B", value_parser = name_and_options, default_values_t = Self::default().dropdowns)]
    pub dropdowns: Vec<Dropdown>,
    /// Leads that exist from the start: fields by lead id. Only in code.
    #[arg(skip)]
    pub leads: BTreeMap<String, BTreeMap<String, String>>,
    /// Where changes are announced. Nowhere when absent.
    #[arg(long)]
    pub webhook_url: Option<String>,
    /// Numbers of the events that `webhook_url` gets: 2 activity, 3 lead create, 4 owner, 5 stage, 6 lead update, 9 score,
    /// 15 activity update, 26 field.
    #[arg(long = "webhook-event", value_name = "NUMBER", default_values_t = Self::default().webhook_events)]
    pub webhook_events: Vec<u16>,
    /// A header on each webhook of `webhook_url`, as `name: value`.
    #[arg(long = "webhook-header", value_name = "NAME: VALUE", value_parser = header)]
    pub webhook_headers: Vec<(String, String)>,
    /// Milliseconds between the three attempts of a webhook.
    #[arg(long, default_value_t = Self::default().webhook_retry_ms)]
    pub webhook_retry_ms: u64,
    /// Whether bulk lead writes by the API raise webhooks too. No document says.
    #[arg(long)]
    pub bulk_raises_webhooks: bool,
    /// Calls and webhook deliveries that are kept for reading, the newest ones.
    #[arg(long, default_value_t = Self::default().keep_calls)]
    pub keep_calls: usize,
    /// What goes wrong from the start.
    #[command(flatten)]
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access_key: "u$rsimulated".to_owned(),
            secret_key: "simulated-secret".to_owned(),
            user_id: "5c0e1f2a-0000-4000-8000-000000000001".to_owned(),
            api_host: None,
            plan: Plan::Standard,
            calls_per_5s: None,
            bulk_calls_per_5s: 1,
            bulk_counts_as_standard: true,
            calls_per_day: None,
            throttle: Throttle::Text429,
            create_or_update_rows: 25,
            update_v2_is_bulk: true,
            hide_errors: false,
            mx_fields: ["mx_Message_Status", "mx_Message_At", "mx_SMS_Opt_Out"].map(str::to_owned).to_vec(),
            unique_fields: vec!["EmailAddress".to_owned()],
            activity_types: Vec::new(),
            accept_unknown_leads: true,
            activity_field_chars: 200,
            activity_offset: Counted::Rows,
            activities_of_lead_rows: usize::MAX,
            missing_lead: MissingLead::DoesNotExist,
            do_not_sms: true,
            dropdowns: vec![Dropdown::of("ProspectStage", &STAGES)],
            leads: BTreeMap::new(),
            webhook_url: None,
            webhook_events: vec![2, 3, 6],
            webhook_headers: Vec::new(),
            webhook_retry_ms: 1_000,
            bulk_raises_webhooks: false,
            keep_calls: 1_000_000,
            faults: Faults::default(),
        }
    }
}

impl Options {
    /// Requests that may start in any 5 s.
    #[must_use]
    pub fn standard_limit(&self) -> u64 {
        self.calls_per_5s.unwrap_or_else(|| self.plan.calls_per_5s())
    }
}

/// A row of the page of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Plan {
    /// 2 calls in 5 s.
    Lite,
    /// 5 calls in 5 s.
    Pro,
    /// 10 calls in 5 s.
    Super,
    /// 10 calls in 5 s.
    Basic,
    /// 15 calls in 5 s.
    Standard,
    /// 25 calls in 5 s.
    Enterprise,
}

impl Plan {
    /// Requests that may start in any 5 s.
    #[must_use]
    pub fn calls_per_5s(self) -> u64 {
        match self {
            Self::Lite => 2,
            Self::Pro => 5,
            Self::Super | Self::Basic => 10,
            Self::Standard => 15,
            Self::Enterprise => 25,
        }
    }
}

/// A lead field that is a dropdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropdown {
    /// Its schema name.
    pub name: String,
    /// Its options, as they are written.
    pub options: Vec<String>,
}

impl Dropdown {
    /// The field `name` with these options.
    #[must_use]
    pub fn of(name: &str, options: &[&str]) -> Self {
        Self { name: name.to_owned(), options: options.iter().map(|option| (*option).to_owned()).collect() }
    }
}

impl fmt::Display for Dropdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.options.join("|"))
    }
}

/// What an offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Counted {
    /// Rows, from 0.
    Rows,
    /// Pages of as many rows as are asked for, from 0.
    Pages,
}

/// The words for a lead that does not exist, as they were seen in the wild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingLead {
    /// `MXInvalidEntityException`, "Lead does not exist in the system".
    DoesNotExist,
    /// `MXInvalidEntityReferenceException`, "Lead not found": seen of deleted and merged leads.
    NotFound,
}

/// The answers to a throttled call that were seen in the wild.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Throttle {
    /// 429 with the message as plain text.
    #[value(name = "429")]
    Text429,
    /// 403 with the error envelope, without a type.
    #[value(name = "403")]
    Json403,
    /// 200 with the error envelope and the type `MXAPIRateLimitExceededException`.
    #[value(name = "200")]
    Json200,
    /// Each of the three in turn.
    Rotate,
}

fn code_and_name(text: &str) -> Result<(u32, String), String> {
    let (code, name) = text.split_once('=').ok_or("an activity type is CODE=NAME")?;
    Ok((code.parse().map_err(|_| "an activity type's code is a number")?, name.to_owned()))
}

fn name_and_options(text: &str) -> Result<Dropdown, String> {
    let (name, options) = text.split_once('=').ok_or("a dropdown is NAME=A|B")?;
    Ok(Dropdown::of(name, &options.split('|').collect::<Vec<_>>()))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is `name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Options;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_command_line_has_the_defaults_of_the_code() {
        let parsed = Command::parse_from(["simulate"]).options;
        let keys = (parsed.access_key.clone(), parsed.secret_key.clone());
        let built = Options { access_key: keys.0, secret_key: keys.1, ..Options::default() };
        assert_eq!(format!("{parsed:?}"), format!("{built:?}"));
    }

    #[test]
    fn pairs_are_read_from_flags() {
        let flags =
            ["simulate", "--activity-type", "206=Message", "--webhook-header", "x-secret: a:b", "--throttle", "200"];
        let options = Command::parse_from(flags).options;
        assert_eq!(options.activity_types, [(206, "Message".to_owned())]);
        assert_eq!(options.webhook_headers, [("x-secret".to_owned(), "a:b".to_owned())]);
        assert_eq!(options.throttle, super::Throttle::Json200);
    }
}
