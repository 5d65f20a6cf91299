//! What each calendar day spent of its quotas.
//!
//! A day's counters change only in one transaction with the batch that spends or gives back. Neither a retry by the
//! store's client nor a process that dies in between can therefore count anything twice.

use aws_sdk_dynamodb::types::{Update, builders::UpdateBuilder};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n},
    error::unavailable,
    schema::misbuilt,
};

/// The owner of a budget: the account, or one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Budget {
    /// The account's.
    Account,
    /// A rule's.
    Rule(String),
}

/// What a batch draws from one budget of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// The budget.
    pub budget: Budget,
    /// The amount.
    pub amount: Day,
    /// The budget's quotas for a day. A budget in shadow allows everything, and counts nevertheless.
    pub quotas: Quotas,
}

/// What one calendar day, in the tenant's time zone, has spent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Messages sent or being sent.
    pub messages: u64,
    /// Credits, by estimate.
    pub credits: u64,
    /// Requests made to LigueLead.
    pub requests: u64,
    /// The fewest requests that could have carried the same messages, if each run of the sender had packed them best.
    pub requests_fewest: u64,
}

/// The quotas of a day; `None` is no limit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Messages a day.
    pub messages_per_day: Option<u64>,
    /// Credits a day.
    pub credits_per_day: Option<u64>,
}

impl Quotas {
    /// No limits, for amounts that are only counted.
    pub const NONE: Self = Self { messages_per_day: None, credits_per_day: None };

    /// Whether `more` fits in the quotas beside what the day has spent.
    #[must_use]
    pub fn allow(&self, spent: Day, more: Day) -> bool {
        let fits = |limit: Option<u64>, spent: u64, more: u64| limit.is_none_or(|limit| spent + more <= limit);
        fits(self.messages_per_day, spent.messages, more.messages)
            && fits(self.credits_per_day, spent.credits, more.credits)
    }
}

/// Retention of a day's counters, in seconds: thirteen months. A month can then be compared with the same month of the
/// year before.
const KEPT_S: i64 = 400 * 86_400;
/// The counters' attributes.
const COUNTERS: [&str; 4] = ["messages", "credits", "requests", "requests_fewest"];

impl Day {
    /// The rest of this amount after `less` was used.
    #[must_use]
    pub fn less(self, less: Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(less.messages),
            credits: self.credits.saturating_sub(less.credits),
            requests: self.requests.saturating_sub(less.requests),
            requests_fewest: self.requests_fewest.saturating_sub(less.requests_fewest),
        }
    }

    /// The sum of this amount and `more`.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            messages: self.messages + more.messages,
            credits: self.credits + more.credits,
            requests: self.requests + more.requests,
            requests_fewest: self.requests_fewest + more.requests_fewest,
        }
    }

    fn counters(self) -> [u64; 4] {
        [self.messages, self.credits, self.requests, self.requests_fewest]
    }

    pub(crate) fn from_item(item: &Item) -> Self {
        let read = Reader::new(item);
        let number = |name| read.maybe_number(name).unwrap_or_default();
        let [messages, credits, requests, requests_fewest] = COUNTERS.map(number);
        Self { messages, credits, requests, requests_fewest }
    }
}

impl Ledger {
    /// What `day` (`YYYY-MM-DD`) has spent of a budget.
    pub async fn day(&self, day: &str, budget: &Budget) -> Result<Day, LedgerError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::day(day, budget).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable("GetItem"))?;
        Ok(output.item.as_ref().map(Day::from_item).unwrap_or_default())
    }

    /// The update that draws on a day's budget, if the amount fits. `None`: the amount never fits.
    pub(crate) fn spend(&self, day: &str, draw: &Draw, now_ms: i64) -> Result<Option<Update>, LedgerError> {
        let mut conditions = Vec::new();
        let mut update = self.count(day, &draw.budget, draw.amount, "+", Some(now_ms / 1_000 + KEPT_S));
        for (name, limit, amount) in [
            ("messages", draw.quotas.messages_per_day, draw.amount.messages),
            ("credits", draw.quotas.credits_per_day, draw.amount.credits),
        ] {
            let Some(limit) = limit else { continue };
            // A condition cannot add. So the sum is turned round: spent <= limit - more.
            let Some(room) = limit.checked_sub(amount) else { return Ok(None) };
            conditions.push(format!("(attribute_not_exists(#{name}) OR #{name} <= :{name}_room)"));
            update = update.expression_attribute_values(format!(":{name}_room"), n(room));
        }
        if !conditions.is_empty() {
            update = update.condition_expression(conditions.join(" AND "));
        }
        update.build().map(Some).map_err(misbuilt)
    }

    /// The update that gives `back` to a day's budget.
    pub(crate) fn give_back(&self, day: &str, budget: &Budget, back: Day) -> Result<Update, LedgerError> {
        self.count(day, budget, back, "-", None).build().map_err(misbuilt)
    }

    /// The update that adds `more` to a day's budget, whatever the quotas: the amount is already spent.
    pub(crate) fn add(&self, day: &str, budget: &Budget, more: Day) -> Result<Update, LedgerError> {
        self.count(day, budget, more, "+", None).build().map_err(misbuilt)
    }

    fn count(&self, day: &str, budget: &Budget, by: Day, sign: &str, ttl_s: Option<i64>) -> UpdateBuilder {
        let mut update = Update::builder().table_name(&self.table).set_key(Some(Key::day(day, budget).into_item()));
        let mut sets = Vec::new();
        for (name, amount) in COUNTERS.into_iter().zip(by.counters()) {
            sets.push(format!("#{name} = if_not_exists(#{name}, :zero) {sign} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), n(amount));
        }
        if let Some(ttl_s) = ttl_s {
            sets.push("#ttl = :ttl".to_owned());
            update = update.expression_attribute_names("#ttl", "ttl").expression_attribute_values(":ttl", n(ttl_s));
        }
        update.expression_attribute_values(":zero", n(0)).update_expression(format!("SET {}", sets.join(", ")))
    }
}

impl Key {
    /// The counters of a day for one budget.
    pub(crate) fn day(day: &str, budget: &Budget) -> Self {
        let sk = match budget {
            Budget::Account => "D".to_owned(),
            Budget::Rule(rule) => format!("R#{rule}"),
        };
        Self { pk: format!("D#{day}"), sk }
    }
}
