//! What people and scripts read. Output that nobody reads any more (a closed pipe) is not an error.

use std::io::Write as _;

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

/// Writes a line to standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes a report as JSON to standard output.
pub(crate) fn json(report: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(report)?);
    Ok(())
}

/// A table with these headings, as wide as the terminal.
pub(crate) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.to_vec());
    table
}

/// A phone as a report shows it: enough to recognise, not enough to call.
pub(crate) fn masked(phone: recado_core::phone::Phone) -> String {
    let national = phone.national();
    let (start, rest) = national.split_at(national.len().min(4));
    let end = rest.get(rest.len().saturating_sub(2)..).unwrap_or_default();
    format!("{start}…{end}")
}

/// An instant as a report shows it: UTC, to the second.
pub(crate) fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}
