//! Facts about a condition that are certain before any event: parts that never hold, and values that it demands.
//!
//! A condition is a chain of parts joined by `and`, often a single part. If every name of a part has a known value, the
//! part can be evaluated now. If it does not hold, the condition never does. Known values are those that the caller
//! fixes, and those that other parts demand (`lead.Source == "Site"`). All other parts are left to the event.

use std::collections::BTreeMap;

use super::error::SnippetError;
use super::scan::{self, Kind, Scanned, Token};
use super::{Condition, Context, ENGINE, lint, tests_of_values};
use crate::fields::Fields;
use crate::kind::ITEM_NAMES;
use crate::zone::Zone;

/// Values by dotted name, such as `lead.Source`; `None` is a field that exists and is empty.
pub type Known = BTreeMap<String, Option<String>>;

impl Condition {
    /// `known` with the values that the condition itself demands, by a part `name == "value"`. Values that are known
    /// already stay as they are.
    #[must_use]
    pub fn with_demands(&self, known: &Known) -> Known {
        let mut all = known.clone();
        if let Ok(scanned) = scan::condition(self.source()) {
            for part in parts(&scanned) {
                if let Some((name, value)) = demand(part) {
                    all.entry(name).or_insert(Some(value));
                }
            }
        }
        all
    }

    /// The first part that can never hold with `known` and the values that the other parts demand, and its position.
    /// `None`: no such part is certain.
    #[must_use]
    pub fn never_holds(&self, known: &Known) -> Option<SnippetError> {
        let scanned = scan::condition(self.source()).ok()?;
        let all = self.with_demands(known);
        let parts = parts(&scanned);
        let is_alone = parts.len() == 1;
        parts.into_iter().find_map(|part| {
            let (first, last) = (part.first()?, part.last()?);
            let source = scanned.source.get(first.at..last.at + last.text.len())?;
            let used = failing(source, is_alone, &all)?;
            let facts: Vec<String> = used.iter().map(|(name, value)| fact(name, value.as_deref())).collect();
            let message = match facts.as_slice() {
                [] => "this is never true: nothing is ever sent".to_owned(),
                facts => format!("this is never true, because here {}: nothing is ever sent", facts.join(" and ")),
            };
            let suggestion = "a condition that can be true, or leave it out".to_owned();
            Some(SnippetError::at(scanned.source, first.at, message, Some(suggestion)))
        })
    }
}

fn fact(name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{name} is \"{value}\""),
        None => format!("{name} is empty"),
    }
}

/// The tokens of each part between `and`s outside of brackets. If an `or` or an `if` is beside them, all is one part.
fn parts<'t, 's>(scanned: &'t Scanned<'s>) -> Vec<&'t [Token<'s>]> {
    let is_inner = |token: &&Token<'_>| !matches!(token.kind, Kind::Open(_) | Kind::Close);
    let from = scanned.tokens.iter().position(|token| is_inner(&token)).unwrap_or_default();
    let count = scanned.tokens.iter().filter(is_inner).count();
    let tokens = scanned.tokens.get(from..from + count).unwrap_or_default();
    let (mut depth, mut cuts) = (0_usize, Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match (token.kind, token.text) {
            (Kind::Sign, "(" | "[") => depth += 1,
            (Kind::Sign, ")" | "]") => depth = depth.saturating_sub(1),
            (Kind::Word, "or" | "if") if depth == 0 => return vec![tokens],
            (Kind::Word, "and") if depth == 0 => cuts.push(at),
            _ => {}
        }
    }
    let ends = cuts.iter().copied().chain([tokens.len()]);
    let starts = [0].into_iter().chain(cuts.iter().map(|at| at + 1));
    starts.zip(ends).filter_map(|(start, end)| tokens.get(start..end)).collect()
}

