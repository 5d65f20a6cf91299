//! A conditional change of one row, in the two forms in which DynamoDB takes it: a statement of its own, or a part of a
//! transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::{LedgerError, codec::Key, judged::Statement, schema::misbuilt};

/// A condition on the row as it is.
#[derive(Debug, Clone)]
pub(crate) enum When {
    /// The attribute has this value.
    Is(&'static str, AttributeValue),
    /// The row has the attribute.
    Has(&'static str),
    /// The row does not have the attribute.
    Lacks(&'static str),
    /// One of these holds. An empty list holds never.
    Any(Vec<When>),
    /// All of these hold.
    All(Vec<When>),
}

/// A change of one row.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    key: Key,
    sets: Vec<(&'static str, AttributeValue)>,
    removals: Vec<&'static str>,
    conditions: Vec<When>,
}

impl Update {
    pub(crate) fn of(key: Key) -> Self {
        Self { key, sets: Vec::new(), removals: Vec::new(), conditions: Vec::new() }
    }

    pub(crate) fn set(&mut self, name: &'static str, value: AttributeValue) -> &mut Self {
        self.sets.push((name, value));
        self
    }

    pub(crate) fn remove(&mut self, name: &'static str) -> &mut Self {
        self.removals.push(name);
        self
    }

    /// Adds a condition; all must hold.
    pub(crate) fn only_if(&mut self, condition: When) -> &mut Self {
        self.conditions.push(condition);
        self
    }

    /// The change as a statement of its own.
    pub(crate) fn build(self, table: &str) -> Statement {
        let (sets, mut parameters): (Vec<String>, Vec<AttributeValue>) =
            self.sets.into_iter().map(|(name, value)| (format!(" SET \"{name}\"=?"), value)).unzip();
        let removals: Vec<String> = self.removals.into_iter().map(|name| format!(" REMOVE \"{name}\"")).collect();
        parameters.extend([&self.key.pk, &self.key.sk].map(|key| AttributeValue::S(key.clone())));
        let mut condition = |one: When| format!(" AND {}", one.written(&mut Form::Statement(&mut parameters)));
        let conditions: Vec<String> = self.conditions.into_iter().map(&mut condition).collect();
        let (sets, removals, conditions) = (sets.concat(), removals.concat(), conditions.concat());
        let text = format!("UPDATE \"{table}\"{sets}{removals} WHERE \"pk\"=? AND \"sk\"=?{conditions}");
        Statement { key: self.key, text, parameters }
    }

    /// The change as a part of a transaction.
    pub(crate) fn in_transaction(self, table: &str) -> Result<aws_sdk_dynamodb::types::Update, LedgerError> {
        let mut words = Words::default();
        let mut parts = Vec::new();
        let sets: Vec<String> = self
            .sets
            .into_iter()
            .map(|(name, value)| format!("{} = {}", words.name(name), words.value(value)))
            .collect();
        let removals: Vec<String> = self.removals.into_iter().map(|name| words.name(name)).collect();
        for (verb, all) in [("SET", sets), ("REMOVE", removals)] {
            if !all.is_empty() {
                parts.push(format!("{verb} {}", all.join(", ")));
            }
        }
        let condition = |one: When| one.written(&mut Form::Expression(&mut words));
        let conditions: Vec<String> = self.conditions.into_iter().map(condition).collect();
        aws_sdk_dynamodb::types::Update::builder()
            .table_name(table)
            .set_key(Some(self.key.into_item()))
            .update_expression(parts.join(" "))
            .set_condition_expression((!conditions.is_empty()).then(|| conditions.join(" AND ")))
            .set_expression_attribute_names(Some(words.names))
            .set_expression_attribute_values((!words.values.is_empty()).then_some(words.values))
            .build()
            .map_err(misbuilt)
    }
}

/// The names and values that an expression refers to.
#[derive(Default)]
struct Words {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Words {
    fn name(&mut self, name: &str) -> String {
        let word = format!("#{name}");
        self.names.insert(word.clone(), name.to_owned());
        word
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let word = format!(":v{}", self.values.len());
        self.values.insert(word.clone(), value);
        word
    }
}

/// Where a condition is written, and where its values go.
enum Form<'w> {
    /// PartiQL.
    Statement(&'w mut Vec<AttributeValue>),
    /// The condition of a transaction's part.
    Expression(&'w mut Words),
}

impl When {
    /// The condition, in parentheses if it has several parts. The table refuses parentheses around a single part.
    fn written(self, form: &mut Form<'_>) -> String {
        match (self, form) {
            (Self::Is(name, value), Form::Statement(parameters)) => {
                parameters.push(value);
                format!("\"{name}\"=?")
            }
            (Self::Is(name, value), Form::Expression(words)) => {
                format!("{} = {}", words.name(name), words.value(value))
            }
            (Self::Has(name), Form::Statement(_)) => format!("\"{name}\" IS NOT MISSING"),
            (Self::Has(name), Form::Expression(words)) => format!("attribute_exists({})", words.name(name)),
            (Self::Lacks(name), Form::Statement(_)) => format!("\"{name}\" IS MISSING"),
            (Self::Lacks(name), Form::Expression(words)) => format!("attribute_not_exists({})", words.name(name)),
            (Self::Any(some), form) => joined(some, " OR ", form),
            (Self::All(all), form) => joined(all, " AND ", form),
        }
    }
}

/// Several conditions. An empty list becomes one that never holds: every row has a key.
fn joined(conditions: Vec<When>, word: &str, form: &mut Form<'_>) -> String {
    let mut parts: Vec<String> = conditions.into_iter().map(|one| one.written(form)).collect();
    match parts.len() {
        0 => When::Lacks("pk").written(form),
        1 => parts.remove(0),
        _ => format!("({})", parts.join(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn update() -> Update {
        let mut update = Update::of(Key { pk: "M#1".to_owned(), sk: "M".to_owned() });
        update.set("state", value("sending")).remove("why");
        let claimed = When::All(vec![When::Is("state", value("sending")), When::Is("batch", value("b"))]);
        update.only_if(When::Any(vec![When::Is("state", value("held")), claimed]));
        update.only_if(When::Any(vec![When::Is("version", value("3"))])).only_if(When::Lacks("crm_posted_ms"));
        update
    }

    #[test]
    fn a_change_has_the_same_conditions_alone_and_in_a_transaction() {
        let alone = update().build("t");
        assert_eq!(
            alone.text,
            "UPDATE \"t\" SET \"state\"=? REMOVE \"why\" WHERE \"pk\"=? AND \"sk\"=? AND (\"state\"=? OR (\"state\"=? AND \
             \"batch\"=?)) AND \"version\"=? AND \"crm_posted_ms\" IS MISSING"
        );
        let words = ["sending", "M#1", "M", "held", "sending", "b", "3"];
        assert_eq!(alone.parameters, words.map(value));
        let part = update().in_transaction("t").unwrap();
        assert_eq!(part.update_expression(), "SET #state = :v0 REMOVE #why");
        assert_eq!(
            part.condition_expression().unwrap(),
            "(#state = :v1 OR (#state = :v2 AND #batch = :v3)) AND #version = :v4 AND \
             attribute_not_exists(#crm_posted_ms)"
        );
        assert_eq!(part.expression_attribute_values().unwrap()[":v3"], value("b"));
        assert_eq!(part.expression_attribute_names().unwrap()["#batch"], "batch");
    }

    #[test]
    fn a_change_from_no_state_is_never_made() {
        let mut never = Update::of(Key { pk: "M#1".to_owned(), sk: "M".to_owned() });
        never.set("state", value("held")).only_if(When::Any(Vec::new()));
        assert!(never.clone().build("t").text.ends_with(" AND \"pk\" IS MISSING"));
        assert_eq!(never.in_transaction("t").unwrap().condition_expression(), Some("attribute_not_exists(#pk)"));
    }
}
