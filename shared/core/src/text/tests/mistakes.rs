//! Mistakes that are found when a snippet is read.

use crate::text::{Condition, Template};

fn mistake(source: &str) -> (usize, usize, String, Option<String>) {
    let error = Template::compile(source).unwrap_err();
    (error.line, error.column, error.message, error.suggestion)
}

#[test]
fn what_could_grow_is_refused_when_it_is_read() {
    for source in [
        "{% for x in lead %}{% endfor %}",
        "{%- set x = 1 %}",
        "{%+ include 'x' %}",
        "{% macro x() %}{% endmacro %}",
        "{%\nraw %}{% endraw %}",
        "{# {% set x = 1 %} #}",
        "{% extends 'x' %}",
        "{% filter upper %}{% endfilter %}",
    ] {
        let (_, _, message, suggestion) = mistake(source);
        assert!(message.contains("is not allowed in messages"), "{source}: {message}");
        assert!(suggestion.is_some());
    }
}

#[test]
fn mistakes_are_placed_and_mended() {
    let table = [
        ("Olá {{ lead.FirstName | firstname }}", 1, 25, "first_name"),
        ("Olá\n{{ lead.X | uper }}", 2, 13, "upper"),
        ("{{ Lead.FirstName }}", 1, 4, "lead"),
        ("{{ FirstName }}", 1, 4, "lead.FirstName, or \"FirstName\" in quotes for a text"),
        ("{{ lead.X.upper() }}", 1, 11, "a filter: … | upper"),
        ("{{ lead.X ~ lead.Y }}", 1, 11, "{{ a }}{{ b }}, two expressions side by side"),
        ("{% if lead.X && lead.Y %}{% endif %}", 1, 14, "and"),
        ("{% if lead.X || lead.Y %}{% endif %}", 1, 14, "or"),
        ("{% if !lead.X %}{% endif %}", 1, 7, "not"),
        ("{% if lead.X = 'a' %}{% endif %}", 1, 14, "=="),
        ("{% if lead.X is filed %}{% endif %}", 1, 17, "filled"),
        ("{% if lead.X is not bank %}{% endif %}", 1, 21, "blank"),
        ("{% if lead.Score > 50 %}{% endif %}", 1, 7, "lead.Score | number > 50"),
        ("{% if 50 <= lead.Score %}{% endif %}", 1, 13, "lead.Score | number >= 50"),
        ("{% if lead.Score == 50 %}{% endif %}", 1, 7, "lead.Score == \"50\""),
        ("{% if lead.DoNotCall == true %}{% endif %}", 1, 7, "lead.DoNotCall is yes"),
        ("{% if lead.DoNotCall == false %}{% endif %}", 1, 7, "not (lead.DoNotCall is yes)"),
        ("Olá {{ lead.X", 1, 5, "`}}` after the expression"),
        ("Olá {{ 'a }}", 1, 8, "' at the end of the quoted text"),
    ];
    for (source, line, column, suggestion) in table {
        let (l, c, message, s) = mistake(source);
        assert_eq!((l, c, s.as_deref()), (line, column, Some(suggestion)), "{source}: {message}");
    }
    let (line, column, message, _) = mistake("a\nb {{ lead.First Name }}");
    assert_eq!((line, column), (2, 17), "{message}");
    assert!(Template::compile("{% if lead.X %}").is_err());
    assert!(Condition::compile("  ").is_err());
    assert!(Condition::compile("{{ lead.X }} == 'a'").is_err());
    assert_eq!(Condition::compile("lead.X ==").unwrap_err().line, 1);
}

#[test]
fn a_field_that_decides_alone_is_warned_of() {
    let warnings = |source: &str| Condition::compile(source).unwrap().warnings().len();
    assert_eq!(warnings("not lead.DoNotCall"), 1);
    assert_eq!(warnings("lead.A and lead.B"), 2);
    assert_eq!(warnings("lead.A"), 0);
    assert_eq!(warnings("lead.A == 'x' and lead.B is yes"), 0);
    let text = Template::compile("{% if lead.A %}x{% endif %}{{ lead.B or lead.C }}").unwrap();
    assert_eq!(text.warnings().len(), 1);
    assert_eq!(text.warnings()[0].column, 7);
}

