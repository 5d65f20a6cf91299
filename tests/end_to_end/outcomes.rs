//! The outcome of a message when LigueLead does not simply accept it.

use recado_simulators::faults::Faults;

use super::WELCOME;
use crate::support::{Installation, Lead, Setup, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_came_is_unknown_until_reports_settle_it_and_nothing_is_sent_again() {
    let faults = ["lose-answer@first=1@/sms", "hang-after@first=1@/sms"];
    let mut setup = Setup::new(WELCOME).call_timeout("2s").liguelead_faults(&faults);
    setup.liguelead.callbacks.sent_after_ms = 8_000;
    setup.liguelead.callbacks.final_after_ms = 8_500;
    let installation = Installation::start(setup).await;
    for number in [1, 2] {
        let lead = Lead::new(number);
        installation.take(&lead.created()).await;
        let message = installation.comes_to(&lead.id, "unknown").await;
        assert!(message.why.unwrap().contains("no answer that says whether it was sent"));
    }
    for number in [1, 2] {
        installation.comes_to(&Lead::new(number).id, "delivered").await;
    }
    let received = installation.liguelead.received();
    assert_eq!(received.calls.iter().filter(|call| call.path.ends_with("/sms")).count(), 2);
    assert!(received.messages().into_values().all(|times| times == 1));
    installation.told().await;
    let shown: Vec<_> =
        installation.leadsquared.activities().iter().map(|one| one.fields["mx_Custom_4"].clone()).collect();
    assert_eq!(shown, ["delivered", "delivered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_of_which_nothing_is_ever_reported_stays_unknown_and_is_not_repeated() {
    // The work is not done, or it is done and a gateway answers. The sender cannot tell the two apart.
    let faults = ["reset@first=1@/sms", "html-after-502@first=1@/sms", "html-before-504@first=1@/sms"];
    let mut setup = Setup::new(WELCOME).liguelead_faults(&faults);
    setup.liguelead.callbacks.lost_callbacks_share = 1.0;
    let mut installation = Installation::start(setup).await;
    for number in 1..=3 {
        let lead = Lead::new(number);
        installation.take(&lead.created()).await;
        installation.comes_to(&lead.id, "unknown").await;
    }
    // A new process, which looks at all open messages, does not repeat them either.
    assert_eq!(installation.stop().await, 0);
    installation.restart().await;
    installation.told().await;
    assert_eq!(installation.messages().await.in_state("unknown"), 3);
    let calls = installation.liguelead.received().calls;
    assert_eq!(calls.iter().filter(|call| call.path.ends_with("/sms")).count(), 3);
    let activities = installation.leadsquared.activities();
    assert!(activities.len() == 3 && activities.iter().all(|one| one.fields["mx_Custom_4"] == "unknown"));
}

/// Sends one message into `fault`. The message waits for a stated time, and then goes out exactly once.
async fn waits_and_goes_later(fault: &str, reason: &str) {
    let mut setup = Setup::new(WELCOME).liguelead_faults(&[fault]);
    // A shorter wait than the vendor's full minute, but long enough to be seen.
    setup.liguelead.minute_aligned_reset = true;
    wait_until("the minute is not about to end", async || (jiff::Timestamp::now().as_second() % 60 < 50).then_some(()))
        .await;
    let installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    let message = installation.comes_to(&lead.id, "held").await;
    assert!(message.why.as_ref().is_some_and(|why| why.contains(reason)), "{message:?}");
    installation.comes_to(&lead.id, "delivered").await;
    let received = installation.liguelead.received();
    let sent = received.campaigns.iter().map(|one| i64::try_from(one.at_ms).unwrap()).collect::<Vec<_>>();
    assert_eq!(sent.len(), 1, "{fault}");
    assert!(sent[0] >= message.due_ms.unwrap() - 50, "{fault}: not before its time");
    assert_eq!(received.calls.iter().filter(|call| call.path.ends_with("/sms")).count(), 2, "{fault}");
    assert_eq!(installation.usage().await["limits"][0]["used"], 1, "what was not sent is given back: {fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_or_turned_away_request_waits_and_goes_later_exactly_once() {
    tokio::join!(
        waits_and_goes_later("throttle@first=1@/sms", "asked to wait"),
        waits_and_goes_later("before-503@first=1@/sms", "asked to wait"),
        waits_and_goes_later("html-before-503@first=1@/sms", "asked to wait"),
        out_of_reach_for_a_while(),
    );
}

/// LigueLead's address does not answer at first; later it does.
async fn out_of_reach_for_a_while() {
    let mut installation = Installation::start(Setup::new(WELCOME)).await;
    let lead = Lead::new(1);
    // A port where nobody listens: it was this installation's own until now.
    assert_eq!(installation.stop().await, 0);
    let reachable = installation.liguelead.base_url();
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/v1", listener.local_addr().unwrap())
    };
    let name = "LIGUELEAD_BASE_URL".to_owned();
    installation.environment.push((name.clone(), gone));
    installation.restart().await;
    installation.take(&lead.created()).await;
    let message = installation.comes_to(&lead.id, "held").await;
    assert!(message.why.unwrap().contains("could not be reached"));
    assert_eq!(installation.stop().await, 0);
    installation.environment.push((name, reachable));
    installation.restart().await;
    installation.comes_to(&lead.id, "delivered").await;
    assert_eq!(installation.liguelead.received().campaigns.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_ends_with_the_vendors_reason_and_takes_no_other_with_it() {
    let rules = "  - { id: own, on: lead.created, sms: \"Olá {{ lead.FirstName }}.\" }\n";
    let (bad, good) = (Lead::new(1), Lead::new(2));
    let mut setup = Setup::new(rules);
    setup.liguelead.reject_phones = vec![bad.phone.clone()];
    let installation = Installation::start(setup).await;
    installation.take(&[bad.created(), good.created()].into_iter().collect()).await;
    let message = installation.comes_to(&bad.id, "refused").await;
    let why = message.why.unwrap();
    assert!(why.contains("422") && why.contains("phones[0] is not a valid phone"), "{why}");
    installation.comes_to(&good.id, "delivered").await;
    installation.told().await;
    let activities = installation.leadsquared.activities();
    let of_bad = activities.iter().find(|one| one.lead_id == bad.id).unwrap();
    assert_eq!(of_bad.fields["mx_Custom_4"], "refused");
    assert!(of_bad.fields["mx_Custom_5"].contains("422"));
    // Nothing was sent, so nothing is charged.
    assert_eq!(installation.usage().await["limits"][0]["used"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn leadsquareds_failures_delay_the_write_back_and_lose_and_repeat_nothing() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let rules = ["throttle@first=2@Bulk", "lose-answer@first=1@Add/ByLeadId"];
    let rules = rules.map(crate::support::fault);
    installation.leadsquared.set_faults(Faults::of(rules));
    let leads: Vec<Lead> = (1..=30).map(Lead::new).collect();
    for lead in &leads {
        installation.leadsquared.put_lead(&lead.id, [("FirstName", "x")]);
    }
    installation.take(&leads.iter().map(Lead::created).collect()).await;
    wait_until("every lead shows the outcome", async || {
        let leads = installation.leadsquared.leads();
        leads.iter().all(|lead| lead.field("mx_Message_Status") == Some("delivered")).then_some(())
    })
    .await;
    let report = installation.told().await;
    assert_eq!(report.in_state("delivered"), 30);
    let activities = installation.leadsquared.activities();
    assert_eq!(activities.len(), 30, "one activity for each message, although one answer was lost");
    assert!(activities.iter().all(|one| one.fields["mx_Custom_4"] == "delivered"));
}
