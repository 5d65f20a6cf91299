//! Recordings: the content behind a rule's file name, and the state of that content's upload.
//!
//! An upload is claimed before it is made, for as long as one upload may take. Two processes therefore do not upload
//! the same content. An abandoned claim expires. The next claimant reads LigueLead's list before it uploads again.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::AttributeValue,
};
use recado_core::{audio::Audio, identity::AudioId};

use crate::{
    Ledger, LedgerError,
    codec::{AUDIOS, Item, Key, Reader, n, s},
    error::unavailable,
};

/// The state of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadState {
    /// A process uploads it, or died while doing so. The claim ends at this instant, in ms since the epoch.
    Claimed(i64),
    /// LigueLead has it under this id.
    There(u64),
    /// LigueLead had it, and no longer knows it.
    Forgotten,
    /// LigueLead refused it, for this reason. It is not retried until somebody adds the audio again.
    Refused(String),
    /// LigueLead does not have it, and no process uploads it.
    Nowhere,
}

/// The upload of one content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRow {
    /// The content.
    pub id: AudioId,
    /// The state of its upload.
    pub state: UploadState,
    /// The content's size, in bytes.
    pub bytes: u64,
    /// When it was last uploaded, in ms since the epoch.
    pub uploaded_ms: Option<i64>,
    /// When a voice call last used it, to the day; in ms since the epoch.
    pub used_ms: Option<i64>,
    /// Ids under which LigueLead once knew it.
    pub forgotten: Vec<u64>,
}

/// All recordings and uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AudioRows {
    /// By name.
    pub audios: Vec<Audio>,
    /// By content.
    pub uploads: Vec<UploadRow>,
}

/// How a claimed upload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEnd {
    /// LigueLead has it under this id.
    There(u64),
    /// LigueLead refused it, for this reason.
    Refused(String),
    /// It was not made, or its outcome is unknown. The next claimant checks LigueLead's list.
    Nowhere,
}

/// The result of noting that LigueLead no longer knows an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// The loss is noted. The next voice call uploads the content again.
    Noted,
    /// Another process was faster: the loss is noted, or LigueLead has the content under another id.
    Known,
    /// The content was uploaded again not long ago, and LigueLead has lost it again. Another upload would not help.
    Again,
}

impl Ledger {
    /// The recording of that name, if somebody added one.
    pub async fn audio(&self, name: &str) -> Result<Option<Audio>, LedgerError> {
        self.row(Key::audio(name)).await?.as_ref().map(audio_from).transpose()
    }

