//! Rows that wait for a request, and the best requests for the next window.

use std::collections::{BTreeMap, VecDeque};

use super::{
    Allowance, Call, LINGER_MS, LONG_WINDOWS, LeadRow, Needs, ROWS_PER_CALL, Row, SAME_VALUE_PER_CALL, STARVED_MS,
};

/// Rows that wait for a request, sorted by the requests that they can share.
#[derive(Debug, Clone, Default)]
pub struct Backlog {
    find: VecDeque<Row>,
    find_alone: VecDeque<Row>,
    create: VecDeque<Row>,
    update: VecDeque<Row>,
    /// Leads that get values of their own.
    own: VecDeque<LeadRow>,
    /// Leads that get one value of one field together: requests of 50.
    same: VecDeque<Vec<LeadRow>>,
    /// The same: requests of more than 25 and less than 50.
    same_rest: VecDeque<Vec<LeadRow>>,
}

/// The kinds of bulk request. Of equals the first one goes first: what was told already is corrected before new
/// outcomes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Update,
    Create,
    Own,
    Same,
    SameRest,
}

const KINDS: [Kind; 5] = [Kind::Update, Kind::Create, Kind::Own, Kind::Same, Kind::SameRest];

impl Backlog {
    /// Builds the backlog from `needs`.
    #[must_use]
    pub fn new(needs: Needs) -> Self {
        let (same, own) = mix(needs.leads);
        let (same, same_rest) = same.into_iter().partition(|rows| rows.len() == SAME_VALUE_PER_CALL);
        let (create, update) = (needs.create.into(), needs.update.into());
        let (find, find_alone) = (needs.find.into(), needs.find_alone.into());
        Self { find, find_alone, create, update, own: own.into(), same, same_rest }
    }

