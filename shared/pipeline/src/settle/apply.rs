//! Applies reports: to the states of their messages, and to the books of the days that paid for them.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::TryStreamExt as _;
use recado_core::{
    call::redials_take_ms,
    identity::{BatchId, MessageId},
    message::{Message, Report, State},
    phone::Phone,
    settle::{correction, heard},
    transition::{ACCEPTED_LINGER_MS, Transition},
};
use recado_ledger::{LedgerError, MOST_PRICES, Price, StoredCallback, at_once};

use super::{Settled, Settler, believed, blocks::NotTheBlocks, known::Facts, report};
use crate::planted::{Fault, planted};

/// The delay before a report with an unknown message is applied again, in ms.
const LATER_MS: i64 = 60_000;
/// Attempts at messages that others change at the same time. The sweep takes the rest.
const ATTEMPTS: u32 = 4;
/// Attempts at the books of a day that others change at the same time.
const BOOK_ATTEMPTS: u32 = 5;
/// Batches whose messages are looked up at once.
const BATCHES_AT_ONCE: usize = 8;

/// What the reports of a group say about one message.
#[derive(Clone)]
struct Said<'r> {
    batch: BatchId,
    phone: Phone,
    /// The report that goes furthest. Alone, it has the same effect as all of them in any order.
    report: Option<Report>,
    /// The prices that they tell.
    credits: Vec<u32>,
    campaign_id: Option<&'r str>,
    places: Vec<usize>,
}

impl Settler {
    /// Applies stored reports together, and marks them as applied. Returns the results in the same order.
    pub async fn apply_all(&self, reports: &[StoredCallback]) -> Result<Vec<Settled>, LedgerError> {
        let mut settled = vec![Settled::Later; reports.len()];
        let batches = self.batches_of(reports).await?;
        let mut of_batch: BTreeMap<BatchId, Vec<&StoredCallback>> = BTreeMap::new();
        let mut places: BTreeMap<BatchId, Vec<(usize, &StoredCallback)>> = BTreeMap::new();
        for (place, (report, batch)) in reports.iter().zip(&batches).enumerate() {
            if let Some(batch) = batch {
                of_batch.entry(*batch).or_default().push(report);
                places.entry(*batch).or_default().push((place, report));
            }
        }
        let facts = self.facts_of(&of_batch).await?;
        let mut left: BTreeMap<BatchId, NotTheBlocks> = BTreeMap::new();
        for (batch, reports) in &places {
            let Some(known) = facts.get(batch) else { continue };
            let Some(many) = &known.many else { continue };
            left.insert(*batch, Box::pin(self.note(known, many, reports, &mut settled)).await?);
            of_batch.remove(batch);
        }
        let look_up = |(&batch, reports): (&BatchId, &Vec<&StoredCallback>)| {
            let mut phones: Vec<Phone> = reports.iter().map(|report| report.phone).collect();
            phones.sort_unstable();
            phones.dedup();
            self.messages_of(batch, facts.get(&batch).cloned(), phones)
        };
        let found = at_once(BATCHES_AT_ONCE, &of_batch, look_up);
        let mut found: HashMap<BatchId, HashMap<Phone, MessageId>> = found.try_collect().await?;
        found.extend(left.iter().map(|(batch, left)| (*batch, left.messages.clone())));
        // In the reports' order: the results must not depend on the layout of a hash map.
        let mut said: BTreeMap<(MessageId, BatchId), Said<'_>> = BTreeMap::new();
        for (place, (report, batch)) in reports.iter().zip(&batches).enumerate() {
            let Some(batch) = *batch else { continue };
            let Some(&id) = found.get(&batch).and_then(|found| found.get(&report.phone)) else { continue };
            add(&mut said, (id, batch), report, place);
            if left.get(&batch).is_some_and(|left| left.booked.contains(&report.phone))
                && let Some(one) = said.get_mut(&(id, batch))
            {
                one.credits.clear();
            }
        }
        self.move_all(said.clone(), &mut settled).await?;
        let facts = facts.iter().map(|(id, facts)| (*id, facts.as_ref())).collect();
        self.correct_all(said, &facts, &mut settled).await?;
        self.mark(reports, &mut settled).await?;
        Ok(settled)
    }

