//! The use cases: ingest, send, settle, sync, sweep
