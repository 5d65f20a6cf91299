//! Makes the request, with its permit.

use std::{collections::BTreeMap, time::Duration};

use liguelead::{Answer, NotSent, Outcome, Scope};
use recado_core::{
    gate::{Gate, gate},
    identity::BatchId,
    message::{Message, Priority, Recipients},
    phone::Phone,
    reason::Reason,
};
use recado_limits::{LimitError, NoPermit, NotNow, Permits, RateHeaders, Reading};

use super::{Sender, recordings::has_time, request::Request, way::Way};
use crate::{
    planted::{Fault, planted},
    settings::today,
};

/// How long a request waits for its permit before its messages are given back, in ms.
pub(super) const PERMIT_WITHIN_MS: i64 = 5_000;
/// How long a 429 without a stated time closes the account, in ms. Source: LigueLead API limits page, sample client.
const RATE_LIMITED_MS: i64 = 60_000;
/// How long a suspension (for credentials or credit) closes the account before one request tries again, in ms. Long
/// enough for a person to look, and short enough that messages go soon after the repair.
pub(super) const ACCOUNT_REFUSED_MS: i64 = 300_000;

/// Why a request was not made after all.
pub(super) enum NoCall {
    /// The account's rate gave no permit in time.
    NoPermit(NoPermit),
    /// It could last past the deadline, or its redials past their hours; or its own hours or its day are over.
    NoTime,
}

/// Until when messages wait for a permit, and why. `None`: the table did not say.
pub(super) fn wait_for(no_permit: &NoPermit) -> Option<(i64, Reason)> {
    match no_permit {
        NoPermit::Refused { until_ms } => Some((*until_ms, Reason::RateUsedUp)),
        NoPermit::Suspended { until_ms, why } => Some((*until_ms, Reason::AccountRefused { why: why.clone() })),
        NoPermit::Store(_) => None,
    }
}

impl Sender {
    /// Makes the request, if it has a permit and is still allowed on the `day` that it was counted on. Both are checked
    /// last before the request leaves, since both can pass. An error means that nothing was sent.
    pub(super) async fn call(
        &self,
        batch: BatchId,
        mine: &[Message],
        way: &Way,
        permit: &Permits,
        day: &str,
        deadline_ms: i64,
    ) -> Result<Answer, NoCall> {
        let webhook_url = self.callbacks.as_ref().map(|urls| urls.url(batch, self.world.now_ms()));
        let phones = way.phones(mine);
        let request = Request::of(mine, &phones, webhook_url).ok_or(NoCall::NoTime)?;
        let priority = mine.first().map(|message| message.priority).unwrap_or_default();
        // Clones of one sender, woken by the stream and by the sweep, share the configured limit. An error would mean
        // that the semaphore was closed, which it never is.
        let _not_urgent = match priority {
            Priority::Urgent => None,
            Priority::Normal | Priority::Low => {
                Some(self.in_flight.not_urgent.acquire().await.map_err(|_| NoCall::NoTime)?)
            }
        };
        let _in_flight = self.in_flight.all.acquire().await.map_err(|_| NoCall::NoTime)?;
        let mut calls = mine.iter().filter_map(|message| message.content.call());
        if !self.is_time_for_a_call(deadline_ms) || calls.any(|call| !has_time(call, self.world.now_ms())) {
            return Err(NoCall::NoTime);
        }
        if let Err(error) = self.spend(permit, priority).await {
            tracing::warn!(error = %error, "send.no_permit");
            return Err(NoCall::NoPermit(error));
        }
        // A slow store or a stalled process can put hours between the first check and this one.
        if !self.is_still_allowed(mine, &phones, day) {
            tracing::warn!(batch.id = %batch, "send.too_late");
            return Err(NoCall::NoTime);
        }
        let called = self.clock.read();
        let answer = match request {
            Request::Sms(request) => self.liguelead.send_sms(&request).await,
            Request::Voice(request) => self.liguelead.send_voice(&request).await,
        };
        self.heed(&answer, priority, called).await;
        Ok(answer)
    }

