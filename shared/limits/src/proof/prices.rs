//! Changes of the price: rules for cases that the oracle finds once in millions of schedules.
//!
//! A surcharge is right under two conditions. All permits sold under one revision of the item have one price. And the
//! surcharge separates the permits sold before it from those sold after it.

use super::chance::Chance;
use crate::{
    item::{Item, Move, Stated, Write},
    lease::Reading,
    rate::Plan,
    taker::{Next, Taker},
};

/// The wall clock at the start, in µs.
const EPOCH: i64 = 1_790_000_000_000_000;

fn at(us: i64) -> Reading {
    Reading { wall_us: EPOCH + us, mono_us: us }
}

fn cut(limit: u32, until_ms: i64) -> Stated {
    Stated { limit, until_ms: EPOCH / 1_000 + until_ms }
}

/// A function that knows the item.
fn taker(plan: Plan, item: &Item, us: i64) -> Taker {
    let mut taker = Taker::new(plan);
    taker.learn(item.clone(), at(us));
    taker
}

/// Buys permits until `until_us`, one lease after the other, with as many attempts as needed. Returns the permits of
/// the largest lease.
fn buy_until(plan: Plan, item: &mut Item, (from_us, until_us): (i64, i64)) -> u32 {
    let (mut us, mut largest) = (from_us, 0);
    while us < until_us {
        if let Next::Write(write) = taker(plan, item, us).next(50, at(us), EPOCH + us + plan.window_us)
            && let Some(after) = write.applied_to(item)
        {
            *item = after;
            largest = largest.max(write.leased);
        }
        us += plan.tau_us;
    }
    largest
}

/// One cut replaces a stricter one, so nothing is charged again. It may come late, when the stricter cut is over and
/// permits were sold at the full price since. Then it must not be written.
#[test]
fn a_change_of_price_that_was_decided_under_a_cut_is_not_made_after_its_end() {
    let plan = Plan::with(298, 1_000, 53, 83, 27);
    let mut item = Item::ABSENT;
    buy_until(plan, &mut item, (0, 1_000));
    let first = taker(plan, &item, 1_000).cut(cut(14, 4), EPOCH + 1_000).unwrap();
    item = first.applied_to(&item).unwrap();
    assert_eq!(buy_until(plan, &mut item, (1_000, 3_600)), 1, "one permit costs more than the burst");
    let second = taker(plan, &item, 3_600).cut(cut(19, 6), EPOCH + 3_600).unwrap();
    assert_eq!(second.tat, Move::On(0), "what was sold under 14 keeps 19 too");
    assert!(second.applied_to(&item).is_some(), "in time it is made");
    // Once at the cut's very end, when no function can have sold at the full price yet, and once after it.
    assert_eq!(buy_until(plan, &mut item, (3_650, 4_027)), 1);
    assert!(second.applied_to(&item).is_some());
    assert!(buy_until(plan, &mut item, (4_028, 4_200)) > 14, "the full price");
    assert!(item.tat_us <= second.tat_within.1, "the axis alone would let it pass");
    assert_eq!(second.applied_to(&item), None, "the revision does not");
}

fn random_item(chance: &mut Chance, window_us: i64) -> Item {
    let stated = |chance: &mut Chance| cut(chance.within(1, 40) as u32, chance.within(-window_us, window_us) / 1_000);
    let limit = stated(chance);
    let cut = match chance.to(3) {
        0 => None,
        1 => Some(Stated::NO_CUT),
        _ => Some(stated(chance)),
    };
    Item { rev: 7, tat_us: EPOCH + chance.within(-window_us, window_us), limit, cut, ..Item::ABSENT }
}

/// For any item, any function and any time.
#[test]
fn each_lease_is_bought_at_the_price_of_its_revision() {
    let mut chance = Chance::new(11);
    let (mut leases, mut changes) = (0, 0);
    for _ in 0..100_000 {
        let plan = Plan::with(chance.within(1, 40) as u32, 60_000_000, 1_000_000, 200_000, 400_000);
        let item = random_item(&mut chance, plan.window_us);
        let strictest = item.limit.limit.min(item.cut.map_or(u32::MAX, |cut| cut.limit));
        let us = chance.within(-1_000_000, 1_000_000);
        let mut function = taker(plan, &item, us);
        function.share_per_mille = chance.pick(&[1_000, 500]);
        let (wanted, latest_us) = (1 + chance.to(50) as u32, EPOCH + us + chance.to(plan.window_us));
        let Next::Write(write) = function.next(wanted, at(us), latest_us) else { continue };
        let Write { leased, limit, cut, padding_us, .. } = write;
        let same_price = limit.is_none_or(|stated| stated.limit == item.limit.limit) && cut.is_none();
        assert!(write.rev == item.rev && (same_price || write.next_rev), "{write:?} on {item:?}");
        changes += u32::from(write.next_rev);
        if leased > 0 {
            let moved_us = match write.tat {
                Move::On(us) => us,
                Move::To(to_us) => to_us - EPOCH - us,
            };
            let cost_us = plan.of_limit(strictest).cost_us(leased);
            assert_eq!(moved_us - padding_us, cost_us, "{write:?} on {item:?} by {plan:?}");
            leases += 1;
        }
    }
    assert!(leases > 5_000 && changes > 20_000, "{leases} {changes}");
}

/// The largest surcharge is enough, whatever the price is when a function buys again.
#[test]
fn no_window_holds_calls_from_before_and_after_the_largest_surcharge() {
    const LIMITS: [u32; 10] = [1, 2, 60, 299, 300, 308, 309, 6_000, 599_999, 600_000];
    let of = |limit: u32| Plan::with(limit, 60_000_000, 1_000_000, 200_000, 400_000);
    let (clock_us, delay_us) = (100_000, 200_000);
    for (place, new) in LIMITS.into_iter().enumerate() {
        assert_eq!(of(new).surcharge_us(&of(new), 0, i64::MAX / 4), 1, "nothing is charged");
        for old in LIMITS.into_iter().skip(place + 1) {
            assert_eq!(of(new).surcharge_us(&of(old), 0, i64::MAX / 4), 1, "nothing is charged");
            // The most outstanding permits, which make the charge the largest.
            let surcharge_us = of(old).surcharge_us(&of(new), 0, i64::MAX / 4);
            for then in LIMITS.map(of) {
                // No old lease begins after the end of the axis; no new lease is spent earlier than tau before its own
                // end.
                let last_us = then.life_us + clock_us + delay_us;
                let first_us = surcharge_us + then.cost_us(1) - then.tau_us - clock_us;
                assert!(first_us - last_us > then.window_us, "{old} {new} {then:?}");
            }
        }
    }
}
