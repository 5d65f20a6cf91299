//! Compares statements of the pages about the code with the code.

use std::{collections::BTreeSet, fs, io, path::PathBuf};

use super::pages::{Page, Problem, root};

/// The folders of the code.
const ROOMS: [&str; 5] = ["cli", "functions", "infra", "shared", "tests"];
/// The beginnings of code spans that name a file or a folder of the repository.
const PATHS: [&str; 7] = ["cli/", "functions/", "infra/", "shared/", "tests/", "docs/", ".ci/"];
/// Macros that write a line to the log.
const LOG_MACROS: [&str; 3] = ["tracing::info!(", "tracing::warn!(", "tracing::error!("];

/// Checks code spans that name a path, a function of a type, or a constant. Returns the problems and the number of
/// spans.
pub(crate) fn names(pages: &[Page]) -> io::Result<(Vec<Problem>, usize)> {
    let code = code()?.concat();
    let (mut problems, mut count) = (Vec::new(), 0);
    for page in pages {
        for (number, span) in page.spans() {
            let problem = if PATHS.iter().any(|path| span.starts_with(path)) {
                (!root().join(span).exists()).then(|| format!("there is no file {span}"))
            } else if let Some(function) = function(span) {
                let is_there = code.contains(&format!("fn {function}(")) || code.contains(&format!("fn {function}<"));
                (!is_there).then(|| format!("there is no function {function} ({span})"))
            } else if is_constant(span) {
                (!code.contains(span)).then(|| format!("{span} is nowhere in the code"))
            } else {
                continue;
            };
            count += 1;
            problems.extend(problem.map(|what| page.problem(number, what)));
        }
    }
    Ok((problems, count))
}

/// The function in `Type::function`.
fn function(span: &str) -> Option<&str> {
    let (owner, function) = span.split_once("::")?;
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_function = function.starts_with(|c: char| c.is_ascii_lowercase());
    (is_word(owner) && is_word(function) && is_function && owner.starts_with(|c: char| c.is_ascii_uppercase()))
        .then_some(function)
}

/// Whether a span is a constant such as `MAX_BODY_BYTES`, which may also be the name of a variable.
fn is_constant(span: &str) -> bool {
    span.contains('_') && span.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The names of all log lines in the code: the last text of each macro.
pub(crate) fn log_lines() -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for text in code()? {
        for start in LOG_MACROS {
            for call in text.split(start).skip(1) {
                let inside = call.split(';').next().unwrap_or_default();
                let texts = inside.split('"').skip(1).step_by(2);
                names.extend(texts.filter(|text| is_line(text)).take(1).map(str::to_owned));
            }
        }
    }
    Ok(names)
}

/// Whether a text is two words of small letters with a dot between them.
fn is_line(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    text.split_once('.').is_some_and(|(place, what)| is_word(place) && is_word(what))
}

/// All Rust files, except this test.
fn code() -> io::Result<Vec<String>> {
    let mut folders: Vec<PathBuf> = ROOMS.iter().map(|room| root().join(room)).collect();
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let is_this_test = path.starts_with(root().join("tests/docs")) || path == root().join("tests/docs.rs");
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_this_test {
                texts.push(fs::read_to_string(path)?);
            }
        }
    }
    Ok(texts)
}
