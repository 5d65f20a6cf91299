//! Removes what is kept of one person, and leaves what keeps the promises.
//!
//! A message's row stays under its id, which is a hash, with its state and amounts: so a repeated event sends nothing.
//! Phone, lead, text and reports go. On a page of a campaign's audience an empty place stays, because the places of
//! the others must not move.
//!
//! | step | if the process dies after it |
//! | --- | --- |
//! | waiting messages are cancelled | they are not sent; the next try goes on |
//! | recipients leave their blocks, and become rows of their own | the next try finds these rows |
//! | the places on pages are emptied | the next try finds the messages and the rest |
//! | reports, attempts, caps and seen values are deleted | the same |
//! | the messages lose the person | nothing is left. This step is the last one: the messages lead to the other rows |
//!
//! Nothing is erased while a request, a report or a write-back of one of the messages is open.

use std::collections::{BTreeMap, BTreeSet};

use recado_core::{
    block::Leaving,
    erase::{NotYet, may_erase},
    message::State,
    reason::Reason,
    transition::Transition,
};
use recado_ledger::{Ledger, LedgerError, Phase, Removed};

use crate::{
    blocks::BlockRow,
    person::{Held, Person, search},
    world::World,
};

/// Why nothing more was erased.
#[derive(Debug, thiserror::Error)]
pub enum NotErased {
    /// Something about a message is open.
    #[error("{}", .0.open.words())]
    Open(NotYet),
    /// A run whose audience holds the person is not released yet.
    #[error("campaign {0} is still being read or released: wait for it, or cancel the run")]
    RunBegins(String),
    /// Another process changed one of the rows at the same time.
    #[error("one of the rows changed meanwhile: run it again")]
    Moved,
    /// The table failed.
    #[error(transparent)]
    Table(#[from] LedgerError),
}

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Messages that were cancelled first.
    pub cancelled: u64,
    /// Messages that lost the person.
    pub messages: u64,
    /// Places on pages that were emptied.
    pub places: u64,
    /// Other rows that were deleted or emptied.
    pub rows: u64,
}

/// What keeps the person from being erased now. `Ok`: nothing does.
pub async fn may_begin(ledger: &Ledger, held: &Held) -> Result<(), NotErased> {
    let open = held.all_messages().filter_map(|message| may_erase(message).err());
    // The one that takes longest says when it is possible.
    if let Some(not_yet) = open.max_by_key(|not_yet| not_yet.until_ms) {
        return Err(NotErased::Open(not_yet));
    }
    let runs: BTreeSet<_> = held.places.iter().map(|place| place.run).collect();
    for run in runs {
        if let Some(run) = ledger.run(run).await?
            && matches!(run.phase, Phase::Gathering | Phase::Releasing)
        {
            return Err(NotErased::RunBegins(run.campaign));
        }
    }
    Ok(())
}

/// Erases a person. `held` is what was found and shown.
pub async fn erase(ledger: &Ledger, world: &World, person: &Person, held: &Held) -> Result<Erased, NotErased> {
    may_begin(ledger, held).await?;
    let mut erased = Erased::default();
    cancel(ledger, world, held, &mut erased).await?;
    leave(ledger, world, held, &mut erased).await?;
    // Rows that left their blocks are rows of their own now, and a sender may have been faster.
    let held = search(ledger, person, world.now_ms()).await?;
    if !held.in_blocks.is_empty() {
        return Err(NotErased::Moved);
    }
    may_begin(ledger, &held).await?;
    if held.messages.iter().any(|message| message.state.is_waiting()) {
        return Err(NotErased::Moved);
    }
    empty_places(ledger, &held, &mut erased).await?;
    erased.rows = ledger.remove(&removed(&held)).await?;
    let forgotten = held.messages.iter().map(Transition::forget).collect();
    let made = ledger.apply(forgotten).await?;
    erased.messages = made.iter().filter(|made| **made).count() as u64;
    if made.contains(&false) { Err(NotErased::Moved) } else { Ok(erased) }
}

/// Cancels the waiting messages that have rows of their own.
async fn cancel(ledger: &Ledger, world: &World, held: &Held, erased: &mut Erased) -> Result<(), NotErased> {
    let waiting = held.messages.iter().filter(|message| message.state.is_waiting());
    let skips: Vec<Transition> =
        waiting.map(|message| Transition::skip(message, Reason::Cancelled, world.now_ms())).collect();
    let made = ledger.apply(skips).await?;
    erased.cancelled += made.iter().filter(|made| **made).count() as u64;
    if made.contains(&false) { Err(NotErased::Moved) } else { Ok(()) }
}

/// Takes the person out of blocks. A recipient of a waiting block is cancelled.
async fn leave(ledger: &Ledger, world: &World, held: &Held, erased: &mut Erased) -> Result<(), NotErased> {
    let mut of_block: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (block, member) in &held.in_blocks {
        of_block.entry(*block).or_default().insert(member.id);
    }
    for (id, members) in of_block {
        for row in ledger.messages(&[id]).await? {
            let Some(block) = BlockRow::of(ledger, row).await? else { continue };
            let of_person = block.members().into_iter().filter(|(_, member)| members.contains(&member.id));
            let places: Vec<u16> = of_person.map(|(place, _)| place).collect();
            if places.is_empty() {
                continue;
            }
            let waits = block.row.state.is_waiting();
            erased.cancelled += if waits { places.len() as u64 } else { 0 };
            let (state, why) = if waits { (Some(State::Skipped), Some(Reason::Cancelled)) } else { (None, None) };
            let leaving = Leaving { state, why, until_ms: None, places };
            if block.leave(ledger, vec![leaving], world.now_ms()).await?.is_none() {
                return Err(NotErased::Moved);
            }
        }
    }
    Ok(())
}

async fn empty_places(ledger: &Ledger, held: &Held, erased: &mut Erased) -> Result<(), NotErased> {
    let mut of_page: BTreeMap<_, Vec<u16>> = BTreeMap::new();
    for place in &held.places {
        of_page.entry((place.run, place.page)).or_default().push(place.place);
    }
    for ((run, page), places) in of_page {
        if !ledger.empty_places(run, page, &places).await? {
            return Err(NotErased::Moved);
        }
        erased.places += places.len() as u64;
    }
    Ok(())
}

/// The other rows of the person. Suppressions stay: they keep the person from getting messages.
fn removed(held: &Held) -> Vec<Removed<'_>> {
    let reports = held.reports.iter().map(Removed::Report);
    let attempts = held.attempts.iter().map(|(batch, phone, _)| Removed::Attempt(*batch, *phone));
    let caps = held.caps.iter().map(|(subject, _)| Removed::Caps(subject));
    let sights = held.sights.iter().map(|(lead, _)| Removed::Sights(lead));
    let shown = held.shown.iter().map(|(lead, _)| Removed::Shown(lead));
    let events = held.events.iter().map(|event| Removed::EventsLead(event.id));
    let waiting = held.waiting.iter().map(|waiting| Removed::Incomplete(waiting.id));
    reports.chain(attempts).chain(caps).chain(sights).chain(shown).chain(events).chain(waiting).collect()
}
