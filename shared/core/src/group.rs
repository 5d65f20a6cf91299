//! Packing messages into requests: one request has one text for all its phones, so the number of requests is the
//! number of distinct texts, in chunks.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    message::{Channel, Message},
    phone::Phone,
};

/// What all messages of one request share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shared<'m> {
    channel: Channel,
    text: &'m str,
    title: Option<&'m str>,
    group_id: Option<&'m str>,
}

/// Packs `messages` into the fewest requests of at most `phones_per_request` phones, oldest messages first.
///
/// A phone stands at most once in a request, because callbacks name a recipient by its phone alone: a second message
/// of the same text to the same phone goes in a request of its own. Messages without a phone or a text are left out;
/// they are never `pending`.
#[must_use]
pub fn into_requests(messages: Vec<Message>, phones_per_request: usize) -> Vec<Vec<Message>> {
    let mut order: Vec<usize> = (0..messages.len()).collect();
    order.sort_by_key(|&at| messages.get(at).map(|m| (m.created_ms, m.id)));
    let mut groups: BTreeMap<Shared<'_>, Vec<Chunk>> = BTreeMap::new();
    for at in order {
        let Some(message) = messages.get(at) else { continue };
        let (Some(phone), Some(text)) = (message.phone, &message.text) else { continue };
        let shared = Shared {
            channel: message.channel,
            text: text.expose(),
            title: message.title.as_deref(),
            group_id: message.group_id.as_deref(),
        };
        place(groups.entry(shared).or_default(), phone, at, phones_per_request.max(1));
    }
    let mut chunks: Vec<Vec<usize>> = groups.into_values().flatten().map(|chunk| chunk.members).collect();
    // Oldest first over all texts, so that a large mailing does not hold up what came before it.
    chunks.sort_by_key(|members| members.first().and_then(|&at| messages.get(at)).map(|m| (m.created_ms, m.id)));
    let mut taken: Vec<Option<Message>> = messages.into_iter().map(Some).collect();
    chunks
        .into_iter()
        .map(|members| members.into_iter().filter_map(|at| taken.get_mut(at).and_then(Option::take)).collect())
        .collect()
}

#[derive(Default)]
struct Chunk {
    phones: BTreeSet<Phone>,
    members: Vec<usize>,
}

fn place(chunks: &mut Vec<Chunk>, phone: Phone, at: usize, phones_per_request: usize) {
    let fits = |chunk: &&mut Chunk| chunk.members.len() < phones_per_request && !chunk.phones.contains(&phone);
    let chunk = match chunks.iter_mut().find(fits) {
        Some(chunk) => chunk,
        None => {
            chunks.push(Chunk::default());
            let Some(chunk) = chunks.last_mut() else { return };
            chunk
        }
    };
    chunk.phones.insert(phone);
    chunk.members.push(at);
}
