//! What the embedded database's own schema lacks for an installation that runs for long.
//!
//! Dynoxide 3.2 keeps every stream record for ever, and finds the last one's number by reading all of them, at each
//! write: the thousandth message costs ten times the hundredth. Both are put right where SQLite can do it by itself, in
//! the file's schema, so that no second connection is needed while the table runs: an index that fits the engine's own
//! queries, and a trigger that drops the oldest record for each new one. Readers of the stream lose nothing by it: the
//! stream only wakes, and whoever falls that far behind is served by the sweep.

use std::path::Path;

use rusqlite::Connection;

/// An index on the number as the engine compares it, and an end for the stream: what 100,000 writes leave behind.
const UPKEEP: &str = "
    CREATE INDEX IF NOT EXISTS recado_stream_order
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE TRIGGER IF NOT EXISTS recado_stream_end AFTER INSERT ON _stream_records
        BEGIN DELETE FROM _stream_records WHERE id <= NEW.id - 100000; END;
";

/// Adds the upkeep to the database in `file`, which the engine has made already.
pub(crate) fn add_to(file: &Path) -> rusqlite::Result<()> {
    Connection::open(file)?.execute_batch(UPKEEP)
}