    /// Whether nothing waits for a request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.question_ms().is_none() && self.rows() == 0
    }

    /// Rows that wait for a request, without those to be looked up.
    #[must_use]
    pub fn rows(&self) -> usize {
        let together = self.same.iter().chain(&self.same_rest).map(Vec::len).sum::<usize>();
        self.create.len() + self.update.len() + self.own.len() + together
    }

    /// Bulk requests that all these rows take.
    #[must_use]
    pub fn bulk_calls(&self) -> usize {
        let queues = [self.create.len(), self.update.len(), self.own.len()];
        queues.iter().map(|len| len.div_ceil(ROWS_PER_CALL)).sum::<usize>() + self.same.len() + self.same_rest.len()
    }

    /// Takes the requests that may start together in the window that begins at `now_ms`. An empty list means that
    /// nothing is ready; see [`Backlog::ready_ms`].
    pub fn next_calls(&mut self, now_ms: i64, allowance: &Allowance) -> Vec<Call> {
        let mut calls = Vec::new();
        let most_bulk = allowance.bulk();
        // If bulk requests leave no room at all, a look-up and a bulk request take turns by age.
        if allowance.spare(most_bulk) == 0
            && let Some(asked_ms) = self.question_ms()
            && self.oldest_ms().is_none_or(|oldest_ms| asked_ms <= oldest_ms)
        {
            calls.extend(self.question());
        }
        let (mut bulk, mut single) = (0, calls.len());
        while bulk < most_bulk && single < allowance.spare(bulk) {
            let Some(call) = self.bulk_call(now_ms).map(Call::alone) else { break };
            if call.is_bulk() {
                bulk += 1;
            } else {
                single += 1;
            }
            calls.push(call);
        }
        let mut spare = allowance.spare(bulk).saturating_sub(single);
        while spare > 0
            && let Some(call) = self.question()
        {
            calls.push(call);
            spare -= 1;
        }
        if self.bulk_calls() > LONG_WINDOWS * most_bulk {
            for _ in 0..allowance.singles_today(now_ms, spare) {
                calls.extend(self.single_call());
            }
        }
        calls
    }

    /// When the next request is ready at the latest, in ms since the epoch, if no more rows come. `None`: nothing
    /// waits.
    #[must_use]
    pub fn ready_ms(&self) -> Option<i64> {
        let oldest_ms = self.oldest_ms().map(|oldest_ms| oldest_ms + LINGER_MS);
        oldest_ms.into_iter().chain(self.question_ms()).min()
    }

    /// The due time of the oldest row to look up.
    fn question_ms(&self) -> Option<i64> {
        [&self.find, &self.find_alone].into_iter().filter_map(|queue| Some(queue.front()?.due_ms)).min()
    }

    /// The next look-up: of all rows that can be looked up together, else of one row.
    fn question(&mut self) -> Option<Call> {
        if self.find.len() > 1 {
            return Some(Call::Find(self.find.drain(..).collect()));
        }
        self.find.pop_front().or_else(|| self.find_alone.pop_front()).map(Call::FindOne)
    }

    /// The oldest row's due time.
    fn oldest_ms(&self) -> Option<i64> {
        KINDS.iter().filter_map(|&kind| self.front(kind)).map(|(oldest_ms, _)| oldest_ms).min()
    }

    /// The due time of the oldest row of a kind, and how many rows its next request would carry.
    fn front(&self, kind: Kind) -> Option<(i64, usize)> {
        let queue = |queue: &VecDeque<Row>| Some((queue.front()?.due_ms, queue.len().min(ROWS_PER_CALL)));
        let together = |queue: &VecDeque<Vec<LeadRow>>| {
            let rows = queue.front()?;
            Some((rows.first()?.row.due_ms, rows.len()))
        };
        match kind {
            Kind::Create => queue(&self.create),
            Kind::Update => queue(&self.update),
            Kind::Own => Some((self.own.front()?.row.due_ms, self.own.len().min(ROWS_PER_CALL))),
            Kind::Same => together(&self.same),
            Kind::SameRest => together(&self.same_rest),
        }
    }

    /// The best bulk request: starved rows first, then full requests, then others that have lingered. Of starved rows
    /// the oldest go first. Of full requests those for 50 go first. Single requests help them least, so single requests
    /// are left to the others.
    fn bulk_call(&mut self, now_ms: i64) -> Option<Call> {
        let rank = |kind: Kind| {
            let (oldest_ms, rows) = self.front(kind)?;
            let rank = match (kind, rows) {
                _ if now_ms >= oldest_ms + STARVED_MS => 0,
                (Kind::Same, _) => 1,
                (Kind::Create | Kind::Update | Kind::Own, ROWS_PER_CALL) => 2,
                // It may still grow to 50.
                (Kind::SameRest, _) => 3,
                _ if now_ms >= oldest_ms + LINGER_MS => 4,
                _ => return None,
            };
            Some(((rank, oldest_ms, SAME_VALUE_PER_CALL - rows), kind))
        };
        let (_, kind) = KINDS.into_iter().filter_map(rank).min_by_key(|(rank, _)| *rank)?;
        Some(match kind {
            Kind::Create => Call::Create(take(&mut self.create)),
            Kind::Update => Call::Update(take(&mut self.update)),
            Kind::Own => Call::Leads(take(&mut self.own)),
            Kind::Same => Call::SameValue(self.same.pop_front()?),
            Kind::SameRest => Call::SameValue(self.same_rest.pop_front()?),
        })
    }

    /// The row that gains most from a single request. That is the oldest of the rows that fill no bulk request of their
    /// kind. Else it is the oldest of the rows that share a request with 24 others, and else one of those that share it
    /// with 49.
    fn single_call(&mut self) -> Option<Call> {
        let candidates = [Kind::Update, Kind::Create, Kind::Own].into_iter().filter_map(|kind| {
            let (oldest_ms, rows) = self.front(kind)?;
            Some(((rows == ROWS_PER_CALL, oldest_ms), kind))
        });
        Some(match candidates.min_by_key(|(rank, _)| *rank).map(|(_, kind)| kind) {
            Some(Kind::Create) => Call::CreateOne(self.create.pop_front()?),
            Some(Kind::Update) => Call::UpdateOne(self.update.pop_front()?),
            Some(_) => Call::LeadOne(self.own.pop_front()?),
            None => {
                // The rest of such a request may be no better than a request of 25.
                let mut rows = self.same_rest.pop_back().or_else(|| self.same.pop_back())?;
                let row = rows.pop()?;
                if rows.len() > ROWS_PER_CALL {
                    self.same_rest.push_back(rows);
                } else {
                    self.own.extend(rows);
                }
                Call::LeadOne(row)
            }
        })
    }
}

