//! Looking up whether posts that were never answered for made their activities.
//!
//! Those of one bulk post are open together, so one listing of the activities that were written since then settles them
//! all. It is believed when it names an activity. That it does not name one says something only if it is whole and shows
//! that it works: its shape is documented poorly, and a wrong "no" would post an activity twice. Whatever it leaves open
//! is looked up in the lead's own list, one call for each. If that leaves it open too, the activity is not posted again: a
//! person may look.

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::{
    ACTIVITIES_PER_PAGE, ActivityPage, CallError, FoundActivity, MAX_ACTIVITIES_OF_LEAD, MAX_ACTIVITIES_PER_PAGE, Page,
    Standard, parse_time_ms,
};
use recado_core::{message::Message, writeback::Row};
use recado_ledger::CrmChange;

use super::{
    RunError, SyncReport, Syncer,
    activity::ID_FIELD,
    record::{Sent, parked},
    unknown::Kind,
    window::{Ended, Window},
};

/// Pages of a listing that are read, at most.
const MOST_PAGES: u32 = 10;
/// How far LeadSquared's clock may be from ours, in ms, and how long a listing may take to read: nothing leaves the
/// period meanwhile, however often it is edited.
const CLOCKS_MS: i64 = 60_000;

/// Activities of our type that were written in a period.
#[derive(Debug, Default)]
struct Listing {
    /// By the message's id that they hold.
    by_message: BTreeMap<String, String>,
    /// The ids of all activities.
    seen: BTreeSet<String>,
    /// Whether one of them told no message's id.
    is_mute: bool,
    /// Pages that were read, and how many activities there are, as the last of them said.
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

    /// Whether what it does not name is not there. Each activity was seen that it counts, and each told whose it is: pages
    /// that shifted while they were read, an answer without our field and an empty one prove nothing.
    fn is_whole(&self) -> bool {
        let is_complete = self.total.map_or(self.pages == 1, |total| total == self.seen.len() as u64);
        self.is_read && !self.is_mute && !self.seen.is_empty() && is_complete
    }
}

impl Syncer {
    /// Looks up many open posts by one listing of what was written since the first of them.
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
                self.ledger.change_crm(changes).await?;
            }
            Err(error) => {
                // A listing that is refused for what is in it says nothing about the rows.
                if matches!(error, CallError::Refused { .. } | CallError::TooMany { .. }) {
                    ended.alone.extend(open.iter().map(|(_, message)| message.id));
                } else {
                    let rows = open.iter().map(|(row, message)| Sent { message, then: row.then, kind: Kind::Activity });
                    self.ledger.change_crm(rows.map(|row| self.not_taken(row, &error, open.len())).collect()).await?;
                }
                self.failed::<Standard>(error).await?;
            }
        }
        Ok(ended)
    }

    /// The activities of our type that were written since `first_ms` (ms since the epoch), page by page as the limits allow.
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

    /// Looks through the lead's latest activities of our type for the one that holds the message's id.
    pub(super) async fn find_one(&self, row: Row, at_ms: i64, window: &Window) -> Result<Ended, RunError> {
        let mut ended = Ended::default();
        let Some(message) = window.messages.get(&row.id) else { return Ok(ended) };
        let mut permit = self.crm.permit_at::<Standard>(at_ms).await;
        let mut rows = MAX_ACTIVITIES_OF_LEAD;
        let page = loop {
            let Some(granted) = permit.take() else { return Ok(ended) };
            ended.report.calls += 1;
            match self.crm.with(granted).activities_of_lead(&message.lead_id, window.code, rows).await {
                // Perhaps for their number: LeadSquared names no maximum.
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
        self.ledger.change_crm(vec![change]).await?;
        if let Err(error) = page {
            self.failed::<Standard>(error).await?;
        }
        Ok(ended)
    }
}

/// The message's id that an activity holds.
fn told(activity: &FoundActivity) -> Option<&str> {
    activity.fields.get(ID_FIELD).filter(|id| !id.is_empty())
}

/// Whether an activity of `since_ms` (ms since the epoch) or later that a page does not name is not there: the page holds
/// all that there are, or goes back that far, and each of its activities that may be the one tells whose it is.
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

/// What became of an open post: its activity, or nothing.
fn looked_up(message: &Message, row: &Row, activity_id: Option<&str>) -> CrmChange {
    let change = match activity_id {
        Some(id) => CrmChange::of(message.id).found(id),
        None => CrmChange::of(message.id).not_posted(),
    };
    // Its appointment was moved to when the mark would be stale: that is now.
    change.later(message.crm.attempts, row.due_ms)
}
