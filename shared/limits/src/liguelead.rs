//! LigueLead's rate, shared by all functions through one item of the table.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    account::{LimitError, kind_of},
    item::{Item, Stated, Write},
    lease::{Clock, Lease, NotNow, Permits, Reading},
    others::{Answered, RateHeaders, Verdict, judge},
    rate::Plan,
    taker::{Next, Taker},
    wire,
};

/// The account's name in log lines.
const ACCOUNT: &str = "liguelead";
/// The item's partition key.
const KEY: &str = "L#liguelead";
/// The most writes for one attempt to get permits. Each failed write brings the data for the next one, so two suffice
/// unless prices change.
const ATTEMPTS: u32 = 8;
/// The timeout of one attempt at the store, and of one operation with its retries. A lease that comes later than that
/// is over.
const ATTEMPT: Duration = Duration::from_millis(400);
const OPERATION: Duration = Duration::from_millis(900);
/// The first wait before a retry. The client's own wait, up to a second, is longer than a lease.
const RETRY: Duration = Duration::from_millis(20);
/// Refusals of the account within this time, in ms, count as one.
const SAID_TOGETHER_MS: i64 = 60_000;
/// The longest time for which one refusal by the vendor closes the account, in ms.
const CLOSED_MS_MAX: i64 = 600_000;

/// Why there is no permit. No request may be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoPermit {
    /// The first permit is available at this instant, in ms since 1970. Until then the answer stays the same, without
    /// the store.
    #[error("no call before {until_ms}")]
    Refused {
        /// ms since 1970, on this function's clock.
        until_ms: i64,
    },
    /// The vendor refuses the account itself. One request may try it at this instant.
    #[error("LigueLead refuses the account until {until_ms}: {why}")]
    Suspended {
        /// ms since 1970, on this function's clock.
        until_ms: i64,
        /// The vendor's words.
        why: String,
    },
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] LimitError),
}

/// The content of the shared item, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateState {
    /// Requests allowed in any window: the strictest limit in force.
    pub limit: u32,
    /// The window, in ms.
    pub window_ms: i64,
    /// Permits sold in the last window. Between two marks of the item it is an estimate.
    pub used: u64,
    /// Permits available at once.
    pub left: u32,
    /// The vendor refused a request: none starts before this instant, in ms since 1970.
    pub closed_until_ms: Option<i64>,
    /// The limit that others leave, and until when it is assumed, in ms since 1970.
    pub cut: Option<(u32, i64)>,
    /// Why the account is suspended, if it is.
    pub suspended: Option<String>,
}

/// LigueLead's account. Cheap to clone; clones share leases and knowledge.
#[derive(Debug, Clone)]
pub struct LigueLeadAccount {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    table: String,
    taker: Mutex<Taker>,
    lease: RwLock<Arc<Lease>>,
}

