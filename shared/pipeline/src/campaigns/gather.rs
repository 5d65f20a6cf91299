//! Reads an audience, and writes it in pages.
//!
//! The last page may be incomplete. The next write replaces it by a larger page under another key. After a crash, only
//! the part since the last write is read again.

use std::collections::HashSet;

use recado_core::{
    block::{MAX_PAGE_BYTES, MAX_RECIPIENTS, Recipient},
    campaign::{Judge, MAX_AUDIENCE, REPEATED, Tally, columns},
    config::Campaign,
    identity::RunId,
};
use recado_ledger::{Phase, Run};

use super::{
    CampaignError, CampaignReport, Campaigns,
    source::{Found, Source},
};
use crate::opt_out::last_known;

/// Pieces of the source between two writes of an incomplete page.
const PIECES_PER_WRITE: u32 = 10;

/// The most bytes of one recipient.
const MOST_OF_ONE: usize = 8_192;

/// A page that is being filled.
#[derive(Default)]
struct Page {
    recipients: Vec<Recipient>,
    bytes: usize,
}

impl Page {
    fn of(recipients: Vec<Recipient>) -> Self {
        Self { bytes: recipients.iter().map(Recipient::bytes).sum(), recipients }
    }

    fn push(&mut self, recipient: Recipient) {
        self.bytes += recipient.bytes();
        self.recipients.push(recipient);
    }

    /// Whether it takes no more recipients.
    fn is_full(&self) -> bool {
        self.recipients.len() >= MAX_RECIPIENTS || self.bytes + MOST_OF_ONE > MAX_PAGE_BYTES
    }

    fn is_empty(&self) -> bool {
        self.recipients.is_empty()
    }
}

/// The members of an audience so far: eight bytes for each lead, and for each phone.
#[derive(Default)]
pub(super) struct Seen {
    leads: HashSet<u64>,
    phones: HashSet<u64>,
}

impl Seen {
    /// Adds a recipient. `false`: its lead or its phone is in the audience already.
    pub(super) fn insert(&mut self, run: RunId, recipient: &Recipient) -> bool {
        let phone = recipient.phone.national().parse().unwrap_or_default();
        if recipient.lead.is_none() {
            return self.phones.insert(phone);
        }
        let id = recipient.message_id(run);
        let lead = id.as_bytes().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        // A phone with two leads gets one message: the first lead's.
        !self.phones.contains(&phone) && self.leads.insert(lead) && self.phones.insert(phone)
    }
}

impl Campaigns {
    /// Reads the audience from the run's cursor on. When all of it is read, the run is `Releasing`.
    pub(super) async fn gather(
        &self,
        run: &mut Run,
        campaign: &Campaign,
        source: &Source,
        until_ms: i64,
        report: &mut CampaignReport,
    ) -> Result<(), CampaignError> {
        let judge = Judge::new(&self.config, campaign, run.started_ms);
        let own = last_known(&self.ledger).await?;
        let columns = columns(&self.config, campaign, own);
        // Decided for each piece, by the process that reads the piece.
        let asks_own = self.config.leadsquared.opt_out.asks_own(judge.message("", 0).content.channel(), own);
        run.own_opt_out_read = asks_own && (run.own_opt_out_read || run.cursor == 0);
        let (mut seen, mut page) = self.seen(run).await?;
        let credits = judge.message("", 0).credits;
        let (mut pieces, begun_at) = (0, run.cursor);
        loop {
            if !self.lead(run).await? {
                return Ok(());
            }
            if self.world.now_ms() >= until_ms || self.is_paused(campaign).await? {
                // If nothing was read since, the stored run is just as good.
                if run.cursor > begun_at {
                    self.write(run, &page, campaign).await?;
                }
                return Ok(());
            }
            let piece = match self.piece(source, run.cursor, &columns, until_ms).await {
                Ok(piece) => piece,
                Err(error) => {
                    // Keeps the part that was read.
                    if run.cursor > begun_at {
                        self.write(run, &page, campaign).await?;
                    }
                    return Err(error);
                }
            };
            let size = piece.len() as u64;
            let is_last = match source {
                Source::Search(_) => run.cursor % source.step() + size < source.step(),
                Source::File(entries) => run.cursor + size >= entries.len() as u64,
            };
            for found in piece {
                run.cursor += 1;
                report.looked_at += 1;
                if let Some(recipient) = judged(&judge, &found, run.id(), &mut seen, &mut run.tally, credits) {
                    page.push(recipient);
                }
                if page.is_full() && !self.write_full(run, &mut page, campaign).await? {
                    return Ok(());
                }
                if run.tally.recipients >= MAX_AUDIENCE {
                    let why = format!("a run has at most {MAX_AUDIENCE} recipients; the rest is left out");
                    tracing::warn!(campaign = run.campaign, "campaign.too_large");
                    run.why = Some(why);
                    break;
                }
            }
            pieces += 1;
            if is_last || run.tally.recipients >= MAX_AUDIENCE {
                run.phase = Phase::Releasing;
                run.gathered_ms = Some(self.world.now_ms());
                if self.write(run, &page, campaign).await? {
                    let (looked_at, recipients) = (run.tally.looked_at, run.tally.recipients);
                    tracing::info!(campaign = run.campaign, run = run.name, looked_at, recipients, "campaign.gathered");
                }
                return Ok(());
            }
            if pieces % PIECES_PER_WRITE == 0 && !page.is_empty() && !self.write_open(run, &page, campaign).await? {
                return Ok(());
            }
        }
    }

