//! 5,000 outcomes on each plan.

use std::{collections::BTreeMap, time::Duration};

use recado_core::{
    identity::MessageId,
    message::{Message, State},
};
use recado_pipeline::sync::UnknownFields;
use recado_simulators::{
    faults::Faults,
    leadsquared::{Options, Plan},
    record::Call,
};

use crate::{Installation, message, virtually};

const OUTCOMES: u32 = 5_000;
/// Messages whose lead LeadSquared does not have.
const WITHOUT_LEAD: u32 = 5;
/// Each so-manieth message is of the same lead as the one before.
const SAME_LEAD_EVERY: u32 = 10;
/// How long after its grant a call's place is free again, in ms: see docs/limits.md.
const WINDOW_MS: f64 = 5_250.0;

fn config(plan: &str) -> String {
    format!(
        "version: 1
leadsquared:
  plan: {plan}
  write_back: {{ status: mx_Message_Status, at: mx_Not_There }}
send: {{ stale_after: 60s, call_timeout: 20s }}
rules: [ {{ id: r, on: lead.created, sms: \"oi\" }} ]
"
    )
}

/// What goes wrong: bulk calls that are done and never answered for, calls that fail before and after, one that hangs,
/// and one that somebody else's calls get throttled.
fn faults() -> Faults {
    let rules = [
        "lose-answer@every=19@Add/ByLeadId",
        "after-500@every=31@Add/ByLeadId",
        "hang-after@nth=40@Add/ByLeadId",
        "lose-answer@every=13@Svc/Create",
        "lose-answer@every=11@CustomActivity/Update",
        "before-503@every=37",
        "throttle@nth=50",
        "html-after-502@every=41@Lead/Bulk",
    ];
    Faults::of(rules.map(|rule| rule.parse().unwrap()))
}

fn outcomes() -> Vec<Message> {
    let state =
        |number: u32| [State::Delivered, State::Accepted, State::Delivered, State::Undelivered][number as usize % 4];
    let of_lead = |number: u32| if number % SAME_LEAD_EVERY == 1 { number - 1 } else { number };
    (0..OUTCOMES)
        .map(|number| Message {
            lead_id: format!("lead-{}", of_lead(number)),
            changed_ms: crate::BEGIN_MS + i64::from(number) * 7,
            ..message(number, state(number))
        })
        .collect()
}

fn on(plan: Plan, name: &str) {
    virtually(async {
        let options = Options { plan, accept_unknown_leads: false, faults: faults(), ..Options::default() };
        let options = Options { mx_fields: vec!["mx_Message_Status".to_owned()], ..options };
        let installation = Installation::new(&config(name), options).await;
        let messages = outcomes();
        let (with_lead, without) = messages.split_at((OUTCOMES - WITHOUT_LEAD) as usize);
        installation.put(with_lead).await;
        installation.ledger.insert_messages(without).await.unwrap();

        // A process that dies when some minutes of it are done; then states move, and another one takes over.
        let begun_ms = installation.time.now_ms();
        let first = installation.process();
        let died = tokio::time::timeout(Duration::from_millis(200_321), first.run(begun_ms + 86_400_000)).await;
        assert!(died.is_err(), "there is more to do");
        let moved: Vec<MessageId> =
            messages.iter().filter(|m| m.state == State::Accepted).step_by(2).map(|m| m.id).collect();
        installation.report(&moved, State::Delivered).await;
        installation.until_all_is_told(&installation.process()).await;

        let took_ms = installation.time.now_ms() - begun_ms;
        let calls = installation.crm.vendor().calls().to_vec();
        assert_all_arrived(&installation, with_lead, without).await;
        let throttled = calls.iter().filter(|call| call.is_throttled());
        assert_eq!(
            throttled.clone().filter(|call| call.fault.is_none()).count(),
            0,
            "none but the one that was planned"
        );
        assert_eq!(throttled.count(), 1);
        report(name, &installation, &calls, took_ms);
    });
}

async fn assert_all_arrived(installation: &Installation, with_lead: &[Message], without: &[Message]) {
    let activities = installation.activities();
    let twice: Vec<_> = activities.iter().filter(|(_, found)| found.len() > 1).collect();
    assert!(twice.is_empty(), "posted twice: {}", twice.len());
    let now = installation.messages().await;
    let mut latest: BTreeMap<&str, &Message> = BTreeMap::new();
    for message in with_lead {
        let message = &now[&message.id];
        let shown = &activities.get(&message.id.to_string()).unwrap_or_else(|| panic!("lost: {}", message.id))[0];
        assert_eq!(shown.fields["mx_Custom_4"], message.state.to_string());
        assert_eq!(message.crm.activity_id.as_ref(), Some(&shown.id));
        let best = latest.entry(&message.lead_id).or_insert(message);
        if (message.changed_ms, message.id) > (best.changed_ms, best.id) {
            *best = message;
        }
    }
    assert_eq!(activities.len(), with_lead.len());
    for message in without {
        let message = &now[&message.id];
        assert_eq!((message.crm.due_ms, &message.crm.activity_id), (None, &None), "given up, since it has no lead");
    }
    for lead in installation.crm.vendor().leads() {
        assert_eq!(lead.field("mx_Message_Status"), Some(latest[lead.id.as_str()].state.as_str()), "{}", lead.id);
    }
    let unknown = UnknownFields::load(&installation.ledger, installation.time.now_ms()).await.unwrap();
    assert_eq!(unknown.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["lead:mx_Not_There"]);
}

/// Prints what it took, and what it takes at the least: rows at what they cost, in bulk calls, by what a window holds.
fn report(name: &str, installation: &Installation, calls: &[Call], took_ms: i64) {
    let written = |part: &str, lead: bool| -> usize {
        calls
            .iter()
            .filter(|call| call.path.contains(part) && call.is_done())
            .map(|call| if lead { 1 } else { call.items })
            .sum()
    };
    let (v1, v2) = (written("Lead/Bulk/Update", false) - written("UpdateV2", false), written("UpdateV2", false));
    let activities = written("Bulk/CustomActivity", false) + written("svc/Create", true);
    let leads = installation.crm.vendor().leads().len();
    let config = &installation.config.leadsquared;
    let spare = f64::from(config.own_calls_per_5s() - 1);
    // Each activity once, and each lead's one value once, 50 to a call.
    let fewest = activities.div_ceil(25) + leads.div_ceil(50);
    let least_s = (activities as f64 / 25.0 + leads as f64 / 50.0) / (1.0 + spare / 25.0) * WINDOW_MS / 1_000.0;
    let bulk = calls.iter().filter(|call| call.bulk).count();
    println!(
        "{name}: {} calls ({bulk} bulk; {fewest} bulk calls would do), {activities} activity rows, {v1} leads by one value, \
         {v2} by their own, {} failed calls; {} s, at least {least_s:.0} s",
        calls.len(),
        calls.iter().filter(|call| call.fault.is_some()).count(),
        took_ms / 1_000,
    );
    // Lost answers cost a look-up for each row, a death its lease; on the smallest plan there is one call for all of it.
    assert!((took_ms as f64) < least_s * 1_000.0 * 2.5, "far from the bound");
}

trait Done {
    fn is_done(&self) -> bool;
}

impl Done for Call {
    fn is_done(&self) -> bool {
        self.items > 0 || self.status == Some(200)
    }
}

#[test]
fn lite() {
    on(Plan::Lite, "lite");
}

#[test]
fn pro() {
    on(Plan::Pro, "pro");
}

#[test]
fn super_() {
    on(Plan::Super, "super");
}

#[test]
fn basic() {
    on(Plan::Basic, "basic");
}

#[test]
fn standard() {
    on(Plan::Standard, "standard");
}

#[test]
fn enterprise() {
    on(Plan::Enterprise, "enterprise");
}
