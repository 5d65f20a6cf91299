//! LigueLead's leases on a table: the requests of each operation, and what is granted when it fails.

use crate::support::{Asked, NOW_MS, Store, Way, at, client, plan};
use recado_limits::{Clock, LimitError, NoPermit, NotNow, RateHeaders};

fn until(refused: NoPermit) -> i64 {
    match refused {
        NoPermit::Refused { until_ms } => until_ms - NOW_MS,
        other => panic!("{other}"),
    }
}

const NOTHING: Asked = Asked { reads: 0, writes: 0, refused: 0, units: 0.0 };
const ONE_WRITE: Asked = Asked { reads: 0, writes: 1, refused: 0, units: 1.0 };

#[tokio::test]
async fn a_lease_is_one_write_and_its_permits_are_none() {
    let store = Store::start().await;
    let (account, counter) = store.account(plan(600_000, 60_000));
    let permits = account.permits(1_000, at(0), NOW_MS).await.unwrap();
    assert_eq!(counter.take(), Asked { reads: 1, writes: 1, refused: 0, units: 2.0 }, "the first one looks first");
    for _ in 0..1_000 {
        permits.spend(at(900)).unwrap();
    }
    assert_eq!((permits.spend(at(900)), counter.take()), (Err(NotNow::Over), NOTHING));
    let again = account.permits(900, at(901), NOW_MS + 901).await.unwrap();
    assert_eq!(counter.take(), ONE_WRITE, "the account was idle again");
    drop(account.permits(50, at(902), NOW_MS + 902).await.unwrap());
    assert_eq!((again.left(), counter.take()), (900, NOTHING), "the lease in hand has more");
}

#[tokio::test]
async fn who_is_refused_is_told_when_and_asks_the_table_no_more() {
    let store = Store::start().await;
    let (account, counter) = store.account(plan(60, 60_000));
    let price_ms = 61_400 / 60;
    account.permits(1, at(0), NOW_MS).await.unwrap().spend(at(1)).unwrap();
    counter.take();
    let first = until(account.permits(1, at(2), NOW_MS + 2).await.unwrap_err());
    assert!((price_ms..=price_ms + 2).contains(&first), "{first}");
    for ms in 3..200 {
        assert_eq!(until(account.permits(1, at(ms), NOW_MS + ms).await.unwrap_err()), first);
    }
    assert_eq!(counter.take(), NOTHING);
    let waits = account.permits(1, at(200), NOW_MS + first).await.unwrap();
    assert_eq!((waits.from_ms() - NOW_MS, counter.take()), (first, ONE_WRITE), "or it reserves, by one write");
    assert!(matches!(waits.spend(at(first - 1)), Err(NotNow::Early(_))));
    waits.spend(at(first)).unwrap();
}

#[tokio::test]
async fn functions_share_and_none_starts_before_its_place() {
    let store = Store::start().await;
    let (plan, mut begins) = (plan(600_000, 60_000), Vec::new());
    for _ in 0..8 {
        let (account, counter) = store.account(plan);
        let permits = account.permits(1_900, at(0), NOW_MS + 60_000).await.unwrap();
        assert_eq!((permits.left(), counter.take().writes), (1_900, 1));
        begins.push(permits.from_ms() - NOW_MS);
    }
    // 1,900 permits cost 195.1 ms, and 200 ms of the axis may be spent at once.
    assert_eq!(begins, [1, 191, 386, 581, 776, 971, 1_166, 1_361]);
}