/// The value that `name.field == "value"` demands, in either order.
fn demand(part: &[Token<'_>]) -> Option<(String, String)> {
    let (root, field, value) = match part {
        [root, dot, field, sign, value] if dot.text == "." && sign.text == "==" => (root, field, value),
        [value, sign, root, dot, field] if dot.text == "." && sign.text == "==" => (root, field, value),
        _ => return None,
    };
    let is_name = root.kind == Kind::Word && field.kind == Kind::Word;
    Some((format!("{}.{}", root.text, field.text), lint::written(value).filter(|_| is_name)?))
}

/// The values that a part uses, if all of them are known and the part does not hold with them.
fn failing<'k>(source: &str, is_alone: bool, known: &'k Known) -> Option<Vec<(&'k str, &'k Option<String>)>> {
    // Within a chain a text counts as in Jinja; alone, `"0"` is a no.
    let written = if is_alone { source.to_owned() } else { format!("({source}) and true") };
    let expression = ENGINE.compile_expression_owned(written).ok()?;
    let names = expression.undeclared_variables(true);
    let used: Option<Vec<_>> = names.iter().map(|name| known.get_key_value(name)).collect();
    let mut used: Vec<(&str, &Option<String>)> =
        used?.into_iter().map(|(name, value)| (name.as_str(), value)).collect();
    used.sort_unstable();
    let holds = expression
        .eval(context(&used).value())
        .is_ok_and(|value| !value.is_undefined() && tests_of_values::holds(&value));
    (!holds).then_some(used)
}

fn context(used: &[(&str, &Option<String>)]) -> Context {
    let of = |root: &str| {
        let fields = used.iter().filter_map(|(name, value)| {
            let (of, field) = name.split_once('.')?;
            (of == root).then(|| (field.to_owned(), (*value).clone()))
        });
        fields.collect::<Fields>()
    };
    let context = Context::new(&of("lead"), 0, &Zone::default());
    ITEM_NAMES
        .into_iter()
        .fold(context, |context, name| context.with_item(name, &of(name)))
        .with_before(&of("before"))
        .with_activity(&of("activity"))
        .with_event(&of("event"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never(source: &str, known: &[(&str, Option<&str>)]) -> Option<usize> {
        let known = known.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        Condition::compile(source).unwrap().never_holds(&known).map(|found| found.column)
    }

    #[test]
    fn a_part_is_judged_where_all_its_names_are_known() {
        let stage = [("lead.Stage", Some("Won")), ("event.activity", None)];
        for (source, column) in [
            ("lead.Stage == \"Lost\"", Some(1)),
            ("lead.Stage == \"Won\"", None),
            ("lead.Stage | lower == \"won\"", None),
            ("lead.Stage | number > 3", Some(1)),
            ("lead.City == \"Recife\" and lead.Stage in [\"Lost\", \"New\"]", Some(27)),
            ("lead.City == \"Recife\" and not lead.Stage is filled", Some(27)),
            ("lead.City == \"Recife\" or lead.Stage == \"Lost\"", None),
            ("(lead.Stage == \"Lost\" or lead.City == \"Recife\") and lead.Stage == \"Won\"", None),
            ("lead.Score | number > 50 and lead.Score == \"10\"", Some(1)),
            ("lead.City == \"Recife\" and \"Olinda\" == lead.City", Some(27)),
            ("event.activity is filled", Some(1)),
            ("1 == 2", Some(1)),
            ("task.Name == \"a\" and task.Name == \"b\"", Some(22)),
            ("now == \"x\"", None),
            ("lead[lead.Stage] == \"x\"", None),
            ("lead.Stage == \"Lost\" if lead.City == \"Recife\" else lead.Stage == \"Won\"", None),
        ] {
            assert_eq!(never(source, &stage), column, "{source}");
        }
    }

    #[test]
    fn a_text_counts_as_it_will() {
        // Alone, a "0" is a no; within a chain Jinja takes any text for a yes.
        let known = [("lead.DoNotCall", Some("0"))];
        assert_eq!(never("lead.DoNotCall", &known), Some(1));
        assert_eq!(never("lead.DoNotCall and lead.City is filled", &known), None);
    }
}
