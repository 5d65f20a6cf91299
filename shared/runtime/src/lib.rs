//! What puts the use cases together, for the one-machine server and for the Lambda functions alike.
//!
//! | file | what is in it |
//! | --- | --- |
//! | [`environment`] | credentials and addresses of one machine, from variables |
//! | [`installation`] | each use case, made of configuration, credentials and table |
//! | [`logging`] | JSON lines, and which libraries are kept silent |

pub mod environment;
pub mod installation;
pub mod logging;
