//! The documentation, executed. Its configurations are good and its links lead somewhere. The commands, files,
//! functions and constants that it names exist. It names every key of the configuration and every line of the log.
//!
//! `docs/README.md` says how a page must look for these checks.

mod commands;
pub(crate) mod json;
mod keys;
mod pages;
mod phones;
mod reference;
mod schema;
mod sources;

use std::{collections::BTreeSet, fs};

use recado_core::config::{self, Checked, Config, DEFAULT_EXPIRES_MS};

use self::{
    pages::{Page, Problem, links, snippets},
    schema::Schema,
};

/// Fails with every problem at once, and also if fewer than `least` things were checked. A check that finds nothing to
/// check no longer works.
#[track_caller]
fn assert_none(problems: &[Problem], looked_at: usize, least: usize) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(looked_at >= least, "only {looked_at} were found, where at least {least} are expected");
}

#[test]
fn every_configuration_in_the_documentation_is_good() {
    let pages = pages::all().unwrap();
    let (problems, count) = snippets(&pages);
    assert_none(&problems, count, 12);
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages::all().unwrap();
    let (problems, count) = links(&pages);
    assert_none(&problems, count, 40);
}

#[test]
fn every_command_and_flag_is_known_to_the_binary() {
    let pages = pages::all().unwrap();
    let (problems, count) = commands::check(&pages).unwrap();
    assert_none(&problems, count, 25);
}

#[test]
fn every_phone_in_the_documentation_is_read_as_it_is_written() {
    let pages = pages::all().unwrap();
    let (problems, count) = phones::check(&pages);
    assert_none(&problems, count, 50);
}

#[test]
fn the_explanation_of_a_phone_is_what_the_command_says() {
    let page = Page::read("docs/phones.md").unwrap();
    let problems = phones::explained(&page).unwrap();
    assert_none(&problems, 1, 1);
}

#[test]
fn every_file_function_and_constant_that_is_named_exists() {
    let pages = pages::all().unwrap();
    let (problems, count) = sources::names(&pages).unwrap();
    assert_none(&problems, count, 100);
}

#[test]
fn the_logging_page_lists_exactly_the_lines_that_the_code_writes() {
    let page = Page::read("docs/logging.md").unwrap();
    let written = sources::log_lines().unwrap();
    let listed: BTreeSet<String> = keys::rows(&page, "message").into_iter().flat_map(|row| row.names()).collect();
    assert!(written.len() >= 20, "only {written:?} were found in the code");
    let missing: Vec<_> = written.difference(&listed).collect();
    let invented: Vec<_> = listed.difference(&written).collect();
    assert!(missing.is_empty() && invented.is_empty(), "not listed: {missing:?}; not in the code: {invented:?}");
}

/// The command of `just config-reference`.
const WRITE_REFERENCE: &str =
    "RECADO_WRITE_REFERENCE=1 cargo test --workspace --locked --test all docs::the_schema_the_tables";

/// Writes the files instead of comparing them if `RECADO_WRITE_REFERENCE` is set: `just config-reference`.
#[test]
fn the_schema_the_tables_and_the_example_are_made_of_the_declared_keys() {
    let is_to_write = std::env::var_os("RECADO_WRITE_REFERENCE").is_some();
    let page = fs::read_to_string(pages::root().join("docs/configuration.md")).unwrap();
    let made = [
        ("recado.schema.json", format!("{:#}\n", config::schema())),
        ("docs/configuration.md", reference::page(&page).unwrap()),
        ("recado.example.yaml", reference::example()),
    ];
    for (name, text) in made {
        let path = pages::root().join(name);
        if is_to_write {
            fs::write(path, text).unwrap();
        } else {
            let is_same = fs::read_to_string(path).unwrap() == text;
            assert!(is_same, "{name} differs from the keys that the code declares; run: {WRITE_REFERENCE}");
        }
    }
}

#[test]
fn every_declared_range_word_and_default_is_that_of_the_reader() {
    let (problems, count) = keys::values();
    assert_none(&problems, count, 150);
    let (problems, count) = keys::defaults();
    assert_none(&problems, count, 30);
    assert_eq!(config::FILE.get("rules").unwrap().kind.keys().unwrap().get("expires").unwrap().default(), Some("72h"));
    assert_eq!(DEFAULT_EXPIRES_MS, 72 * 3_600_000);
}

#[test]
fn the_example_is_good_and_holds_the_defaults() {
    let example = fs::read_to_string(pages::root().join("recado.example.yaml")).unwrap();
    let Checked { config, warnings, undecided, .. } = Config::parse(&example).unwrap();
    assert_eq!((warnings, undecided), (vec![], vec![]));
    let plain = Config::parse("version: 1\nleadsquared: { plan: standard }\nrules: []\n").unwrap().config;
    assert_eq!((&config.leadsquared, &config.liguelead), (&plain.leadsquared, &plain.liguelead));
    assert_eq!((&config.timezone, &config.quotas, &config.hours), (&plain.timezone, &plain.quotas, &plain.hours));
    assert_eq!((config.caps, config.send, config.retention_ms), (plain.caps, plain.send, plain.retention_ms));
}

