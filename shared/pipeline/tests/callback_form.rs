//! Since when an installation signs callback URLs in their present form.

use recado_ledger::{Ledger, embedded_client};
use recado_pipeline::{World, secrets::present_form_since};
use recado_table::EmbeddedTable;

#[tokio::test]
async fn the_first_release_that_asks_fixes_when_older_urls_end_and_no_later_start_moves_it() {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 86_400_000);
    ledger.create_if_missing().await.unwrap();
    let at = |now_ms: i64| World::new(move || now_ms, || [0; 16]);
    let (one, another) = (at(1_000), at(1_001));
    let (first, second) = tokio::join!(present_form_since(&ledger, &one), present_form_since(&ledger, &another));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second, "two processes that start together agree");
    assert!((1_000..=1_001).contains(&first));
    assert_eq!(present_form_since(&ledger, &at(9_000_000)).await.unwrap(), first);
    table.stop().await;
}
