//! Additions to the embedded database's own schema, for an installation that runs for long.
//!
//! Dynoxide 3.2 keeps every stream record for ever. At each write it reads all of them to find the number of the last
//! one, so the thousandth message costs ten times the hundredth. SQLite can repair both by itself, in the schema of the
//! file, so no second connection is needed while the table runs. An index fits the engine's own queries, and a trigger
//! drops the oldest record for each new one. Readers of the stream lose nothing: the stream only wakes them, and the
//! sweep serves a reader that falls that far behind.

use std::{path::Path, time::Duration};

use dynoxide::Database;
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

/// How long a rewritten file waits for another reader of it.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Rewrites the file with what is in the table, and empties SQLite's log. A deleted row stays in free pages until they
/// are used again, and in the log until a checkpoint. Nothing else runs meanwhile.
pub(crate) fn rewrite(database: &Database) -> Result<(), String> {
    database.vacuum().map_err(|error| error.to_string())?;
    let Some(file) = database.db_path().map_err(|error| error.to_string())? else { return Ok(()) };
    let busy = Connection::open(file).and_then(|connection| {
        connection.busy_timeout(READ_WITHIN)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
    });
    match busy {
        Ok(0) => Ok(()),
        Ok(_) => Err("something else reads the file".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