/// Compiles on a stack of 512 KiB, a quarter of a worker thread's stack.
fn compile_on_a_small_stack(source: String) {
    let compile = move || {
        drop(Condition::compile(&source));
        drop(Template::compile(&format!("{{{{ {source} }}}}")));
        drop(Template::compile(&source));
    };
    std::thread::Builder::new().stack_size(512 * 1_024).spawn(compile).unwrap().join().unwrap();
}

#[test]
fn a_deep_snippet_does_not_exhaust_the_stack() {
    let pieces = [
        "(",
        "[",
        "not ",
        "-",
        "+",
        "1 if 1 else ",
        "1 ** ",
        "lead.",
        "1 + ",
        "1 == ",
        "1 and ",
        "1 or ",
        "lead|d(",
        "lead[",
        "lead|d|",
        "1 is yes and ",
        "{",
        "not not (",
        "'a' in ",
        "{% if 1 %}",
        "{% if 1 %}{% elif 1 %}",
        "{{ [ }}",
    ];
    for piece in pieces {
        let tokens_each = piece.split(' ').filter(|word| !word.is_empty()).count();
        for count in [7_900 / piece.len(), 290 / tokens_each.max(1), 140, 60, 30] {
            compile_on_a_small_stack(piece.repeat(count) + "1");
            compile_on_a_small_stack(piece.repeat(count));
        }
    }
    // Brackets that are closed again, within the bounds.
    for count in [20, 140] {
        compile_on_a_small_stack("(".repeat(count) + "1" + &")".repeat(count));
        compile_on_a_small_stack("not (".repeat(count / 2) + "1" + &")".repeat(count / 2));
        compile_on_a_small_stack("{% if 1 %}".repeat(30) + &"{% endif %}".repeat(30));
    }
    let branches = format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(58));
    assert!(Template::compile(&branches).is_ok());
    compile_on_a_small_stack(branches);
}

#[test]
fn brackets_are_closed_where_they_were_opened() {
    for (source, column, suggestion) in [
        ("{{ (lead.X }}", 4, "`)` after it"),
        ("{{ lead.X) }}", 10, "`(` before it, or leave it out"),
        ("{{ (lead.X] }}", 11, "`[` before it, or leave it out"),
    ] {
        let (_, found, message, found_suggestion) = mistake(source);
        assert_eq!((found, found_suggestion.as_deref()), (column, Some(suggestion)), "{message}");
    }
}

#[test]
fn every_mistake_of_a_snippet_is_told_at_once() {
    let places = |error: crate::text::SnippetError| -> Vec<(usize, String)> {
        error.all().map(|one| (one.column, one.suggestion.clone().unwrap_or_default())).collect()
    };
    let told = |source: &str| places(Template::compile(source).unwrap_err());
    let plain = |found: &[(usize, &str)]| -> Vec<(usize, String)> {
        found.iter().map(|(column, instead)| (*column, (*instead).to_owned())).collect()
    };
    for (source, found) in [
        (
            "{{ lead.X | uper }} {{ FirstNome }}",
            plain(&[(13, "upper"), (24, "lead.FirstNome, or \"FirstNome\" in quotes for a text")]),
        ),
        ("{{ lead.X | uper | lowr }}", plain(&[(13, "upper"), (20, "lower")])),
        ("{{ (lead.X }} {{ lead.Y | uper }}", plain(&[(4, "`)` after it"), (27, "upper")])),
        ("{{ lead.X && lead.Y }} {{ lead.Z | uper }}", plain(&[(11, "and"), (36, "upper")])),
        ("{{ lead.X | uper }} {{ lead.Y", plain(&[(13, "upper"), (21, "`}}` after the expression")])),
        (
            "{% if lead.Score > 5 %}a{% elif Lead.X == 1 %}b{% endif %}",
            plain(&[(7, "lead.Score | number > 5"), (33, "lead")]),
        ),
    ] {
        assert_eq!(told(source), found, "{source}");
    }
    assert_eq!(
        told("{% for x in lead %}{% endfor %}{% set a = 1 %}").len(),
        2,
        "the end of the loop is no mistake of its own"
    );
    let condition = Condition::compile("lead.X is filed and Lead.Y is blan").unwrap_err();
    assert_eq!(places(condition), plain(&[(11, "filled"), (21, "lead"), (31, "blank")]));
}
