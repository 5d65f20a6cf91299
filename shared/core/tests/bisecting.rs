//! Splitting refused requests: the end of each phone, and the number of requests.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use recado_core::bisect::{ALL_BAD_SINGLES, Blame, CALLS_MAX, Next, Part, Parts, Refused, UNTOLD_SINGLES};

/// How a vendor explains its refusal of a request with these bad members (by place).
type Explains = fn(&[usize]) -> Blame;

/// The end of each phone, and the requests.
#[derive(Debug, Default)]
struct Seen {
    sent: BTreeMap<u32, u32>,
    refused: BTreeSet<u32>,
    calls: u32,
    parts: BTreeSet<String>,
}

/// Sends `phones` to a vendor that refuses a request with any of `bad` in it, in as many runs as needed.
fn send(phones: Vec<u32>, bad: &BTreeSet<u32>, explains: Explains) -> Seen {
    let mut seen = Seen::default();
    let mut runs = vec![(phones, None)];
    while let Some((phones, name)) = runs.pop() {
        let mut waiting: BTreeMap<u32, Option<String>> = phones.iter().map(|phone| (*phone, name.clone())).collect();
        let mut parts = Parts::of(phones, name);
        loop {
            match parts.go_on() {
                Next::Done => break,
                Next::End(members) => end(&members, &mut seen, &mut waiting),
                Next::Call(part) => call(&mut parts, part, bad, explains, &mut seen, &mut waiting),
            }
        }
        // The rest goes on in the parts that were recorded, as a sweep would find it.
        let mut left: BTreeMap<Option<String>, Vec<u32>> = BTreeMap::new();
        for (phone, name) in waiting {
            left.entry(name).or_default().push(phone);
        }
        runs.extend(left.into_iter().map(|(name, phones)| (phones, name)));
    }
    seen
}

fn call(
    parts: &mut Parts<u32>,
    part: Part<u32>,
    bad: &BTreeSet<u32>,
    explains: Explains,
    seen: &mut Seen,
    waiting: &mut BTreeMap<u32, Option<String>>,
) {
    seen.calls += 1;
    let places: Vec<usize> = (0..part.members.len()).filter(|at| bad.contains(&part.members[*at])).collect();
    if places.is_empty() {
        parts.taken(&part);
        for phone in &part.members {
            *seen.sent.entry(*phone).or_default() += 1;
            assert!(waiting.remove(phone).is_some(), "{phone} was sent after its end");
        }
        return;
    }
    match parts.refused(part, &explains(&places), "root") {
        Refused::End(members) => end(&members, seen, waiting),
        Refused::Again(members) => {
            for (phone, name) in members {
                seen.parts.insert(name.clone());
                assert!(waiting.insert(phone, Some(name)).is_some());
            }
        }
    }
}

fn end(members: &[u32], seen: &mut Seen, waiting: &mut BTreeMap<u32, Option<String>>) {
    for phone in members {
        assert!(seen.refused.insert(*phone), "{phone} ended twice");
        assert!(waiting.remove(phone).is_some());
    }
}

fn log2(n: usize) -> u32 {
    n.next_power_of_two().trailing_zeros()
}

/// All good phones were sent once, and all bad ones ended refused.
fn assert_exact(n: u32, bad: &BTreeSet<u32>, seen: &Seen) {
    assert_eq!(&seen.refused, bad);
    let good: BTreeMap<u32, u32> = (0..n).filter(|phone| !bad.contains(phone)).map(|phone| (phone, 1)).collect();
    assert_eq!(seen.sent, good);
}

const UNNAMED: Explains = |_| Blame::Phones(Vec::new());
const NAMED: Explains = |places| Blame::Phones(places.to_vec());
const FIRST_TWENTY_NAMED: Explains = |places| Blame::Phones(places.iter().take(20).copied().collect());

#[test]
fn one_bad_phone_among_ten_thousand() {
    for (explains, most) in [(NAMED, 2), (UNNAMED, 1 + 2 * 14)] {
        for bad in [0, 1, 4_999, 5_000, 9_999] {
            let bad = BTreeSet::from([bad]);
            let seen = send((0..10_000).collect(), &bad, explains);
            assert_exact(10_000, &bad, &seen);
            assert!(seen.calls <= most, "{} calls for {bad:?}", seen.calls);
        }
    }
}

