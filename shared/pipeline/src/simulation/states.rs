//! The order of messages' states, checked after every write: which states may follow one another, and what must be true
//! of each.

use std::sync::Arc;

use recado_core::identity::MessageId;

use super::{
    operator, oracle,
    rows::{Row, short},
    universe::{Event, Invariant, Universe},
};

/// The states that may follow a state, according to the diagram in docs/architecture.md.
fn may_follow(state: &str) -> &'static [&'static str] {
    match state {
        // A part of a refused request is refused without a request of its own when the other parts showed enough.
        "pending" => &["held", "sending", "expired", "refused", "skipped"],
        "held" => &["sending", "expired", "refused", "skipped"],
        "sending" => &[
            "accepted",
            "refused",
            "unknown",
            "held",
            "pending",
            "delivered",
            "undelivered",
            "no_answer",
            "busy",
            "answered",
        ],
        // A certain outcome counts even after the sweep's patience has ended.
        "unknown" => {
            &["accepted", "refused", "held", "pending", "delivered", "undelivered", "no_answer", "busy", "answered"]
        }
        "refused" => &["accepted", "delivered", "undelivered", "no_answer", "busy", "answered"],
        "accepted" => &["delivered", "undelivered", "no_answer", "busy", "answered"],
        "undelivered" => &["delivered", "answered"],
        "no_answer" | "busy" => &["answered"],
        _ => &[],
    }
}

/// Whether a message in this state waits, or ended unsent.
fn is_unsent(state: &str) -> bool {
    matches!(state, "pending" | "held" | "refused" | "expired" | "skipped")
}

/// Judges a message's row after it was written or read.
pub(super) fn message(universe: &Arc<Universe>, id: String, mut row: Row) {
    let before = universe.state().rows.messages.get(&id).cloned();
    row.missed_ms = if row.is_missed() || before.as_ref().is_some_and(Row::is_missed) {
        Some(universe.now_ms())
    } else {
        before.as_ref().and_then(|before| before.missed_ms)
    };
    universe.state().rows.messages.insert(id.clone(), row.clone());
    if before.as_ref() == Some(&row) {
        return;
    }
    let Row { state, phones, due_ms, .. } = &row;
    let name =
        format!("{} of {}", short(&id), phones.iter().map(|(_, one)| one.as_str()).collect::<Vec<_>>().join(" "));
    if before.as_ref().is_none_or(|before| before.state != *state) {
        let after = due_ms.map(|due_ms| (due_ms - universe.now_ms()) / 1_000);
        universe.tell(format_args!("message {name} is {state} ({}), due in {after:?} s", row.why));
    }
    if matches!(state.as_str(), "pending" | "held" | "sending") && due_ms.is_none() {
        universe.broke(Invariant::Ends, format!("{name} is {state}, and nobody will look at it again"));
    }
    let Some(before) = before else { return made(universe, &id, &row) };
    if before.state == *state {
        return;
    }
    let was_certain = matches!(before.state.as_str(), "refused" | "expired" | "skipped");
    if state == "pending" && was_certain && operator::asked_again(universe, &id) {
        if universe.state().log.was_sent(&before) {
            universe.broke(Invariant::SentOnce, format!("{name} was {} and sent, and is sent again", before.state));
        }
        return;
    }
    if state == "pending" && row.earlier.len() > before.earlier.len() {
        return oracle::resent(universe, &before, &row);
    }
    let is_taken_back =
        before.is_between_attempts() && may_follow("sending").contains(&state.as_str()) && !is_unsent(state);
    if !is_taken_back && !may_follow(&before.state).contains(&state.as_str()) {
        universe.broke(Invariant::Forward, format!("{name} went from {} to {state}", before.state));
    }
    if is_unsent(state) && universe.state().log.was_sent(&row) {
        universe
            .broke(Invariant::Forward, format!("{name} went from {} to {state} although it was sent", before.state));
    }
}

/// Judges a new message. The stream reports it, unless the wake-up is lost.
fn made(universe: &Arc<Universe>, id: &str, row: &Row) {
    // The parts of a divided block are told apart by their recipients.
    let twins = if row.phone.is_empty() {
        0
    } else {
        let state = universe.state();
        let of_it = |other: &&Row| (&other.phone, &other.content) == (&row.phone, &row.content);
        state.rows.messages.values().filter(of_it).count()
    };
    if twins > 1 {
        universe.broke(Invariant::SentOnce, format!("{} is the second message for one change", short(id)));
    }
    oracle::follows(universe, row);
    let Ok(id) = id.parse::<MessageId>() else { return };
    if universe.happens(|weather| weather.wake_up_lost) {
        return;
    }
    let first = {
        let mut state = universe.state();
        state.woken.push(id);
        state.woken.len() == 1
    };
    if first {
        let after_ms = universe.draw(|rng| rng.i64(250..=1_500));
        universe.after(after_ms, Event::Wake(Vec::new()));
    }
    if universe.happens(|weather| weather.twice) {
        let after_ms = universe.draw(|rng| rng.i64(0..=600_000));
        universe.after(after_ms, Event::Wake(vec![id]));
    }
}