fn take<R>(queue: &mut VecDeque<R>) -> Vec<R> {
    queue.drain(..queue.len().min(ROWS_PER_CALL)).collect()
}

/// Divides leads among requests for 50 of one value and requests for 25 of any values, so that there are as few
/// requests as possible. The former are used for each full 50 of one value, and for the rest of that value if it is
/// more than 25.
///
/// That is the fewest. Consider the rest of one value, r < 50. It is moved from one sort of request to the other whole
/// or not at all, since a request for 50 always costs one. If r > 25, the r rows cost at least one request of the other
/// sort as well. If r ≤ 25, moving k such rests out of the requests for 25 saves at most k of these, and costs k. A
/// lead with two values to set would take two places of 1/50 instead of one of 1/25, which is no gain.
fn mix(leads: Vec<LeadRow>) -> (Vec<Vec<LeadRow>>, Vec<LeadRow>) {
    let mut own: Vec<LeadRow> = Vec::new();
    let mut by_value: BTreeMap<(String, String), Vec<LeadRow>> = BTreeMap::new();
    for lead in leads {
        match lead.set.as_slice() {
            [one] if !lead.judged => by_value.entry(one.clone()).or_default().push(lead),
            _ => own.push(lead),
        }
    }
    let mut same: Vec<Vec<LeadRow>> = Vec::new();
    for rows in by_value.into_values() {
        for chunk in rows.chunks(SAME_VALUE_PER_CALL) {
            if chunk.len() > ROWS_PER_CALL { same.push(chunk.to_vec()) } else { own.extend_from_slice(chunk) }
        }
    }
    own.sort_by_key(|lead| (lead.row.due_ms, lead.row.id));
    same.sort_by_key(|rows| rows.first().map(|lead| lead.row.due_ms));
    (same, own)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{identity::MessageId, writeback::Then};

    fn lead(value: usize, number: usize) -> LeadRow {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let row = Row { id: MessageId::from_bytes(id), due_ms: 0, then: Then::Done };
        LeadRow { row, lead_id: number.to_string(), set: vec![("f".to_owned(), value.to_string())], judged: false }
    }

    /// The fewest requests for groups of these sizes, by trying every division.
    fn fewest(sizes: &[usize]) -> usize {
        fn go(sizes: &[usize], same: usize, own: usize) -> usize {
            let Some((size, rest)) = sizes.split_first() else { return same + own.div_ceil(ROWS_PER_CALL) };
            (0..=size.div_ceil(SAME_VALUE_PER_CALL))
                .map(|calls| go(rest, same + calls, own + size.saturating_sub(calls * SAME_VALUE_PER_CALL)))
                .min()
                .unwrap_or_default()
        }
        go(sizes, 0, 0)
    }

    proptest! {
        #[test]
        fn no_other_mix_of_the_two_lead_calls_takes_fewer(sizes in prop::collection::vec(0_usize..130, 1..6)) {
            let leads: Vec<LeadRow> = sizes
                .iter()
                .enumerate()
                .flat_map(|(value, &size)| (0..size).map(move |at| lead(value, value * 1_000 + at)))
                .collect();
            let (same, own) = mix(leads.clone());
            prop_assert_eq!(same.len() + own.len().div_ceil(ROWS_PER_CALL), fewest(&sizes));
            prop_assert_eq!(same.iter().map(Vec::len).sum::<usize>() + own.len(), leads.len());
            for rows in &same {
                prop_assert!(rows.len() <= SAME_VALUE_PER_CALL && rows.iter().all(|row| row.set == rows[0].set));
            }
        }
    }
}
