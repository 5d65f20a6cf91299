//! `recado messages`.

mod story;

use std::process::ExitCode;

use super::{
    Which, known_rule,
    lines::{Report, report, say_messages},
    listen,
    select::Filter,
};
use crate::output;

/// Show messages, and events that made no message, newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Messages {
    #[command(flatten)]
    which: Which,
    /// Show the whole history of this message, by its id or the first digits of it.
    #[arg(value_name = "ID", conflicts_with_all = ["state", "rule", "lead", "phone", "channel", "no_callback", "since", "until"])]
    id: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Show the message's text, with its history.
    #[arg(long, requires = "id")]
    show_text: bool,
    /// The most messages and the most events to show.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Show the newest line by line, and then each new or changed one, until Ctrl-C.
    #[arg(long, conflicts_with = "id")]
    follow: bool,
    /// Print JSON; with --follow, one line for each.
    #[arg(long)]
    json: bool,
}

impl Messages {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (config, store) = self.which.open().await?;
        if let Some(rule) = &self.filter.rule {
            known_rule(&config, &store.ledger, rule).await?;
        }
        if let Some(id) = &self.id {
            return story::tell(&store, id, self.show_text, self.json).await.map(|()| ExitCode::SUCCESS);
        }
        if self.follow {
            return listen::follow(store, &self.filter, self.limit, self.json).await;
        }
        let report = report(&store.ledger, &self.filter, self.limit).await?;
        if self.json {
            output::json("messages", &report)?;
        } else {
            show(&report);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(report: &Report) {
    report.paused.iter().for_each(|pause| output::say(&pause.said()));
    say_messages(report.messages.iter());
    output::say(&format!("{} of {} message(s)", report.messages.len(), report.total));
    if !report.events.is_empty() {
        let mut table = output::table(&["event", "lead", "outcome", "why", "received"]);
        for event in &report.events {
            table.add_row([
                event.kind.clone(),
                event.lead.clone().unwrap_or_default(),
                event.outcome.clone(),
                event.why.clone(),
                output::instant(event.received_ms),
            ]);
        }
        output::say_table(&table, 2);
    }
}
