//! Every known mistake in `recado.yaml`, one file each in `tests/config/`.
//!
//! A file starts with its expected diagnostics, one comment line for each, in order and complete: `# line:column:
//! message; write suggestion`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use recado_core::config::{Config, Diagnostic, Severity};

fn fixtures() -> io::Result<Vec<(PathBuf, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let read = |entry: io::Result<fs::DirEntry>| {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?;
        Ok((path, text))
    };
    let mut fixtures = fs::read_dir(folder)?.map(read).collect::<io::Result<Vec<_>>>()?;
    fixtures.sort();
    Ok(fixtures)
}

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    match Config::parse(text) {
        Ok(checked) => {
            assert!(checked.warnings.iter().all(|warning| warning.severity == Severity::Warning));
            checked.warnings
        }
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|mistake| mistake.severity == Severity::Error));
            diagnostics
        }
    }
}

#[test]
fn each_mistake_is_found_where_it_is_and_nothing_else() {
    let fixtures = fixtures().unwrap();
    assert!(fixtures.len() >= 100, "only {} fixtures were found", fixtures.len());
    for (path, text) in fixtures {
        let expected: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        assert!(!expected.is_empty(), "{} expects nothing", path.display());
        let found: Vec<String> = diagnostics(&text).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{}", path.display());
    }
}

#[test]
fn who_names_neither_caps_nor_hours_is_told_and_nobody_else() {
    let undecided = |lines: &str| -> Vec<String> {
        let text = format!("version: 1\nleadsquared: {{ plan: pro }}\nrules: []\n{lines}");
        let checked = Config::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        assert_eq!(checked.warnings, []);
        checked.undecided.iter().map(ToString::to_string).collect()
    };
    let caps = "1:1: warning: without `caps`, nothing limits the messages to one person; write caps: \
                [ { max: 2, every: 24h } ], or caps: [] for no limit";
    let hours = "1:1: warning: without `hours`, messages go from 08:00 to 22:00 on the recipient's clock; write hours: \
                 { sms: \"08:00-22:00\", voice: \"08:00-22:00\" }, or the hours that you want";
    assert_eq!(undecided(""), [caps, hours]);
    assert_eq!(undecided("caps: []\n"), [hours]);
    assert_eq!(undecided("hours: { sms: always }\n"), [caps]);
    assert_eq!(undecided("hours: { spread: 1m }\ncaps: [ { max: 1, every: 1h } ]\n"), Vec::<String>::new());
}

#[test]
fn a_new_rule_that_waits_for_the_same_as_one_that_is_gone_is_asked_what_it_was() {
    let parsed = |rules: &str| {
        let text = format!("version: 1\nleadsquared: {{ plan: pro }}\nrules:\n{rules}");
        Config::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    };
    let old = parsed(
        "  - { id: a, on: lead.created, sms: A }\n  - { id: b, on: lead.created, sms: B }\n  \
         - { id: c, on: lead.stage, sms: C }\n  - { id: d, on: task.created, sms: D }\n",
    );
    let warnings = |rules: &str| -> Vec<String> {
        parsed(rules).renamed_since(&old.config).iter().map(ToString::to_string).collect()
    };
    let asks = |line: u32, gone: &str, new: &str| {
        format!(
            "{line}:11: warning: the rule \"{gone}\" is gone, and the new rule \"{new}\" waits for the same event: it may \
             send again what \"{gone}\" sent; write was: {gone}, if it is the same rule"
        )
    };
    let kept = "  - { id: c, on: lead.stage, sms: C }\n  - { id: d, on: task.created, sms: D }\n";
    // The new rule with the same action is the right one.
    let both = "  - { id: x, on: lead.created, sms: B }\n  - { id: y, on: lead.created, sms: Z }\n";
    assert_eq!(warnings(&format!("{both}{kept}")), [asks(4, "b", "x"), asks(5, "a", "y")]);
    let said = "  - { id: x, was: [a, b], on: lead.created, sms: B }\n";
    assert_eq!(warnings(&format!("{said}{kept}")), Vec::<String>::new());
    // A rule that is gone, or a rule that is new, is not by itself a renamed rule.
    assert_eq!(warnings(kept), Vec::<String>::new());
    assert_eq!(warnings("  - { id: z, on: activity.created, sms: C }\n"), Vec::<String>::new());
}

#[test]
fn each_error_says_what_to_write_instead() {
    for (path, text) in fixtures().unwrap() {
        for mistake in diagnostics(&text) {
            assert!(mistake.suggestion.is_some(), "{}: {mistake}", path.display());
        }
    }
}

#[test]
fn each_place_is_inside_the_file() {
    for (path, text) in fixtures().unwrap() {
        let lines: Vec<&str> = text.lines().collect();
        for mistake in diagnostics(&text) {
            // A parser notices an early end one line after the last line.
            assert!(mistake.line <= lines.len() + 1, "{}: {mistake}", path.display());
            let width = lines.get(mistake.line - 1).map_or(0, |line| line.chars().count());
            assert!(mistake.column <= width + 1, "{}: {mistake}", path.display());
        }
    }
}