#[tokio::test]
async fn one_refusal_closes_for_all() {
    let store = Store::start().await;
    let ((first, asked), (second, others)) =
        (store.account(plan(600_000, 60_000)), store.account(plan(600_000, 60_000)));
    let in_hand = first.permits(10, at(0), NOW_MS).await.unwrap();
    second.permits(1, at(0), NOW_MS).await.unwrap().spend(at(0)).unwrap();
    asked.take();
    others.take();
    first.refused(NOW_MS + 30_000, at(100)).await.unwrap();
    assert_eq!(asked.take(), ONE_WRITE, "although the other one has moved the item on");
    assert_eq!(in_hand.spend(at(100)), Err(NotNow::Over), "also what was in hand");
    for _ in 0..100 {
        assert_eq!(until(first.permits(1, at(101), NOW_MS + 60_000).await.unwrap_err()), 30_001);
        first.refused(NOW_MS + 30_000, at(101)).await.unwrap();
    }
    assert_eq!(asked.take(), NOTHING);
    let waits = second.permits(1, at(2_000), NOW_MS + 60_000).await.unwrap();
    assert!(waits.from_ms() >= NOW_MS + 30_000);
    assert_eq!(others.take(), ONE_WRITE, "it reserves behind the closed time");
    assert!(until(second.permits(1, at(2_001), NOW_MS + 2_001).await.unwrap_err()) >= 30_000);
    assert_eq!(others.take(), NOTHING);
    let state = second.state(at(2_002)).await.unwrap();
    assert_eq!((state.closed_until_ms, state.left), (Some(NOW_MS + 30_000), 0));
    assert_eq!(waits.spend(at(31_000)), Err(NotNow::Unconfirmed), "it waited long");
    second.confirm(&waits, at(31_000)).await.unwrap();
    waits.spend(at(31_000)).unwrap();
}

#[tokio::test]
async fn a_lease_that_waited_while_the_account_was_closed_is_over() {
    let store = Store::start().await;
    let ((first, _), (second, _)) = (store.account(plan(60, 60_000)), store.account(plan(60, 60_000)));
    first.permits(1, at(0), NOW_MS).await.unwrap();
    first.permits(1, at(1), NOW_MS + 5_000).await.unwrap();
    let waits = second.permits(1, at(2), NOW_MS + 5_000).await.unwrap();
    first.refused(NOW_MS + 9_000, at(3)).await.unwrap();
    let begun = at(waits.from_ms() - NOW_MS);
    assert_eq!(waits.spend(begun), Err(NotNow::Unconfirmed));
    second.confirm(&waits, begun).await.unwrap();
    assert_eq!(waits.spend(begun), Err(NotNow::Over));
}

#[tokio::test]
async fn an_answer_that_is_lost_wastes_permits_and_no_more() {
    let store = Store::start().await;
    let way = Way::to(&store).await;
    let (client, _) = client(&way.url);
    let account = recado_limits::LigueLeadAccount::new(client, "recado", plan(600_000, 60_000));
    account.permits(100, at(0), NOW_MS).await.unwrap();
    assert_eq!(account.state(at(1)).await.unwrap().used, 100);
    way.lose(1);
    let permits = account.permits(200, at(2), NOW_MS + 60_000).await.unwrap();
    let state = account.state(at(3)).await.unwrap();
    assert_eq!((permits.left(), state.used), (100, 100), "what the first lease still had came first");
    way.lose(1);
    let more = account.permits(200, at(4), NOW_MS + 60_000).await.unwrap();
    let rest = account.permits(u32::MAX, at(5), NOW_MS + 60_000).await.unwrap();
    let sold = account.state(at(5)).await.unwrap().used - state.used;
    assert_eq!((more.left(), sold), (200, 2 * u64::from(200 + rest.left())), "made twice, believed once");
}

#[tokio::test]
async fn without_the_table_nothing_is_granted_beyond_the_lease_in_hand() {
    let store = Store::start().await;
    let way = Way::to(&store).await;
    let (client, _) = client(&way.url);
    let account = recado_limits::LigueLeadAccount::new(client, "recado", plan(600_000, 60_000));
    let permits = account.permits(5, at(0), NOW_MS).await.unwrap();
    way.lose(i64::MAX);
    for _ in 0..5 {
        permits.spend(at(10)).unwrap();
    }
    let refused = account.permits(1, at(11), NOW_MS + 60_000).await.unwrap_err();
    assert!(matches!(refused, NoPermit::Store(LimitError::Unavailable(_))), "{refused:?}");
    account.refused(NOW_MS + 5_000, at(12)).await.unwrap_err();
    way.lose(0);
    assert_eq!(
        until(account.permits(1, at(13), NOW_MS + 60_000).await.unwrap_err()),
        5_001,
        "closed here all the same"
    );
    assert!(account.permits(1, at(5_002), NOW_MS + 60_000).await.is_ok());
}

