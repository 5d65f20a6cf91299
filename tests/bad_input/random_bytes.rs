//! Random bytes.

use super::{Webhook, fixtures, installation, post_all, still_well};
use crate::support::Random;

const ROUNDS: usize = 300;

const KINDS: [&str; 5] =
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/octet-stream", ""];
const QUERIES: [&str; 6] =
    ["", "event=lead.created", "event=6", "event=22&eventType=x", "event=%ff%00&&=&", "eventType=15"];

fn somewhere(random: &mut Random, body: Vec<u8>) -> Webhook {
    let (kind, query) = ((*random.one_of(&KINDS)).to_owned(), (*random.one_of(&QUERIES)).to_owned());
    Webhook { query, kind, body }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_are_answered_and_never_with_a_5xx() {
    let mut random = Random::for_test("random bytes");
    let mut installation = installation().await;
    let webhooks: Vec<Webhook> = (0..ROUNDS)
        .map(|_| {
            let length = random.below(3_000);
            let body = random.bytes(length);
            somewhere(&mut random, body)
        })
        .collect();
    post_all(&installation, webhooks).await;
    still_well(&mut installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn good_bodies_with_a_few_random_bytes_are_answered_and_never_with_a_5xx() {
    let mut random = Random::for_test("mutations");
    let mut installation = installation().await;
    let fixtures = fixtures();
    // The characters on which parsers branch, more often than by chance.
    let signs = b"{}[]\",:=&%\\ 0-e\x00\xff";
    let webhooks: Vec<Webhook> = (0..ROUNDS)
        .map(|_| {
            let mut body = random.one_of(&fixtures).1.as_bytes().to_vec();
            for _ in 0..random.between(1, 8) {
                let (at, sign) = (random.below(body.len()), *random.one_of(signs));
                match random.below(3) {
                    0 => body[at] = sign,
                    1 => body.insert(at, sign),
                    _ => drop(body.remove(at)),
                }
            }
            somewhere(&mut random, body)
        })
        .collect();
    post_all(&installation, webhooks).await;
    still_well(&mut installation).await;
}
