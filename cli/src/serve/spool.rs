//! A file beside the table for reports that the table could not store in time. LigueLead was already answered and
//! repeats nothing, so the reports must survive this process.
//!
//! Each line is one JSON object, appended and flushed to disk before the answer. The file holds phones, as the table
//! does. If the table is in no directory of this machine, the reports are kept in memory and end with the process.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufRead, BufReader, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use recado_core::phone::Phone;
use recado_ledger::{Stored, StoredCallback, StoredFor};
use recado_pipeline::settle::Settler;
use serde::{Deserialize, Serialize};

/// The file to which reports are appended.
const FILE: &str = "callbacks.spool";
/// The file whose reports are being stored in the table. It is removed once all are stored.
const REPLAYED: &str = "callbacks.replay";
/// Reports that the table refuses for good, a line each, for an operator to look at.
pub(crate) const QUARANTINE: &str = "callbacks.quarantine";
/// The most that the file may hold, in bytes: some 400,000 reports.
const MOST_BYTES: u64 = 128 * 1_048_576;
/// The most reports in memory.
const MOST_REPORTS: usize = 100_000;
/// Reports that are stored together.
const AT_ONCE: usize = 500;

/// The place where reports wait for the table.
#[derive(Debug)]
pub(super) enum Spool {
    /// In this directory.
    Directory(Arc<Mutex<PathBuf>>),
    /// In memory.
    Memory(Mutex<Vec<StoredCallback>>),
}

/// A report as a line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    batch: Option<String>,
    campaign_id: Option<String>,
    phone: String,
    status: String,
    occurred_at: String,
    credits: Option<u32>,
    text_digest: Option<String>,
    received_ms: i64,
}

impl Spool {
    /// The spool of an installation whose table is in `directory`, or in no directory.
    pub(super) fn new(directory: Option<&Path>) -> Self {
        match directory {
            Some(directory) => Self::Directory(Arc::new(Mutex::new(directory.to_owned()))),
            None => Self::Memory(Mutex::default()),
        }
    }

    /// Keeps a report. If it is kept in a file, a crash of the process after this returns does not lose it.
    pub(super) async fn keep(&self, report: StoredCallback) -> io::Result<()> {
        match self {
            Self::Memory(kept) => {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= MOST_REPORTS {
                    return Err(io::Error::other("too many reports wait for the table"));
                }
                kept.push(report);
                Ok(())
            }
            Self::Directory(directory) => write(directory, FILE, report).await,
        }
    }

    /// Puts a report that the table refuses for good into quarantine. Without a directory only the log mentions it.
    pub(super) async fn set_aside(&self, report: StoredCallback) -> io::Result<()> {
        tracing::error!("callback.refused");
        let Self::Directory(directory) = self else { return Ok(()) };
        write(directory, QUARANTINE, report).await
    }

    /// Stores and applies the kept reports, and returns how many there were. Reports that cannot be stored stay.
    pub(super) async fn replay(&self, settler: &Settler) -> anyhow::Result<usize> {
        match self {
            Self::Memory(kept) => {
                let reports = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
                let stored = self.store(settler, &reports).await;
                if stored.is_err() {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).extend(reports);
                    stored?;
                    return Ok(0);
                }
                Ok(reports.len())
            }
            Self::Directory(directory) => {
                let taken = Arc::clone(directory);
                let reports = blocking(move || take(&taken.lock().unwrap_or_else(PoisonError::into_inner))).await?;
                let Some((file, reports)) = reports else { return Ok(0) };
                self.store(settler, &reports).await?;
                fs::remove_file(file)?;
                Ok(reports.len())
            }
        }
    }

    async fn store(&self, settler: &Settler, reports: &[StoredCallback]) -> anyhow::Result<()> {
        let mut refused = Vec::new();
        for some in reports.chunks(AT_ONCE) {
            let mut new = Vec::with_capacity(some.len());
            for (report, stored) in some.iter().zip(settler.store(some).await?) {
                match stored {
                    Stored::New => new.push(report.clone()),
                    Stored::Known => {}
                    Stored::Refused => refused.push(report.clone()),
                }
            }
            settler.apply_stored(&new).await;
        }
        // After all others: a replay that fails is repeated, and would set them aside again.
        for report in refused {
            self.set_aside(report).await?;
        }
        Ok(())
    }
}

