//! An operator's commands: suppress a phone, pause everything and release it, cancel waiting messages, retry unsent
//! messages.

use std::{collections::BTreeSet, error::Error, sync::Arc};

use fastrand::Rng;
use recado_core::{
    identity::MessageId,
    message::{Channel, Message},
};
use recado_ledger::{Kind, Ledger, LedgerError, Pause, Scope, Subject, Suppression};

use super::{
    campaign::{self, Campaign},
    log::Call,
    oracle::SLOW_MS,
    process::Installed,
    scenario::{STAGE, STAGE_RULE, Scenario, TITLE, content, one_in, pick},
    universe::{Event, Invariant, Process, Universe},
};
use crate::operate::Operator;

/// The delay before a command that did not finish is repeated, in ms.
const AGAIN_MS: i64 = 60_000;

/// The messages that a command concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    All,
    Texts,
    Calls,
    /// Messages of the rule about stages. Only a pause uses it.
    Stages,
}

impl Reach {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        pick(rng, &[Self::All, Self::All, Self::Texts, Self::Calls])
    }

    pub(super) fn is_about(self, call: &Call) -> bool {
        match self {
            Self::All => true,
            Self::Texts => !call.dials,
            Self::Calls => call.dials,
            Self::Stages => call.content.starts_with(STAGE) || call.content.starts_with(&content(true, TITLE, "")),
        }
    }

    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::All | Self::Stages => &Kind::ALL,
            Self::Texts => &[Kind::Sms],
            Self::Calls => &[Kind::Voice],
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::Texts => Scope::Channel(Channel::Sms),
            Self::Calls => Scope::Channel(Channel::Voice),
            Self::Stages => Scope::Rule(STAGE_RULE.to_owned()),
        }
    }
}

/// A command of an operator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Suppresses these messages to this phone.
    Suppress(String, Reach),
    Pause(Reach),
    Resume(Reach),
    /// Cancels all waiting messages to this phone.
    Cancel(String),
    /// Retries all messages to this phone that were certainly not sent.
    Retry(String),
    /// Starts the campaign.
    Start,
    /// Cancels the campaign's run.
    CancelRun,
}

/// The results of an operator's commands.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// The commands that were answered as done, and when.
    done: Vec<(Order, i64)>,
    /// When a resume began, in ms since the epoch. It may take effect from then on.
    resumed_ms: Option<i64>,
    /// Messages that were cancelled.
    cancelled: Vec<MessageId>,
    /// Messages that were to be retried if that is safe.
    again: BTreeSet<MessageId>,
}

impl Orders {
    pub(super) fn is_done(&self, order: &Order) -> bool {
        self.done.iter().any(|(done, _)| done == order)
    }
}

/// The commands of a schedule, and their times in ms since its beginning.
pub(super) fn draw(rng: &mut Rng, phones: &[String], campaign: Option<&Campaign>, storm_ms: i64) -> Vec<(i64, Order)> {
    let mut orders = Vec::new();
    let phone = |rng: &mut Rng| phones[rng.usize(0..phones.len())].clone();
    if let Some(campaign) = campaign {
        orders.push((campaign.start_after_ms, Order::Start));
        orders.extend(campaign.cancel_after_ms.map(|after_ms| (after_ms, Order::CancelRun)));
    }
    if one_in(rng, 4) {
        orders.push((rng.i64(0..storm_ms), Order::Suppress(phone(rng), Reach::draw(rng))));
    }
    if one_in(rng, 4) {
        let from_ms = rng.i64(0..storm_ms / 2);
        let reach = pick(rng, &[Reach::All, Reach::All, Reach::Texts, Reach::Calls, Reach::Stages]);
        orders.push((from_ms, Order::Pause(reach)));
        orders.push((from_ms + rng.i64(1..storm_ms), Order::Resume(reach)));
    }
    if one_in(rng, 4) {
        orders.push((rng.i64(storm_ms / 8..storm_ms), Order::Cancel(phone(rng))));
    }
    if one_in(rng, 4) {
        orders.push((rng.i64(storm_ms / 4..3 * storm_ms), Order::Retry(phone(rng))));
    }
    orders
}

/// Gives a command in a process, and repeats it later unless it was done by then.
pub(super) fn give(universe: &Arc<Universe>, process: Process, installed: &Installed, order: Order) {
    let is_over = {
        let orders = &universe.state().orders;
        // A pause without an answer is not repeated after a resume.
        orders.is_done(&order) || (matches!(order, Order::Pause(_)) && orders.resumed_ms.is_some())
    };
    if is_over {
        return;
    }
    universe.after(AGAIN_MS, Event::Order(order.clone()));
    universe.tell(format_args!("process {}: {order:?}", process.slot));
    let (installed, inside) = (installed.clone(), Arc::clone(universe));
    universe.run(process, async move {
        match carry_out(&inside, &installed, &order).await {
            Ok(()) => {
                if order == Order::Start {
                    inside.after(1_000, Event::Tick);
                }
                let now_ms = inside.now_ms();
                inside.tell(format_args!("{order:?} is done"));
                inside.state().orders.done.push((order, now_ms));
            }
            Err(error) => inside.tell(format_args!("{order:?} is not done: {error}")),
        }
    });
}

