//! `recado audio add` and `recado audio list`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    environment::{liguelead_base_url, liguelead_client, liguelead_credentials},
    installation::{audios, world},
};
use anyhow::Context as _;
use recado_core::{
    audio::Audio as Recording,
    audit::{About, Act},
    config::Config,
};
use recado_ledger::{AudioRows, UploadState};
use recado_pipeline::audio::{
    AddError, Added, Made, NotARecording, ffmpeg_line, named_by_rules, not_added, of_account, of_file, unused, uploaded,
};
use serde::Serialize;

use super::{Which, audited};
use crate::output;

/// Recordings for voice calls.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Audio {
    /// Check a recording, keep it under its file name, and upload it once. Rules name it by this name.
    Add(Add),
    /// Show the recordings, their uploads, and the rules that use them.
    List(List),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    which: Which,
    /// An MP3 or WAV file of at most 50 MB. It replaces a recording of the same name.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A recording as reports show it.
#[derive(Serialize)]
struct Line {
    name: String,
    /// The hash that identifies the content.
    content: String,
    format: String,
    length_ms: u64,
    bytes: u64,
    /// `there`, `uploading`, `forgotten`, `refused` or `not_uploaded`.
    upload: &'static str,
    upload_id: Option<u64>,
    why: Option<String>,
    used_ms: Option<i64>,
    rules: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    audios: Vec<Line>,
    /// Recordings that rules name and that are not added yet, with those rules.
    not_added: BTreeMap<String, Vec<String>>,
    advice: Vec<String>,
}

#[derive(Serialize)]
struct AddReport {
    audio: Line,
    replaced: bool,
    /// `uploaded`, `found` in LigueLead's list, `before` if it was there already, or `not_yet`.
    made: &'static str,
    advice: Vec<String>,
}