#[tokio::test]
async fn what_others_use_is_taken_off_for_all_and_comes_back_by_itself() {
    let store = Store::start().await;
    let ((first, asked), (second, _)) = (store.account(plan(600_000, 60_000)), store.account(plan(600_000, 60_000)));
    first.permits(1_000, at(0), NOW_MS).await.unwrap();
    asked.take();
    let headers = |remaining| RateHeaders { limit: 600_000, remaining, reset_epoch_s: 0 };
    for ms in 0_i64..100 {
        assert!(!first.observed(headers(599_000 - 10 * ms.unsigned_abs()), at(ms), at(ms)).await.unwrap());
    }
    assert_eq!(asked.take(), NOTHING, "no others, no request");
    assert!(first.observed(headers(299_000), at(100), at(100)).await.unwrap());
    assert_eq!(asked.take(), ONE_WRITE);
    assert!(!first.observed(headers(298_990), at(101), at(101)).await.unwrap(), "it is known");
    let cut = second.state(at(102)).await.unwrap();
    assert_eq!((cut.limit, cut.cut), (300_000, Some((300_000, NOW_MS + 120_100))));
    let permits = second.permits(3_000, at(103), NOW_MS + 60_000).await.unwrap();
    assert_eq!(permits.left(), 974, "half the rate, half the burst");
    assert_eq!(second.state(at(121_000)).await.unwrap().limit, 600_000);
}

#[tokio::test]
async fn a_stricter_configuration_counts_for_all_until_nobody_states_it() {
    let store = Store::start().await;
    let ((old, _), (new, _)) = (store.account(plan(600_000, 60_000)), store.account(plan(600_000, 60_000)));
    old.permits(10, at(0), NOW_MS).await.unwrap();
    new.configure(plan(6_000, 60_000)).await;
    let permits = new.permits(100, at(10), NOW_MS + 200_000).await.unwrap();
    // Permits sold at a hundredth of the price would be charged 1.5 s a hundred times: more than a window apart.
    let from_ms = permits.from_ms() - NOW_MS;
    assert!((61_400..63_500).contains(&from_ms), "{from_ms}");
    assert_eq!(old.state(at(20)).await.unwrap().limit, 6_000);
    old.permits(1, at(130_000), NOW_MS + 300_000).await.unwrap();
    assert_eq!(old.state(at(250_000)).await.unwrap().limit, 600_000);
}

#[tokio::test]
async fn admission_waits_and_spends() {
    let store = Store::start().await;
    let (account, counter) = store.account(plan(1_000, 5_000));
    let (clock, mut begun) = (Clock::new(), Vec::new());
    for _ in 0..60 {
        let latest_ms = clock.read().wall_us / 1_000 + 10_000;
        account.admit(&clock, latest_ms).await.unwrap();
        begun.push(clock.read().mono_us / 1_000);
    }
    // 1,000 requests in 5 s less the margins: one each 5.9 ms, after a burst of 42.
    assert!(*begun.last().unwrap() > 60, "{begun:?}");
    assert!(counter.take().writes <= 30);
}

fn suspended_until(refused: &NoPermit) -> Option<(i64, &str)> {
    match refused {
        NoPermit::Suspended { until_ms, why } => Some((until_ms - NOW_MS, why)),
        _ => None,
    }
}

