//! Leads found by keys and criteria, activities by time.

use leadsquared::{Comparison, Criterion, Page};
use serde_json::json;

use super::server::serve;

#[tokio::test]
async fn keys_have_the_only_names_that_find_anything() {
    let server = serve(200, json!([{"ProspectID": "a"}])).await;
    assert_eq!(server.call().leads_by_email("ana+1@example.com").await.unwrap().len(), 1);
    let expected = "/v2/LeadManagement.svc/Leads.GetByEmailaddress?emailaddress=ana%2B1%40example.com";
    assert_eq!(server.asked_once().uri.to_string(), expected);
    let server = serve(200, "[]").await;
    assert_eq!(server.call().leads_by_phone("+55-11988887777").await.unwrap(), []);
    let expected = "/v2/LeadManagement.svc/RetrieveLeadByPhoneNumber?phone=%2B55-11988887777";
    assert_eq!(server.asked_once().uri.to_string(), expected);
}

#[tokio::test]
async fn a_search_has_one_condition_and_a_stable_order() {
    let server = serve(200, json!([{"ProspectID": "a", "Phone": null}])).await;
    let criterion = Criterion { field: "ProspectStage", comparison: Comparison::Equal, value: "Customer" };
    let page = Page::first(1_000).next();
    let found = server.call().search_leads(criterion, &["Phone"], page).await.unwrap();
    assert!(found.is_last(page) && found.leads.len() == 1);
    let expected = json!({
        "Parameter": {"LookupName": "ProspectStage", "LookupValue": "Customer", "SqlOperator": "="},
        "Columns": {"Include_CSV": "ProspectID,Phone"},
        "Sorting": {"ColumnName": "ProspectAutoId", "Direction": "0"},
        "Paging": {"PageIndex": 2, "PageSize": 1000},
    });
    assert_eq!(server.asked_once().body, expected);
    assert!(!format!("{criterion:?}").contains("Customer"));
}

#[tokio::test]
async fn activities_of_a_period_are_found_in_one_call() {
    let row =
        json!({"ProspectActivityId": "x1", "RelatedProspectId": "a", "ActivityEvent": "206", "mx_Custom_1": "m-1"});
    let server = serve(200, json!({"RecordCount": 1, "List": [row]})).await;
    let page = Page::first(1_000);
    let found = server.call().activities_modified(206, 1_786_168_350_250, 1_786_168_360_000, page).await.unwrap();
    assert_eq!((found.total, found.is_last(page)), (Some(1), true));
    let one = &found.activities[0];
    assert_eq!((one.id.as_str(), one.lead_id.as_deref(), one.code), ("x1", Some("a"), Some(206)));
    assert_eq!(one.fields.get("mx_Custom_1"), Some("m-1"));
    let expected = json!({
        "Parameter": {"FromDate": "2026-08-08 05:52:30", "ToDate": "2026-08-08 05:52:40", "ActivityEvent": 206},
        "Paging": {"PageIndex": 1, "PageSize": 1000},
    });
    assert_eq!(server.asked_once().body, expected);
    let none = serve(200, json!({"RecordCount": 0})).await.call().activities_modified(206, 0, 0, page).await.unwrap();
    assert_eq!(none.activities, []);
    let server = serve(200, json!({"RecordCount": 1_000})).await;
    let behind = server.call().activities_modified(206, 0, 0, Page { index: 2, size: 1_000 }).await.unwrap();
    assert_eq!(behind.activities, []);
}
