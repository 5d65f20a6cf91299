//! Activity types, single activities, and reading them back.

use crate::common::LeadSquared;
use recado_simulators::leadsquared::Options;
use serde_json::json;

const SERVICE: &str = "ProspectActivity.svc";

#[tokio::test]
async fn a_created_type_gets_a_code_and_declares_its_fields() {
    let vendor = LeadSquared::start(Options { activity_types: Vec::new(), ..LeadSquared::roomy() }).await;
    let body = json!({ "ActivityEventName": "SMS", "Fields": [{ "SchemaName": "mx_Custom_1", "DisplayName": "Id" }] });
    let (status, created) = vendor.post(&format!("{SERVICE}/CreateType"), body.clone()).await;
    assert_eq!((status, &created["Message"]["Id"]), (200, &json!("206")));
    let (status, error) = vendor.post(&format!("{SERVICE}/CreateType"), body).await;
    assert_eq!((status, &error["ExceptionType"]), (500, &json!("MXDuplicateEntryException")));
    let (_, types) = vendor.get(&format!("{SERVICE}/ActivityTypes.Get")).await;
    let named = types.as_array().unwrap().iter().find(|kind| kind["ActivityEventName"] == "SMS").unwrap();
    assert_eq!(named["ActivityEvent"], "206");
    let (_, setting) = vendor.get(&format!("{SERVICE}/CustomActivity/GetActivitySetting?code=206")).await;
    assert_eq!(setting["Fields"][0]["SchemaName"], "mx_Custom_1");

    vendor.simulator.put_lead("a", []);
    let activity = |field: &str| json!({ "RelatedProspectId": "a", "ActivityEvent": 206, "Fields": [{ "SchemaName": field, "Value": "x" }] });
    assert_eq!(vendor.post(&format!("{SERVICE}/Create"), activity("mx_Custom_1")).await.0, 200);
    let (status, error) = vendor.post(&format!("{SERVICE}/Create"), activity("mx_Custom_2")).await;
    assert_eq!((status, &error["ExceptionMessage"]), (500, &json!("Attribute(s) does not exist - mx_Custom_2")));
}

#[tokio::test]
async fn activities_are_read_back_by_lead_and_by_type() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    vendor.simulator.put_lead("a", []);
    vendor.simulator.put_activity_type(207, "Other");
    for (code, value) in [(206, "1"), (207, "2"), (206, "3")] {
        let fields = json!([{ "SchemaName": "mx_Custom_1", "Value": value }]);
        let body = json!({ "RelatedProspectId": "a", "ActivityEvent": code, "ActivityNote": "n", "Fields": fields });
        assert_eq!(vendor.post(&format!("{SERVICE}/Create"), body).await.0, 200);
    }
    let body = json!({ "Parameter": { "ActivityEvent": 206 }, "Paging": { "Offset": "0", "RowCount": "1" } });
    let (_, found) = vendor.post(&format!("{SERVICE}/Retrieve?leadId=a"), body).await;
    assert_eq!((&found["RecordCount"], found["ProspectActivities"].as_array().unwrap().len()), (&json!(2), 1));
    assert_eq!(found["ProspectActivities"][0]["Data"], json!([{ "Key": "mx_Custom_1", "Value": "3" }]));

    let by_event = |from: &str, size: usize| {
        let parameter = json!({ "FromDate": from, "ToDate": "2999-01-01 00:00:00", "ActivityEvent": 206 });
        json!({ "Parameter": parameter, "Paging": { "PageIndex": 1, "PageSize": size } })
    };
    let path = format!("{SERVICE}/CustomActivity/RetrieveByActivityEvent");
    let (_, found) = vendor.post(&path, by_event("2020-01-01 00:00:00", 1_000)).await;
    let values: Vec<_> = found["List"].as_array().unwrap().iter().map(|row| row["mx_Custom_1"].clone()).collect();
    assert_eq!(values, ["1", "3"]);
    let (_, none) = vendor.post(&path, by_event("2998-01-01 00:00:00", 1_000)).await;
    assert_eq!(none, json!({ "RecordCount": 0 }));
    assert_eq!(vendor.post(&path, by_event("2020-01-01 00:00:00", 1_001)).await.0, 500);
}

#[tokio::test]
async fn an_activity_by_address_finds_or_creates_its_lead() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    let body = json!({ "EmailAddress": "a@example.com", "ActivityEvent": 206 });
    for _ in 0..2 {
        assert_eq!(vendor.post(&format!("{SERVICE}/Create"), body.clone()).await.0, 200);
    }
    assert_eq!((vendor.simulator.leads().len(), vendor.simulator.activities().len()), (1, 2));
}