/// Removes the reports on these phones from the quarantine of a directory, and returns how many there were. Reports that
/// wait for the table must be in it first.
pub(crate) fn forget(directory: &Path, phones: &BTreeSet<Phone>) -> io::Result<usize> {
    let is_of = |line: &[u8]| {
        let phone = serde_json::from_slice::<Line>(line).ok().and_then(|line| Phone::parse(&line.phone).ok());
        phone.is_some_and(|phone| phones.contains(&phone))
    };
    for waiting in [FILE, REPLAYED] {
        if lines_of(&directory.join(waiting))?.iter().any(|line| is_of(line)) {
            return Err(io::Error::other("reports on this person wait for the table: try again in a minute"));
        }
    }
    let file = directory.join(QUARANTINE);
    let lines = lines_of(&file)?;
    let kept: Vec<&Vec<u8>> = lines.iter().filter(|line| !is_of(line)).collect();
    if kept.len() < lines.len() {
        let mut other = tempfile::Builder::new().permissions(Permissions::from_mode(0o600)).tempfile_in(directory)?;
        for line in &kept {
            other.write_all(line)?;
            other.write_all(b"\n")?;
        }
        other.as_file().sync_all()?;
        other.persist(&file)?;
    }
    Ok(lines.len() - kept.len())
}