    /// Makes a name stand for a recording, and replaces the earlier recording of that name.
    pub async fn name_audio(&self, audio: &Audio) -> Result<(), LedgerError> {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(Key::audio(&audio.name).into_item()))
            .item("content", s(audio.id.to_string()))
            .item("format", s(audio.format.as_str()))
            .item("bytes", n(audio.bytes))
            .item("length_ms", n(audio.length_ms))
            .item("added_ms", n(audio.added_ms))
            .send()
            .await
            .map_err(unavailable("PutItem"))?;
        Ok(())
    }

    /// All recordings, by name, and all uploads.
    pub async fn audios(&self) -> Result<AudioRows, LedgerError> {
        let mut rows = AudioRows::default();
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#pk = :audios")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":audios", s(AUDIOS))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = items.next().await {
            let item = item.map_err(unavailable("Query"))?;
            if Key::of(&item)?.sk.starts_with("N#") {
                rows.audios.push(audio_from(&item)?);
            } else {
                rows.uploads.push(upload_from(&item)?);
            }
        }
        Ok(rows)
    }

    /// A content's upload row, if it was ever claimed.
    pub async fn upload(&self, id: AudioId) -> Result<Option<UploadRow>, LedgerError> {
        self.row(Key::upload(id)).await?.as_ref().map(upload_from).transpose()
    }

    /// Claims the upload of a content until `until_ms`. Fails if LigueLead has the content or another claim is open.
    /// Make a new `claim` for each attempt; a retry with the same `claim` succeeds. `refused_too` also claims refused
    /// content.
    pub async fn claim_upload(
        &self,
        audio: &Audio,
        claim: &str,
        now_ms: i64,
        until_ms: i64,
        refused_too: bool,
    ) -> Result<bool, LedgerError> {
        let mut free = "attribute_not_exists(#state) OR #state IN (:nowhere, :forgotten) \
                        OR (#state = :claimed AND (claim_until_ms <= :now OR claim = :claim))"
            .to_owned();
        if refused_too {
            free.push_str(" OR #state = :refused");
        }
        let mut update = self
            .upload_update(audio.id)
            .update_expression(
                "SET #state = :claimed, claim = :claim, claim_until_ms = :until, #bytes = :bytes REMOVE why",
            )
            .condition_expression(free)
            .expression_attribute_names("#bytes", "bytes")
            .expression_attribute_values(":nowhere", s("nowhere"))
            .expression_attribute_values(":forgotten", s("forgotten"))
            .expression_attribute_values(":claimed", s("claimed"))
            .expression_attribute_values(":claim", s(claim))
            .expression_attribute_values(":until", n(until_ms))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":bytes", n(audio.bytes));
        if refused_too {
            update = update.expression_attribute_values(":refused", s("refused"));
        }
        held(update).await
    }

    /// Ends a claim. `false`: the claim had expired, and another process has claimed the upload since.
    pub async fn end_upload(
        &self,
        id: AudioId,
        claim: &str,
        end: &UploadEnd,
        now_ms: i64,
    ) -> Result<bool, LedgerError> {
        // The claim stays on the row, so that a retried write finds it again.
        let update = self
            .upload_update(id)
            .condition_expression("claim = :claim")
            .expression_attribute_values(":claim", s(claim));
        let update = match end {
            UploadEnd::There(upload_id) => update
                .update_expression("SET #state = :state, upload_id = :id, uploaded_ms = :now, used_ms = :now")
                .expression_attribute_values(":state", s("there"))
                .expression_attribute_values(":id", n(upload_id))
                .expression_attribute_values(":now", n(now_ms)),
            UploadEnd::Refused(why) => update
                .update_expression("SET #state = :state, why = :why")
                .expression_attribute_values(":state", s("refused"))
                .expression_attribute_values(":why", s(why)),
            UploadEnd::Nowhere => {
                update.update_expression("SET #state = :state").expression_attribute_values(":state", s("nowhere"))
            }
        };
        held(update).await
    }

    /// Notes that LigueLead no longer knows `upload_id`, unless LigueLead lost this content before, at `not_since_ms`
    /// or later.
    pub async fn forget_upload(
        &self,
        id: AudioId,
        upload_id: u64,
        now_ms: i64,
        not_since_ms: i64,
    ) -> Result<Forgotten, LedgerError> {
        let update = self
            .upload_update(id)
            .update_expression("SET #state = :forgotten, forgotten_ms = :now ADD forgotten_ids :ids")
            .condition_expression(
                "#state = :there AND upload_id = :id \
                 AND (attribute_not_exists(forgotten_ms) OR forgotten_ms < :not_since)",
            )
            .expression_attribute_values(":forgotten", s("forgotten"))
            .expression_attribute_values(":there", s("there"))
            .expression_attribute_values(":id", n(upload_id))
            .expression_attribute_values(":ids", AttributeValue::Ns(vec![upload_id.to_string()]))
            .expression_attribute_values(":now", n(now_ms))
            .expression_attribute_values(":not_since", n(not_since_ms));
        if held(update).await? {
            return Ok(Forgotten::Noted);
        }
        let row = self.upload(id).await?;
        let still_there = row.is_some_and(|row| row.state == UploadState::There(upload_id));
        Ok(if still_there { Forgotten::Again } else { Forgotten::Known })
    }

    /// Notes that a voice call used an upload.
    pub async fn upload_used(&self, id: AudioId, now_ms: i64) -> Result<(), LedgerError> {
        let update = self
            .upload_update(id)
            .update_expression("SET used_ms = :now")
            .condition_expression("attribute_exists(#state)")
            .expression_attribute_values(":now", n(now_ms));
        held(update).await.map(drop)
    }

    async fn row(&self, key: Key) -> Result<Option<Item>, LedgerError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key.into_item())).consistent_read(true);
        Ok(get.send().await.map_err(unavailable("GetItem"))?.item)
    }

    fn upload_update(&self, id: AudioId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::upload(id).into_item()))
            .expression_attribute_names("#state", "state")
    }
}

/// Makes a conditional update. `false`: its condition did not hold.
async fn held(update: UpdateItemFluentBuilder) -> Result<bool, LedgerError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(SdkError::ServiceError(error))
            if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
        {
            Ok(false)
        }
        Err(error) => Err(unavailable("UpdateItem")(error)),
    }
}

fn audio_from(item: &Item) -> Result<Audio, LedgerError> {
    let read = Reader::new(item);
    let name = read.text("sk")?.strip_prefix("N#").map(str::to_owned).ok_or_else(|| read.unreadable("sk"))?;
    Ok(Audio {
        name,
        id: read.word("content")?,
        format: read.word("format")?,
        bytes: read.number("bytes")?,
        length_ms: read.number("length_ms")?,
        added_ms: read.number("added_ms")?,
    })
}

fn upload_from(item: &Item) -> Result<UploadRow, LedgerError> {
    let read = Reader::new(item);
    let id = read.text("sk")?.strip_prefix("U#").and_then(|id| id.parse().ok()).ok_or_else(|| read.unreadable("sk"))?;
    let state = match read.text("state")?.as_str() {
        "claimed" => UploadState::Claimed(read.number("claim_until_ms")?),
        "there" => UploadState::There(read.number("upload_id")?),
        "forgotten" => UploadState::Forgotten,
        "refused" => UploadState::Refused(read.maybe_text("why").unwrap_or_default()),
        "nowhere" => UploadState::Nowhere,
        _ => return Err(read.unreadable("state")),
    };
    let forgotten = item.get("forgotten_ids").and_then(|ids| ids.as_ns().ok());
    Ok(UploadRow {
        id,
        state,
        bytes: read.number("bytes")?,
        uploaded_ms: read.maybe_number("uploaded_ms"),
        used_ms: read.maybe_number("used_ms"),
        forgotten: forgotten.into_iter().flatten().filter_map(|id| id.parse().ok()).collect(),
    })
}
