//! The shared item in its DynamoDB form, and a write as one `UpdateItem`.

use std::{collections::HashMap, fmt::Write as _, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::{Item, Move, Stated, Suspension, Write};

/// A condition and an update, with their values.
#[derive(Debug, Default)]
pub(crate) struct Update {
    pub(crate) condition: String,
    pub(crate) expression: String,
    pub(crate) values: HashMap<String, AttributeValue>,
}

pub(crate) fn key(pk: &str) -> HashMap<String, AttributeValue> {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text("L"))])
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

impl Update {
    /// `write` as a condition and an update.
    pub(crate) fn of(write: &Write) -> Self {
        let mut update = Self::default();
        let (from_us, to_us) = write.tat_within;
        if write.rev == 0 {
            "attribute_not_exists(rev)".clone_into(&mut update.condition);
        } else {
            "rev = :rev".clone_into(&mut update.condition);
            update.value(":rev", write.rev);
            if from_us > i64::MIN {
                update.condition.push_str(" AND tat_us >= :from");
                update.value(":from", from_us);
            }
            if to_us < i64::MAX {
                update.condition.push_str(" AND tat_us <= :to");
                update.value(":to", to_us);
            }
        }
        "SET ".clone_into(&mut update.expression);
        match write.tat {
            Move::On(us) => {
                update.expression.push_str("tat_us = tat_us + :tat");
                update.value(":tat", us);
            }
            Move::To(us) => update.set("tat_us", us),
        }
        if write.rev == 0 || write.next_rev {
            update.set("rev", write.rev + 1);
        }
        if let Some(Stated { limit, until_ms }) = write.limit {
            update.set("calls", limit);
            update.set("calls_until_ms", until_ms);
        }
        if let Some(Stated { limit, until_ms }) = write.cut {
            update.set("cut", limit);
            update.set("cut_until_ms", until_ms);
        }
        if let Some(until_ms) = write.closed_until_ms {
            update.set("closed_until_ms", until_ms);
        }
        if let Some(marks) = &write.marks {
            update.set_to("marks", list(marks));
        }
        match &write.suspension {
            Some(Suspension::Begins(why)) => update.set_to("closed_why", AttributeValue::S(why.clone())),
            Some(Suspension::Ends) => update.expression.push_str(" REMOVE closed_why"),
            None => {}
        }
        update.expression.push_str(" ADD leased :leased");
        update.value(":leased", write.leased);
        update
    }

    fn set(&mut self, name: &str, value: impl ToString) {
        self.set_to(name, number(value));
    }

    fn set_to(&mut self, name: &str, value: AttributeValue) {
        let comma = if self.values.keys().any(|key| key.starts_with(":set_") || key == ":tat") { ", " } else { "" };
        // Writing to a string does not fail.
        let _ = write!(self.expression, "{comma}{name} = :set_{name}");
        self.values.insert(format!(":set_{name}"), value);
    }

    fn value(&mut self, name: &str, value: impl ToString) {
        self.values.insert(name.to_owned(), number(value));
    }
}

/// The marks as one flat list: moment, sold, moment, sold, …
fn list(marks: &[(i64, u64)]) -> AttributeValue {
    AttributeValue::L(marks.iter().flat_map(|(at_us, leased)| [number(at_us), number(leased)]).collect())
}

/// The content of an item. An item that does not exist, or is empty, is absent.
pub(crate) fn item(attributes: Option<&HashMap<String, AttributeValue>>) -> Item {
    let Some(attributes) = attributes else { return Item::ABSENT };
    let stated = |limit: &str, until: &str| {
        Some(Stated { limit: read(attributes.get(limit))?, until_ms: read(attributes.get(until))? })
    };
    Item {
        rev: read(attributes.get("rev")).unwrap_or_default(),
        tat_us: read(attributes.get("tat_us")).unwrap_or_default(),
        leased: read(attributes.get("leased")).unwrap_or_default(),
        marks: marks(attributes.get("marks")),
        limit: stated("calls", "calls_until_ms").unwrap_or(Item::ABSENT.limit),
        cut: stated("cut", "cut_until_ms"),
        closed_until_ms: read(attributes.get("closed_until_ms")).unwrap_or_default(),
        suspended: attributes.get("closed_why").and_then(|why| why.as_s().ok()).cloned(),
    }
}

