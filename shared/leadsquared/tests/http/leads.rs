//! Leads, read and written.

use leadsquared::{CallError, Page};
use serde_json::{Value, json};

use super::{
    samples::{lead, letters},
    server::serve,
};

#[tokio::test]
async fn leads_are_read_by_ids_in_one_call() {
    let server =
        serve(200, json!({"RecordCount": 1, "Leads": [{"ProspectID": "a", "Phone": "+55-11988887777"}]})).await;
    let leads = server.call().leads_by_ids(&["a".into(), "b".into()], &["Phone"]).await.unwrap();
    assert_eq!(leads[0].get("Phone"), Some("+55-11988887777"));
    let asked = server.asked_once();
    assert_eq!(asked.uri.path(), "/v2/LeadManagement.svc/Leads/Retrieve/ByIds");
    let expected = json!({"SearchParameters": {"LeadIds": ["a", "b"]}, "Columns": {"Include_CSV": "ProspectID,Phone"},
        "Paging": {"PageIndex": 1, "PageSize": 2}});
    assert_eq!(asked.body, expected);

    let server = serve(200, "[]").await;
    assert_eq!(server.call().lead_by_id("a&b").await.unwrap(), None);
    assert_eq!(server.asked_once().uri.to_string(), "/v2/LeadManagement.svc/Leads.GetById?id=a%26b");
}

#[tokio::test]
async fn lead_updates_are_done_only_if_the_counts_add_up() {
    let answer = |counts: [u32; 4], failed: &[&str], unprocessed: &[&str]| {
        let list = |ids: &[&str]| -> Value {
            ids.iter().map(|id| json!({"Identifier": "ProspectId", "IdentifierValue": id, "Reason": "no"})).collect()
        };
        json!({"Status": {"TotalCount": counts[0], "SuccessCount": counts[1], "FailureCount": counts[2],
                "UnProcessedCount": counts[3], "Message": "Fields cannot be empty"},
            "Details": {"FailedLeads": list(failed), "UnProcessedLeads": list(unprocessed)}})
    };
    for (answer, expected) in [
        (answer([3, 3, 0, 0], &[], &[]), "DDD"),
        (answer([3, 1, 1, 1], &["A"], &["c"]), "RDR"),
        (answer([3, 0, 3, 0], &["a", "b", "c"], &[]), "RRR"),
        (answer([3, 0, 3, 0], &[], &[]), "RRR"),
        (answer([0, 0, 0, 0], &[], &[]), "RRR"),
        (answer([3, 2, 1, 0], &[], &[]), "UUU"),
        (answer([3, 1, 1, 0], &["a"], &[]), "RUU"),
        (answer([3, 0, 1, 0], &["a"], &[]), "RUU"),
        (json!({"Status": "Success"}), "UUU"),
    ] {
        let server = serve(200, &answer).await;
        let outcomes = server.call().update_leads(&[lead("a"), lead("b"), lead("c")]).await.unwrap();
        assert_eq!(letters(&outcomes), expected, "{answer}");
    }
    let server = serve(200, answer([1, 1, 0, 0], &[], &[])).await;
    server.call().update_leads(&[lead("a")]).await.unwrap();
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v2/LeadManagement.svc/Lead/Bulk/UpdateV2");
    let expected = json!({"SearchByKey": "ProspectId", "Options": {"PushNonExistentLeadsToUnProcessedList": true},
        "LeadPropertiesList": [{"Fields": [{"Attribute": "ProspectId", "Value": "a"},
            {"Attribute": "mx_Status", "Value": "Delivered"}]}]});
    assert_eq!(asked.body, expected);
}

#[tokio::test]
async fn one_value_for_many_leads() {
    let server = serve(200, json!({"Status": "Success", "Message": {"AffectedRows": 2}})).await;
    let affected = server.call().update_leads_same_value(&["a".into(), "b".into()], "mx_Status", "Sent").await;
    assert_eq!(affected, Ok(Some(2)));
    let expected = json!({"LeadIds": ["a", "b"], "LeadFields": {"Attribute": "mx_Status", "Value": "Sent"}});
    assert_eq!(server.asked_once().body, expected);
}

#[tokio::test]
async fn a_period_is_widened_to_whole_seconds_and_its_pages_have_a_stable_order() {
    let row =
        json!({"LeadPropertyList": [{"Attribute": "ProspectID", "Value": "a"}, {"Attribute": "Total", "Value": "7"}]});
    let server = serve(200, json!({"RecordCount": 7, "Leads": [row]})).await;
    let page = Page { index: 2, size: 5_000 };
    let read = server.call().leads_modified(1_786_168_350_250, 1_786_168_351_001, &["Phone"], page).await.unwrap();
    assert_eq!((read.total, read.leads.len(), read.is_last(page)), (Some(7), 1, true));
    assert_eq!(read.leads[0].names().collect::<Vec<_>>(), ["ProspectID"], "what counts rows is no field");
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v2/LeadManagement.svc/Leads.RecentlyModified");
    let expected = json!({"Parameter": {"FromDate": "2026-08-08 05:52:30", "ToDate": "2026-08-08 05:52:32"},
        "Columns": {"Include_CSV": "ProspectID,Phone"}, "Sorting": {"ColumnName": "ProspectAutoId", "Direction": "0"},
        "Paging": {"PageIndex": 2, "PageSize": 5000}});
    assert_eq!(asked.body, expected);

    let none = serve(200, json!({"RecordCount": 0})).await.call().leads_modified(0, 0, &[], Page::first(1)).await;
    assert_eq!(none.unwrap().leads, []);
    // The rows fill their last page, so the page after it has no list. The first page always has one.
    let full = json!({"RecordCount": 5_000});
    let behind = serve(200, full.clone()).await.call().leads_modified(0, 0, &[], page).await.unwrap();
    assert_eq!((behind.leads.len(), behind.is_last(page)), (0, true));
    let first = serve(200, full).await.call().leads_modified(0, 0, &[], Page::first(5_000)).await;
    assert!(matches!(first, Err(CallError::Transient { .. })), "{first:?}");
    let one_too_many = Page::first(5_001);
    let refused = serve(200, "{}").await.call().leads_modified(0, 0, &[], one_too_many).await;
    assert!(matches!(refused, Err(CallError::TooMany { given: 5_001, max: 5_000, .. })), "{refused:?}");
}

#[tokio::test]
async fn fields_are_known_by_their_schema_names() {
    let rows = json!([
        {"SchemaName": "mx_Status", "DisplayName": "Status", "DataType": "Text", "IsMandatory": "0", "MaxLength": "50"},
        {"DisplayName": "without a name"},
        {"SchemaName": "Phone", "IsMandatory": true, "MaxLength": null},
    ]);
    let fields = serve(200, rows).await.call().lead_fields().await.unwrap();
    assert_eq!(fields.len(), 2);
    assert_eq!((fields[0].schema_name.as_str(), fields[0].max_chars), ("mx_Status", Some(50)));
    assert_eq!((fields[1].is_mandatory, fields[1].max_chars), (true, None));
    assert!(serve(200, "{}").await.call().lead_fields().await.is_err());
}
