//! A file of people, as `campaign start`, `plan --campaign` and `suppress import` read it.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use recado_core::{
    list::{BadLine, List, Named},
    phone::PhoneRules,
};
use serde::Serialize;

use crate::output;

/// The size limit of a file, in bytes: five million lines.
const MAX_BYTES: u64 = 512 * 1_048_576;
/// How many bad lines are shown; the file of bad lines has all.
const MAX_SHOWN: usize = 20;

/// Which columns of the file hold what.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Columns {
    /// The column of phones, by its heading or its number; by default found by its heading.
    #[arg(long, value_name = "COLUMN")]
    phone_column: Option<String>,
    /// The column of leads' ids (`ProspectID`), by its heading or its number.
    #[arg(long, value_name = "COLUMN")]
    lead_column: Option<String>,
}

/// A bad line, as a report shows it.
#[derive(Serialize)]
pub(crate) struct Bad {
    line: u64,
    why: String,
}

impl From<&BadLine> for Bad {
    fn from(bad: &BadLine) -> Self {
        Self { line: bad.number, why: bad.why.clone() }
    }
}

/// Reads a file of people.
pub(crate) fn read(path: &Path, columns: &Columns, rules: PhoneRules) -> anyhow::Result<List> {
    let named = || path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).with_context(named)?;
    if bytes.len() as u64 > MAX_BYTES {
        anyhow::bail!("{}: larger than {} MiB; split it", named(), MAX_BYTES / 1_048_576);
    }
    let names = Named { phone: columns.phone_column.clone(), lead: columns.lead_column.clone() };
    List::parse(&bytes, &names, rules).with_context(named)
}

/// Shows bad lines, up to the limit.
pub(crate) fn show(path: &Path, bad: &[BadLine]) {
    for bad in bad.iter().take(MAX_SHOWN) {
        output::complain(&format!("{}:{}: {}", path.display(), bad.number, bad.why));
    }
    if bad.len() > MAX_SHOWN {
        output::complain(&format!("… and {} more", bad.len() - MAX_SHOWN));
    }
}

/// Writes bad lines to a file beside the input, readable by its owner alone, and says so. If the file cannot be
/// written, the lines are only shown.
pub(crate) fn keep(path: &Path, list: &List, bad: &[BadLine]) {
    if bad.is_empty() {
        return;
    }
    let to = beside(path);
    match output::write_private(&to, &list.rejected(bad)) {
        Ok(()) => output::complain(&format!("{} bad line(s) were left out; they are in {}", bad.len(), to.display())),
        Err(error) => output::complain(&format!("{} could not be written: {error}", to.display())),
    }
}

/// The bad lines of `visitors.csv` go to `visitors.bad-lines.csv`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("bad-lines.csv")
}
