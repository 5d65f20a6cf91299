//! Several functions, one account: the limits hold over all of them together.
use crate::support::{Asked, Store};
use recado_ledger::{Ledger, embedded_client};
use recado_limits::{CallClass, CrmAccount, CrmLimits, Seen, Slot};
use recado_table::EmbeddedTable;

const LIMITS: CrmLimits = CrmLimits {
    calls: 4,
    bulk_calls: 1,
    bulk_counts_in_window: true,
    window_ms: 5000,
    calls_per_day: None,
    day_in_shadow: false,
    reserve_per_mille: 0,
};
const NOW_MS: i64 = 1_790_000_000_000;

async fn accounts(count: usize) -> (EmbeddedTable, Vec<CrmAccount>) {
    let table = EmbeddedTable::memory().unwrap();
    let client = embedded_client(table.http_client());
    Ledger::new(client.clone(), "recado", 0).create_if_missing().await.unwrap();
    let accounts = (0..count).map(|_| CrmAccount::new(client.clone(), "recado", LIMITS)).collect();
    (table, accounts)
}

#[tokio::test]
async fn functions_that_know_nothing_of_each_other_share_the_windows() {
    let (_table, accounts) = accounts(3).await;
    let mut granted = Vec::new();
    for turn in 0..30 {
        let account = &accounts[turn % accounts.len()];
        match account.slot(CallClass::Standard, NOW_MS, NOW_MS + 60_000).await.unwrap() {
            Slot::At(at_ms) => granted.push(at_ms),
            Slot::NotBefore(at_ms) => panic!("no slot before {at_ms}"),
        }
    }
    for &from in &granted {
        assert!(granted.iter().filter(|at| (from..from + 5000).contains(*at)).count() <= 4);
    }
    assert_eq!(granted.iter().filter(|at| **at == NOW_MS).count(), 4, "the first burst is a full one");
    let state = accounts[0].state(NOW_MS).await.unwrap();
    assert_eq!((state.day_calls, state.calls, state.calls_limit), (30, 0, 4), "the last four lie ahead");
}

#[tokio::test]
async fn who_cannot_wait_is_told_when_and_reserves_nothing() {
    let (_table, accounts) = accounts(1).await;
    assert_eq!(accounts[0].slot(CallClass::Bulk, NOW_MS, NOW_MS).await.unwrap(), Slot::At(NOW_MS));
    for _ in 0..3 {
        let refused = accounts[0].slot(CallClass::Bulk, NOW_MS, NOW_MS + 5000).await.unwrap();
        assert_eq!(refused, Slot::NotBefore(NOW_MS + 5250));
    }
}

#[tokio::test]
async fn a_refusal_to_one_closes_the_account_for_all() {
    let (_table, accounts) = accounts(2).await;
    accounts[0].slot(CallClass::Standard, NOW_MS, NOW_MS).await.unwrap();
    let named = Seen { calls: 1, window_ms: 5_000 };
    let learnt = accounts[0].refused(CallClass::Standard, NOW_MS, NOW_MS + 9000, Some(named)).await.unwrap();
    assert_eq!(learnt, Some(CallClass::Standard));
    let slot = accounts[1].slot(CallClass::Standard, NOW_MS + 1, NOW_MS + 60_000).await.unwrap();
    assert_eq!(slot, Slot::At(NOW_MS + 9000));
    let slot = accounts[0].slot(CallClass::Standard, NOW_MS + 1, NOW_MS + 60_000).await.unwrap();
    assert_eq!(slot, Slot::At(NOW_MS + 14_250), "one call a window, as learnt");
    let state = accounts[1].state(NOW_MS).await.unwrap();
    assert_eq!((state.learnt, state.closed_until_ms), (Some(named), Some(NOW_MS + 9000)));
    accounts[0].forget_learnt().await.unwrap();
    assert_eq!(accounts[1].state(NOW_MS).await.unwrap().learnt, None);
}

#[tokio::test]
async fn a_slot_is_one_write_and_a_refusal_none() {
    let store = Store::start().await;
    let (client, counter) = store.client();
    let account = CrmAccount::new(client, "recado", LIMITS);
    account.slot(CallClass::Bulk, NOW_MS, NOW_MS).await.unwrap();
    let first = counter.take();
    assert_eq!((first.reads, first.writes, first.refused), (1, 1, 0), "the first one looks first");
    account.slot(CallClass::Standard, NOW_MS + 1, NOW_MS + 1).await.unwrap();
    let one_write = Asked { reads: 0, writes: 1, refused: 0, units: 1.0 };
    assert_eq!(counter.take(), one_write, "window, bulk window and day in one write");
    for ms in 2..100 {
        let refused = account.slot(CallClass::Bulk, NOW_MS + ms, NOW_MS + 5_000).await.unwrap();
        assert_eq!(refused, Slot::NotBefore(NOW_MS + 5_250));
    }
    assert_eq!(counter.take(), Asked::default(), "refused from memory until that instant");
    let named = Some(Seen { calls: 2, window_ms: 5_000 });
    account.refused(CallClass::Standard, NOW_MS + 100, NOW_MS + 5_300, named).await.unwrap();
    assert_eq!(counter.take(), Asked { reads: 1, writes: 1, refused: 0, units: 2.0 }, "closed and learnt");
    for ms in 101..200 {
        let refused = account.slot(CallClass::Standard, NOW_MS + ms, NOW_MS + 5_000).await.unwrap();
        assert_eq!(refused, Slot::NotBefore(NOW_MS + 5_300));
    }
    assert_eq!(counter.take(), Asked::default());
}

#[tokio::test]
async fn a_refused_bulk_call_teaches_all_functions_the_bulk_limit() {
    let (table, accounts) = accounts(2).await;
    let wide = CrmLimits { calls: 20, bulk_calls: 4, ..LIMITS };
    let client = embedded_client(table.http_client());
    let (first, second) = (CrmAccount::new(client.clone(), "recado", wide), CrmAccount::new(client, "recado", wide));
    for _ in 0..4 {
        first.slot(CallClass::Bulk, NOW_MS, NOW_MS).await.unwrap();
    }
    let named = Seen { calls: 2, window_ms: 5_000 };
    let learnt = first.refused(CallClass::Bulk, NOW_MS + 50, NOW_MS + 5_250, Some(named)).await.unwrap();
    assert_eq!(learnt, Some(CallClass::Bulk));
    let state = second.state(NOW_MS + 60).await.unwrap();
    assert_eq!((state.learnt, state.learnt_bulk), (None, Some(named)));
    assert_eq!((state.calls_limit, state.bulk_limit), (20, 2));
    accounts[0].forget_learnt().await.unwrap();
    assert_eq!(second.state(NOW_MS + 70).await.unwrap().bulk_limit, 4);
}