impl Audio {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(add) => add.run().await,
            Self::List(list) => list.run().await,
        }
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let path = self.file.display().to_string();
        let name = self.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = std::fs::read(&self.file).with_context(|| path.clone())?;
        let (config, store) = self.which.open().await?;
        let credentials = liguelead_credentials()?;
        let timeout = Duration::from_millis(config.send.call_timeout_ms);
        let liguelead = liguelead_client(&liguelead_base_url(), &credentials, timeout)?;
        let audios = audios(&config, liguelead, &store.ledger, self.which.audio_store());
        let added = audios.add(&name, bytes).await.map_err(|error| explained(&path, &self.file, error));
        if let Ok(added) = &added {
            audited::record(&store, Act::AudioAdd, About::scope(&added.audio.name)).await;
        }
        match added {
            Ok(added) => self.show(&config, &store.ledger.audios().await?, added),
            Err(error) => Err(error),
        }
    }

    fn show(&self, config: &Config, rows: &AudioRows, added: Added) -> anyhow::Result<ExitCode> {
        let Added { audio, replaced, upload, advice } = added;
        let line = line(&audio, rows, config);
        let made = upload.as_ref().map_or("not_yet", |there| match there.made {
            Made::Before => "before",
            Made::Found => "found",
            Made::Now => "uploaded",
        });
        let code = if upload.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) };
        if self.json {
            output::json("audio.add", &AddReport { audio: line, replaced, made, advice })?;
            return Ok(code);
        }
        let seconds = audio.length_ms.div_ceil(1_000);
        output::say(&format!("{}: {}, {seconds} s, {}", audio.name, audio.format, size(audio.bytes)));
        if replaced {
            output::say("this replaces another recording of the same name; calls play the new one from now on");
        }
        match upload {
            Ok(there) => output::say(&format!(
                "{} at LigueLead as {}",
                match there.made {
                    Made::Before => "known: uploaded before,",
                    Made::Found => "known: found",
                    Made::Now => "uploaded,",
                },
                there.upload_id
            )),
            Err(not_yet) => output::complain(&format!(
                "kept here, but not uploaded to LigueLead yet: {}; `serve` tries again, and its calls wait",
                not_yet.why
            )),
        }
        if line.rules.is_empty() {
            output::complain(&format!("no rule names {}", audio.name));
        }
        for advice in advice {
            output::complain(&format!("warning: {advice}"));
        }
        Ok(code)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        let rows = store.ledger.audios().await?;
        let named = named_by_rules(&config);
        let (files, bytes) = uploaded(&rows);
        let mut advice = of_account(files, bytes);
        for audio in &rows.audios {
            let of_file = of_file(audio.bytes, audio.length_ms);
            advice.extend(of_file.into_iter().map(|advice| format!("{}: {advice}", audio.name)));
        }
        for (name, days) in unused(&rows, world().now_ms()) {
            advice.push(format!("{name}: no call has used it for {days} days; LigueLead deletes it after 365"));
        }
        let missing = not_added(&named, &rows).into_iter();
        let report = Report {
            audios: rows.audios.iter().map(|audio| line(audio, &rows, &config)).collect(),
            not_added: missing.map(|(name, rules)| (name.clone(), rules.clone())).collect(),
            advice,
        };
        if self.json {
            output::json("audio.list", &report)?;
        } else {
            show(&report);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(report: &Report) {
    let mut table = output::table(&["name", "content", "length", "size", "upload", "used last", "rules"]);
    for line in &report.audios {
        table.add_row([
            line.name.clone(),
            line.content.chars().take(12).collect(),
            format!("{} s", line.length_ms.div_ceil(1_000)),
            size(line.bytes),
            line.upload_id.map_or_else(|| line.upload.to_owned(), |id| id.to_string()),
            line.used_ms.map(output::instant).unwrap_or_default(),
            line.rules.join(", "),
        ]);
    }
    output::say_table(&table, 4);
    for (name, rules) in &report.not_added {
        output::complain(&format!("{name} is not added; the calls of {} wait for it", rules.join(", ")));
    }
    for line in &report.audios {
        if let Some(why) = &line.why {
            output::complain(&format!("{}: LigueLead refused it {why}", line.name));
        }
    }
    for advice in &report.advice {
        output::complain(&format!("warning: {advice}"));
    }
}

fn line(audio: &Recording, rows: &AudioRows, config: &Config) -> Line {
    let row = rows.uploads.iter().find(|upload| upload.id == audio.id);
    let state = row.map(|row| &row.state);
    Line {
        name: audio.name.clone(),
        content: audio.id.to_string(),
        format: audio.format.to_string(),
        length_ms: audio.length_ms,
        bytes: audio.bytes,
        upload: word(state),
        upload_id: match state {
            Some(UploadState::There(id)) => Some(*id),
            _ => None,
        },
        why: match state {
            Some(UploadState::Refused(why)) => Some(why.clone()),
            _ => None,
        },
        used_ms: row.and_then(|row| row.used_ms),
        rules: named_by_rules(config).remove(&audio.name).unwrap_or_default(),
    }
}

fn word(state: Option<&UploadState>) -> &'static str {
    match state {
        Some(UploadState::There(_)) => "there",
        Some(UploadState::Claimed(_)) => "uploading",
        Some(UploadState::Forgotten) => "forgotten",
        Some(UploadState::Refused(_)) => "refused",
        Some(UploadState::Nowhere) | None => "not_uploaded",
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{} kB", bytes.div_ceil(1_000)),
        // Tenths of a megabyte.
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// The error with the file's name, and the command that repairs the file if there is one.
fn explained(shown: &str, path: &Path, error: AddError) -> anyhow::Error {
    let line = ffmpeg_line(&path.to_string_lossy());
    match &error {
        AddError::NotARecording(NotARecording::Name | NotARecording::Empty | NotARecording::Damaged(_)) => {
            anyhow::Error::from(error).context(shown.to_owned())
        }
        AddError::NotARecording(_) => anyhow::anyhow!("{shown}: {error}; convert it: {line}"),
        _ => anyhow::Error::from(error).context(shown.to_owned()),
    }
}
