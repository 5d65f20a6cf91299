//! Any body of a webhook: it is read within its bounds, and no body panics.

use fuzz_input::{examples, variants};
use leadsquared::webhook::{ELEMENTS_MAX, parse};

/// 2026-08-08 05:52:30 UTC.
const NOW_MS: i64 = 1_786_168_350_000;

#[test]
fn webhook() {
    let examples = examples(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/__fuzz__/fuzz__webhook/corpus"));
    let kinds = [Some("application/json"), Some("application/x-www-form-urlencoded"), Some("text/plain"), None];
    let queries = [
        vec![],
        vec![("event".to_owned(), "3".to_owned())],
        vec![("eventType".to_owned(), "LeadActivity_Post_Create".to_owned()), ("entityId".to_owned(), "a1".to_owned())],
    ];
    bolero::check!().for_each(|input: &[u8]| {
        for body in variants(input, &examples) {
            for kind in kinds {
                for query in &queries {
                    match parse(kind, query, &body, NOW_MS) {
                        Ok(elements) => {
                            assert!(elements.len() <= ELEMENTS_MAX);
                            let of_one_body = |index: usize| index == 0 || index < elements.len();
                            let good = elements.iter().filter_map(|one| one.as_ref().err());
                            good.for_each(|error| assert!(of_one_body(error.index), "{error}"));
                        }
                        Err(error) => assert!(!error.to_string().is_empty()),
                    }
                }
            }
        }
    });
}
