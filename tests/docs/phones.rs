//! Compares phones in the pages with the code that reads phones.

use std::{io, process::Command};

use recado_core::phone::{Phone, PhoneRules};

use super::pages::{Page, Problem};

/// Checks the blocks marked `text phones`. Returns the problems and the number of lines.
pub(crate) fn check(pages: &[Page]) -> (Vec<Problem>, usize) {
    let (mut problems, mut count) = (Vec::new(), 0);
    for page in pages {
        for block in page.parts().0.into_iter().filter(|block| block.info == "text phones") {
            for (number, line) in block.lines.iter().enumerate().map(|(index, line)| (block.line + index, *line)) {
                count += 1;
                problems.extend(wrong(line).map(|what| page.problem(number, what)));
            }
        }
    }
    (problems, count)
}

/// The mistake in `TEXT => NUMBER` or `TEXT => REASON`, if there is one.
fn wrong(line: &str) -> Option<String> {
    let Some((text, expected)) = line.split_once(" => ") else { return Some("no ` => ` in it".to_owned()) };
    let read = Phone::read(&unescaped(text), PhoneRules::default()).one();
    match read {
        Ok(phone) if phone.national() == expected => None,
        Ok(phone) => Some(format!("{text} is {}", phone.national())),
        Err(error) if error.to_string().contains(expected) => None,
        Err(error) => Some(format!("{text}: {error}")),
    }
}

/// Replaces `\u{200b}` and `\n` by their characters.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u{");
    let first = parts.next().unwrap_or_default().to_owned();
    let whole = parts.fold(first, |done, part| {
        let (hex, rest) = part.split_once('}').unwrap_or(("fffd", part));
        let sign = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        format!("{done}{sign}{rest}")
    });
    whole.replace("\\n", "\n")
}

/// Runs the first `recado phone` of a page, and compares its output.
pub(crate) fn explained(page: &Page) -> io::Result<Vec<Problem>> {
    let (blocks, _) = page.parts();
    let block = blocks.iter().find(|block| block.info == "console recado");
    let Some([command, shown @ ..]) = block.map(|block| block.lines.as_slice()) else {
        return Ok(vec![page.problem(1, "no command is shown")]);
    };
    let text = command.trim_start_matches("$ recado phone ").trim_matches('"');
    let output = Command::new(env!("CARGO_BIN_EXE_recado")).args(["phone", text]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let shown = shown.iter().take_while(|line| !line.starts_with('$')).copied();
    Ok(if said.lines().eq(shown) { Vec::new() } else { vec![page.problem(1, format!("{command}: {said}"))] })
}
