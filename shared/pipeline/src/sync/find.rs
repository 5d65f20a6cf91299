//! Looks up whether posts without an answer created their activities.
//!
//! The posts of one bulk request are open together. So one listing of the activities written since then settles them
//! all. An activity in the listing is proof. A missing activity proves something only if the listing is whole and
//! visibly works. Its shape is poorly documented, and a wrong "no" would post an activity twice.
//!
//! Posts that stay open are looked up in their lead's own list, one request for each. A post that still stays open is
//! not repeated: a person may look.

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::{
    ACTIVITIES_PER_PAGE, ActivityPage, CallError, FoundActivity, MAX_ACTIVITIES_OF_LEAD, MAX_ACTIVITIES_PER_PAGE, Page,
    Standard, parse_time_ms,
};
use recado_core::{message::Message, transition::Transition, writeback::Row};

use super::{
    RunError, SyncReport, Syncer,
    names::ID_FIELD,
    record::{Sent, parked},
    unknown::Kind,
    window::{Ended, Window},
};

/// Most pages of a listing that are read.
const MOST_PAGES: u32 = 10;
/// How far LeadSquared's clock may differ from the local one, in ms. It also covers the time of reading a listing, so
/// that an edited activity stays in the period.
const CLOCKS_MS: i64 = 60_000;

/// Activities of Recado's type that were written in a period.
#[derive(Debug, Default)]
struct Listing {
    /// Activities' ids, by the id of the message in each.
    by_message: BTreeMap<String, String>,
    /// The ids of all activities.
    seen: BTreeSet<String>,
    /// Whether one of them held no message's id.
    is_mute: bool,
    /// Pages that were read, and the number of activities that the last page stated.
    pages: u32,
    total: Option<u64>,
    /// Whether the last page was read.
    is_read: bool,
}

impl Listing {
    fn take(&mut self, activity: FoundActivity) {
        match told(&activity) {
            Some(message) => {
                self.by_message.insert(message.to_owned(), activity.id.clone());
            }
            None => self.is_mute = true,
        }
        self.seen.insert(activity.id);
    }

    /// Whether a message that is missing here has no activity. All counted activities were seen, and each named its
    /// message. Pages that shifted during the reading, an answer without Recado's field and an empty answer prove
    /// nothing.
    fn is_whole(&self) -> bool {
        let is_complete = self.total.map_or(self.pages == 1, |total| total == self.seen.len() as u64);
        self.is_read && !self.is_mute && !self.seen.is_empty() && is_complete
    }
}

impl Syncer {
    /// Looks up many open posts by one listing of the activities written since the first post.
    pub(super) async fn find(&self, rows: &[Row], at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let mut ended = Ended::default();
        let open: Vec<(&Row, &Message)> =
            rows.iter().filter_map(|row| Some((row, window.messages.get(&row.id)?))).collect();
        let Some(first_ms) = open.iter().filter_map(|(_, message)| message.crm.posted_ms).min() else {
            return Ok(ended);
        };
        match self.listing(first_ms, at_ms, window, &mut ended.report).await? {
            Ok(listing) => {
                let is_whole = listing.is_whole();
                let mut changes = Vec::new();
                for (row, message) in open {
                    let found = listing.by_message.get(&message.id.to_string());
                    match found {
                        None if !is_whole => ended.alone.push(message.id),
                        found => changes.push(looked_up(message, row, found.map(String::as_str))),
                    }
                }
                self.ledger.apply(changes).await?;
            }
            Err(error) => {
                // A listing that is refused for its content says nothing about the rows.
                if matches!(error, CallError::Refused { .. } | CallError::TooMany { .. }) {
                    ended.alone.extend(open.iter().map(|(_, message)| message.id));
                } else {
                    let rows = open.iter().map(|(row, message)| Sent { message, then: row.then, kind: Kind::Activity });
                    self.ledger.apply(rows.map(|row| self.not_taken(row, &error, open.len())).collect()).await?;
                }
                self.failed::<Standard>(error).await?;
            }
        }
        Ok(ended)
    }