fn marks(value: Option<&AttributeValue>) -> Vec<(i64, u64)> {
    let values = value.and_then(|value| value.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
    let pair = |pair: &[AttributeValue]| Some((read(pair.first())?, read(pair.get(1))?));
    values.chunks_exact(2).filter_map(pair).collect()
}

fn read<T: FromStr>(value: Option<&AttributeValue>) -> Option<T> {
    value.and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::{
        operation::update_item::UpdateItemError,
        types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
    };
    use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
    use recado_ledger::{Ledger, embedded_client};
    use recado_table::EmbeddedTable;

    use super::*;

    fn writes() -> impl Strategy<Value = Write> {
        let stated = || prop::option::of((1..9_u32, 0..9_i64).prop_map(|(limit, until_ms)| Stated { limit, until_ms }));
        let tat = prop_oneof![(0..20_i64).prop_map(Move::On), (0..60_i64).prop_map(Move::To)];
        let low = prop_oneof![Just(i64::MIN), 0..40_i64];
        let high = prop_oneof![Just(i64::MAX), 20..90_i64];
        let marks = prop::option::of(prop::collection::vec((0..9_i64, 0..9_u64), 0..3));
        let why = prop::option::of(prop_oneof![Just(Suspension::Ends), Just(Suspension::Begins("401: no".to_owned()))]);
        let closed = (prop::option::of(0..9_i64), why);
        (tat, (low, high), 0..5_u32, marks, stated(), stated(), closed, any::<bool>()).prop_map(
            |(tat, tat_within, leased, marks, limit, cut, (closed_until_ms, suspension), next_rev)| Write {
                leased,
                marks,
                limit,
                cut,
                closed_until_ms,
                suspension,
                next_rev,
                ..Write::new(1, tat_within, tat)
            },
        )
    }

    #[tokio::test]
    async fn the_store_does_what_the_proof_says_it_does() {
        let table = EmbeddedTable::memory().unwrap();
        let client = embedded_client(table.http_client());
        Ledger::new(client.clone(), "recado", 0).create_if_missing().await.unwrap();
        let (mut known, mut made) = (Item::ABSENT, 0);
        let first = Stated { limit: 5, until_ms: 1 };
        let creation = Write { limit: Some(first), ..Write::new(0, (0, 0), Move::To(10)) };
        let mut runner = TestRunner::deterministic();
        for step in 0..400_u64 {
            let mut write = writes().new_tree(&mut runner).unwrap().current();
            write.rev = known.rev.max(1) - u64::from(step % 9 == 8 && known.rev > 1);
            if step % 50 == 0 {
                write = creation.clone();
            }
            let update = Update::of(&write);
            let answer = client
                .update_item()
                .table_name("recado")
                .set_key(Some(key("L#proof")))
                .condition_expression(update.condition)
                .update_expression(update.expression)
                .set_expression_attribute_values(Some(update.values))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .send()
                .await;
            let expected = write.applied_to(&known);
            made += u32::from(expected.is_some());
            match answer {
                Ok(output) => assert_eq!(Some(item(output.attributes())), expected, "{write:?} on {known:?}"),
                Err(error) => match error.into_service_error() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => {
                        assert_eq!((expected.as_ref(), item(failed.item())), (None, known.clone()), "{write:?}");
                    }
                    other => panic!("{other}"),
                },
            }
            known = expected.unwrap_or(known);
        }
        assert!((100..350).contains(&made), "{made}");
    }
}
