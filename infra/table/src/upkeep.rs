//! Additions to the embedded database's own schema, for an installation that runs for long.
//!
//! Dynoxide 3.2 keeps every stream record for ever. At each write it reads all of them to find the number of the last
//! one, so the thousandth message costs ten times the hundredth. SQLite can repair both by itself, in the schema of the
//! file, so no second connection is needed while the table runs. An index fits the engine's own queries, and a trigger
//! drops the oldest record for each new one. Readers of the stream lose nothing: the stream only wakes them, and the
//! sweep serves a reader that falls that far behind.

use std::path::Path;

use rusqlite::Connection;

/// An index on the number as the engine compares it, and a limit for the stream: the records of 100,000 writes.
const UPKEEP: &str = "
    CREATE INDEX IF NOT EXISTS recado_stream_order
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE TRIGGER IF NOT EXISTS recado_stream_end AFTER INSERT ON _stream_records
        BEGIN DELETE FROM _stream_records WHERE id <= NEW.id - 100000; END;
";

/// Adds the upkeep to the database in `file`, which the engine has created already.
pub(crate) fn add_to(file: &Path) -> rusqlite::Result<()> {
    Connection::open(file)?.execute_batch(UPKEEP)
}
