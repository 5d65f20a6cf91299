//! How the simulated account is set up.

use clap::ArgAction;

use super::billing::{Billing, LengthUnit};
use crate::faults::Faults;

/// The account, its limits and its manners. As command line flags the defaults are those of [`Options::default`].
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// The only `api-token` that is accepted.
    #[arg(long, env = "LIGUELEAD_API_TOKEN", hide_env_values = true, default_value_t = Self::default().api_token)]
    pub api_token: String,
    /// The only `app-id` that is accepted; callbacks carry it too.
    #[arg(long, env = "LIGUELEAD_APP_ID", hide_env_values = true, default_value_t = Self::default().app_id)]
    pub app_id: String,
    /// Calls that may start in any 60 s.
    #[arg(long, default_value_t = Self::default().requests_per_minute)]
    pub requests_per_minute: u64,
    /// Calls that may be in progress at once.
    #[arg(long, default_value_t = Self::default().concurrent)]
    pub concurrent: usize,
    /// `X-RateLimit-Reset` is the next full minute, as in the vendor's example, although the window slides.
    #[arg(long)]
    pub minute_aligned_reset: bool,
    /// A 429 says `Retry-After` with so many seconds, besides the three headers of every answer.
    #[arg(long, value_name = "SECONDS")]
    pub retry_after_s: Option<u64>,
    /// Refuse phones that are not mobiles of an existing area code. The vendor's own samples are such phones.
    #[arg(long)]
    pub strict_phones: bool,
    /// Phones, as 11 national digits, that make the whole request a 422.
    #[arg(long = "reject-phone", value_name = "PHONE")]
    pub reject_phones: Vec<String>,
    /// Accept a `webhook_url` on a private or loopback address, which the vendor refuses.
    #[arg(long, action = ArgAction::Set, default_value_t = Self::default().allow_private_webhooks)]
    pub allow_private_webhooks: bool,
    /// Credits left on the account; a request that needs more is refused whole with 402. Unlimited when absent.
    #[arg(long)]
    pub balance: Option<u64>,
    /// How the parts of a long SMS are counted.
    #[arg(long, value_enum, default_value_t = Self::default().billing)]
    pub billing: Billing,
    /// What counts as one character of a text.
    #[arg(long, value_enum, default_value_t = Self::default().length_unit)]
    pub length_unit: LengthUnit,
    /// Credits of one call with an audio of `--voice-upload`. An uploaded one costs 1 for each started 30 s.
    #[arg(long, default_value_t = Self::default().voice_credits)]
    pub voice_credits: u64,
    /// Ids of audios that are there from the start, besides those that are uploaded. Others are a 404.
    #[arg(long = "voice-upload", value_name = "ID")]
    pub voice_uploads: Vec<u64>,
    /// Dial at any hour, not only from 08:00 to 21:44 in São Paulo, and take any end of redials that is 10 minutes ahead.
    #[arg(long)]
    pub dial_at_any_hour: bool,
    /// The account's own callback address, for sends without a `webhook_url`.
    #[arg(long)]
    pub webhook_url: Option<String>,
    /// When and how callbacks come.
    #[command(flatten)]
    pub callbacks: CallbackOptions,
    /// Calls that are kept for reading, the newest ones.
    #[arg(long, default_value_t = Self::default().keep_calls)]
    pub keep_calls: usize,
    /// Recipients that are kept for reading, with their texts, those of the newest campaigns; callbacks likewise, each for itself.
    #[arg(long, default_value_t = Self::default().keep_phones)]
    pub keep_phones: usize,
    /// What goes wrong from the start.
    #[command(flatten)]
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            api_token: "simulated-token".to_owned(),
            app_id: "5b1d5c1e-3f0a-4f7e-9a51-0c8f6a2d7e11".to_owned(),
            requests_per_minute: 600_000,
            concurrent: 10_000,
            minute_aligned_reset: false,
            retry_after_s: None,
            strict_phones: false,
            reject_phones: Vec::new(),
            allow_private_webhooks: true,
            balance: None,
            billing: Billing::EveryPart152,
            length_unit: LengthUnit::Chars,
            voice_credits: 1,
            voice_uploads: Vec::new(),
            dial_at_any_hour: false,
            webhook_url: None,
            callbacks: CallbackOptions::default(),
            keep_calls: 1_000_000,
            keep_phones: 1_000_000,
            faults: Faults::default(),
        }
    }
}

