//! Reads an answer's body with a bound, so that no answer can fill the memory.

use reqwest::Response;

/// Most bytes read of the answer to a send. The documented ones have about 150.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Most bytes read of the list of uploads: an account may hold 1,000 files, each with a title of 255 characters.
/// Source: LigueLead API limits page.
pub(crate) const MAX_LIST_BYTES: usize = 2 * 1024 * 1024;

/// Reads at most `max` bytes, and keeps what had come if the connection breaks.
///
/// The status has already settled the outcome, so a broken body costs a reason or an id and nothing more.
pub(crate) async fn read_up_to(max: usize, mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = max - bytes.len();
        bytes.extend(chunk.iter().take(room));
        if chunk.len() >= room {
            break;
        }
    }
    bytes
}