    /// Moves messages as their reports say, each under the condition that it is still as it was read.
    async fn move_all(
        &self,
        mut said: BTreeMap<(MessageId, BatchId), Said<'_>>,
        settled: &mut [Settled],
    ) -> Result<(), LedgerError> {
        for _ in 0..ATTEMPTS {
            let mut ids: Vec<MessageId> = said.keys().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                return Ok(());
            }
            let now_ms = self.world.now_ms();
            let (mut moves, mut moving, mut touched) = (Vec::new(), Vec::new(), HashSet::new());
            let messages: HashMap<MessageId, Message> =
                self.ledger.messages(&ids).await?.into_iter().map(|message| (message.id, message)).collect();
            for (key, one) in std::mem::take(&mut said) {
                let Some(message) = messages.get(&key.0) else { continue };
                match change(message, &one, now_ms) {
                    // The table refuses a request that names a row twice: a report on another attempt at the same
                    // message comes next.
                    Some(_) if !touched.insert(key.0) => {
                        said.insert(key, one);
                    }
                    Some(change) => {
                        moves.push(change);
                        moving.push((key, one));
                    }
                    None => note(settled, &one.places, Settled::Nothing),
                }
            }
            for ((key, one), moved) in moving.into_iter().zip(self.ledger.apply(moves).await?) {
                if moved {
                    note(settled, &one.places, Settled::Moved);
                } else {
                    // Somebody else moved it, or this write did and its response was lost. It is read again.
                    said.insert(key, one);
                }
            }
        }
        Ok(())
    }

    /// Corrects the books by the real cost of messages, once for each message.
    async fn correct_all(
        &self,
        said: BTreeMap<(MessageId, BatchId), Said<'_>>,
        facts: &HashMap<BatchId, &Facts>,
        settled: &mut [Settled],
    ) -> Result<(), LedgerError> {
        let costly: Vec<_> = said
            .into_iter()
            .filter(|((_, batch), one)| {
                let given_back = facts.get(batch).is_some_and(|facts| facts.given_back);
                !one.credits.is_empty() || (given_back && one.report.is_some())
            })
            .collect();
        let mut ids: Vec<MessageId> = costly.iter().map(|((id, _), _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let messages: HashMap<MessageId, Message> =
            self.ledger.messages(&ids).await?.into_iter().map(|message| (message.id, message)).collect();
        let mut prices: BTreeMap<BatchId, Vec<(Price, Vec<usize>)>> = BTreeMap::new();
        for ((id, batch), one) in costly {
            let (Some(message), Some(facts)) = (messages.get(&id), facts.get(&batch)) else { continue };
            if let Some(price) = self.price(message, &one, facts.given_back).await? {
                prices.entry(batch).or_default().push((price, one.places));
            }
        }
        for (batch, prices) in prices {
            let Some(facts) = facts.get(&batch) else { continue };
            for some in prices.chunks(MOST_PRICES) {
                let list: Vec<Price> = some.iter().map(|(price, _)| price.clone()).collect();
                if !self.correct(batch, facts, &list).await? {
                    // Another report on one of them was faster. The sweep looks at these again.
                    for (_, places) in some {
                        note(settled, places, Settled::Later);
                    }
                }
            }
        }
        Ok(())
    }

    /// The difference between the real cost of a message and the books. `None`: the books are right.
    async fn price(&self, message: &Message, said: &Said<'_>, given_back: bool) -> Result<Option<Price>, LedgerError> {
        let prices = said.credits.iter().filter_map(|credits| believed(*credits, message.credits));
        let is = prices.max().unwrap_or(message.credits);
        let (was, earlier) = if message.batch == Some(said.batch) && !message.history.earlier.contains(&said.batch) {
            (message.history.charged, None)
        } else {
            // Without a note of this attempt, the message was given back, and another request carried it.
            let Some(earlier) = self.ledger.earlier_of(said.batch, said.phone).await? else { return Ok(None) };
            (earlier.charged, Some(said.phone))
        };
        let correction = correction(message.credits, was, given_back, is);
        Ok(correction.map(|correction| Price { id: message.id, earlier, was, is, correction }))
    }

    async fn correct(&self, batch: BatchId, facts: &Facts, prices: &[Price]) -> Result<bool, LedgerError> {
        let token = self.world.fresh_batch().to_string();
        let mut wait = std::time::Duration::from_millis(20);
        for _ in 1..BOOK_ATTEMPTS {
            match self.ledger.correct(batch, &facts.day, facts.rule.as_deref(), prices, &token).await {
                Ok(done) => return Ok(done),
                // Many writers change a day's counters, so a conflict is no failure.
                Err(_) => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
        self.ledger.correct(batch, &facts.day, facts.rule.as_deref(), prices, &token).await
    }

    /// Marks applied reports, and sets the next due time of the others.
    async fn mark(&self, reports: &[StoredCallback], settled: &mut [Settled]) -> Result<(), LedgerError> {
        let now_ms = self.world.now_ms();
        let (mut applied, mut later) = (Vec::new(), Vec::new());
        for (report, settled) in reports.iter().zip(settled) {
            if *settled != Settled::Later {
                applied.push(report);
            } else if now_ms - report.received_ms > self.settings.unknown_after_ms {
                tracing::warn!(callback.status = super::logged(&report.status), "callback.of_nobody");
                *settled = Settled::Nothing;
                applied.push(report);
            } else {
                later.push(report);
            }
        }
        self.ledger.callbacks_applied(&applied).await?;
        self.ledger.callbacks_later(&later, now_ms + LATER_MS).await
    }
}

fn add<'r>(
    said: &mut BTreeMap<(MessageId, BatchId), Said<'r>>,
    key: (MessageId, BatchId),
    stored: &'r StoredCallback,
    place: usize,
) {
    let heard = report(&stored.status);
    let one = said.entry(key).or_insert_with(|| Said {
        batch: key.1,
        phone: stored.phone,
        report: None,
        credits: Vec::new(),
        campaign_id: None,
        places: Vec::new(),
    });
    let reach = |report: Option<Report>| report.map_or(0, |report| report.moves().len());
    if reach(heard) > reach(one.report) {
        one.report = heard;
    }
    one.credits.extend(stored.credits);
    one.campaign_id = one.campaign_id.or(stored.campaign_id.as_deref());
    one.places.push(place);
}

/// The change that a message's reports make, if any.
fn change(message: &Message, said: &Said<'_>, now_ms: i64) -> Option<Transition> {
    let Some(state) = said.report.and_then(|report| moves_to(message, said.batch, report)) else {
        return message.history.no_callback_ms.map(|_| Transition::reported(message));
    };
    let change = Transition::report(message, said.batch, state, said.campaign_id, now_ms);
    let follows = message.fallback.is_some();
    let change = match state {
        // The sweep sends the fallback, unless a report says by then that the message arrived after all.
        State::Undelivered if follows => change.wait(message, now_ms),
        State::NoAnswer | State::Busy if follows => change.wait(message, redials_over_ms(message, now_ms)),
        _ if follows && planted(Fault::FollowedWhateverIsHeard) => change.wait(message, now_ms),
        _ if state.is_final() => change.over(),
        _ => change,
    };
    let tell_ms = match state {
        State::NoAnswer | State::Busy => redials_over_ms(message, now_ms),
        _ if state.is_final() => now_ms,
        _ => now_ms + ACCEPTED_LINGER_MS,
    };
    Some(change.tell(tell_ms))
}

/// The state to which a report moves a message, if any.
fn moves_to(message: &Message, batch: BatchId, report: Report) -> Option<State> {
    if planted(Fault::ReportsMoveBack) {
        return Some(report.state());
    }
    heard(message, batch, report)
}

/// When all redials of an unanswered voice call are over. LeadSquared is told only then, because an answered redial
/// would need a second row.
fn redials_over_ms(message: &Message, now_ms: i64) -> i64 {
    let Some(call) = message.content.call() else { return now_ms };
    let from_ms = if message.state == State::Accepted { message.changed_ms } else { now_ms };
    (from_ms + redials_take_ms(call.redials, call.every_min)).max(now_ms)
}

fn note(settled: &mut [Settled], places: &[usize], what: Settled) {
    for place in places {
        if let Some(slot) = settled.get_mut(*place) {
            *slot = what;
        }
    }
}