/// What happens to a message after it was accepted, and which of it is called back.
///
/// A recipient's outcome is the first that fits: an ending of its phone, then a share by the seed, else delivered (for
/// voice: answered). No callback is ever repeated after a failure, and none waits for an earlier one: the order is that
/// of the delays, more or less.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct CallbackOptions {
    /// Milliseconds from acceptance to `sent`.
    #[arg(long, default_value_t = Self::default().sent_after_ms)]
    pub sent_after_ms: u64,
    /// Milliseconds from acceptance to the last status.
    #[arg(long, default_value_t = Self::default().final_after_ms)]
    pub final_after_ms: u64,
    /// Up to as many milliseconds more on each, by the seed.
    #[arg(long, default_value_t = Self::default().callback_jitter_ms)]
    pub callback_jitter_ms: u64,
    /// Share of recipients whose message is undelivered (voice: not answered), 0 to 1.
    #[arg(long, default_value_t = Self::default().undelivered_share)]
    pub undelivered_share: f64,
    /// Share of recipients whose message failed, 0 to 1.
    #[arg(long, default_value_t = Self::default().failed_share)]
    pub failed_share: f64,
    /// Endings of phones whose message is undelivered (voice: not answered), e.g. 0001.
    #[arg(long = "undelivered-ending", value_name = "DIGITS")]
    pub undelivered_endings: Vec<String>,
    /// Endings of phones whose message failed, e.g. 0002.
    #[arg(long = "failed-ending", value_name = "DIGITS")]
    pub failed_endings: Vec<String>,
    /// Endings of phones that are always busy when called, e.g. 0004.
    #[arg(long = "busy-ending", value_name = "DIGITS")]
    pub busy_endings: Vec<String>,
    /// Endings of phones that answer the first redial, and not the first call, e.g. 0005.
    #[arg(long = "redial-ending", value_name = "DIGITS")]
    pub redial_endings: Vec<String>,
    /// Milliseconds between redials, which the vendor counts in minutes.
    #[arg(long, default_value_t = Self::default().redial_after_ms)]
    pub redial_after_ms: u64,
    /// Endings of phones for which no callback is made at all, e.g. 0003.
    #[arg(long = "silent-ending", value_name = "DIGITS")]
    pub silent_endings: Vec<String>,
    /// Share of callbacks that are never made, 0 to 1.
    #[arg(long, default_value_t = Self::default().lost_callbacks_share)]
    pub lost_callbacks_share: f64,
    /// Share of callbacks that are made twice, 0 to 1.
    #[arg(long, default_value_t = Self::default().duplicate_callbacks_share)]
    pub duplicate_callbacks_share: f64,
    /// The last status is called back before `sent`, each with its true `occurred_at`.
    #[arg(long)]
    pub callbacks_out_of_order: bool,
    /// All callbacks are made before the 202 is answered, without their delays.
    #[arg(long)]
    pub callbacks_before_answer: bool,
    /// Before its own callbacks, each send gets 20 that are beyond every bound, of wrong types, or about somebody else.
    #[arg(long)]
    pub hostile_callbacks: bool,
    /// Callbacks in progress at once, at least 1.
    #[arg(long, default_value_t = Self::default().callbacks_at_once)]
    pub callbacks_at_once: usize,
    /// Milliseconds until an unanswered callback is given up.
    #[arg(long, default_value_t = Self::default().callback_timeout_ms)]
    pub callback_timeout_ms: u64,
}

impl Default for CallbackOptions {
    fn default() -> Self {
        Self {
            sent_after_ms: 50,
            final_after_ms: 200,
            callback_jitter_ms: 0,
            undelivered_share: 0.0,
            failed_share: 0.0,
            undelivered_endings: Vec::new(),
            failed_endings: Vec::new(),
            busy_endings: Vec::new(),
            redial_endings: Vec::new(),
            redial_after_ms: 100,
            silent_endings: Vec::new(),
            lost_callbacks_share: 0.0,
            duplicate_callbacks_share: 0.0,
            callbacks_out_of_order: false,
            callbacks_before_answer: false,
            hostile_callbacks: false,
            callbacks_at_once: 32,
            callback_timeout_ms: 5_000,
        }
    }
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
        let parsed = Command::parse_from(["simulate", "--api-token", "simulated-token"]).options;
        let built = Options { app_id: parsed.app_id.clone(), ..Options::default() };
        assert_eq!(format!("{parsed:?}"), format!("{built:?}"));
    }

    #[test]
    fn flags_reach_the_flattened_parts() {
        let flags =
            ["simulate", "--fault", "reset@first=1", "--failed-ending", "0002", "--allow-private-webhooks", "false"];
        let options = Command::parse_from(flags).options;
        assert_eq!(options.faults.rules.len(), 1);
        assert_eq!(options.callbacks.failed_endings, ["0002"]);
        assert!(!options.allow_private_webhooks);
    }
}
