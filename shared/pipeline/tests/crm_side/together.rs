//! Two processes on one table, and rows that need special care.

use std::time::Duration;

use recado_core::message::{Message, State};
use recado_simulators::leadsquared::Options;

use crate::{Installation, message, shared, virtually};

const CONFIG: &str = "version: 1
leadsquared: { plan: standard, write_back: { status: mx_Message_Status } }
send: { stale_after: 60s, call_timeout: 20s }
rules: [ { id: r, on: lead.created, sms: \"oi\" } ]
";

fn accepted(count: u32) -> Vec<Message> {
    (0..count).map(|number| message(number, State::Accepted)).collect()
}

#[test]
fn two_processes_waste_no_calls_and_one_takes_over_when_the_other_dies() {
    virtually(async {
        let installation = shared(Installation::new(CONFIG, Options::default()).await);
        installation.put(&accepted(300)).await;
        let begun_ms = installation.time.now_ms();
        let (one, two) = (installation.process(), installation.process());
        let first = tokio::spawn(async move { one.run(begun_ms + 3_600_000).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = tokio::spawn(async move { two.run(begun_ms + 3_600_000).await });
        tokio::time::sleep(Duration::from_secs(12)).await;
        let before = installation.crm.vendor().calls().len();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(before < 60, "the backlog is not done yet: {before}");
        second.await.unwrap().unwrap();
        let told_ms = installation.time.now_ms() - begun_ms;
        assert!(told_ms < 200_000, "the lease ended by itself, and open posts were looked up: {told_ms}");
        installation.until_all_is_told(&installation.process()).await;
        let activities = installation.activities();
        assert_eq!(activities.len(), 300);
        assert!(activities.values().all(|of_message| of_message.len() == 1));
        let calls = installation.crm.vendor().calls().to_vec();
        assert!(calls.iter().all(|call| !call.is_throttled()));
    });
}

#[test]
fn nothing_is_written_that_leadsquared_shows_already() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let first: Vec<Message> = (0..30).map(|number| message(number, State::Delivered)).collect();
        installation.put(&first).await;
        let process = installation.process();
        installation.until_all_is_told(&process).await;
        let updates = |installation: &Installation| -> u64 {
            installation.crm.vendor().leads().iter().map(|lead| lead.updates).sum()
        };
        assert_eq!(updates(&installation), 30);
        // Another message to each of the leads comes to the same state.
        let again: Vec<Message> = (0..30)
            .map(|number| Message {
                lead_id: format!("lead-{number}"),
                changed_ms: installation.time.now_ms(),
                ..message(1_000 + number, State::Delivered)
            })
            .collect();
        installation.ledger.insert_messages(&again).await.unwrap();
        installation.until_all_is_told(&process).await;
        assert_eq!(installation.activities().len(), 60);
        assert_eq!(updates(&installation), 30, "they show it");
    });
}

#[test]
fn an_open_post_is_found_behind_other_activities_of_its_lead() {
    virtually(async {
        let faults = recado_simulators::faults::Faults::of(["lose-answer@first=2@Add/ByLeadId".parse().unwrap()]);
        let installation = Installation::new(CONFIG, Options { faults, ..Options::default() }).await;
        // 40 messages to one lead: their activities are on two pages, whatever order they come in.
        let messages: Vec<Message> = (0..40)
            .map(|number| Message { lead_id: "lead-0".to_owned(), ..message(number, State::Delivered) })
            .collect();
        installation.put(&messages).await;
        installation.until_all_is_told(&installation.process()).await;
        let activities = installation.activities();
        assert_eq!(activities.len(), 40);
        assert!(activities.values().all(|of_message| of_message.len() == 1), "none twice");
    });
}
