//! The recording for voice calls: whether it exists from the beginning, and whether LigueLead loses it once.

use dynoxide::Database;
use fastrand::Rng;
use recado_core::identity::AudioId;
use serde_json::{Value, json};

use super::{
    scenario::{one_in, pick},
    store::{TABLE, ask},
};

/// The file name in rules.
pub(super) const NAME: &str = "stage.mp3";
/// LigueLead's ids for the file: first, and after a second upload.
const UPLOADS: [u64; 2] = [501, 502];

#[derive(Debug, Clone)]
pub(super) struct Recording {
    pub(super) length_ms: u64,
    /// When somebody adds it, in ms since the beginning.
    pub(super) added_after_ms: i64,
    /// Whether LigueLead no longer knows its first id.
    pub(super) is_forgotten: bool,
}

impl Recording {
    pub(super) fn draw(rng: &mut Rng, storm_ms: i64) -> Self {
        Self {
            length_ms: pick(rng, &[10_000, 45_000]),
            added_after_ms: if one_in(rng, 4) { rng.i64(0..storm_ms) } else { 0 },
            is_forgotten: one_in(rng, 5),
        }
    }

    /// The price of a voice call with it, by LigueLead's notes: one credit for each started 30 s.
    pub(super) fn credits(&self) -> i64 {
        i64::try_from(self.length_ms.div_ceil(30_000)).unwrap_or(i64::MAX)
    }

    /// The ids under which LigueLead knows it.
    pub(super) fn uploads(&self) -> Vec<u64> {
        UPLOADS.into_iter().skip(usize::from(self.is_forgotten)).collect()
    }

    /// Adds it, with its upload to LigueLead.
    pub(super) fn add(&self, engine: &Database) {
        let content = AudioId::of(NAME.as_bytes()).to_string();
        put(
            engine,
            &json!({
                "pk": { "S": "A" }, "sk": { "S": format!("N#{NAME}") }, "content": { "S": content },
                "format": { "S": "mp3" }, "bytes": { "N": "1000" }, "added_ms": { "N": "0" },
                "length_ms": { "N": self.length_ms.to_string() },
            }),
        );
        uploaded(engine, UPLOADS[0]);
    }
}

/// Uploads it again.
pub(super) fn upload_again(engine: &Database) {
    uploaded(engine, UPLOADS[1]);
}

fn uploaded(engine: &Database, id: u64) {
    let content = AudioId::of(NAME.as_bytes()).to_string();
    put(
        engine,
        &json!({
            "pk": { "S": "A" }, "sk": { "S": format!("U#{content}") }, "state": { "S": "there" },
            "bytes": { "N": "1000" }, "upload_id": { "N": id.to_string() },
        }),
    );
}

/// Writes a row that another part of the installation would write. That part is not tested here.
fn put(engine: &Database, item: &Value) {
    let request = json!({ "TableName": TABLE, "Item": item });
    ask(engine, "PutItem", &request);
}
