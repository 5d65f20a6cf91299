//! Recordings for voice calls: checked, kept, uploaded once and used many times.
//!
//! A rule names a file. One row of the table maps the name to a content, and another row holds the content's upload. A
//! file that is replaced under its old name is therefore a new upload. One content under two names is one upload.
//!
//! Nothing here delays a message. The sender only reads the rows, and holds a voice call whose recording LigueLead does
//! not have. Uploads happen when a file is added. If LigueLead has lost a file, a schedule uploads it again. Each
//! process makes one upload at a time.

mod advice;
mod inspect;
mod store;
mod upload;

use std::{collections::BTreeMap, io};

use liguelead::Client;
use recado_core::{
    audio::Audio,
    config::{Action, Config},
    identity::AudioId,
};
use recado_ledger::{AudioRows, Ledger, LedgerError, UploadState};
use recado_limits::{Clock, LigueLeadAccount};

use crate::{settings::today, world::World};

pub use self::{
    advice::{of_account, of_file, unused, uploaded},
    inspect::{Content, NotARecording, ffmpeg_line, inspect},
    store::{AudioStore, Files},
    upload::{Made, There},
};

/// The recordings of one installation.
#[derive(Debug, Clone)]
pub struct Audios {
    /// The table.
    pub ledger: Ledger,
    /// LigueLead.
    pub liguelead: Client,
    /// The rate of LigueLead's account, shared by all functions.
    pub rate: LigueLeadAccount,
    /// The clock by which permits of that rate are spent.
    pub clock: Clock,
    /// The store of the files.
    pub store: AudioStore,
    /// The clock and new identifiers.
    pub world: World,
}

/// A recording that LigueLead does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotYet {
    /// The delay before the next look, in ms.
    pub wait_ms: i64,
    /// Why, for a person to read.
    pub why: String,
}

/// A recording that was added.
#[derive(Debug)]
pub struct Added {
    /// The recording behind its name now.
    pub audio: Audio,
    /// Whether the name had another content before.
    pub replaced: bool,
    /// Its upload; or the reason why there is none yet. A schedule then makes the upload.
    pub upload: Result<There, NotYet>,
    /// Advice on the file and on the account.
    pub advice: Vec<String>,
}

/// Why a file was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It is not a recording for voice calls.
    #[error(transparent)]
    NotARecording(#[from] NotARecording),
    /// It could not be kept.
    #[error("the file could not be stored")]
    Store(#[from] io::Error),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] LedgerError),
}

impl Audios {
    /// Adds a file under `name`, the name in rules: keeps its content, makes sure that LigueLead has it, and maps the
    /// name to it. In this order, voice calls play the old content until the new one can be played. If the upload
    /// fails, the name still gets the new content, and its voice calls wait. A repetition is harmless, and so is a
    /// death at any point: an upload is found again by its content.
    pub async fn add(&self, name: &str, bytes: Vec<u8>) -> Result<Added, AddError> {
        if !inspect::is_name(name) {
            return Err(NotARecording::Name.into());
        }
        let (content, id, bytes) = looked_at(bytes).await?;
        let audio = Audio {
            name: name.to_owned(),
            id,
            format: content.format,
            bytes: bytes.len() as u64,
            length_ms: content.length_ms,
            added_ms: self.world.now_ms(),
        };
        self.store.keep(&audio, &bytes, &self.world.fresh_batch().to_string()).await?;
        let before = self.ledger.audio(name).await?;
        let upload = self.make_sure(&audio, Some(bytes)).await?;
        self.ledger.name_audio(&audio).await?;
        let mut advice = of_file(audio.bytes, audio.length_ms);
        if self.store.fetch(&audio).await?.is_none() {
            advice.push(format!(
                "its bytes are kept nowhere: put {name} beside the configuration, where it is looked for when LigueLead \
                 has forgotten it"
            ));
        }
        let (ours, stored_bytes) = uploaded(&self.ledger.audios().await?);
        let files = upload.as_ref().ok().and_then(|there| there.files).unwrap_or_default().max(ours);
        advice.extend(of_account(files, stored_bytes));
        Ok(Added { replaced: before.is_some_and(|before| before.id != id), audio, upload, advice })
    }

    /// Uploads recordings that rules name and LigueLead does not have: lost ones, and ones whose upload failed when
    /// they were added. Once a day it also logs problems. Returns how many were uploaded or found.
    pub async fn upload_wanted(&self, config: &Config) -> Result<usize, LedgerError> {
        let wanted = named_by_rules(config);
        if wanted.is_empty() {
            return Ok(0);
        }
        let rows = self.ledger.audios().await?;
        let state = |id: AudioId| rows.uploads.iter().find(|upload| upload.id == id).map(|upload| &upload.state);
        let now_ms = self.world.now_ms();
        let mut made = 0;
        for audio in rows.audios.iter().filter(|audio| wanted.contains_key(&audio.name)) {
            let in_hand = match state(audio.id) {
                Some(UploadState::There(_) | UploadState::Refused(_)) => true,
                Some(UploadState::Claimed(until_ms)) => *until_ms > now_ms,
                Some(UploadState::Forgotten | UploadState::Nowhere) | None => false,
            };
            if !in_hand {
                match self.make_sure(audio, None).await? {
                    Ok(_) => made += 1,
                    Err(NotYet { why, .. }) => {
                        tracing::warn!(audio.name = audio.name, why, "audio.not_uploaded");
                    }
                }
            }
        }
        let day = today(now_ms, &config.timezone);
        if self.ledger.once(&format!("audios#{day}"), now_ms).await? {
            say(&rows, &wanted, now_ms);
        }
        Ok(made)
    }
}

/// Checks a file's content in a thread of its own: a file may have 50 MB.
async fn looked_at(bytes: Vec<u8>) -> Result<(Content, AudioId, Vec<u8>), AddError> {
    let work = move || inspect(&bytes).map(|content| (content, AudioId::of(&bytes), bytes));
    // The error is a panic of the reader over the file's content.
    Ok(tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??)
}

/// The recordings that rules name, each with its rules.
#[must_use]
pub fn named_by_rules(config: &Config) -> BTreeMap<String, Vec<String>> {
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for rule in &config.rules {
        for action in rule.actions() {
            if let Action::Voice(voice) = action {
                named.entry(voice.audio.clone()).or_default().push(rule.id.as_str().to_owned());
            }
        }
    }
    named
}

/// The recordings that rules name but nobody added, each with its rules.
#[must_use]
pub fn not_added<'n>(named: &'n BTreeMap<String, Vec<String>>, rows: &AudioRows) -> Vec<(&'n String, &'n Vec<String>)> {
    named.iter().filter(|(name, _)| !rows.audios.iter().any(|audio| audio.name == **name)).collect()
}

fn say(rows: &AudioRows, wanted: &BTreeMap<String, Vec<String>>, now_ms: i64) {
    for (name, rules) in not_added(wanted, rows) {
        tracing::warn!(audio.name = name, rules = rules.join(", "), "audio.not_added");
    }
    for (name, days) in unused(rows, now_ms) {
        tracing::warn!(audio.name = name, days, "audio.unused");
    }
    let (files, bytes) = uploaded(rows);
    for advice in of_account(files, bytes) {
        tracing::warn!(advice, "audio.account_nearly_full");
    }
}
