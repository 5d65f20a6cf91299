//! Both sides of a `*` must be numbers.
//!
//! MiniJinja repeats a text that is multiplied: `"a" * 90000000` takes seconds and 90 MB for each recipient, and a field is
//! a text even if it looks like a number. No instruction is counted for it. So whatever may be a text is refused here.

use super::scan::{Kind, Token};

/// Filters that give a number, whatever they are given.
const NUMBERS: [&str; 3] = ["length", "number", "round"];
/// Filters that give what they are given, or their argument.
const DEFAULTS: [&str; 2] = ["d", "default"];
/// Operators between numbers.
const ARITHMETIC: [&str; 6] = ["+", "-", "*", "/", "//", "%"];

/// Whether both sides of the `*` at this place are numbers.
pub(super) fn is_of_numbers(tokens: &[Token<'_>], star: usize) -> bool {
    let (Some(before), Some(after)) = (tokens.get(..star), tokens.get(star + 1..)) else { return false };
    ends_as_number(before) && ends_as_number(after.get(..operand(after)).unwrap_or_default())
}

fn text<'s>(tokens: &[Token<'s>], at: usize) -> Option<&'s str> {
    tokens.get(at).map(|token| token.text)
}

/// Whether the operand at the end of these tokens is a number.
fn ends_as_number(tokens: &[Token<'_>]) -> bool {
    let Some((last, before)) = tokens.split_last() else { return false };
    match last.kind {
        Kind::Number => text(before, before.len().wrapping_sub(1)) != Some("."),
        Kind::Word => is_filter(before) && NUMBERS.contains(&last.text),
        Kind::Sign if last.text == ")" => {
            let Some(open) = opening(before) else { return false };
            let (inner, outer) = (before.get(open + 1..).unwrap_or_default(), before.get(..open).unwrap_or_default());
            match outer.split_last() {
                Some((name, rest)) if name.kind == Kind::Word && is_filter(rest) => {
                    NUMBERS.contains(&name.text)
                        || DEFAULTS.contains(&name.text)
                            && is_arithmetic(inner)
                            && ends_as_number(rest.get(..rest.len() - 1).unwrap_or_default())
                }
                _ => is_arithmetic(inner),
            }
        }
        _ => false,
    }
}

/// Whether a filter's name follows these tokens.
fn is_filter(before: &[Token<'_>]) -> bool {
    before.last().is_some_and(|token| token.text == "|")
}

/// The place of the `(` whose `)` follows these tokens.
fn opening(before: &[Token<'_>]) -> Option<usize> {
    let mut depth = 1;
    before.iter().rposition(|token| {
        depth += match (token.kind, token.text) {
            (Kind::Sign, ")") => 1,
            (Kind::Sign, "(") => -1,
            _ => 0,
        };
        depth == 0
    })
}

/// Whether what stands between brackets is arithmetic of numbers, and nothing else.
fn is_arithmetic(inner: &[Token<'_>]) -> bool {
    let (mut at, mut is_empty) = (0, true);
    while let Some(rest) = inner.get(at..).filter(|rest| !rest.is_empty()) {
        let length = operand(rest);
        if length == 0 || !ends_as_number(rest.get(..length).unwrap_or_default()) {
            return false;
        }
        is_empty = false;
        at += length;
        match text(inner, at) {
            Some(sign) if ARITHMETIC.contains(&sign) && at + 1 < inner.len() => at += 1,
            Some(_) => return false,
            None => {}
        }
    }
    !is_empty
}

/// How many tokens the first operand takes, with its signs and its filters.
fn operand(tokens: &[Token<'_>]) -> usize {
    let mut at = tokens.iter().take_while(|token| matches!(token.text, "-" | "+")).count();
    at += match tokens.get(at).map(|token| (token.kind, token.text)) {
        Some((Kind::Sign, "(" | "[")) => bracket(tokens, at),
        Some((Kind::Word | Kind::Number | Kind::Text, _)) => 1,
        _ => return 0,
    };
    loop {
        let taken = match text(tokens, at) {
            Some("." | "|") => 2,
            Some("(" | "[") => bracket(tokens, at),
            _ => return at.min(tokens.len()),
        };
        at += taken;
    }
}

/// How many tokens a bracket takes, with what stands in it.
fn bracket(tokens: &[Token<'_>], from: usize) -> usize {
    let (mut depth, mut taken) = (0_usize, 0);
    for token in tokens.get(from..).unwrap_or_default() {
        taken += 1;
        match (token.kind, token.text) {
            (Kind::Sign, "(" | "[") => depth += 1,
            (Kind::Sign, ")" | "]") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use crate::text::{Condition, Template};

    #[test]
    fn a_product_of_numbers_is_taken_and_one_that_may_repeat_a_text_is_refused() {
        for good in [
            "2 * 3",
            "lead.Score | number * 2",
            "2 * lead.Score | number",
            "lead.A | number(0) * lead.B | number",
            "lead.A | number | default(0) * 2",
            "(lead.A | number + 1) * -2",
            "2 * (lead.A | length - (1 + 2) * 3) * lead.B | number | round(2)",
            "'a * b' | length * 2",
        ] {
            assert!(Template::compile(&format!("{{{{ {good} }}}}")).is_ok(), "{good}");
            assert!(Condition::compile(&format!("{good} > 1")).is_ok(), "{good}");
        }
        for bad in [
            "'a' * 90000000",
            "90000000 * 'a'",
            "lead.Score * 2",
            "2 * lead.Score",
            "lead.Score | default(0) * 2",
            "lead.Score | upper * 2",
            "2 * 3 | upper",
            "('a') * 2",
            "2 * ('a')",
            "(lead.A if lead.B else 3) * 2",
            "(lead.A | number if lead.B else 'a') * 2",
            "['a'] * 90000000",
            "(1, 2) * 90000000",
            "lead.A | number | default('a') * 2",
            "lead['A'] * 2",
        ] {
            let error = Template::compile(&format!("{{{{ {bad} }}}}")).unwrap_err();
            assert!(error.line == 1, "{bad}: {error:?}");
            assert!(Condition::compile(&format!("{bad} == 1")).is_err(), "{bad}");
        }
    }
}