async fn carry_out(
    universe: &Arc<Universe>,
    installed: &Installed,
    order: &Order,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let sender = installed.sender();
    let (ledger, now_ms) = (&sender.ledger, sender.world.now_ms());
    let operator = Operator { ledger: ledger.clone(), world: sender.world.clone() };
    match order {
        Order::Suppress(phone, reach) => {
            let Ok(phone) = recado_core::phone::Phone::parse(phone) else { return Ok(()) };
            let of_kind = |kind| Suppression {
                subject: Subject::Phone(phone),
                kind,
                since_ms: now_ms,
                source: "simulated".to_owned(),
            };
            ledger.suppress(&reach.kinds().iter().copied().map(of_kind).collect::<Vec<_>>()).await?;
        }
        Order::Pause(reach) => {
            ledger.pause(&Pause { scope: reach.scope(), since_ms: now_ms, by: None, why: None }).await?;
        }
        Order::Resume(reach) => {
            let begun_ms = universe.now_ms();
            universe.state().orders.resumed_ms.get_or_insert(begun_ms);
            ledger.resume(&reach.scope()).await?;
            operator.release_paused().await?;
        }
        Order::Cancel(phone) => {
            let messages = messages_to(universe, ledger, phone).await?;
            let cancelled = operator.cancel(&messages).await?;
            let done = messages.iter().zip(cancelled).filter(|(_, done)| done.is_ok()).map(|(message, _)| message.id);
            universe.state().orders.cancelled.extend(done);
        }
        Order::Retry(phone) => {
            let messages = messages_to(universe, ledger, phone).await?;
            {
                let orders = &mut universe.state().orders;
                orders.again.extend(messages.iter().map(|message| message.id));
                orders.cancelled.retain(|id| !messages.iter().any(|message| message.id == *id));
            }
            operator.retry(&messages, false).await?;
        }
        Order::Start => campaign::start(universe, installed).await?,
        Order::CancelRun => campaign::cancel(installed).await?,
    }
    Ok(())
}

async fn messages_to(universe: &Universe, ledger: &Ledger, phone: &str) -> Result<Vec<Message>, LedgerError> {
    let of_phone: Vec<MessageId> = {
        let state = universe.state();
        let of_phone = state.rows.messages.iter().filter(|(_, row)| row.phone == phone);
        of_phone.filter_map(|(id, _)| id.parse().ok()).collect()
    };
    let mut messages = ledger.messages(&of_phone).await?;
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

/// Whether an operator asked to retry this message.
pub(super) fn asked_again(universe: &Universe, id: &str) -> bool {
    id.parse().is_ok_and(|id: MessageId| universe.state().orders.again.contains(&id))
}

/// Judges a schedule that has come to rest: nothing was sent against an operator's command.
pub(super) fn heeded(universe: &Universe, scenario: &Scenario) -> Vec<(Invariant, String)> {
    let state = universe.state();
    let (orders, calls) = (&state.orders, &state.log.calls);
    let mut broken = Vec::new();
    for (order, done_ms) in &orders.done {
        let late = |at_ms: i64| at_ms > done_ms + SLOW_MS;
        let after = match order {
            Order::Suppress(phone, reach) => {
                let stopped = |call: &&Call| late(call.at_ms) && reach.is_about(call) && call.phones.contains(phone);
                calls.iter().find(stopped)
            }
            Order::Pause(reach) => {
                let until_ms = orders.resumed_ms.unwrap_or(i64::MAX);
                calls.iter().find(|call| late(call.at_ms) && call.at_ms < until_ms && reach.is_about(call))
            }
            Order::CancelRun => {
                let is_news = |call: &Call| scenario.campaign.as_ref().is_some_and(|plan| plan.content == call.content);
                calls.iter().find(|call| late(call.at_ms) && is_news(call))
            }
            Order::Resume(_) | Order::Cancel(_) | Order::Retry(_) | Order::Start => None,
        };
        broken.extend(
            after.map(|call| (Invariant::Heeded, format!("{order:?} was done, and a call left at {}", call.at_ms))),
        );
    }
    for id in &orders.cancelled {
        let row = state.rows.messages.get(&id.to_string());
        if row.is_none_or(|row| row.state != "skipped") {
            broken.push((Invariant::Heeded, format!("{id} was cancelled, and is {row:?}")));
        }
    }
    for (_, order) in &scenario.orders {
        if !orders.is_done(order) && !matches!(order, Order::Pause(_)) {
            broken.push((Invariant::Ends, format!("{order:?} was never done")));
        }
    }
    broken
}
