//! Two processes on one table, and rows that need special care.

use std::time::Duration;

use recado_core::message::{Message, State};
use recado_simulators::leadsquared::Options;

use super::{Installation, message, shared, virtually};

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
        // Another message to each of the leads reaches the same state.
        let again: Vec<Message> = (0..30)
            .map(|number| Message {
                changed_ms: installation.time.now_ms(),
                ..message(1_000 + number, State::Delivered).for_lead(&format!("lead-{number}"))
            })
            .collect();
        installation.ledger.insert_messages(&again).await.unwrap();
        installation.until_all_is_told(&process).await;
        assert_eq!(installation.activities().len(), 60);
        assert_eq!(updates(&installation), 30, "they show it");
    });
}

/// An installation whose LeadSquared fails in these ways.
async fn failing(faults: &[&str]) -> Installation {
    let faults = recado_simulators::faults::Faults::of(faults.iter().map(|fault| fault.parse().unwrap()));
    Installation::new(CONFIG, Options { faults, ..Options::default() }).await
}

/// Writes these messages back, and checks that each has one activity.
async fn tell_once(installation: &Installation, messages: &[Message]) {
    installation.put(messages).await;
    installation.until_all_is_told(&installation.process()).await;
    let activities = installation.activities();
    assert_eq!(activities.len(), messages.len());
    assert!(activities.values().all(|of_message| of_message.len() == 1), "none twice");
}

const LISTED: &str = "RetrieveByActivityEvent";
const OF_LEAD: &str = "svc/Retrieve";

#[test]
fn the_open_posts_of_a_bulk_call_are_looked_up_by_one_listing() {
    virtually(async {
        let installation = failing(&["lose-answer@first=2@Add/ByLeadId"]).await;
        // 40 messages to one lead: two requests, both carried out, neither answered.
        let messages: Vec<Message> =
            (0..40).map(|number| message(number, State::Delivered).for_lead("lead-0")).collect();
        tell_once(&installation, &messages).await;
        assert!(installation.calls_to(LISTED) <= 2, "{}", installation.calls_to(LISTED));
        assert_eq!(installation.calls_to(OF_LEAD), 0);
    });
}

#[test]
fn what_a_whole_listing_does_not_name_is_posted_again() {
    virtually(async {
        // Not carried out, but the status may mean anything.
        let installation = failing(&["before-503@first=1@Add/ByLeadId"]).await;
        tell_once(&installation, &accepted(60)).await;
        assert_eq!((installation.calls_to(LISTED), installation.calls_to(OF_LEAD)), (1, 0));
    });
}

#[test]
fn a_listing_that_proves_nothing_leaves_each_post_to_its_leads_list() {
    virtually(async {
        let installation =
            failing(&["lose-answer@first=1@Add/ByLeadId", "before-400@every=1@RetrieveByActivityEvent"]).await;
        tell_once(&installation, &accepted(30)).await;
        assert_eq!((installation.calls_to(LISTED), installation.calls_to(OF_LEAD)), (1, 25));
        // Nothing else was posted in the period. An empty list says as little as a broken one.
        let installation = failing(&["before-503@first=1@Add/ByLeadId"]).await;
        tell_once(&installation, &accepted(25)).await;
        assert_eq!((installation.calls_to(LISTED), installation.calls_to(OF_LEAD)), (1, 25));
    });
}

#[test]
fn updates_go_one_by_one_as_well_when_the_backlog_is_long() {
    virtually(async {
        let installation = Installation::new(CONFIG, Options::default()).await;
        let messages = accepted(200);
        tell_once(&installation, &messages).await;
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        installation.report(&ids, State::Delivered).await;
        installation.until_all_is_told(&installation.process()).await;
        assert!(installation.calls_to("svc/CustomActivity/Update") > 20);
        let shown = |of_message: &Vec<recado_simulators::leadsquared::Activity>| {
            of_message.len() == 1 && of_message[0].fields["mx_Custom_4"] == "delivered"
        };
        assert!(installation.activities().values().all(shown));
    });
}

#[test]
fn a_backlog_in_bulk_takes_less_than_one_request_to_the_table_for_each_outcome() {
    virtually(async {
        let config = CONFIG.replace("standard", "lite");
        let installation = Installation::new(&config, Options::default()).await;
        installation.put(&accepted(300)).await;
        let requests = || installation.requests.lock().unwrap().values().sum::<u64>();
        let before = requests();
        installation.until_all_is_told(&installation.process()).await;
        let made = requests() - before;
        println!("{made} requests for 300 outcomes: {:?}", installation.requests.lock().unwrap());
        assert!(made < 300, "{made}");
    });
}

#[test]
fn a_row_whose_lead_does_not_exist_is_given_up_at_once() {
    virtually(async {
        for count in [1, 30] {
            let options = Options { accept_unknown_leads: false, ..Options::default() };
            let installation = Installation::new(CONFIG, options).await;
            installation.ledger.insert_messages(&accepted(count)).await.unwrap();
            let begun_ms = installation.time.now_ms();
            installation.until_all_is_told(&installation.process()).await;
            assert!(installation.time.now_ms() - begun_ms < 60_000);
            for message in installation.messages().await.into_values() {
                let crm = &message.crm;
                assert_eq!((crm.due_ms, crm.posted_ms, &crm.activity_id), (None, None, &None));
            }
            assert_eq!((installation.calls_to(LISTED), installation.calls_to(OF_LEAD)), (0, 0));
        }
    });
}
