//! Any body of a callback: what is read of it is short enough to be a key of the table.

use fuzz_input::{examples, variants};
use liguelead::callback::{Callback, Status};

#[test]
fn callback() {
    let examples = examples(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/__fuzz__/fuzz__callback/corpus"));
    bolero::check!().for_each(|input: &[u8]| {
        for body in variants(input, &examples) {
            let Ok(callback) = Callback::parse(&body) else { continue };
            let id = callback.campaign_id.as_deref().unwrap_or_default();
            assert!(id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id:?}");
            assert!(callback.occurred_at.len() <= 64, "{:?}", callback.occurred_at);
            if let Status::Other(word) = &callback.status {
                assert!(word.chars().count() <= 40, "{word:?}");
            }
        }
    });
}