/// The lines of a file; none if there is no such file. A crash may have cut a line off inside a letter.
fn lines_of(file: &Path) -> io::Result<Vec<Vec<u8>>> {
    match File::open(file) {
        Ok(file) => BufReader::new(file).split(b'\n').collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Appends a report to a file of the directory.
async fn write(directory: &Arc<Mutex<PathBuf>>, file: &'static str, report: StoredCallback) -> io::Result<()> {
    let directory = Arc::clone(directory);
    blocking(move || append(&directory.lock().unwrap_or_else(PoisonError::into_inner).join(file), &report)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn append(file: &Path, report: &StoredCallback) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    if file.metadata()?.len() > MOST_BYTES {
        return Err(io::Error::other("too many reports wait for the table"));
    }
    let mut line = serde_json::to_vec(&Line::of(report))?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

/// Renames the file, or takes the one that an earlier attempt renamed, and reads it.
fn take(directory: &Path) -> io::Result<Option<(PathBuf, Vec<StoredCallback>)>> {
    let (file, replayed) = (directory.join(FILE), directory.join(REPLAYED));
    if !replayed.exists() {
        match fs::rename(file, &replayed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            done => done?,
        }
    }
    let reports = read(BufReader::new(File::open(&replayed)?))?;
    Ok(Some((replayed, reports)))
}

/// The reports in a file. A crash may have cut a line off before its report was answered, inside a letter too.
fn read(file: impl BufRead) -> io::Result<Vec<StoredCallback>> {
    let mut reports = Vec::new();
    for line in file.split(b'\n') {
        reports.extend(serde_json::from_slice::<Line>(&line?).ok().and_then(Line::report));
    }
    Ok(reports)
}

impl Line {
    fn of(report: &StoredCallback) -> Self {
        let (batch, campaign) = match &report.about {
            StoredFor::Batch(batch) => (Some(batch.to_string()), None),
            StoredFor::Campaign(campaign) => (None, Some(campaign.clone())),
        };
        Self {
            batch,
            campaign_id: campaign.or_else(|| report.campaign_id.clone()),
            phone: report.phone.national(),
            status: report.status.clone(),
            occurred_at: report.occurred_at.clone(),
            credits: report.credits,
            text_digest: report.text_digest.clone(),
            received_ms: report.received_ms,
        }
    }

    fn report(self) -> Option<StoredCallback> {
        let about = match self.batch {
            Some(batch) => StoredFor::Batch(batch.parse().ok()?),
            None => StoredFor::Campaign(self.campaign_id.clone()?),
        };
        Some(StoredCallback {
            about,
            phone: Phone::parse(&self.phone).ok()?,
            status: self.status,
            occurred_at: self.occurred_at,
            campaign_id: self.campaign_id,
            credits: self.credits,
            text_digest: self.text_digest,
            received_ms: self.received_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(number: u8) -> StoredCallback {
        StoredCallback {
            about: StoredFor::Batch(recado_core::identity::BatchId::from_bytes([number; 16])),
            phone: Phone::parse("11999999999").unwrap(),
            status: "delivered".to_owned(),
            occurred_at: "2026-11-21T12:00:00.000Z".to_owned(),
            campaign_id: Some("c".to_owned()),
            credits: Some(2),
            text_digest: None,
            received_ms: 7,
        }
    }

    /// Anything in the file: it is read to its end, so that no bad line holds up the good ones.
    #[test]
    fn lines() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve/__fuzz__/serve__spool__tests__lines/corpus");
        let examples = fuzz_input::examples(corpus);
        let mut last = serde_json::to_vec(&Line::of(&report(1))).unwrap();
        last.push(b'\n');
        bolero::check!().for_each(|input: &[u8]| {
            for file in fuzz_input::variants(input, &examples) {
                let reports = read([file.as_slice(), b"\n", &last].concat().as_slice()).unwrap();
                assert_eq!(format!("{:?}", reports.last()), format!("{:?}", Some(report(1))), "the last one is read");
                for one in reports {
                    let again = serde_json::to_vec(&Line::of(&one)).unwrap();
                    let again = read(again.as_slice()).unwrap();
                    assert_eq!(format!("{again:?}"), format!("{:?}", [one]), "a report keeps its line");
                }
            }
        });
    }

    #[test]
    fn a_persons_reports_leave_the_quarantine_and_forbid_it_while_they_wait() {
        let directory = tempfile::tempdir().unwrap();
        let of = BTreeSet::from([Phone::parse("11999999999").unwrap()]);
        assert_eq!(forget(directory.path(), &of).unwrap(), 0);
        let quarantine = directory.path().join(QUARANTINE);
        let other = StoredCallback { phone: Phone::parse("11988888888").unwrap(), ..report(2) };
        for one in [&report(1), &other, &report(3)] {
            append(&quarantine, one).unwrap();
        }
        // A crash cut off the last line, inside a letter.
        let cut = b"{\"status\":\"n\xc3".as_slice();
        fs::write(&quarantine, [&fs::read(&quarantine).unwrap(), cut].concat()).unwrap();
        assert_eq!(forget(directory.path(), &of).unwrap(), 2);
        let left = fs::read(&quarantine).unwrap();
        assert!(left.windows(cut.len()).any(|some| some == cut));
        let left = String::from_utf8_lossy(&left);
        assert!(left.contains("11988888888") && !left.contains("11999999999"), "{left}");
        assert_eq!(fs::metadata(&quarantine).unwrap().permissions().mode() & 0o777, 0o600);
        append(&directory.path().join(FILE), &report(1)).unwrap();
        assert!(forget(directory.path(), &of).unwrap_err().to_string().contains("wait for the table"));
        assert_eq!(forget(directory.path(), &BTreeSet::new()).unwrap(), 0);
    }

    #[test]
    fn what_was_kept_is_read_back_whole_and_a_line_that_was_cut_off_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        assert!(take(directory.path()).unwrap().is_none());
        let path = directory.path().join(FILE);
        append(&path, &report(1)).unwrap();
        append(&path, &report(2)).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        // The cut is inside a letter.
        file.write_all(b"{\"batch\":\"0101\",\"status\":\"entreg\xc3").unwrap();
        let (_, reports) = take(directory.path()).unwrap().unwrap();
        assert_eq!(format!("{reports:?}"), format!("{:?}", [report(1), report(2)]));
        // A renamed file whose reports could not be stored is read again, before later reports.
        append(&path, &report(3)).unwrap();
        let (file, again) = take(directory.path()).unwrap().unwrap();
        assert_eq!(again.len(), 2);
        fs::remove_file(file).unwrap();
        assert_eq!(take(directory.path()).unwrap().unwrap().1.len(), 1);
    }
}