#[test]
fn what_all_share_is_not_split() {
    let seen = send((0..10_000).collect(), &(0..10_000).collect(), |_| Blame::Shared);
    assert_eq!((seen.calls, seen.refused.len(), seen.sent.len()), (1, 10_000, 0));
}

#[test]
fn a_refusal_that_says_nothing_and_takes_nothing_is_given_up_soon() {
    let seen = send((0..10_000).collect(), &(0..10_000).collect(), |_| Blame::Untold);
    assert_eq!((seen.refused.len(), seen.sent.len()), (10_000, 0));
    assert!(seen.calls <= 14 + 2 * UNTOLD_SINGLES, "{} calls", seen.calls);
}

#[test]
fn when_all_are_bad_no_run_makes_more_calls_than_it_may() {
    let bad: BTreeSet<u32> = (0..600).collect();
    let seen = send((0..600).collect(), &bad, UNNAMED);
    assert_exact(600, &bad, &seen);
    assert!(seen.calls > CALLS_MAX, "it took more than one run");
    assert!(seen.calls <= 2 * 600 + CALLS_MAX, "{} calls", seen.calls);
}

#[test]
fn a_large_request_of_which_all_are_bad_is_not_asked_phone_by_phone() {
    let bad: BTreeSet<u32> = (0..10_000).collect();
    let seen = send((0..10_000).collect(), &bad, UNNAMED);
    assert_exact(10_000, &bad, &seen);
    assert!(seen.calls <= 14 + 2 * ALL_BAD_SINGLES, "{} calls", seen.calls);
}

#[test]
fn too_large_a_request_is_halved_until_it_passes() {
    let mut parts = Parts::of((0..8).collect(), None);
    let mut sizes = Vec::new();
    while let Next::Call(part) = parts.go_on() {
        sizes.push(part.members.len());
        if part.members.len() > 2 {
            assert!(matches!(parts.refused(part, &Blame::Size, "root"), Refused::Again(_)));
        } else {
            parts.taken(&part);
        }
    }
    assert_eq!(sizes, [8, 4, 2, 2, 4, 2, 2]);
}

#[test]
fn a_call_that_was_neither_taken_nor_refused_tells_nothing_of_the_other_half() {
    let mut parts = Parts::of(vec![1, 2, 3, 4], None);
    let Next::Call(whole) = parts.go_on() else { panic!() };
    parts.refused(whole, &Blame::Untold, "root");
    let Next::Call(first) = parts.go_on() else { panic!() };
    assert_eq!(first.members, [1, 3]);
    let Next::Call(second) = parts.go_on() else { panic!() };
    assert_eq!((second.members.as_slice(), parts.go_on()), ([2, 4].as_slice(), Next::Done));
}

#[test]
fn each_part_has_a_name_of_its_own() {
    let seen = send((0..64).collect(), &BTreeSet::from([3, 40, 41]), UNNAMED);
    assert!(seen.parts.len() > 10 && seen.parts.iter().all(|name| name.starts_with("root")), "{:?}", seen.parts);
}

proptest! {
    #[test]
    fn the_bad_end_refused_and_the_good_are_sent_once(
        n in 1_u32..600,
        bad in proptest::collection::btree_set(0_u32..600, 0..40),
        explains in prop::sample::select(vec![UNNAMED, NAMED, FIRST_TWENTY_NAMED]),
    ) {
        let bad: BTreeSet<u32> = bad.into_iter().filter(|phone| *phone < n).collect();
        let seen = send((0..n).collect(), &bad, explains);
        assert_exact(n, &bad, &seen);
        let (k, depth) = (u32::try_from(bad.len()).unwrap(), log2(n as usize).max(1));
        prop_assert!(seen.calls <= 1 + 2 * k * depth, "{} calls for {k} of {n}", seen.calls);
    }

    /// An unexplained refusal counts as one about phones once any part of the request was taken.
    #[test]
    fn an_unexplained_refusal_is_split_as_well(
        n in 2_u32..600,
        bad in proptest::collection::btree_set(0_u32..600, 0..15),
    ) {
        let bad: BTreeSet<u32> = bad.into_iter().filter(|phone| *phone < n).collect();
        assert_exact(n, &bad, &send((0..n).collect(), &bad, |_| Blame::Untold));
    }
}
