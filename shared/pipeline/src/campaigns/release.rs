//! Hands a gathered audience to the sender: one block for each page with one text, otherwise one row for each message.

use recado_core::{
    block::{Block, Places},
    campaign::Judge,
    config::Campaign,
    gate::{Gate, gate},
    identity::block_id,
    message::{Message, Recipients, State},
};
use recado_ledger::{Inserted, LedgerError, Phase, Run};

use super::{CampaignError, CampaignReport, Campaigns, is_low};

/// Pages between two writes of the run's row.
const PAGES_PER_WRITE: usize = 25;

impl Campaigns {
    /// Releases pages from the run's progress on. When all are released, the run is `Released`.
    pub(super) async fn release(
        &self,
        run: &mut Run,
        campaign: &Campaign,
        until_ms: i64,
        report: &mut CampaignReport,
    ) -> Result<(), CampaignError> {
        let judge = Judge::new(&self.config, campaign, run.started_ms);
        while run.released < run.pages.len() {
            if self.world.now_ms() >= until_ms || self.is_paused(campaign).await? || !self.lead(run).await? {
                return Ok(());
            }
            let some: Vec<u64> = run.pages.iter().skip(run.released).take(PAGES_PER_WRITE).copied().collect();
            for page in &some {
                report.released += self.release_page(run, campaign, &judge, *page).await?;
            }
            run.released += some.len();
            if !self.ledger.move_run(run, self.world.now_ms()).await? {
                return Ok(());
            }
        }
        run.phase = Phase::Released;
        if self.ledger.move_run(run, self.world.now_ms()).await? {
            let recipients = run.tally.recipients;
            tracing::info!(campaign = run.campaign, run = run.name, recipients, "campaign.released");
        }
        Ok(())
    }

    async fn release_page(
        &self,
        run: &Run,
        campaign: &Campaign,
        judge: &Judge<'_>,
        page: u64,
    ) -> Result<u64, CampaignError> {
        let now_ms = self.world.now_ms();
        let recipients = self.ledger.page(run.id(), page).await?;
        let lost = || LedgerError::Unreadable { pk: format!("Q#{}", run.id()), attribute: "recipients" };
        let recipients = recipients.ok_or_else(lost)?;
        let mut like = judge.message(&run.event(), now_ms);
        // LeadSquared was asked for the opt-out fields while the audience was gathered, which may be long ago.
        like.history.opt_out_read_ms = run.file.is_none().then_some(run.started_ms);
        like.history.own_opt_out_read = run.file.is_none() && run.own_opt_out_read;
        let rows: Vec<Message> = match (judge.is_shared(), recipients.as_slice()) {
            (_, []) => Vec::new(),
            (true, [_, _, ..]) => {
                let to = u16::try_from(recipients.len()).unwrap_or(u16::MAX);
                let block = Block {
                    run: run.id(),
                    page,
                    from: 0,
                    to,
                    gone: Places::default(),
                    leaving: Vec::new(),
                    tell: campaign.write_back,
                    version: 0,
                };
                vec![Message { id: block_id(run.id(), page, 0), to: Recipients::Many(block), ..like }]
            }
            _ => recipients.iter().map(|one| self.waiting(one.message(&like, run.id()), now_ms)).collect(),
        };
        let written = self.ledger.insert_messages(&rows).await?;
        if written.contains(&Inserted::Undecided) {
            let reason = "some rows could not be written".to_owned();
            return Err(LedgerError::Unavailable { operation: "BatchExecuteStatement", reason }.into());
        }
        Ok(recipients.len() as u64)
    }

    /// A message as it is written: held until its sending hours open.
    fn waiting(&self, mut message: Message, now_ms: i64) -> Message {
        if let Gate::Hold { until_ms, why } = gate(&message, &self.config.hours, now_ms) {
            message.state = State::Held;
            message.why = Some(why);
            message.due_ms = Some(until_ms.min(message.expires_ms));
        } else if is_low(message.priority) {
            message.due_ms = Some(now_ms);
        }
        message
    }
}