impl LigueLeadAccount {
    /// The account whose leases are stored in `table`, under `plan`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, plan: Plan) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
        let retries = RetryConfig::standard().with_initial_backoff(RETRY);
        let config = client.config().to_builder().timeout_config(timeouts).retry_config(retries).build();
        let shared = Shared {
            client: Client::from_conf(config),
            table: table.into(),
            taker: Mutex::new(Taker::new(plan)),
            lease: RwLock::new(Arc::new(Lease::none())),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same account for requests that may use `per_mille` (1 to 1,000) of the limit. They go after requests that
    /// may use all of it: their leases cost more and are never reserved ahead. Clones of this account share leases
    /// among themselves.
    #[must_use]
    pub fn at_share(client: Client, table: impl Into<String>, plan: Plan, per_mille: u16) -> Self {
        let mut account = Self::new(client, table, plan);
        if let Some(shared) = Arc::get_mut(&mut account.shared) {
            shared.taker.get_mut().share_per_mille = per_mille;
        }
        account
    }

    /// Configures another limit from now on. A stricter limit is shared by the next lease.
    pub async fn configure(&self, plan: Plan) {
        self.shared.taker.lock().await.plan = plan;
    }

    /// Up to `wanted` permits (at least 1) that can be spent at `latest_ms` or before. They come from the lease in hand
    /// if it has any, else from a new lease. Read `now` before this method.
    pub async fn permits(&self, wanted: u32, now: Reading, latest_ms: i64) -> Result<Permits, NoPermit> {
        let (wanted, latest_us) = (wanted.max(1), latest_ms.saturating_mul(1_000).max(now.wall_us));
        if let Some(answer) = self.in_hand(wanted, now, latest_us) {
            return answer;
        }
        let mut taker = self.shared.taker.lock().await;
        // Another task may have taken a lease while this one waited.
        if let Some(answer) = self.in_hand(wanted, now, latest_us) {
            return answer;
        }
        taker.ended(&self.lease());
        self.hold(Lease::none());
        for _ in 0..ATTEMPTS {
            let Some(write) =
                self.read_until_known(&mut taker, now, |taker| taker.next(wanted, now, latest_us)).await?
            else {
                continue;
            };
            let answer = self.write(&write).await?;
            let taken_off = answer.is_ok() && write.cut == Some(Stated::NO_CUT);
            let lease = taker.wrote(&write, answer, now);
            if taken_off {
                tracing::info!(limit.account = ACCOUNT, limit.calls = taker.plan.limit(), "limits.recovered");
            }
            if let Some(lease) = lease {
                let lease = self.hold(lease);
                return Permits::of(&lease, wanted).ok_or(NoPermit::Store(LimitError::Contended));
            }
        }
        Err(NoPermit::Store(LimitError::Contended))
    }

    /// Waits for one permit until `latest_ms` and spends it. The request must start when this returns. If it does not
    /// return `Ok`, no request may be made.
    pub async fn admit(&self, clock: &Clock, latest_ms: i64) -> Result<(), NoPermit> {
        loop {
            let permits = self.permits(1, clock.read(), latest_ms).await?;
            loop {
                match permits.spend(clock.read()) {
                    Ok(()) => return Ok(()),
                    Err(NotNow::Early(us)) => tokio::time::sleep(Duration::from_micros(us.unsigned_abs())).await,
                    Err(NotNow::Unconfirmed) => self.confirm(&permits, clock.read()).await?,
                    Err(NotNow::Over) => break,
                }
            }
        }
    }

    /// Checks whether the account was closed after `permits` were taken, if they were taken long before their time. If
    /// it was closed, they are over.
    pub async fn confirm(&self, permits: &Permits, now: Reading) -> Result<(), NoPermit> {
        let mut taker = self.shared.taker.lock().await;
        if permits.lease.check(now) != Err(NotNow::Unconfirmed) {
            return Ok(());
        }
        let rev = taker.seen().map(|(item, _)| item.rev);
        let item = self.read().await?;
        let open = item.closed_until_ms * 1_000 <= now.wall_us && Some(item.rev) == rev;
        taker.learn(item, now);
        if open {
            permits.lease.confirm();
        } else {
            permits.lease.void();
        }
        Ok(())
    }

    /// Records that the vendor refused a request for its rate: no function starts one before `until_ms`. Here that
    /// holds at once, even if the table does not answer. Elsewhere it holds as soon as the lease in hand is over.
    pub async fn refused(&self, until_ms: i64, now: Reading) -> Result<(), LimitError> {
        let until_ms = until_ms.min(now.wall_us / 1_000 + CLOSED_MS_MAX);
        let mut taker = self.shared.taker.lock().await;
        if taker.closed_until_us >= until_ms * 1_000 {
            return Ok(());
        }
        taker.closed_until_us = until_ms * 1_000;
        self.void_lease(&mut taker);
        for _ in 0..ATTEMPTS {
            let next = self.read_until_known(&mut taker, now, |taker| taker.close(until_ms, now.wall_us)).await;
            match next {
                Ok(Some(write)) => {
                    if self.is_made(&mut taker, &write, now).await? {
                        let closed_ms = until_ms - now.wall_us / 1_000;
                        tracing::warn!(limit.account = ACCOUNT, closed.ms = closed_ms, "limits.closed");
                        return Ok(());
                    }
                }
                Ok(None) | Err(NoPermit::Refused { .. } | NoPermit::Suspended { .. }) => {}
                Err(NoPermit::Store(error)) => return Err(error),
            }
        }
        Err(LimitError::Contended)
    }

    /// Suspends the account, because the vendor refuses it (its credentials, its credit). No function makes a request
    /// before `until_ms`. After that one function makes one request, until [`Self::resume`] says that a request was
    /// taken. `true`: it was not suspended before.
    pub async fn suspend(&self, until_ms: i64, why: &str, now: Reading) -> Result<bool, LimitError> {
        let mut taker = self.shared.taker.lock().await;
        self.void_lease(&mut taker);
        let item = self.read().await?;
        taker.learn(item, now);
        for _ in 0..ATTEMPTS {
            // Requests that were under way together are refused together, and one of them suspends the account.
            let is_known = taker.seen().is_some_and(|(item, _)| {
                item.suspended.is_some() && item.closed_until_ms > until_ms - SAID_TOGETHER_MS
            });
            if is_known {
                return Ok(false);
            }
            let Next::Write(write) = taker.suspend(until_ms, why, now.wall_us) else {
                return Err(LimitError::Contended);
            };
            if self.is_made(&mut taker, &write, now).await? {
                return Ok(true);
            }
        }
        Err(LimitError::Contended)
    }

    /// Ends a suspension for all functions, because a request was taken or an operator says so. The store is asked only
    /// if the account is suspended as far as this function knows. `true`: it was.
    pub async fn resume(&self, now: Reading) -> Result<bool, LimitError> {
        if self.shared.taker.try_lock().is_ok_and(|taker| taker.suspended().is_none()) {
            return Ok(false);
        }
        let mut taker = self.shared.taker.lock().await;
        for _ in 0..ATTEMPTS {
            let Some(write) = taker.resume() else { return Ok(false) };
            if self.is_made(&mut taker, &write, now).await? {
                return Ok(true);
            }
        }
        Err(LimitError::Contended)
    }

    /// Reads the vendor's headers on the answer to a request that was made at `called`. If they show that others use
    /// the account, the limit is cut for a while, for all functions. The store is asked only then. `true`: the limit
    /// was cut.
    pub async fn observed(&self, headers: RateHeaders, called: Reading, now: Reading) -> Result<bool, LimitError> {
        // While a lease is being taken, the next answer will do: each answer has the headers.
        let Ok(mut taker) = self.shared.taker.try_lock() else { return Ok(false) };
        let stated = match verdict(&taker, headers, called, now) {
            Verdict::Nothing => return Ok(false),
            Verdict::Cut(stated) => stated,
            Verdict::Close(until_ms, stated) => {
                drop(taker);
                self.refused(until_ms, now).await?;
                taker = self.shared.taker.lock().await;
                stated
            }
        };
        let Some(write) = taker.cut(stated, now.wall_us) else { return Ok(false) };
        let made = self.is_made(&mut taker, &write, now).await?;
        if made {
            let cut_ms = stated.until_ms - now.wall_us / 1_000;
            tracing::warn!(limit.account = ACCOUNT, limit.calls = stated.limit, cut.ms = cut_ms, "limits.cut");
        }
        // If it was not written, another function was faster, perhaps with the same cut. The next answer will show it.
        Ok(made)
    }

    /// The content of the shared item now.
    pub async fn state(&self, now: Reading) -> Result<RateState, LimitError> {
        let mut taker = self.shared.taker.lock().await;
        let item = self.read().await?;
        let plan = taker.in_force(&item, now.wall_us);
        let now_ms = now.wall_us.div_euclid(1_000);
        let left = plan.permits_in(plan.tau_us - (item.tat_us - now.wall_us).max(0));
        let state = RateState {
            limit: plan.limit(),
            window_ms: plan.window_ms(),
            used: item.sold_since(&taker.plan, now.wall_us, plan.window_us),
            left: u32::try_from(left).unwrap_or(u32::MAX),
            closed_until_ms: Some(item.closed_until_ms).filter(|until_ms| *until_ms > now_ms),
            cut: item.cut.filter(|cut| cut.until_ms > now_ms).map(|cut| (cut.limit, cut.until_ms)),
            suspended: item.suspended.clone(),
        };
        taker.learn(item, now);
        Ok(state)
    }

    /// The answer of the lease in hand, if it has one.
    fn in_hand(&self, wanted: u32, now: Reading, latest_us: i64) -> Option<Result<Permits, NoPermit>> {
        let lease = self.lease();
        match lease.check(now) {
            Err(NotNow::Over) => None,
            // Other tasks of this process wait for it; a second lease would begin no earlier.
            Err(NotNow::Early(us)) if lease.left() > 0 && now.wall_us + us > latest_us => {
                Some(Err(refused(lease.term.from_us)))
            }
            _ => Permits::of(&lease, wanted).map(Ok),
        }
    }

    fn lease(&self) -> Arc<Lease> {
        Arc::clone(&self.shared.lease.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn hold(&self, lease: Lease) -> Arc<Lease> {
        let lease = Arc::new(lease);
        *self.shared.lease.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&lease);
        lease
    }

    /// Ends the lease in hand before its time.
    fn void_lease(&self, taker: &mut Taker) {
        let lease = self.lease();
        taker.ended(&lease);
        lease.void();
        self.hold(Lease::none());
    }

    /// Makes a write that gives no lease. `false`: the item differed from the one that the write expected; it is known
    /// now.
    async fn is_made(&self, taker: &mut Taker, write: &Write, now: Reading) -> Result<bool, LimitError> {
        let answer = self.write(write).await?;
        let made = answer.is_ok();
        taker.wrote(write, answer, now);
        Ok(made)
    }

    /// The write that `decide` chooses. `None`: the item was read first; decide again.
    async fn read_until_known(
        &self,
        taker: &mut MutexGuard<'_, Taker>,
        now: Reading,
        decide: impl Fn(&mut Taker) -> Next,
    ) -> Result<Option<Write>, NoPermit> {
        match decide(taker) {
            Next::Write(write) => Ok(Some(write)),
            Next::Refused(until_us) => Err(match taker.suspended() {
                Some(why) => NoPermit::Suspended { until_ms: until_us.div_euclid(1_000), why: why.to_owned() },
                None => refused(until_us),
            }),
            Next::Read => {
                let item = self.read().await?;
                taker.learn(item, now);
                Ok(None)
            }
        }
    }

    async fn read(&self) -> Result<Item, LimitError> {
        let Shared { client, table, .. } = &*self.shared;
        let request = client.get_item().table_name(table).set_key(Some(wire::key(KEY))).consistent_read(true);
        let output = request.send().await.map_err(|error| LimitError::Unavailable(kind_of(&error)))?;
        Ok(wire::item(output.item.as_ref()))
    }

    /// Makes a write, and returns the item after it, or the item that refused it.
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LimitError> {
        let Shared { client, table, .. } = &*self.shared;
        let update = wire::Update::of(write);
        let request = client
            .update_item()
            .table_name(table)
            .set_key(Some(wire::key(KEY)))
            .condition_expression(update.condition)
            .update_expression(update.expression)
            .set_expression_attribute_values(Some(update.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(output) => Ok(Ok(wire::item(output.attributes.as_ref()))),
            Err(error) => match refusal(&error) {
                Some(item) => Ok(Err(item)),
                None => Err(LimitError::Unavailable(kind_of(&error))),
            },
        }
    }
}

fn verdict(taker: &Taker, headers: RateHeaders, called: Reading, now: Reading) -> Verdict {
    let Some((item, seen_us)) = taker.seen() else { return Verdict::Nothing };
    let answered = Answered { item, seen_us: *seen_us, called_us: called.wall_us, now_us: now.wall_us };
    judge(&taker.plan, &taker.in_force(item, now.wall_us), &answered, headers)
}

fn refused(until_us: i64) -> NoPermit {
    NoPermit::Refused { until_ms: until_us.div_euclid(1_000) + 1 }
}

/// The item that did not meet a write's condition.
fn refusal<R>(error: &SdkError<UpdateItemError, R>) -> Option<Item> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Some(wire::item(failed.item())),
        _ => None,
    }
}
