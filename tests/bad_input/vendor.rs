//! A hostile vendor: it can spoil the outcomes of its own messages, and nothing else.

use std::collections::BTreeMap;

use recado_simulators::faults::Faults;

use crate::support::{Installation, Lead, Setup, fault};

const LEADS: u32 = 40;
/// The most memory of `serve`, in MB: an endless answer has 100, and is not kept.
const MOST_MB: u64 = 150;

#[tokio::test(flavor = "multi_thread")]
async fn hostile_answers_and_reports_spoil_no_other_message_no_book_and_no_memory() {
    let rules = "  - { id: named, on: lead.created, sms: \"Olá {{ lead.FirstName }}, aqui é a escola.\" }\n";
    let mut setup = Setup::new(rules).call_timeout("2s").liguelead_faults(&["hostile@every=2@/sms"]);
    setup.leadsquared.faults = Faults::of([fault("hostile@every=3@ProspectActivity")]);
    setup.liguelead.callbacks.hostile_callbacks = true;
    let installation = Installation::start(setup).await;
    let leads: Vec<Lead> = (1..=LEADS).map(Lead::new).collect();
    for lead in &leads {
        installation.take(&lead.created()).await;
    }
    // Each request was taken, whatever its answer. Its honest reports settle it.
    for lead in &leads {
        installation.comes_to(&lead.id, "delivered").await;
    }

    let received = installation.liguelead.received();
    let hostile = received.calls.iter().filter(|call| call.fault.is_some()).count();
    assert!(hostile >= 18, "each form came twice: {hostile}");
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for phone in received.campaigns.iter().flat_map(|campaign| &campaign.phones) {
        *times.entry(phone).or_default() += 1;
    }
    assert_eq!(times.len(), leads.len());
    assert!(times.values().all(|times| *times == 1), "nobody got it twice: {times:?}");

    let usage = installation.usage().await;
    let credits = usage["limits"].as_array().unwrap().iter().find(|one| one["name"] == "credits a day").unwrap();
    assert_eq!(credits["used"], LEADS, "a price beyond belief is not booked: {usage}");
    let told = installation.told().await;
    assert!(told.messages.iter().all(|message| message.crm_activity_state.as_deref() == Some("delivered")), "{told:?}");
    if let Some(peak_mb) = installation.peak_memory_mb() {
        assert!(peak_mb < MOST_MB, "{peak_mb} MB");
    }
}
