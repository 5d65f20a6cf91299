//! Leads, created and changed, alone and in bulk.

use leadsquared::{CallError, LeadRowOutcome, LeadUpdate, LeadUpdateBehavior, LeadWrite, WrittenLead};
use serde_json::json;

use super::server::serve;

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn write(phone: &str) -> LeadWrite {
    LeadWrite { fields: fields(&[("Phone", phone)]), search_by: Some("Phone".into()) }
}

#[tokio::test]
async fn one_lead_is_an_array_of_attributes() {
    let server = serve(200, json!({"Status": "Success", "Message": {"Id": "l1"}})).await;
    let id = server.call().create_lead(&fields(&[("FirstName", "Ana"), ("Phone", "+55-11988887777")])).await.unwrap();
    assert_eq!(id, "l1");
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v2/LeadManagement.svc/Lead.Create");
    let expected =
        json!([{"Attribute": "FirstName", "Value": "Ana"}, {"Attribute": "Phone", "Value": "+55-11988887777"}]);
    assert_eq!(asked.body, expected);

    let silent = serve(200, json!({"Status": "Success", "Message": {"AffectedRows": 1}})).await;
    let update = LeadUpdate { lead_id: "a&b".into(), fields: fields(&[("mx_City", "X")]) };
    silent.call().update_lead(&update).await.unwrap();
    let path = "/v2/LeadManagement.svc/Lead.Update?leadId=a%26b&postUpdatedLead=false";
    assert_eq!(silent.asked_once().uri.to_string(), path);
    let aloud = serve(200, json!({"Status": "Success"})).await;
    aloud.call().update_lead_aloud(&update).await.unwrap();
    let query = "leadId=a%26b&postUpdatedLead=true";
    assert_eq!(aloud.asked_once().uri.query(), Some(query));
}

#[tokio::test]
async fn a_lead_is_created_or_found() {
    for (message, expected) in [
        (json!({"Id": "l1", "AffectedRows": 1}), WrittenLead { id: "l1".into(), created: None }),
        (json!({"RelatedID": "l2"}), WrittenLead { id: "l2".into(), created: None }),
        (
            json!({"Id": "l3", "RelatedId": "x", "IsCreated": true}),
            WrittenLead { id: "l3".into(), created: Some(true) },
        ),
    ] {
        let server = serve(200, json!({"Status": "Success", "Message": message})).await;
        assert_eq!(server.call().create_or_update_lead(&write("+55-11988887777")).await.unwrap(), expected);
        let asked = server.asked_once();
        assert_eq!(asked.uri.to_string(), "/v2/LeadManagement.svc/Lead.CreateOrUpdate?postUpdatedLead=false");
        let expected =
            json!([{"Attribute": "Phone", "Value": "+55-11988887777"}, {"Attribute": "SearchBy", "Value": "Phone"}]);
        assert_eq!(asked.body, expected);
    }
    let server = serve(200, json!({"Status": "Success", "Message": {"Id": "l1", "IsCreated": "false"}})).await;
    let empty_only = Some(LeadUpdateBehavior::UpdateOnlyEmptyFields);
    let captured = server.call().capture_lead(&write("1"), empty_only).await.unwrap();
    assert_eq!(captured.created, Some(false));
    let path = "/v2/LeadManagement.svc/Lead.Capture?LeadUpdateBehavior=UpdateOnlyEmptyFields";
    assert_eq!(server.asked_once().uri.to_string(), path);

    let untold = serve(200, json!({"Status": "Success"})).await.call().create_lead(&[]).await;
    assert!(matches!(untold, Err(CallError::Unknown { .. })), "{untold:?}");
    let gone = serve(502, "<html>").await.call().capture_lead(&write("1"), None).await;
    assert!(matches!(gone, Err(CallError::Unknown { .. })), "{gone:?}");
    let update = LeadUpdate { lead_id: "a".into(), fields: vec![] };
    let update = serve(502, "<html>").await.call().update_lead(&update).await;
    assert!(matches!(update, Err(CallError::Transient { .. })), "{update:?}");
}

#[tokio::test]
async fn rows_of_leads_are_judged_one_by_one() {
    let rows = json!([
        {"RowNumber": 4, "LeadCreated": false, "ExceptionType": "MXUnknownAttributeException",
            "ErrorMessage": "Attribute(s) does not exist - mx_Nope"},
        {"RowNumber": 1, "LeadId": "l1", "LeadCreated": true},
        {"RowNumber": 2, "LeadId": "l2", "LeadCreated": false, "LeadUpdated": false, "AffectedRows": 0},
        {"RowNumber": 9, "LeadId": "l9", "LeadCreated": true},
    ]);
    let server = serve(200, &rows).await;
    let leads: Vec<_> = (0..4).map(|number| fields(&[("Phone", &number.to_string())])).collect();
    let outcomes = server.call().create_leads(&leads).await.unwrap();
    let written = |id: &str, created| LeadRowOutcome::Written { id: Some(id.to_owned()), created: Some(created) };
    assert_eq!(outcomes[..3], [written("l1", true), written("l2", false), LeadRowOutcome::Unknown]);
    assert!(
        matches!(&outcomes[3], LeadRowOutcome::Refused { reason } if reason.unknown_attributes() == ["mx_Nope"]),
        "{outcomes:?}"
    );
    assert_eq!(server.asked_once().body[3], json!([{"Attribute": "Phone", "Value": "3"}]));

    let server = serve(200, &rows).await;
    let outcomes = server.call().create_or_update_leads(&[write("1"), write("2")]).await.unwrap();
    assert_eq!(outcomes, [written("l1", true), written("l2", false)]);
    let asked = server.asked_once();
    assert_eq!(asked.uri.path(), "/v2/LeadManagement.svc/Lead/Bulk/CreateOrUpdate");
    assert_eq!(asked.body[1][1], json!({"Attribute": "SearchBy", "Value": "Phone"}));

    for odd in [json!({}), json!([]), json!({"Status": "Success"}), json!([{"RowNumber": 1}])] {
        let outcomes = serve(200, &odd).await.call().create_leads(&leads[..1]).await.unwrap();
        assert_eq!(outcomes, [LeadRowOutcome::Unknown], "{odd}");
    }
}

#[tokio::test]
async fn bulk_calls_that_create_have_their_own_maxima() {
    let server = serve(200, "[]").await;
    let fields = vec![Vec::new(); 51];
    let leads = vec![LeadWrite::default(); 51];
    for refused in [
        server.call().create_leads(&fields).await.unwrap_err(),
        server.call().create_or_update_leads(&leads).await.unwrap_err(),
    ] {
        assert!(matches!(refused, CallError::TooMany { given: 51, max: 50, .. }), "{refused}");
    }
    assert_eq!(server.call().create_leads(&[]).await, Ok(vec![]));
    assert!(server.asked().is_empty());
    assert!(!format!("{:?}", write("+55-11988887777")).contains("8888"));
}
