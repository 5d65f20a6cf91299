//! Packing messages into requests: one request has one text, or one recording with one way of redialling, for all its
//! phones. So the number of requests is the number of distinct texts and recordings, in chunks.

use std::collections::{BTreeMap, HashMap};

use crate::{
    call::Call,
    message::{Channel, Message},
    phone::Phone,
};

/// What all messages of one request share.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shared {
    channel: Channel,
    text: Option<String>,
    call: Option<Call>,
    title: Option<String>,
    group_id: Option<String>,
    /// The rule, where it has a budget of its own: one request draws on one rule's budget.
    rule: Option<String>,
}

/// Packs `messages` into the fewest requests of at most `phones_per_request` phones, oldest messages first.
///
/// A phone stands at most once in a request, because callbacks name a recipient by its phone alone: a second message
/// of the same text to the same phone goes in a request of its own. Messages without a phone, and those with neither a
/// text nor a call, are left out; they never wait. Messages of a rule that `has_quota` are not packed together with those of other rules.
#[must_use]
pub fn into_requests(
    mut messages: Vec<Message>,
    phones_per_request: usize,
    has_quota: impl Fn(&str) -> bool,
) -> Vec<Vec<Message>> {
    messages.sort_by_key(|message| (message.created_ms, message.id));
    let mut groups: HashMap<Shared, Vec<(Phone, Message)>> = HashMap::new();
    for message in messages {
        let Some(phone) = message.phone.filter(|_| message.text.is_some() || message.call.is_some()) else { continue };
        let shared = Shared {
            channel: message.channel,
            text: message.text.as_ref().map(|text| text.expose().to_owned()),
            call: message.call.clone(),
            title: message.title.clone(),
            group_id: message.group_id.clone(),
            rule: has_quota(&message.rule).then(|| message.rule.clone()),
        };
        groups.entry(shared).or_default().push((phone, message));
    }
    let mut requests: Vec<Vec<Message>> =
        groups.into_values().flat_map(|group| pack(group, phones_per_request.max(1))).collect();
    // Oldest first over all texts, so that a large mailing does not hold up what came before it.
    requests.sort_by_key(|request| request.first().map(|oldest| (oldest.created_ms, oldest.id)));
    requests
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
        // Dealt out like cards, one phone's messages after another: none comes round to a request twice, since no
        // phone has more messages than there are requests.
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