    /// The audience's members so far, and the incomplete page. The page is taken out of the run.
    async fn seen(&self, run: &mut Run) -> Result<(Seen, Page), CampaignError> {
        let (mut seen, mut last) = (Seen::default(), Vec::new());
        for page in &run.pages {
            last = self.ledger.page(run.id(), *page).await?.unwrap_or_default();
            for recipient in &last {
                seen.insert(run.id(), recipient);
            }
        }
        let last = Page::of(last);
        if last.is_empty() || last.is_full() {
            return Ok((seen, Page::default()));
        }
        run.pages.pop();
        Ok((seen, last))
    }

    /// Writes a full page and begins another. `false`: another process has the run.
    async fn write_full(&self, run: &mut Run, page: &mut Page, campaign: &Campaign) -> Result<bool, CampaignError> {
        if !self.write(run, page, campaign).await? {
            return Ok(false);
        }
        *page = Page::default();
        Ok(true)
    }

    /// Writes an incomplete page that a later write replaces.
    async fn write_open(&self, run: &mut Run, page: &Page, campaign: &Campaign) -> Result<bool, CampaignError> {
        if !self.write(run, page, campaign).await? {
            return Ok(false);
        }
        run.pages.pop();
        Ok(true)
    }

    /// Writes a page, unless it is empty, and the run's progress. `false`: another process has the run.
    async fn write(&self, run: &mut Run, page: &Page, campaign: &Campaign) -> Result<bool, CampaignError> {
        let now_ms = self.world.now_ms();
        if !page.is_empty() {
            let mut sorted: Vec<(String, &Recipient)> =
                page.recipients.iter().map(|one| (one.phone.zone().name().to_owned(), one)).collect();
            sorted.sort_by(|a, b| (&a.0, a.1.phone).cmp(&(&b.0, b.1.phone)));
            let sorted: Vec<Recipient> = sorted.into_iter().map(|(_, one)| one.clone()).collect();
            let random = self.world.fresh_batch();
            let key = random.as_bytes().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
            let expires_ms = Judge::new(&self.config, campaign, run.started_ms).message("", now_ms).expires_ms;
            self.ledger.put_page(run.id(), key, &sorted, expires_ms.max(now_ms)).await?;
            run.pages.push(key);
        }
        Ok(self.ledger.move_run(run, now_ms).await?)
    }
}

/// Judges one member of an audience, and counts it.
pub(super) fn judged(
    judge: &Judge<'_>,
    found: &Found,
    run: RunId,
    seen: &mut Seen,
    tally: &mut Tally,
    credits: u32,
) -> Option<Recipient> {
    let recipient = match found {
        Found::Lead(id, fields, row) => judge.lead(id, fields, row),
        Found::Phone(phone, row) => judge.phone(phone, row),
        Found::NoLead => Err("LeadSquared does not know the lead".to_owned()),
    };
    match recipient {
        Ok(recipient) if seen.insert(run, &recipient) => {
            let own = recipient.own.as_ref().and_then(|own| own.text.as_ref());
            tally.take(own.map_or(credits, recado_core::credits::SmsText::credits));
            Some(recipient)
        }
        Ok(_) => {
            tally.leave_out(REPEATED);
            None
        }
        Err(why) => {
            tally.leave_out(&why);
            None
        }
    }
}