    /// Whether it is still the `day`, and the hours of all recipients are open. A block has no phone of its own: it
    /// needs the hours of all its recipients' areas.
    fn is_still_allowed(&self, mine: &[Message], phones: &[Phone], day: &str) -> bool {
        let now_ms = self.world.now_ms();
        let any_hour = planted(Fault::HoursNotAskedAgain) || planted(Fault::CallsAtAnyHour);
        let open = |message: &Message| gate(message, self.settings.hours_of(&message.rule), now_ms) == Gate::Open;
        let areas: BTreeMap<u8, Phone> = phones.iter().map(|phone| (phone.ddd(), *phone)).collect();
        let all_open = |message: &Message| match message.phone() {
            None if !planted(Fault::HoursOfTheFirst) => areas.values().all(|phone| {
                let to = Recipients::One { phone: Some(*phone), lead_id: String::new() };
                open(&Message { to, ..message.clone() })
            }),
            _ => any_hour || open(message),
        };
        today(now_ms, &self.settings.zone) == day && mine.iter().all(all_open)
    }

    /// Spends the permit, after waiting for its time. If that time is over, it spends another permit.
    async fn spend(&self, permit: &Permits, priority: Priority) -> Result<(), NoPermit> {
        let rate = self.rate_of(priority);
        loop {
            if planted(Fault::PermitNotSpent) {
                return Ok(());
            }
            match permit.spend(self.clock.read()) {
                Ok(()) => return Ok(()),
                Err(NotNow::Early(us)) => tokio::time::sleep(Duration::from_micros(us.unsigned_abs())).await,
                Err(NotNow::Unconfirmed) => rate.confirm(permit, self.clock.read()).await?,
                Err(NotNow::Over) => return rate.admit(&self.clock, self.world.now_ms() + PERMIT_WITHIN_MS).await,
            }
        }
    }

    /// Takes permits for the requests of one wake-up with one write. Its result shows when the permits are spent.
    pub(super) async fn lease(&self, priority: Priority, requests: usize) {
        let wanted = u32::try_from(requests).unwrap_or(u32::MAX);
        if wanted > 0 {
            let latest_ms = self.world.now_ms() + PERMIT_WITHIN_MS;
            let _ = self.rate_of(priority).permits(wanted, self.clock.read(), latest_ms).await;
        }
    }

    /// Tells all functions what the response to a request made at `called` says about the account and its rate.
    async fn heed(&self, answer: &Answer, priority: Priority, called: Reading) {
        let (now, rate) = (self.clock.read(), self.rate_of(priority));
        let heeded = match (&answer.outcome, &answer.rate) {
            (Outcome::NotSent { cause: NotSent::RateLimited, retry_after_ms, .. }, _) => {
                let wait_ms = retry_after_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(RATE_LIMITED_MS);
                let until_ms = self.world.now_ms() + wait_ms;
                // Both limiters are for the same account, each with leases of its own.
                self.rate.refused(until_ms, now).await.and(self.low_rate.refused(until_ms, now).await)
            }
            (Outcome::Refused { scope: Scope::Account, status, reason, .. }, _) => {
                self.suspend(*status, reason.as_str()).await
            }
            (_, Some(headers)) => {
                let (limit, remaining) = (headers.limit, headers.remaining);
                let headers = RateHeaders { limit, remaining, reset_epoch_s: headers.reset_epoch_s };
                rate.observed(headers, called, now).await.map(|_| ())
            }
            (_, None) => Ok(()),
        };
        let resumed = match &answer.outcome {
            Outcome::Accepted { .. } | Outcome::Refused { scope: Scope::Request, .. } => self.resume().await,
            _ => Ok(()),
        };
        if let Err(error) = heeded.and(resumed) {
            tracing::warn!(error = %error, "send.rate_not_shared");
        }
    }

    /// Suspends the account for all functions, and logs that once, however many requests were under way.
    async fn suspend(&self, status: u16, reason: &str) -> Result<(), LimitError> {
        let (until_ms, why) = (self.world.now_ms() + ACCOUNT_REFUSED_MS, format!("{status}: {reason}"));
        let suspended = self.rate.suspend(until_ms, &why, self.clock.read()).await;
        // A failing table must not suppress this log line.
        if !matches!(suspended, Ok(false)) {
            tracing::error!(vendor.status = status, vendor.reason = reason, "send.account_refused");
        }
        suspended.and(self.low_rate.suspend(until_ms, &why, self.clock.read()).await).map(|_| ())
    }

    /// Opens a suspended account, after a request showed that it works again.
    async fn resume(&self) -> Result<(), LimitError> {
        for rate in [&self.rate, &self.low_rate] {
            if rate.resume(self.clock.read()).await? {
                tracing::info!("send.account_open");
            }
        }
        Ok(())
    }
}
