//! The checked parts of Markdown pages: fenced blocks, code spans, links, headings.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use recado_core::config::{Config, Severity};

/// A problem and its place: `docs/limits.md:12: …`.
pub(crate) type Problem = String;

/// One page; its path is relative to the repository.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block: the words after the fence, the number of its first line, its lines.
pub(crate) struct Block<'p> {
    pub(crate) info: &'p str,
    pub(crate) line: usize,
    pub(crate) lines: Vec<&'p str>,
}

/// A line outside of fenced blocks, counted from 1.
pub(crate) type Line<'p> = (usize, &'p str);

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page for readers.
pub(crate) fn all() -> io::Result<Vec<Page>> {
    let mut pages = vec![Page::read("README.md")?, Page::read("CHANGELOG.md")?];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(Page::read(path)?);
            }
        }
    }
    pages.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(pages)
}

impl Page {
    pub(crate) fn read(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let text = fs::read_to_string(root().join(&path))?;
        Ok(Self { path, text })
    }

    pub(crate) fn problem(&self, line: usize, what: impl AsRef<str>) -> Problem {
        format!("{}:{line}: {}", self.path.display(), what.as_ref())
    }

    /// The fenced blocks, and the lines outside of them.
    pub(crate) fn parts(&self) -> (Vec<Block<'_>>, Vec<Line<'_>>) {
        let (mut blocks, mut prose) = (Vec::new(), Vec::new());
        let mut open: Option<Block<'_>> = None;
        for (number, line) in self.text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
            let fence = line.trim_start().strip_prefix("```");
            match (open.take(), fence) {
                (None, None) => prose.push((number, line)),
                (None, Some(info)) => open = Some(Block { info: info.trim(), line: number + 1, lines: Vec::new() }),
                (Some(block), Some(_)) => blocks.push(block),
                (Some(mut block), None) => {
                    block.lines.push(line);
                    open = Some(block);
                }
            }
        }
        blocks.extend(open);
        (blocks, prose)
    }

    /// The code spans outside of fenced blocks, with their lines.
    pub(crate) fn spans(&self) -> Vec<Line<'_>> {
        let (_, prose) = self.parts();
        prose
            .into_iter()
            .flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |span| (number, span)))
            .collect()
    }

    /// The anchors of the headings, as links name them.
    fn anchors(&self) -> Vec<String> {
        let (_, prose) = self.parts();
        prose.into_iter().filter(|(_, line)| line.starts_with('#')).map(|(_, line)| anchor(line)).collect()
    }
}

/// The anchor of a heading: ``## LeadSquared's `plan` `` becomes `leadsquareds-plan`.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The configurations of a page, each completed.
pub(crate) fn configurations(page: &Page) -> Vec<String> {
    let blocks = page.parts().0.into_iter().filter(|block| block.info == "yaml recado");
    let whole = |block: Block<'_>| {
        let is_whole = block.lines.iter().any(|line| line.starts_with("version:"));
        format!("{}{}\n", if is_whole { "" } else { "version: 1\n" }, block.lines.join("\n"))
    };
    blocks.map(whole).collect()
}

/// Checks the blocks marked `yaml recado`. Returns the problems and the number of blocks.
pub(crate) fn snippets(pages: &[Page]) -> (Vec<Problem>, usize) {
    let (mut problems, mut count) = (Vec::new(), 0);
    for page in pages {
        for block in page.parts().0.into_iter().filter(|block| block.info == "yaml recado") {
            count += 1;
            let is_whole = block.lines.iter().any(|line| line.starts_with("version:"));
            let added = usize::from(!is_whole);
            let head = if is_whole { "" } else { "version: 1\n" };
            let text = format!("{head}{}\n", block.lines.join("\n"));
            let found = match Config::parse(&text) {
                Ok(checked) if is_whole => checked.undecided,
                Ok(_) => Vec::new(),
                Err(mut found) => {
                    found.retain(|mistake| mistake.severity == Severity::Error);
                    found
                }
            };
            for mistake in found {
                let line = (block.line + mistake.line).saturating_sub(1 + added);
                problems.push(page.problem(line, format!("{}: {}", mistake.key, mistake.message)));
            }
        }
    }
    (problems, count)
}

/// Checks the relative links. Returns the problems and the number of links.
pub(crate) fn links(pages: &[Page]) -> (Vec<Problem>, usize) {
    let (mut problems, mut count) = (Vec::new(), 0);
    for page in pages {
        for (number, line) in page.parts().1 {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
            for target in targets.filter(|target| !target.contains("://")) {
                count += 1;
                if let Some(problem) = broken(page, target) {
                    problems.push(page.problem(number, format!("{target}: {problem}")));
                }
            }
        }
    }
    (problems, count)
}

fn broken(page: &Page, target: &str) -> Option<&'static str> {
    let (file, part) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let path = folder.join(file);
    if !file.is_empty() && !root().join(&path).is_file() {
        return Some("there is no such file");
    }
    if part.is_empty() {
        return None;
    }
    let anchors = if file.is_empty() { page.anchors() } else { Page::read(path).ok()?.anchors() };
    (!anchors.iter().any(|anchor| anchor == part)).then_some("there is no such heading")
}
