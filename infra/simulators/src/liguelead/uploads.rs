//! `POST /voice/uploads` and the audio files of the account.
//!
//! The vendor checks the extension of the file name and the media type of the part. It answers 415 unless both name MP3
//! or both name WAV. That the simulator also checks the content is our choice: the vendor's page says that other
//! formats are rejected.

use std::{collections::BTreeMap, convert::Infallible};

use axum::http::{StatusCode, header::CONTENT_TYPE};
use multer::Multipart;
use serde::Serialize;
use serde_json::{Value, json};

use super::{audio, body::refuse, options::Options};
use crate::{answer::Answer, gate::Incoming};

/// Limits page: bytes of a file, files of an account, bytes of an account, characters of a title.
const FILE_BYTES_MAX: usize = 50_000_000;
const FILES_MAX: usize = 1_000;
const ACCOUNT_BYTES_MAX: u64 = 10_000_000_000;
const TITLE_CHARS_MAX: usize = 255;
/// An id like those in the vendor's example.
const FIRST_ID: u64 = 436_514;
/// The vendor's engineering notes: a voice call costs one credit for each started 30 s.
const ONE_CREDIT_MS: u64 = 30_000;

/// One uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uploaded {
    /// Its id.
    pub id: u64,
    /// The number of the request that uploaded it, see [`crate::record::Call::id`].
    pub call: u64,
    /// Its title.
    pub title: String,
    /// The file's name.
    pub file_name: String,
    /// The media type of the part with the file.
    pub media_type: String,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The playing time, in ms.
    pub length_ms: u64,
    /// Whether the account has lost it.
    pub forgotten: bool,
}

/// The account's files.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    all: BTreeMap<u64, Uploaded>,
}

/// A checked file, before it has an id.
pub(super) struct NewUpload {
    title: String,
    file_name: String,
    media_type: String,
    bytes: u64,
    length_ms: u64,
}

impl Uploads {
    /// Stores a file under a new id, even if the same file exists already. 422 if the account is full.
    pub(super) fn take(&mut self, new: NewUpload, call: u64) -> Answer {
        let known = self.all.values().filter(|upload| !upload.forgotten);
        let (files, bytes) = known.fold((0, 0), |(files, bytes), upload| (files + 1, bytes + upload.bytes));
        if files >= FILES_MAX || bytes + new.bytes > ACCOUNT_BYTES_MAX {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY, "Storage limit reached");
        }
        let id = self.all.keys().next_back().map_or(FIRST_ID, |last| last + 1);
        let NewUpload { title, file_name, media_type, bytes, length_ms } = new;
        let answer = json!({ "message": "Voice upload successful.", "data": { "id": id, "title": title } });
        self.all.insert(id, Uploaded { id, call, title, file_name, media_type, bytes, length_ms, forgotten: false });
        Answer::json(StatusCode::CREATED, answer)
    }

    /// `GET /voice/uploads`. The vendor's page names it as the check of credentials, but shows no answer. Clients
    /// expect either this shape or a bare array.
    pub(super) fn list(&self, options: &Options) -> Answer {
        let preset = options.voice_uploads.iter().map(|id| preset_row(*id));
        let uploaded = self.all.values().filter(|upload| !upload.forgotten).map(row);
        Answer::ok(json!({ "data": preset.chain(uploaded).collect::<Vec<Value>>() }))
    }

    /// `GET /voice/uploads/{id}`.
    pub(super) fn one(&self, id: &str, options: &Options) -> Answer {
        let id: Option<u64> = id.parse().ok();
        let found = id.and_then(|id| {
            let preset = options.voice_uploads.contains(&id).then(|| preset_row(id));
            preset.or_else(|| self.known(id).map(row))
        });
        match found {
            Some(row) => Answer::ok(json!({ "data": row })),
            None => refuse(StatusCode::NOT_FOUND, "Voice upload not found"),
        }
    }

    /// The credits of one voice call that plays this file; `None` if the account does not have the file.
    pub(super) fn credits(&self, id: u64, options: &Options) -> Option<u64> {
        if options.voice_uploads.contains(&id) {
            return Some(options.voice_credits);
        }
        self.known(id).map(|upload| upload.length_ms.div_ceil(ONE_CREDIT_MS).max(1))
    }

    /// Loses a file, as after a year without use. `false` if there is no file with this id.
    pub(super) fn forget(&mut self, id: u64) -> bool {
        self.all.get_mut(&id).is_some_and(|upload| !std::mem::replace(&mut upload.forgotten, true))
    }

    pub(super) fn all(&self) -> Vec<Uploaded> {
        self.all.values().cloned().collect()
    }

    fn known(&self, id: u64) -> Option<&Uploaded> {
        self.all.get(&id).filter(|upload| !upload.forgotten)
    }
}

fn row(upload: &Uploaded) -> Value {
    json!({ "id": upload.id, "title": upload.title })
}

fn preset_row(id: u64) -> Value {
    json!({ "id": id, "title": format!("Audio {id}") })
}

/// Reads and checks an upload.
pub(super) async fn read(call: &Incoming) -> Result<NewUpload, Answer> {
    let content_type = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type)
        .map_err(|_| refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be multipart/form-data"))?;
    let body = futures::stream::iter([Ok::<_, Infallible>(call.body.clone())]);
    let mut form = Multipart::new(body, boundary);
    let (mut title, mut file) = (None, None);
    let malformed = |_| refuse(StatusCode::BAD_REQUEST, "Malformed multipart body");
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        match field.name() {
            Some("title") => title = Some(field.text().await.map_err(malformed)?),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let media_type = field.content_type().map(ToString::to_string).unwrap_or_default();
                file = Some((name, media_type, field.bytes().await.map_err(malformed)?));
            }
            _ => {}
        }
    }
    let title = title.filter(|title| !title.trim().is_empty() && title.chars().count() <= TITLE_CHARS_MAX);
    let Some(title) = title else { return Err(wrong("title", "must have 1 to 255 characters")) };
    let Some((file_name, media_type, bytes)) = file else { return Err(wrong("file", "is required")) };
    if bytes.len() > FILE_BYTES_MAX {
        return Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, "The file must not be larger than 50 MB"));
    }
    let extension = file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let fits = match (extension.as_deref(), media_type.as_str()) {
        (Some("mp3"), "audio/mpeg") => audio::mp3_length_ms(&bytes),
        (Some("wav"), "audio/wav") => audio::wav_length_ms(&bytes),
        _ => None,
    };
    let Some(length_ms) = fits else {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Only MP3 and WAV files are supported"));
    };
    Ok(NewUpload { title, file_name, media_type, bytes: bytes.len() as u64, length_ms })
}

fn wrong(field: &str, message: &str) -> Answer {
    Answer::json(StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": [{ "field": field, "message": message }] }))
}
