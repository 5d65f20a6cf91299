//! Activities, written and found again.

use leadsquared::{CallError, RowOutcome};
use serde_json::json;

use super::{
    samples::{activity, done, lead, letters, update},
    server::serve,
};

#[tokio::test]
async fn new_activities_are_answered_row_by_row() {
    let rows = json!({"Response": [
        {"RowNumber": 3, "ActivityCreated": false, "ExceptionMessage": "Lead does not exist, phone 11988887777"},
        {"RowNumber": "1", "ActivityCreated": true, "ProspectActivityId": "x1"},
    ]});
    let server = serve(200, rows).await;
    let outcomes = server.call().add_activities(&[activity("a"), activity("b"), activity("c")]).await.unwrap();
    assert_eq!(outcomes[0], done(Some("x1")));
    assert_eq!(outcomes[1], RowOutcome::Unknown);
    assert!(matches!(&outcomes[2], RowOutcome::Refused { reason }
        if reason.to_string() == "Lead does not exist, phone [number]"));
    let asked = server.asked_once();
    assert_eq!(asked.uri.path(), "/v2/ProspectActivity.svc/Bulk/CustomActivity/Add/ByLeadId");
    let expected = json!({"RelatedProspectId": "a", "ActivityEvent": 206, "ActivityNote": "Olá Ana",
        "ActivityDateTime": "2026-11-21 13:45:00",
        "Fields": [{"SchemaName": "mx_Custom_1", "Value": "msg-1"}, {"SchemaName": "Status", "Value": "Delivered"}]});
    assert_eq!(asked.body[0], expected);
    assert_eq!(asked.body.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn odd_answers_to_new_activities_are_never_taken_for_success() {
    for (answer, expected) in [
        (json!({"Status": "Success", "Message": {"Count": 2}}), "DD"),
        (json!({"Status": "Success", "Message": {"Count": 1}}), "UU"),
        (json!({"Status": "Success"}), "UU"),
        (json!({}), "UU"),
        (json!([]), "UU"),
        (
            json!({"Response": [{"RowNumber": 0, "ActivityCreated": true}, {"RowNumber": 9, "ActivityCreated": true}]}),
            "UU",
        ),
        (
            json!({"Response": [{"RowNumber": 1, "ActivityCreated": true}, {"RowNumber": 1, "ActivityCreated": false}]}),
            "UU",
        ),
        (
            json!({"Response": [{"RowNumber": 1, "ExceptionType": "MXX"}, {"RowNumber": 2, "ProspectActivityId": "y"}]}),
            "RD",
        ),
    ] {
        let server = serve(200, &answer).await;
        let outcomes = server.call().add_activities(&[activity("a"), activity("b")]).await.unwrap();
        assert_eq!(letters(&outcomes), expected, "{answer}");
    }
}

#[tokio::test]
async fn activity_updates_are_read_leniently() {
    for (answer, expected) in [
        (json!({"Response": [{"ProspectActivityId": "B", "ActivityUpdated": true}]}), "UD"),
        (
            json!({"Response": [{"RowNumber": 1, "Success": "false", "Message": "no"}, {"RowNumber": 2, "Success": 1}]}),
            "RD",
        ),
        (json!({"Status": "Success", "Message": {"AffectedRows": 2}}), "DD"),
        (json!({"Status": "Success", "Message": {"AffectedRows": 1}}), "UU"),
        (json!({"Status": "Success"}), "DD"),
        (json!({"Status": "?"}), "UU"),
    ] {
        let server = serve(200, &answer).await;
        let outcomes = server.call().update_activities(&[update("a"), update("b")]).await.unwrap();
        assert_eq!(letters(&outcomes), expected, "{answer}");
        let body = server.asked_once().body;
        let row = json!({"ProspectActivityId": "a", "Fields": [{"SchemaName": "Status", "Value": "Delivered"}]});
        assert_eq!(body[0], row);
    }
}

#[tokio::test]
async fn activities_are_found_in_both_shapes() {
    let answer = json!({"RecordCount": 1, "ProspectActivities": [{"Id": "x1", "EventCode": 206,
        "CreatedOn": "2026-08-08 05:52:30", "Data": [{"Key": "mx_Custom_1", "Value": "msg-1"}, {"Key": "A", "Value": "1"}],
        "ActivityFields": {"mx_Custom_1": "", "Status": "Delivered"}}]});
    let server = serve(200, answer).await;
    let page = server.call().activities_of_lead("a", 206, 500).await.unwrap();
    assert_eq!(page.total, Some(1));
    let found = page.activities;
    assert_eq!((found[0].id.as_str(), found[0].code), ("x1", Some(206)));
    assert_eq!(found[0].fields.get("mx_Custom_1"), Some("msg-1"));
    assert_eq!(found[0].fields.get("Status"), Some("Delivered"));
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v2/ProspectActivity.svc/Retrieve?leadId=a");
    let expected = json!({"Parameter": {"ActivityEvent": 206}, "Paging": {"Offset": "0", "RowCount": "500"}});
    assert_eq!(asked.body, expected);
    let none = serve(200, json!({"RecordCount": 0})).await.call().activities_of_lead("a", 206, 25).await.unwrap();
    assert!(none.activities.is_empty());
    let many = serve(200, json!({})).await.call().activities_of_lead("a", 206, 501).await;
    assert!(matches!(many, Err(CallError::TooMany { .. })), "{many:?}");
}

#[test]
fn debug_prints_no_note_and_no_value() {
    let printed = format!("{:?} {:?} {:?}", activity("a"), update("b"), lead("c"));
    for value in ["Olá", "msg-1", "Delivered"] {
        assert!(!printed.contains(value), "{printed}");
    }
}

#[tokio::test]
async fn one_activity_by_a_call() {
    let server = serve(200, json!({"Status": "Success", "Message": {"Id": "x1"}})).await;
    assert_eq!(server.call().add_activity(&activity("a")).await.unwrap().as_deref(), Some("x1"));
    let asked = server.asked_once();
    assert_eq!((asked.uri.path(), &asked.body["RelatedProspectId"]), ("/v2/ProspectActivity.svc/Create", &json!("a")));
    let untold = serve(200, json!({"Status": "Success"})).await.call().add_activity(&activity("a")).await;
    assert_eq!(untold, Ok(None));
    let lost = serve(502, "").await.call().add_activity(&activity("a")).await;
    assert!(matches!(lost, Err(CallError::Unknown { .. })), "{lost:?}");

    let server = serve(200, json!({"Status": "Success", "Message": {"Id": "x1"}})).await;
    server.call().update_activity(&update("x1"), 206).await.unwrap();
    let expected = json!({"ProspectActivityId": "x1", "ActivityEvent": 206,
        "Fields": [{"SchemaName": "Status", "Value": "Delivered"}]});
    assert_eq!(server.asked_once().body, expected);
}

#[tokio::test]
async fn activities_on_leads_that_a_field_tells() {
    let server =
        serve(200, json!({"Response": [{"RowNumber": 1, "ActivityCreated": true, "ProspectActivityId": "x1"}]})).await;
    let outcomes = server.call().add_activities_by_field("Phone", &[activity("+55-11988887777")]).await.unwrap();
    assert_eq!(outcomes, [done(Some("x1"))]);
    let asked = server.asked_once();
    let path = "/v2/ProspectActivity.svc/Bulk/CustomActivity/Add/ByLeadField?searchBy=Phone";
    assert_eq!(asked.uri.to_string(), path);
    assert_eq!(
        (&asked.body[0]["SearchByValue"], asked.body[0].get("RelatedProspectId")),
        (&json!("+55-11988887777"), None)
    );
}
