//! A thousand outcomes on each plan, or as many as `RECADO_PLAN_OUTCOMES` says. With 5,000 and `-- --nocapture` it
//! prints the figures in `docs/limits.md`.

use std::{collections::BTreeMap, time::Duration};

use recado_core::{
    identity::MessageId,
    message::{Message, State},
    writeback::{Allowance, Backlog, Forecast, LINGER_MS, LeadFieldNames, forecast, needs},
};
use recado_pipeline::sync::UnknownFields;
use recado_simulators::{
    faults::Faults,
    leadsquared::{Options, Plan},
    record::Call,
};

use super::{Installation, message, virtually};

const OUTCOMES: u32 = 1_000;
/// Messages with a lead that LeadSquared does not have.
const WITHOUT_LEAD: u32 = 5;
/// One message in this many has the same lead as the message before it.
const SAME_LEAD_EVERY: u32 = 10;
/// How long after its grant a request's slot is free again, in ms. See docs/limits.md.
const WINDOW_MS: i64 = 5_250;

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

/// The faults. Bulk requests succeed without a response, requests fail before and after their effect, one hangs, and
/// one is throttled because of somebody else's requests.
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

/// The number of outcomes.
fn count() -> u32 {
    std::env::var("RECADO_PLAN_OUTCOMES").map_or(OUTCOMES, |count| count.parse().unwrap())
}

fn outcomes() -> Vec<Message> {
    let state =
        |number: u32| [State::Delivered, State::Accepted, State::Delivered, State::Undelivered][number as usize % 4];
    let of_lead = |number: u32| if number % SAME_LEAD_EVERY == 1 { number - 1 } else { number };
    (0..count())
        .map(|number| Message {
            changed_ms: super::BEGIN_MS + i64::from(number) * 7,
            ..message(number, state(number)).for_lead(&format!("lead-{}", of_lead(number)))
        })
        .collect()
}

fn on(plan: Plan, name: &str) {
    virtually(async {
        let options = Options { plan, accept_unknown_leads: false, faults: faults(), ..Options::default() };
        let options = Options { mx_fields: vec!["mx_Message_Status".to_owned()], ..options };
        let installation = Installation::new(&config(name), options).await;
        let messages = outcomes();
        let (with_lead, without) = messages.split_at((count() - WITHOUT_LEAD) as usize);
        installation.put(with_lead).await;
        installation.ledger.insert_messages(without).await.unwrap();

        // A process dies when a quarter of the work is done. Then states move, and another process takes over.
        let (begun_ms, requests) = (installation.time.now_ms(), requests(&installation));
        let bound = bound(&installation, with_lead);
        let first = installation.process();
        let dies_after = Duration::from_millis(u64::try_from(bound.lasts_ms / 4).unwrap() + 321);
        let died = tokio::time::timeout(dies_after, first.run(begun_ms + 86_400_000)).await;
        assert!(died.is_err(), "there is more to do");
        let moved: Vec<MessageId> =
            messages.iter().filter(|m| m.state == State::Accepted).step_by(2).map(|m| m.id).collect();
        installation.report(&moved, State::Delivered).await;
        installation.until_all_is_told(&installation.process()).await;

        let took_ms = installation.time.now_ms() - begun_ms;
        let requests = self::requests(&installation) - requests;
        let calls = installation.crm.vendor().calls().to_vec();
        assert_all_arrived(&installation, with_lead, without, begun_ms).await;
        let throttled = calls.iter().filter(|call| call.is_throttled());
        let unplanned = throttled.clone().filter(|call| call.fault.is_none());
        assert_eq!((throttled.clone().count(), unplanned.count()), (1, 0), "none but the one that was planned");
        report(name, &calls, took_ms, bound, requests);
    });
}

async fn assert_all_arrived(installation: &Installation, with_lead: &[Message], without: &[Message], begun_ms: i64) {
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
        assert!(message.history.crm_told_ms.is_some_and(|told_ms| told_ms > begun_ms), "when it was told is kept");
        let best = latest.entry(message.lead_id()).or_insert(message);
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

fn requests(installation: &Installation) -> u64 {
    installation.requests.lock().unwrap().values().sum()
}

/// The planner's forecast for these messages if nothing fails and no state moves. It assumes that the field that the
/// account lacks is known from the start.
fn bound(installation: &Installation, messages: &[Message]) -> Forecast {
    let config = &installation.config.leadsquared;
    let allowance = Allowance {
        calls: config.own_calls_per_5s(),
        bulk_calls: config.bulk_calls_per_5s,
        bulk_counts_in_window: config.bulk_counts_in_window,
        window_ms: WINDOW_MS,
        calls_per_day: Some(config.own_calls_per_day()),
        day_calls: 0,
    };
    let now_ms = installation.time.now_ms() + LINGER_MS;
    let names =
        LeadFieldNames { status: config.write_back.status.as_ref().map(|name| name.as_str().to_owned()), at: None };
    forecast(Backlog::new(needs(messages, &names, &BTreeMap::new(), now_ms, 0)), allowance, now_ms)
}

/// Prints the real cost, and the planner's bound.
fn report(name: &str, calls: &[Call], took_ms: i64, bound: Forecast, requests: u64) {
    let bulk = calls.iter().filter(|call| call.bulk).count();
    let bound_calls = bound.bulk_calls + bound.single_calls;
    println!(
        "{name}: {} calls ({bulk} bulk, {} met a fault) in {} s; the planner's bound without faults is {bound_calls} \
         calls ({} bulk) in {} s; {requests} requests to the table, {:.2} for each outcome",
        calls.len(),
        calls.iter().filter(|call| call.fault.is_some()).count(),
        took_ms / 1_000,
        bound.bulk_calls,
        bound.lasts_ms / 1_000,
        requests as f64 / f64::from(count()),
    );
    // Lost responses, a death and moving states cost requests. The real cost must stay near the planner's bound.
    assert!((calls.len() as f64) < bound_calls as f64 * 1.6, "far from the bound");
    assert!((took_ms as f64) < bound.lasts_ms as f64 * 1.8, "far from the bound");
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
