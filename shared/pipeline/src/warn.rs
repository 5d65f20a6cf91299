//! Warnings before a limit is reached: at 80 % of a day's budget, and above the volume that LigueLead wants to hear
//! about.

use recado_ledger::{Budget, Day, Ledger, LedgerError, Quotas};

use crate::settings::{SendSettings, today};

/// The share of a budget, in per cent, at which warnings begin.
pub const WARN_PER_CENT: u64 = 80;
/// Requests a day from which LigueLead asks its customers to contact support. Source: LigueLead API limits page.
pub const PLANNING_CALLS_PER_DAY: u64 = 500_000;

/// The quotas of a budget that are nearly used up: the name, the amount used, and the limit of each.
#[must_use]
pub fn nearly_spent(spent: Day, quotas: Quotas) -> Vec<(&'static str, u64, u64)> {
    [("messages", spent.messages, quotas.messages_per_day), ("credits", spent.credits, quotas.credits_per_day)]
        .into_iter()
        .filter_map(|(name, used, limit)| Some((name, used, limit?)))
        .filter(|(_, used, limit)| used.saturating_mul(100) >= limit.saturating_mul(WARN_PER_CENT))
        .collect()
}

/// Logs a warning for each budget that is nearly used up, once a day over all functions. Returns how many.
pub(crate) async fn warn(ledger: &Ledger, settings: &SendSettings, now_ms: i64) -> Result<usize, LedgerError> {
    let day = today(now_ms, &settings.zone);
    let account = ledger.day(&day, &Budget::Account).await?;
    let mut warnings = Vec::new();
    let own = settings.rule_quotas.iter().map(|(rule, quotas)| (Budget::Rule(settings.counted_as(rule)), *quotas));
    for (budget, quotas) in std::iter::once((Budget::Account, settings.quotas)).chain(own) {
        let (spent, name) = match &budget {
            Budget::Account => (account, "account".to_owned()),
            Budget::Rule(rule) => (ledger.day(&day, &budget).await?, format!("rule {rule}")),
        };
        for (what, used, limit) in nearly_spent(spent, quotas) {
            warnings.push((name.clone(), what, used, limit));
        }
    }
    if account.requests > PLANNING_CALLS_PER_DAY {
        warnings.push(("LigueLead".to_owned(), "calls: contact its support", account.requests, PLANNING_CALLS_PER_DAY));
    }
    let mut said = 0;
    for (budget, what, used, limit) in warnings {
        if ledger.once(&format!("warned#{day}#{budget}#{what}"), now_ms).await? {
            tracing::warn!(
                quota.budget = budget,
                quota.of = what,
                quota.used = used,
                quota.limit = limit,
                "quota.warning"
            );
            said += 1;
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_from_80_per_cent_on() {
        let quotas = Quotas { messages_per_day: Some(100), credits_per_day: None };
        let spent = |messages| Day { messages, credits: 1_000, ..Day::default() };
        assert_eq!(nearly_spent(spent(79), quotas), []);
        assert_eq!(nearly_spent(spent(80), quotas), [("messages", 80, 100)]);
    }
}
