//! Checks that the books hold what LigueLead charged and what may have been sent, and that no day exceeds its quota.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    campaign::ID,
    limits::{NEARLY_MS, TENANT_FROM_UTC},
    log::{Call, Log},
    rows::DayRow,
    scenario::{HOUR_MS, Scenario, estimate},
    sketch::{RULE_MESSAGES_PER_DAY, Setting},
    universe::{Invariant, State, Universe},
};

/// The values that a day's books must show.
#[derive(Debug, Clone, Copy, Default)]
struct Charged {
    messages: i64,
    /// The price, in credits. A report without a confirmation may have been stored nevertheless, and then its price
    /// counts.
    least: i64,
    most: i64,
    /// The reservation, in credits.
    reserved: i64,
}

impl Charged {
    fn shows(&self, row: DayRow) -> bool {
        row.messages == self.messages && (self.least..=self.most).contains(&row.credits)
    }
}

/// By day, and by `D` for the account or `R#rule`.
type Days = BTreeMap<(String, String), Charged>;

pub(super) fn books(universe: &Universe, scenario: &Scenario) -> Vec<(Invariant, String)> {
    let state = universe.state();
    let mut broken = Vec::new();
    for call in state.log.calls.iter().filter(|call| call.accepted) {
        let at = (call.at_ms + TENANT_FROM_UTC * HOUR_MS).rem_euclid(24 * HOUR_MS);
        let midnight_is_near = !(NEARLY_MS..24 * HOUR_MS - NEARLY_MS).contains(&at);
        let day = recado_core::writeback::crm_time(call.at_ms + TENANT_FROM_UTC * HOUR_MS);
        let counted = state.rows.batches.get(&call.batch).map(|row| row.day.clone()).unwrap_or_default();
        if !midnight_is_near && !day.starts_with(&counted) {
            broken.push((Invariant::Limits, format!("a call of {day} was counted on {counted}")));
        }
    }
    let mut charged = charged(&state, scenario);
    for (key, row) in &state.rows.days {
        let expected = charged.remove(key).unwrap_or_default();
        if !expected.shows(*row) {
            broken.push((Invariant::Books, format!("{key:?} shows {row:?}, and it was {expected:?}")));
        }
        if is_over(key, *row, expected, &scenario.settings) {
            broken.push((Invariant::Limits, format!("{key:?} spent {row:?}, more than its quota")));
        }
    }
    broken.extend(charged.into_iter().map(|(key, row)| (Invariant::Books, format!("{key:?} lacks {row:?}"))));
    broken
}

/// Whether a day exceeds the loosest of its quotas. A reservation below the real cost did not exceed the quota at that
/// time. A reservation above it has made room since.
fn is_over((_, budget): &(String, String), row: DayRow, charged: Charged, settings: &[Setting]) -> bool {
    let over = |used: i64, most: u64| u64::try_from(used).unwrap_or(0) > most;
    if budget != "D" {
        let campaign = settings.first().and_then(|setting| setting.campaign_quota).filter(|_| budget.ends_with(ID));
        return over(row.messages, campaign.unwrap_or(RULE_MESSAGES_PER_DAY));
    }
    let loosest = |quota: fn(&Setting) -> Option<u64>| {
        settings.iter().map(|setting| quota(setting).unwrap_or(u64::MAX)).max().unwrap_or(u64::MAX)
    };
    over(row.messages, loosest(|s| s.messages_per_day))
        || over(row.credits.min(charged.reserved), loosest(|s| s.credits_per_day))
}

fn charged(state: &State, scenario: &Scenario) -> Days {
    let mut days = Days::new();
    let mut charge = |batch: &str, one: Charged| {
        let Some(row) = state.rows.batches.get(batch) else { return };
        let rule = row.rule.as_ref().map(|rule| format!("R#{rule}"));
        for budget in std::iter::once("D".to_owned()).chain(rule) {
            let day = days.entry((row.day.clone(), budget)).or_default();
            day.messages += one.messages;
            day.least += one.least;
            day.most += one.most;
            day.reserved += one.reserved;
        }
    };
    for call in state.log.calls.iter().filter(|call| call.accepted) {
        for phone in &call.phones {
            charge(&call.batch, of_phone(&state.log, call, phone, scenario));
        }
    }
    let accepted: BTreeSet<&str> =
        state.log.calls.iter().filter(|call| call.accepted).map(|call| call.batch.as_str()).collect();
    for row in state.rows.messages.values() {
        let is_unknown = |batch: &&str| state.rows.batches.get(*batch).is_some_and(|row| row.state == "unknown");
        let present = Some(row.batch.as_str()).filter(|_| row.state == "unknown" || !row.earlier.is_empty());
        let attempts: BTreeSet<&str> = row.earlier.iter().map(String::as_str).chain(present).collect();
        for batch in attempts.into_iter().filter(is_unknown).filter(|batch| !accepted.contains(batch)) {
            let messages = i64::try_from(row.phones.len()).unwrap_or(i64::MAX);
            let price = messages * estimate(&row.content, &scenario.recording);
            charge(batch, Charged { messages, least: price, most: price, reserved: price });
        }
    }
    days
}

/// The books' values for one phone of an accepted request: the price that a report stated, else the estimate.
fn of_phone(log: &Log, call: &Call, phone: &str, scenario: &Scenario) -> Charged {
    let (actual, expected) = (call.credits_each, estimate(&call.content, &scenario.recording));
    let heard = log.heard.get(&(phone.to_owned(), call.content.clone()));
    let (least, most) = if heard.into_iter().flatten().any(|(batch, _)| *batch == call.batch) {
        (actual, actual)
    } else if log.told.contains(&(call.batch.clone(), phone.to_owned())) {
        (actual.min(expected), actual.max(expected))
    } else {
        (expected, expected)
    };
    Charged { messages: 1, least, most, reserved: expected }
}