    /// The activities of Recado's type that were written since `first_ms` (ms since the epoch), page by page as the
    /// limits allow.
    async fn listing(
        &self,
        first_ms: i64,
        at_ms: i64,
        window: &Window,
        report: &mut SyncReport,
    ) -> Result<Result<Listing, CallError>, RunError> {
        let mut listing = Listing::default();
        let mut permit = self.crm.permit_at::<Standard>(at_ms).await;
        let period = (first_ms - CLOCKS_MS, self.world.now_ms() + CLOCKS_MS);
        let mut page = Page::first(MAX_ACTIVITIES_PER_PAGE);
        while let Some(granted) = permit.take() {
            report.calls += 1;
            let read = self.crm.with(granted).activities_modified(window.code, period.0, period.1, page).await;
            let read = match read {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            (listing.is_read, listing.pages, listing.total) = (read.is_last(page), page.index, read.total);
            read.activities.into_iter().for_each(|activity| listing.take(activity));
            if listing.is_read || page.index >= MOST_PAGES {
                break;
            }
            page = page.next();
            permit = self.crm.permit(window.until_ms).await?;
        }
        Ok(Ok(listing))
    }

    /// Searches the lead's latest activities of Recado's type for the one with the message's id.
    pub(super) async fn find_one(&self, row: Row, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let mut ended = Ended::default();
        let Some(message) = window.messages.get(&row.id) else { return Ok(ended) };
        let mut permit = self.crm.permit_at::<Standard>(at_ms).await;
        let mut rows = MAX_ACTIVITIES_OF_LEAD;
        let page = loop {
            let Some(granted) = permit.take() else { return Ok(ended) };
            ended.report.calls += 1;
            match self.crm.with(granted).activities_of_lead(message.lead_id(), window.code, rows).await {
                // The number of rows may be the reason: LeadSquared states no maximum.
                Err(CallError::Refused { message, .. }) if rows > ACTIVITIES_PER_PAGE && !message.says_missing() => {
                    rows = ACTIVITIES_PER_PAGE;
                    permit = self.crm.permit(window.until_ms).await?;
                }
                page => break page,
            }
        };
        let sent = Sent { message, then: row.then, kind: Kind::Activity };
        let change = match &page {
            Ok(page) => {
                let ours = page.activities.iter().find(|activity| told(activity) == Some(&message.id.to_string()));
                match ours {
                    None if !is_proof(page, message.created_ms - CLOCKS_MS) => parked(sent, &not_told(page)),
                    ours => looked_up(message, &row, ours.map(|activity| activity.id.as_str())),
                }
            }
            Err(error) => self.not_taken(sent, error, 1),
        };
        self.ledger.apply(vec![change]).await?;
        if let Err(error) = page {
            self.failed::<Standard>(error).await?;
        }
        Ok(ended)
    }
}

/// The message's id in an activity.
fn told(activity: &FoundActivity) -> Option<&str> {
    activity.fields.get(ID_FIELD).filter(|id| !id.is_empty())
}

/// Whether a missing activity of `since_ms` (ms since the epoch) or later does not exist. The page must hold all
/// activities, or reach back that far. Each of its activities that could be the one must name its message.
fn is_proof(page: &ActivityPage, since_ms: i64) -> bool {
    let rows = &page.activities;
    let made_ms = |activity: &FoundActivity| activity.created_on.as_deref().and_then(parse_time_ms);
    let is_late = |activity: &FoundActivity| made_ms(activity).is_none_or(|made_ms| made_ms >= since_ms);
    let is_mute = rows.iter().any(|activity| told(activity).is_none() && is_late(activity));
    let is_whole = page.total.map_or(rows.len() < ACTIVITIES_PER_PAGE as usize, |total| total <= rows.len() as u64);
    let is_newest_first = rows.iter().map(made_ms).is_sorted_by(|one, next| next.is_some() && one >= next);
    let goes_back = is_newest_first && rows.last().is_some_and(|last| !is_late(last));
    !is_mute && (is_whole || goes_back)
}

fn not_told(page: &ActivityPage) -> String {
    let all = page.total.map_or_else(|| "more".to_owned(), |total| total.to_string());
    format!(
        "it is not known whether its activity was posted: LeadSquared shows {} of the lead's {all} activities, and not \
         whether it is among them",
        page.activities.len()
    )
}

/// The result for an open post: its activity, or none.
fn looked_up(message: &Message, row: &Row, activity_id: Option<&str>) -> Transition {
    let change = match activity_id {
        Some(id) => Transition::of_crm(message.id).found(id),
        None => Transition::of_crm(message.id).not_posted(),
    };
    // Its due time was the moment when the mark became stale, so it is due now.
    change.later(message.crm.attempts, row.due_ms)
}
