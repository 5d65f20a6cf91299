//! Packs messages into requests. One request has one text for all its phones, or one recording with one way of
//! redialling. So the number of requests is the number of distinct texts and recordings, in chunks.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use crate::{
    message::{Content, Label, Message, Priority},
    phone::Phone,
};

/// Bytes of a content's short name.
const KEY_BYTES: usize = 16;

/// What a request carries once for all its phones.
type Carried = (Content, Label);

/// What all messages of one request share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shared {
    carried: Carried,
    /// The rule, where it has a budget of its own: one request draws on one rule's budget.
    rule: Option<String>,
    /// Urgent messages go alone, and low priority must not delay other messages.
    priority: Priority,
    /// A part of a split request goes without other messages, which might be refused with it.
    part: Option<String>,
}

/// Messages that go in one request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its messages, one for each phone: at least one, oldest first unless a phone has several messages.
    pub members: Vec<Message>,
    /// Whether it counts among the fewest requests that could carry the same messages: `ceil(n / phones)` for each
    /// content, whatever kept the messages apart.
    pub among_fewest: bool,
}

/// Packs `messages` into the fewest requests of at most `phones_per_request` phones, the most urgent first, then the
/// oldest.
///
/// A phone is in a request at most once, because a delivery report names a recipient by its phone alone. A second
/// message of the same text to the same phone goes in another request. Messages without a phone, and messages with
/// neither a text nor a voice call, are left out; they never wait. Messages of a rule that `has_quota` are not packed
/// together with those of other rules.
#[must_use]
pub fn into_requests(
    mut messages: Vec<Message>,
    phones_per_request: usize,
    has_quota: impl Fn(&str) -> bool,
) -> Vec<Request> {
    let phones_per_request = phones_per_request.max(1);
    messages.sort_by_key(|message| (message.created_ms, message.id));
    let mut groups: HashMap<Shared, Vec<(Phone, Message)>> = HashMap::new();
    let mut counts: HashMap<Carried, usize> = HashMap::new();
    for message in messages {
        let Some(phone) = message.phone().filter(|_| message.content.is_made()) else { continue };
        let carried = (message.content.clone(), message.label.clone());
        *counts.entry(carried.clone()).or_default() += 1;
        let shared = Shared {
            carried,
            rule: has_quota(&message.rule).then(|| message.rule.clone()),
            priority: message.priority,
            part: message.part.clone(),
        };
        groups.entry(shared).or_default().push((phone, message));
    }
    let mut fewest: HashMap<Carried, usize> =
        counts.into_iter().map(|(carried, count)| (carried, count.div_ceil(phones_per_request))).collect();
    let mut requests: Vec<(Carried, Vec<Message>)> = Vec::new();
    for (shared, group) in groups {
        let packed = pack(group, phones_per_request);
        requests.extend(packed.into_iter().map(|members| (shared.carried.clone(), members)));
    }
    // Oldest first over all texts, so that a large mailing does not delay earlier messages. This sort comes before the
    // fewest requests are marked: the marks must not depend on the layout of a hash map.
    requests.sort_by_key(|(_, members)| members.first().map(|one| (one.priority, one.created_ms, one.id)));
    let among_fewest = |(carried, members): (Carried, Vec<Message>)| {
        let left = fewest.entry(carried).or_default();
        let request = Request { members, among_fewest: *left > 0 };
        *left = left.saturating_sub(1);
        request
    };
    requests.into_iter().map(among_fewest).collect()
}

/// A short name for the content that a request carries once for all its phones. Messages with the same name can share a
/// request, as far as LigueLead is concerned. The name does not reveal the text.
#[must_use]
pub fn content_key(message: &Message) -> String {
    let mut hash = Sha256::new();
    let text = message.content.text().map(|text| text.expose()).unwrap_or_default();
    let call = message.content.call().map(|call| format!("{}/{}/{}", call.redials, call.every_min, call.audio));
    for part in [
        message.content.channel().as_str(),
        text,
        call.as_deref().unwrap_or_default(),
        message.label.title.as_deref().unwrap_or_default(),
        message.label.group_id.as_deref().unwrap_or_default(),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize().as_slice().get(..KEY_BYTES).unwrap_or_default())
}

/// Packs messages of one text.
fn pack(group: Vec<(Phone, Message)>, most: usize) -> Vec<Vec<Message>> {
    let mut of_phone: BTreeMap<Phone, usize> = BTreeMap::new();
    for (phone, _) in &group {
        *of_phone.entry(*phone).or_default() += 1;
    }
    let repeats = of_phone.values().copied().max().unwrap_or_default();
    let count = group.len().div_ceil(most).max(repeats);
    let mut requests: Vec<Vec<Message>> = (0..count).map(|_| Vec::new()).collect();
    let mut place = group;
    if repeats > 1 {
        // Deals the messages out like cards, one phone after another. No request gets a phone twice, since no phone has
        // more messages than there are requests.
        place.sort_by_key(|(phone, _)| *phone);
    }
    for (at, (_, message)) in place.into_iter().enumerate() {
        let request = if repeats > 1 { at % count } else { at / most };
        if let Some(request) = requests.get_mut(request) {
            request.push(message);
        }
    }
    requests
}
