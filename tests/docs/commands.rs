//! Compares commands in the pages with the binary's own help.

use std::{collections::BTreeMap, io, process::Command};

use super::pages::{Page, Problem};

/// Checks the lines that start with `$ recado` in blocks marked `console recado`, and code spans that start with
/// `recado `. Returns the problems and the number of commands.
pub(crate) fn check(pages: &[Page]) -> io::Result<(Vec<Problem>, usize)> {
    let mut manual = Manual::default();
    let (mut problems, mut count) = (Vec::new(), 0);
    for page in pages {
        for (number, command) in commands(page) {
            for words in variants(command) {
                count += 1;
                let found = manual.mistakes(&words)?;
                problems.extend(found.into_iter().map(|what| page.problem(number, what)));
            }
        }
    }
    Ok((problems, count))
}

/// The words after `recado` in each command, and its line.
fn commands(page: &Page) -> Vec<(usize, &str)> {
    let (blocks, _) = page.parts();
    let mut commands = Vec::new();
    for block in blocks.iter().filter(|block| block.info == "console recado") {
        let lines = block.lines.iter().enumerate().map(|(index, line)| (block.line + index, *line));
        commands.extend(lines.filter_map(|(number, line)| Some((number, line.strip_prefix("$ recado ")?))));
    }
    commands
        .extend(page.spans().into_iter().filter_map(|(number, span)| Some((number, span.strip_prefix("recado ")?))));
    commands
}

/// `simulate a|b --x` is two commands.
fn variants(command: &str) -> Vec<Vec<&str>> {
    command.split_whitespace().fold(vec![Vec::new()], |variants, word| {
        let with = |variant: &Vec<_>, one| [variant.as_slice(), &[one]].concat();
        variants.iter().flat_map(|variant| word.split('|').map(move |one| with(variant, one))).collect()
    })
}

/// The binary's help, read once for each command.
#[derive(Default)]
struct Manual(BTreeMap<String, Option<String>>);

impl Manual {
    fn mistakes(&mut self, words: &[&str]) -> io::Result<Vec<String>> {
        let mut verbs = Vec::new();
        let mut help = self.help("")?.unwrap_or_default();
        let mut rest = words.iter();
        while help.contains("<COMMAND>") {
            let Some(verb) = rest.next() else { break };
            verbs.push(*verb);
            match self.help(&verbs.join(" "))? {
                Some(found) => help = found,
                None => return Ok(vec![format!("there is no recado {}", verbs.join(" "))]),
            }
        }
        let flags = rest.filter(|word| word.starts_with("--")).map(|flag| flag.split('=').next().unwrap_or(flag));
        let is_unknown = |flag: &&str| !help.split_whitespace().any(|word| word == *flag);
        let verbs = verbs.join(" ");
        Ok(flags.filter(is_unknown).map(|flag| format!("recado {verbs} has no {flag}")).collect())
    }

    /// The output of `recado VERBS --help`; `None` if there is no such command.
    fn help(&mut self, verbs: &str) -> io::Result<Option<String>> {
        if let Some(known) = self.0.get(verbs) {
            return Ok(known.clone());
        }
        let output =
            Command::new(env!("CARGO_BIN_EXE_recado")).args(verbs.split_whitespace()).arg("--help").output()?;
        let help = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned());
        self.0.insert(verbs.to_owned(), help.clone());
        Ok(help)
    }
}