#[test]
fn the_examples_settings_without_a_default_are_good_too_and_no_key_is_left_out() {
    let example = fs::read_to_string(pages::root().join("recado.example.yaml")).unwrap();
    let everything = keys::uncommented(&example);
    if let Err(mistakes) = Config::parse(&everything) {
        let mistakes: Vec<String> = mistakes.iter().map(|one| one.render("recado.example.yaml")).collect();
        panic!("{}", mistakes.join("\n"));
    }
    for key in keys::KNOWN.iter().flat_map(|section| section.keys().all) {
        let line = format!("{}:", key.name);
        let has = everything.lines().any(|text| text.trim_start().trim_start_matches("- ").starts_with(&line));
        assert!(has, "`{}` is not in recado.example.yaml", key.name);
    }
}

#[test]
fn the_schema_takes_every_good_configuration() {
    let schema = Schema::compile().unwrap();
    let [good, ..] = schema::fixtures().unwrap();
    let mut files = good;
    for page in pages::all().unwrap() {
        for text in pages::configurations(&page) {
            files.push((format!("{}: {text}", page.path.display()), text));
        }
    }
    for name in ["recado.example.yaml", "tests/fixtures/leadsquared/demo.yaml", "events/recado.yaml"] {
        let text = fs::read_to_string(pages::root().join(name)).unwrap();
        files.push((name.to_owned(), keys::uncommented(&text)));
        files.push((name.to_owned(), text));
    }
    let refused: Vec<Problem> = files
        .iter()
        .filter_map(|(name, text)| {
            let found = schema.mistakes(text).unwrap_or_else(|| vec!["no YAML".to_owned()]);
            (!found.is_empty()).then(|| format!("{name}: {}", found.join("; ")))
        })
        .collect();
    assert_none(&refused, files.len(), 30);
}

#[test]
fn the_schema_refuses_unknown_keys_and_what_else_a_form_can_tell() {
    let schema = Schema::compile().unwrap();
    let [_, unknown_keys, others] = schema::fixtures().unwrap();
    let taken: Vec<Problem> = unknown_keys
        .iter()
        .filter(|(_, text)| schema.mistakes(text).is_some_and(|found| found.is_empty()))
        .map(|(name, _)| format!("{name} is taken"))
        .collect();
    assert_none(&taken, unknown_keys.len(), 5);
    let refused =
        others.iter().filter(|(_, text)| schema.mistakes(text).is_some_and(|found| !found.is_empty())).count();
    assert!(refused * 3 > others.len(), "only {refused} of {} are refused", others.len());
}

/// A page with one mistake of each kind: each check must find its mistake.
#[test]
fn the_checks_find_mistakes() {
    let text = "# A page\n\
        ```yaml recado\nrules: 1\n```\n\
        ```console recado\n$ recado serve --no-such-flag\n$ recado sevre\n```\n\
        ```text phones\n11 99999-8888 => 11999998887\nx => no area code\n11\n```\n\
        [one](no-such-file.md) [two](#no-such-part) [three](docs.rs) [four](#a-page)\n\
        `recado check --nope` `shared/no/such.rs` `Intake::no_such_function` `NO_SUCH_CONSTANT` `MAX_BODY_BYTES`\n";
    let pages = [Page { path: "tests/bad.md".into(), text: text.to_owned() }];
    assert_eq!(snippets(&pages).0, ["tests/bad.md:3: rules: `rules` is not a list"]);
    let (found, _) = phones::check(&pages);
    let expected = [
        "tests/bad.md:10: 11 99999-8888 is 11999998888",
        "tests/bad.md:11: x: the phone is none: it holds words alone, an address, an amount or signs that are in no phone",
        "tests/bad.md:12: no ` => ` in it",
    ];
    assert_eq!(found, expected);
    let (found, _) = links(&pages);
    assert_eq!(
        found,
        [
            "tests/bad.md:14: no-such-file.md: there is no such file",
            "tests/bad.md:14: #no-such-part: there is no such heading"
        ]
    );
    let (found, _) = commands::check(&pages).unwrap();
    let expected = [
        "tests/bad.md:6: recado serve has no --no-such-flag",
        "tests/bad.md:7: there is no recado sevre",
        "tests/bad.md:15: recado check has no --nope",
    ];
    assert_eq!(found, expected);
    let (found, _) = sources::names(&pages).unwrap();
    let expected = [
        "tests/bad.md:15: there is no file shared/no/such.rs",
        "tests/bad.md:15: there is no function no_such_function (Intake::no_such_function)",
        "tests/bad.md:15: NO_SUCH_CONSTANT is nowhere in the code",
    ];
    assert_eq!(found, expected);
}