#[tokio::test]
async fn an_account_that_the_vendor_refuses_is_tried_by_one_call_after_a_while() {
    const CLOSED_MS: i64 = 300_000;
    let store = Store::start().await;
    let plan = plan(600_000, 60_000);
    let ((one, _), (other, counter)) = (store.account(plan), store.account(plan));
    other.permits(10, at(0), NOW_MS).await.unwrap();
    counter.take();
    assert!(one.suspend(NOW_MS + CLOSED_MS, "401: no", at(1)).await.unwrap());
    assert!(!other.suspend(NOW_MS + CLOSED_MS + 5, "401: no", at(6)).await.unwrap(), "said before");
    let refused = other.permits(1, at(10), NOW_MS + 60_000).await.unwrap_err();
    assert_eq!(suspended_until(&refused), Some((CLOSED_MS, "401: no")));
    counter.take();
    for ms in 11..4_000 {
        other.permits(1, at(ms), NOW_MS + ms).await.unwrap_err();
    }
    assert_eq!(counter.take(), NOTHING, "a refusal is repeated from memory");
    let state = other.state(at(4_000)).await.unwrap();
    assert_eq!((state.suspended.as_deref(), state.closed_until_ms), (Some("401: no"), Some(NOW_MS + CLOSED_MS)));

    // Its time is over: one permit for all, however many are wanted.
    let probe = one.permits(500, at(CLOSED_MS), NOW_MS + CLOSED_MS).await.unwrap();
    assert_eq!(probe.left(), 1);
    probe.spend(at(CLOSED_MS)).unwrap();
    for account in [&one, &other] {
        let refused = account.permits(1, at(CLOSED_MS + 1), NOW_MS + CLOSED_MS + 1).await.unwrap_err();
        assert_eq!(suspended_until(&refused), Some((CLOSED_MS + 60_000, "401: no")));
    }
    // The request is refused again, and a later one is taken.
    assert!(one.suspend(NOW_MS + 2 * CLOSED_MS, "402: no credits", at(CLOSED_MS + 50)).await.unwrap());
    let probe = other.permits(9, at(2 * CLOSED_MS), NOW_MS + 2 * CLOSED_MS).await.unwrap();
    probe.spend(at(2 * CLOSED_MS)).unwrap();
    assert!(other.resume(at(2 * CLOSED_MS + 80)).await.unwrap());
    assert!(!other.resume(at(2 * CLOSED_MS + 81)).await.unwrap(), "once");
    let later = 2 * CLOSED_MS + 10_000;
    assert_eq!(one.permits(100, at(later), NOW_MS + later).await.unwrap().left(), 100);
}

#[tokio::test]
async fn an_operator_opens_a_suspended_account_at_once() {
    let store = Store::start().await;
    let plan = plan(600_000, 60_000);
    let ((sender, _), (operator, _)) = (store.account(plan), store.account(plan));
    sender.suspend(NOW_MS + 300_000, "403: not enabled", at(0)).await.unwrap();
    operator.state(at(1_000)).await.unwrap();
    assert!(operator.resume(at(1_001)).await.unwrap());
    // The sender reads the item again after some seconds.
    sender.permits(1, at(2_000), NOW_MS + 2_000).await.unwrap_err();
    assert_eq!(sender.permits(7, at(6_000), NOW_MS + 6_000).await.unwrap().left(), 7);
}

#[tokio::test]
async fn low_priority_uses_its_share_and_waits_behind_the_others() {
    let store = Store::start().await;
    let plan = plan(6_000, 60_000);
    let (rules, _) = store.account(plan);
    let low = store.at_share(plan, 500);
    // About one request each 10 ms, and with low priority one each 20 ms.
    let mut granted = 0_u32;
    for ms in (0..20_000).step_by(5) {
        if let Ok(permits) = low.permits(1, at(ms), NOW_MS + ms + 5_000).await {
            granted += u32::from(permits.spend(at(ms)).is_ok());
        }
    }
    assert!((900..=1_020).contains(&granted), "{granted} of 1,000 in 20 s");
    // A taker of the whole limit reserves ahead; low priority does not come in between.
    let from = rules.permits(200, at(20_000), NOW_MS + 25_000).await.unwrap().from_ms();
    let refused = low.permits(1, at(20_001), NOW_MS + 25_000).await.unwrap_err();
    assert!(until(refused) + NOW_MS > from - 200, "behind what was reserved");
}
