//! Open posts that are looked up in the lead's own list, whatever LeadSquared means by `Offset`.

use recado_core::message::{Message, State};
use recado_simulators::{
    faults::Faults,
    leadsquared::{Counted, MissingLead, Options},
};

use super::{Installation, message, virtually};

const CONFIG: &str = "version: 1
leadsquared: { plan: standard, write_back: { status: mx_Message_Status } }
send: { stale_after: 60s, call_timeout: 20s }
rules: [ { id: r, on: lead.created, sms: \"oi\" } ]
";

/// Posts succeed without a response, and the listing of all leads is refused. So each post is looked up in its lead's
/// list.
fn faults() -> Faults {
    let faults =
        ["lose-answer@every=2@Add/ByLeadId", "lose-answer@every=2@Svc/Create", "before-400@every=1@ByActivityEvent"];
    Faults::of(faults.iter().map(|fault| fault.parse().unwrap()))
}

/// Writes back 90 messages to one lead. `options` set how LeadSquared lists the lead's activities.
async fn told(options: Options) -> Installation {
    let installation = Installation::new(CONFIG, Options { faults: faults(), ..options }).await;
    let messages: Vec<Message> = (0..90).map(|number| message(number, State::Delivered).for_lead("lead-0")).collect();
    installation.put(&messages).await;
    installation.until_all_is_told(&installation.process()).await;
    installation
}

#[test]
fn an_activity_is_posted_once_whether_offset_counts_rows_or_pages() {
    virtually(async {
        for activity_offset in [Counted::Rows, Counted::Pages] {
            let installation = told(Options { activity_offset, ..Options::default() }).await;
            assert!(installation.calls_to("svc/Retrieve") > 20, "they were looked up");
            let activities = installation.activities();
            assert_eq!(activities.len(), 90, "{activity_offset:?}: none is missing");
            assert!(activities.values().all(|of_message| of_message.len() == 1), "{activity_offset:?}: none twice");
            for message in installation.messages().await.into_values() {
                let id = activities[&message.id.to_string()][0].id.clone();
                assert_eq!(message.crm.activity_id, Some(id), "{activity_offset:?}: each is known");
            }
        }
    });
}

#[test]
fn an_activity_that_may_be_behind_the_page_is_not_posted_again() {
    virtually(async {
        for activity_offset in [Counted::Rows, Counted::Pages] {
            let options = Options { activity_offset, activities_of_lead_rows: 10, ..Options::default() };
            let installation = told(options).await;
            let activities = installation.activities();
            assert!(activities.values().all(|of_message| of_message.len() == 1), "{activity_offset:?}: none twice");
            let messages = installation.messages().await;
            let open: Vec<&Message> = messages.values().filter(|message| message.crm.activity_id.is_none()).collect();
            assert!(!open.is_empty(), "ten rows do not show them all");
            for message in open {
                let why = message.history.crm_why.as_deref().unwrap_or_default();
                assert!(why.contains("it is not known whether its activity was posted"), "{why}");
            }
        }
    });
}

#[test]
fn a_number_of_rows_that_leadsquared_refuses_is_not_asked_for_again_at_once() {
    virtually(async {
        let faults = [
            "lose-answer@first=1@Add/ByLeadId",
            "before-400@every=1@ByActivityEvent",
            "before-400@every=2@svc/Retrieve",
        ];
        let faults = Faults::of(faults.iter().map(|fault| fault.parse().unwrap()));
        let installation = Installation::new(CONFIG, Options { faults, ..Options::default() }).await;
        let messages: Vec<Message> = (0..20).map(|number| message(number, State::Delivered)).collect();
        installation.put(&messages).await;
        installation.until_all_is_told(&installation.process()).await;
        let activities = installation.activities();
        assert_eq!(activities.len(), 20);
        assert!(activities.values().all(|of_message| of_message.len() == 1), "none twice");
    });
}

#[test]
fn a_lead_that_is_gone_ends_its_rows_at_once_in_either_wording() {
    virtually(async {
        for missing_lead in [MissingLead::DoesNotExist, MissingLead::NotFound] {
            for count in [1, 30] {
                let options = Options { accept_unknown_leads: false, missing_lead, ..Options::default() };
                let installation = Installation::new(CONFIG, options).await;
                let messages: Vec<Message> = (0..count).map(|number| message(number, State::Accepted)).collect();
                installation.ledger.insert_messages(&messages).await.unwrap();
                let begun_ms = installation.time.now_ms();
                installation.until_all_is_told(&installation.process()).await;
                assert!(installation.time.now_ms() - begun_ms < 60_000, "{missing_lead:?}");
                for message in installation.messages().await.into_values() {
                    assert_eq!((message.crm.due_ms, &message.crm.activity_id), (None, &None), "{missing_lead:?}");
                }
                assert!(installation.ledger.parked_reasons().await.unwrap().keys().all(|why| why.contains("Lead")));
            }
        }
    });
}
