//! Any row: no reader of rows panics, and no error shows a phone.
//!
//! A row is a text of lines, `attribute`, type and value, with tabs between them. So a fuzzing engine can change it.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use fuzz_input::{examples, variants};

use super::*;
use crate::StoredCallback;

fn row(text: &str) -> Item {
    let attribute = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (name, kind, value) = (parts.next()?, parts.next()?, parts.next()?);
        let value = match kind {
            "S" => s(value),
            "N" => n(value),
            "B" => AttributeValue::B(Blob::new(hex::decode(value).unwrap_or_else(|_| value.as_bytes().to_vec()))),
            "BOOL" => AttributeValue::Bool(value == "true"),
            "M" => AttributeValue::M(row(&value.replace('|', "\n").replace(' ', "\t"))),
            _ => AttributeValue::Null(true),
        };
        Some((name.to_owned(), value))
    };
    text.lines().filter_map(attribute).collect()
}

fn reads(item: &Item) {
    let results = [
        message_from(item).map(|message| {
            let again = message_from(&message_item(&message));
            assert!(again.is_ok(), "what was read can be written and read: {again:?}");
            if let Some(block) = message.block() {
                let (one, rest) = block.clone().split_at(7);
                assert_eq!(one.recipients() + rest.recipients(), block.recipients(), "nobody is lost or made up");
            }
        }),
        batch_from(item).map(drop),
        StoredCallback::from_item(item).map(drop),
        Key::of(item).map(drop),
    ];
    for error in results.into_iter().filter_map(Result::err) {
        let error = error.to_string();
        let key = item.get("pk").and_then(|pk| pk.as_s().ok()).map_or("", String::as_str);
        let phones = ["phone", "recipient"].into_iter().filter_map(|name| item.get(name)?.as_s().ok());
        // The key that an error names holds a phone behind `#phone#` alone. Short values stand in it by chance.
        for phone in phones.filter(|phone| phone.len() > 9 && !key.contains(phone.as_str())) {
            assert!(!error.contains(phone.as_str()), "{error}");
        }
    }
}

#[test]
fn item() {
    let examples = examples(concat!(env!("CARGO_MANIFEST_DIR"), "/src/codec/__fuzz__/codec__fuzz__item/corpus"));
    bolero::check!().for_each(|input: &[u8]| {
        for bytes in variants(input, &examples) {
            reads(&row(&String::from_utf8_lossy(&bytes)));
        }
    });
}
