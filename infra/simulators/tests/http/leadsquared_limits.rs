//! LeadSquared's limits over HTTP: exact at the boundary, and the shapes of a throttled answer.

use std::time::Duration;

use crate::common::LeadSquared;
use recado_simulators::{
    leadsquared::{Options, Plan, Throttle},
    record::Call,
};
use serde_json::{Value, json};

const READ: &str = "LeadManagement.svc/Leads.GetById?id=a";
const BULK: &str = "ProspectActivity.svc/Bulk/CustomActivity/Add/ByLeadId";

fn types() -> Options {
    Options { activity_types: vec![(206, "Message".to_owned())], ..Options::default() }
}

fn rows() -> Value {
    json!([{ "RelatedProspectId": "a", "ActivityEvent": 206 }])
}

#[tokio::test]
async fn each_plan_admits_its_number_and_not_one_more() {
    for (plan, calls) in [
        (Plan::Lite, 2),
        (Plan::Pro, 5),
        (Plan::Super, 10),
        (Plan::Basic, 10),
        (Plan::Standard, 15),
        (Plan::Enterprise, 25),
    ] {
        let vendor = LeadSquared::start(Options { plan, ..Options::default() }).await;
        for _ in 0..calls {
            assert_eq!(vendor.get(READ).await, (200, json!([])));
        }
        let message = format!("API calls exceeded the limit of {calls} in 5 second(s)");
        assert_eq!(vendor.get(READ).await, (429, json!(message)));
        assert_eq!(vendor.simulator.received().most_calls_in_5s(), calls);
    }
}

#[tokio::test]
async fn a_bulk_call_may_start_when_the_last_is_five_seconds_old() {
    let vendor = LeadSquared::start(types()).await;
    assert_eq!(vendor.post(BULK, rows()).await.0, 200);
    let (status, message) = vendor.post(BULK, rows()).await;
    assert_eq!((status, message), (429, json!("API calls exceeded the limit of 1 in 5 second(s)")));
    assert_eq!(vendor.simulator.activities().len(), 1, "a throttled call does no work");
    tokio::time::sleep(Duration::from_millis(4_800)).await;
    assert_eq!(vendor.post(BULK, rows()).await.0, 429, "not yet");
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(vendor.post(BULK, rows()).await.0, 200);
    assert_eq!(vendor.simulator.received().most_bulk_calls_in_5s(), 1);
}

#[tokio::test]
async fn bulk_calls_count_among_all_calls_unless_told_otherwise() {
    for (bulk_counts_as_standard, left) in [(true, 1), (false, 2)] {
        let options = Options { calls_per_5s: Some(2), bulk_counts_as_standard, ..types() };
        let vendor = LeadSquared::start(options).await;
        assert_eq!(vendor.post(BULK, rows()).await.0, 200);
        for _ in 0..left {
            assert_eq!(vendor.get(READ).await.0, 200);
        }
        assert_eq!(vendor.get(READ).await.0, 429);
    }
}

#[tokio::test]
async fn update_v2_is_of_the_bulk_class_by_option_and_reading_by_ids_never() {
    let body = json!({ "LeadPropertiesList": [{ "Fields": [] }] });
    for (update_v2_is_bulk, second) in [(true, 429), (false, 200)] {
        let vendor = LeadSquared::start(Options { update_v2_is_bulk, ..types() }).await;
        assert_eq!(vendor.post("LeadManagement.svc/lead/bulk/updatev2", body.clone()).await.0, 200);
        assert_eq!(vendor.post("LeadManagement.svc/Lead/Bulk/UpdateV2", body.clone()).await.0, second);
    }
    let vendor = LeadSquared::start(types()).await;
    let ids = json!({ "SearchParameters": { "LeadIds": ["a"] }, "Columns": { "Include_CSV": "ProspectID" } });
    for _ in 0..3 {
        assert_eq!(vendor.post("LeadManagement.svc/Leads/Retrieve/ByIds", ids.clone()).await.0, 200);
    }
    assert!(vendor.simulator.received().calls.iter().all(|call| !call.bulk));
}

#[tokio::test]
async fn a_day_has_its_own_limit() {
    let vendor = LeadSquared::start(Options { calls_per_day: Some(2), ..Options::default() }).await;
    for _ in 0..2 {
        assert_eq!(vendor.get(READ).await.0, 200);
    }
    assert_eq!(vendor.get(READ).await.1, json!("API calls exceeded the limit of 2 in 86400 second(s)"));
}

#[tokio::test]
async fn a_throttle_looks_like_any_of_three_things() {
    let message = json!("API calls exceeded the limit of 1 in 5 second(s)");
    let json403 = json!({ "Status": "Error", "ExceptionMessage": message });
    let mut json200 = json403.clone();
    json200["ExceptionType"] = json!("MXAPIRateLimitExceededException");
    for (throttle, expected) in [
        (Throttle::Text429, vec![(429, message.clone())]),
        (Throttle::Json403, vec![(403, json403.clone())]),
        (Throttle::Json200, vec![(200, json200.clone())]),
        (Throttle::Rotate, vec![(429, message.clone()), (403, json403), (200, json200)]),
    ] {
        let vendor = LeadSquared::start(Options { calls_per_5s: Some(1), throttle, ..Options::default() }).await;
        assert_eq!(vendor.get(READ).await.0, 200);
        for answer in expected {
            assert_eq!(vendor.get(READ).await, answer);
        }
        let received = vendor.simulator.received();
        assert!(!received.calls[0].is_throttled() && received.calls[1..].iter().all(Call::is_throttled));
    }
}
