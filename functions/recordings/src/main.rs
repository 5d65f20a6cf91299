//! `recordings`: checks each recording put into the bucket, and uploads it to LigueLead. Every five minutes it also
//! uploads recordings again that LigueLead has lost.

use std::{future::ready, sync::Arc};

use liguelead::MAX_AUDIO_BYTES;
use recado_function::{Event, Failed, Function, bucket::Bucket, run};
use recado_pipeline::audio::{AddError, AudioStore, Audios, Files as _, NotARecording, ffmpeg_line};
use serde::Deserialize;

/// EventBridge's event: about an object, or from a schedule.
#[derive(Debug, Default, Deserialize)]
struct Woken {
    #[serde(default)]
    detail: Detail,
}

#[derive(Debug, Default, Deserialize)]
struct Detail {
    object: Option<Object>,
}

/// An object in the bucket.
#[derive(Debug, Deserialize)]
struct Object {
    key: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let bucket = Arc::new(Bucket::from_environment()?);
    run(
        async |_: &Function| ready(Ok(())).await,
        async |function: &Function, event| handle(&bucket, function, event).await,
    )
    .await
}

async fn handle(bucket: &Arc<Bucket>, function: &Function, event: Event<Woken>) -> Result<(), Failed> {
    let (audios, config) = function.audios(AudioStore::Elsewhere(Arc::<Bucket>::clone(bucket))).await?;
    match event.payload.detail.object {
        Some(object) => add(&audios, bucket, &object.key).await?,
        None => {
            audios.upload_wanted(&config).await?;
        }
    }
    Ok(())
}

/// Adds the recording `name`. If LigueLead would refuse it, only the log says so, since nobody waits for an answer.
async fn add(audios: &Audios, bucket: &Bucket, name: &str) -> anyhow::Result<()> {
    let Some(size) = bucket.size(name).await? else { return Ok(()) };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let added = if size > MAX_AUDIO_BYTES {
        Err(NotARecording::TooLarge(size).into())
    } else {
        let Some(bytes) = bucket.read(name).await? else { return Ok(()) };
        audios.add(name, bytes).await
    };
    match added {
        Ok(added) => {
            let (length_ms, advice) = (added.audio.length_ms, added.advice.join("; "));
            tracing::info!(audio.name = name, audio.length_ms = length_ms, advice, "audio.added");
            if let Err(not_yet) = added.upload {
                tracing::warn!(audio.name = name, why = not_yet.why, "audio.not_uploaded");
            }
            Ok(())
        }
        Err(AddError::NotARecording(why)) => {
            tracing::error!(audio.name = name, why = %why, convert = ffmpeg_line(name), "audio.not_taken");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_and_a_schedule_are_told_apart() {
        let key = |event| serde_json::from_value::<Woken>(event).unwrap().detail.object.map(|object| object.key);
        let created = serde_json::json!({
            "detail-type": "Object Created", "source": "aws.s3",
            "detail": { "bucket": { "name": "b" }, "object": { "key": "olá bem-vindo.mp3", "size": 388_000 } },
        });
        assert_eq!(key(created).as_deref(), Some("olá bem-vindo.mp3"));
        let event = serde_json::from_str(include_str!("../../../events/recordings.json")).unwrap();
        assert_eq!(key(event).as_deref(), Some("welcome.wav"));
        assert_eq!(key(serde_json::json!({ "detail-type": "Scheduled Event", "detail": {} })), None);
        assert_eq!(key(serde_json::json!({})), None);
    }
}
