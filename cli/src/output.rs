//! Output for people and scripts. Writing to a closed pipe is not an error. Control characters in leads' data reach no
//! terminal.

mod colour;
mod printable;
mod sink;

use std::{
    fs::OpenOptions,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::OnceLock,
    time::Duration,
};

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use jiff::{Timestamp, tz::TimeZone};
use recado_core::zone::Zone;
use serde::Serialize;

/// The version of the JSON output. It grows when a key is removed or changes its meaning, not when a key is added.
const SCHEMA_VERSION: u32 = 1;

/// How often progress is shown.
const PROGRESS: Duration = Duration::from_millis(500);

pub(crate) use colour::{Mood, state};
pub(crate) use sink::{NotTaken, Sink};

/// Writes a line to standard output.
pub(crate) fn say(line: &str) {
    let _ = writeln!(anstream::stdout().lock(), "{}", printable::printable(line));
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", printable::printable(&colour::warning(line)));
}

/// Writes a table to standard output, with the states of one of its columns in colour.
pub(crate) fn say_table(table: &Table, states: usize) {
    say(&colour::column(&table.to_string(), states));
}

/// Runs the work and shows its progress at a terminal. The progress is one line, overwritten each time and erased at
/// the end.
pub(crate) async fn watched<T>(
    mut work: impl Future<Output = T> + Unpin,
    mut look: impl AsyncFnMut() -> Option<String>,
) -> T {
    if !io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some() {
        return work.await;
    }
    let shown = |line: &str| {
        let mut terminal = io::stderr().lock();
        // Return to the start of the line and erase the rest of it.
        let _ = write!(terminal, "\r\u{1b}[K{line}").and_then(|()| terminal.flush());
    };
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = tokio::time::sleep(PROGRESS) => {}
        }
        if let Some(line) = look().await {
            shown(&line);
        }
    };
    shown("");
    done
}

/// The JSON output of a command: the name and version of its schema, then the report. `docs/json.md` shows each.
#[derive(Serialize)]
pub(crate) struct Answer<R> {
    schema: String,
    #[serde(flatten)]
    report: R,
}

impl<R: Serialize> Answer<R> {
    /// The JSON output of a command, such as `campaign.status`.
    pub(crate) fn of(verb: &str, report: R) -> Self {
        Self { schema: format!("recado.{verb}/{SCHEMA_VERSION}"), report }
    }
}

/// Writes a command's report as JSON to standard output.
pub(crate) fn json(verb: &str, report: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(&Answer::of(verb, report))?);
    Ok(())
}

/// Writes a command's report as one line of JSON, for a command that keeps running.
pub(crate) fn json_line(verb: &str, report: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string(&Answer::of(verb, report))?);
    Ok(())
}

/// Creates or overwrites a file. Only the owner can read a file that this function creates.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// Asks at the terminal whether to do this, such as "cancel 5 messages". Without a terminal it returns an error that
/// names the flag to use instead.
pub(crate) fn confirmed(action: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("not a terminal: pass --yes to {action}");
    }
    complain(&format!("{action}? [y/N]"));
    let mut said = String::new();
    std::io::stdin().read_line(&mut said)?;
    Ok(matches!(said.trim().to_lowercase().as_str(), "y" | "yes" | "s" | "sim"))
}

/// A count with its noun: `1 message`, `5 messages`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
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

/// The time zone in which instants are shown, once the configuration is known; UTC until then.
static CLOCK: OnceLock<TimeZone> = OnceLock::new();

/// Shows instants on the tenant's clock from now on. Earlier output stays as it is.
pub(crate) fn show_clock(zone: &Zone) {
    // The error means that the zone is set already: a command acts on one installation.
    let _ = CLOCK.set(zone.time_zone().clone());
}

/// An instant as reports show it: on the tenant's clock, to the second, with its offset from UTC.
pub(crate) fn instant(ms: i64) -> String {
    instant_at(ms, CLOCK.get().unwrap_or(&TimeZone::UTC))
}

fn instant_at(ms: i64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(ms);
    at.map_or_else(|_| ms.to_string(), |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
}

/// A duration as reports show it: its two largest units.
pub(crate) fn duration(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_on_a_clock_with_its_offset() {
        let zone = Zone::parse("America/Manaus").unwrap();
        assert_eq!(instant_at(1_700_000_000_000, zone.time_zone()), "2023-11-14 18:13:20 -04:00");
        assert_eq!(instant_at(1_700_000_000_000, &TimeZone::UTC), "2023-11-14 22:13:20 +00:00");
        assert_eq!(instant_at(i64::MAX, &TimeZone::UTC), i64::MAX.to_string());
    }

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let shown = [0, 59_999, 60_000, 3_599_000, 3_600_000, 93_784_000].map(duration);
        assert_eq!(shown, ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "1 d 2 h"]);
    }
}
