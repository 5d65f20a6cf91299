//! Builds the use cases, for the one-machine server and for the Lambda functions alike.
//!
//! | file | what is in it |
//! | --- | --- |
//! | [`environment`] | credentials and addresses of one machine, from variables |
//! | [`installation`] | each use case, built from configuration, credentials and table |
//! | [`logging`] | JSON lines, and the libraries that are kept silent |

pub mod environment;
pub mod installation;
pub mod logging;
mod world;
