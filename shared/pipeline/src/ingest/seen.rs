//! Keeps, for each lead, the last seen values of the fields that rules watch. Webhooks and the list of modified leads
//! show them. Also handles changes that only the list showed.

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::parse_time_ms;
use recado_core::{
    event::Event,
    fields::Fields,
    identity::MessageId,
    kind::EventKind,
    sight::{Sights, watched},
};
use recado_ledger::{KeptSights, LedgerError, MOST_NOTICED};

use super::{Intake, NotAnEvent};

/// Most attempts at reading and writing sights while others see the same leads. LeadSquared posts up to three webhooks
/// of one edit at once.
const ATTEMPTS: u32 = 8;

/// A lead's values in the list, compared with the last seen values.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The lead's id.
    pub(crate) lead_id: String,
    /// The last seen values, as read.
    pub(crate) kept: KeptSights,
    /// The values seen now.
    pub(crate) sights: Sights,
}

impl Intake {
    /// Keeps the watched fields' values from events. Gives each event the changes that the list showed before, and the
    /// fields' earlier values if the delivery does not state them. It runs before any decision: if it fails, the
    /// webhook gets no success answer, and LeadSquared delivers the events again.
    pub(super) async fn see(&self, events: &mut [Result<Event, NotAnEvent>], now_ms: i64) -> Result<(), LedgerError> {
        let watched = watched(&self.config);
        // An activity, a task or a form does not carry the lead's fields as of the instant that it names.
        let is_of_lead = |event: &Event| event.activity.is_none() && event.item.is_none();
        let shows = |event: &Event| is_of_lead(event) && watched.iter().any(|field| event.lead.contains(field));
        let mut events: Vec<&mut Event> = events.iter_mut().flatten().filter(|event| shows(event)).collect();
        for _ in 0..ATTEMPTS {
            if events.is_empty() {
                return Ok(());
            }
            let ids: Vec<&str> = events.iter().map(|event| event.lead_id.as_str()).collect();
            let kept = self.ledger.sights(&ids).await?;
            let mut now = BTreeMap::new();
            for event in &mut events {
                let lead = event.lead_id.to_ascii_lowercase();
                let sights: &mut Sights = now
                    .entry(lead)
                    .or_insert_with_key(|lead| kept.get(lead).map(|kept| kept.sights.clone()).unwrap_or_default());
                let at_ms = event.at.as_deref().and_then(parse_time_ms).unwrap_or(now_ms);
                let delivered = sights.deliver(event, &watched, at_ms);
                (event.listed, event.seen) = (delivered.listed, delivered.seen);
            }
            let is_news = |(lead, sights): &(String, Sights)| kept.get(lead).is_none_or(|kept| kept.sights != *sights);
            let news: Vec<(String, Sights)> = now.into_iter().filter(is_news).collect();
            let changes = news
                .iter()
                .map(|(lead, sights)| (lead.clone(), kept.get(lead).cloned().unwrap_or_default(), sights.clone()));
            let written = self.ledger.keep_sights(changes.collect(), now_ms).await?;
            let open: Vec<String> =
                news.into_iter().zip(written).filter(|(_, written)| !written).map(|((lead, _), _)| lead).collect();
            events.retain(|event| open.contains(&event.lead_id.to_ascii_lowercase()));
        }
        let reason = "what was seen of a lead could not be kept".to_owned();
        Err(LedgerError::Unavailable { operation: "BatchExecuteStatement", reason })
    }

    /// Decides on a change that only the list shows. Writes its messages together with the sights, so that no other
    /// look reports the change again. Returns how many new messages it became; `None`: somebody else saw the lead
    /// meanwhile.
    pub(crate) async fn noticed(&self, event: &Event, listed: &Listed) -> Result<Option<usize>, LedgerError> {
        let now_ms = self.world.now_ms();
        let (mut messages, mut rows) = (Vec::new(), Vec::new());
        self.consider(event, event, now_ms, &mut messages, &mut rows);
        // An existing message was made from this very change.
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        let known: BTreeSet<MessageId> = self.ledger.messages(&ids).await?.iter().map(|message| message.id).collect();
        messages.retain(|message| !known.contains(&message.id));
        let (before, together) = messages.split_at(messages.len().saturating_sub(MOST_NOTICED));
        self.ledger.insert_messages(before).await?;
        if !self.ledger.notice((&listed.lead_id, &listed.kept, &listed.sights), together, now_ms).await? {
            return Ok(None);
        }
        self.ledger.keep_events(&rows).await?;
        Ok(Some(messages.len()))
    }
}

/// The event of a change that only the list shows. It has the lead's present fields. The fields before have the last
/// seen values of the watched fields.
pub(crate) fn change_of(lead_id: &str, lead: Fields, changed: &Fields) -> Event {
    let mut before = lead.clone();
    before.extend(changed.iter());
    let (by, at) = (lead.filled("ModifiedBy").map(str::to_owned), lead.filled("ModifiedOn").map(str::to_owned));
    Event { before: Some(before), by, at, ..Event::new(EventKind::LeadChanged, lead_id.to_owned(), lead) }
}
