//! The setup requests of an installation, and the requests of other clients.

use crate::common::{LeadSquared, attributes};
use recado_simulators::leadsquared::{Dropdown, Options};
use serde_json::json;

#[tokio::test]
async fn another_regions_host_answers_only_who_asks_for_the_right_one() {
    let options = Options { api_host: Some("api-us11.example".to_owned()), ..LeadSquared::roomy() };
    let vendor = LeadSquared::start(options).await;
    let (status, user) = vendor.get("Authentication.svc/UserByAccessKey.Get").await;
    assert_eq!((status, &user["LSQCommonServiceURLs"]["api"]), (200, &json!("api-us11.example")));
    let (status, error) = vendor.get("LeadManagement.svc/LeadsMetaData.Get").await;
    assert_eq!(status, 401);
    assert!(error["ExceptionMessage"].as_str().unwrap().contains("api-us11.example"), "{error}");
}

#[tokio::test]
async fn a_field_gets_its_schema_name_from_its_display_name() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    let field = |name: &str, kind: &str, render: &str| json!({ "DisplayName": name, "DataType": kind, "RenderTypeTextValue": render, "MaxLength": "60" });
    let create = async |body| vendor.post("LeadManagement.svc/CreateLeadField", body).await;
    let write = async || {
        vendor.post("LeadManagement.svc/Lead.Create", attributes(&[("FirstName", "A"), ("mx_My_Field", "1")])).await
    };
    assert_eq!(write().await.0, 500);
    for bad in [
        field("My Field", "text", "Textbox"),
        field("My Field", "Text", "textbox"),
        field("My-Field", "Text", "Textbox"),
    ] {
        assert_eq!(create(bad).await.0, 500);
    }
    assert_eq!(create(field("My Field", "Text", "Textbox")).await.0, 200);
    assert_eq!(create(field("My_Field", "Text", "Textbox")).await.1["ExceptionType"], "MXDuplicateEntryException");
    let (_, fields) = vendor.get("LeadManagement.svc/LeadsMetaData.Get").await;
    assert!(fields.as_array().unwrap().iter().any(|field| field["SchemaName"] == "mx_My_Field"));
    assert_eq!(write().await.0, 200);
}

#[tokio::test]
async fn an_account_has_do_not_sms_or_not() {
    for do_not_sms in [true, false] {
        let vendor = LeadSquared::start(Options { do_not_sms, ..LeadSquared::roomy() }).await;
        let (_, fields) = vendor.get("LeadManagement.svc/LeadsMetaData.Get").await;
        let has = |name: &str| fields.as_array().unwrap().iter().any(|field| field["SchemaName"] == name);
        assert_eq!((has("DoNotSMS"), has("DoNotCall")), (do_not_sms, true));
        vendor.simulator.put_lead("a", [("FirstName", "Ana")]);
        let (_, found) = vendor.get("LeadManagement.svc/Leads.GetById?id=a").await;
        assert_eq!(
            (found[0].get("DoNotSMS"), &found[0]["DoNotCall"]),
            (do_not_sms.then_some(&json!("0")), &json!("0"))
        );
    }
}

#[tokio::test]
async fn a_dropdown_has_options_unless_they_are_left_out() {
    let options = Options { dropdowns: vec![Dropdown::of("mx_City", &["Recife", "Rio/ RJ"])], ..LeadSquared::roomy() };
    let vendor = LeadSquared::start(options).await;
    let (_, one) = vendor.get("LeadManagement.svc/LeadsMetaData.Get?schemaName=mx_City").await;
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["Options"], json!([{ "Value": "Recife" }, { "Value": "Rio/ RJ" }]));
    assert_eq!((&one[0]["DataType"], &one[0]["RenderTypeTextValue"]), (&json!("Select"), &json!("Dropdown")));
    let (_, all) = vendor.get("LeadManagement.svc/LeadsMetaData.Get?excludeOptionSets=1").await;
    let all = all.as_array().unwrap();
    assert!(all.len() > 40 && all.iter().all(|field| field.get("Options").is_none()));
}

#[tokio::test]
async fn a_capture_leaves_what_it_is_told_to() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    vendor.simulator.put_lead("a", [("EmailAddress", "a@example.com"), ("FirstName", "Ana")]);
    let capture = async |query: &str| {
        let body = attributes(&[("EmailAddress", "a@example.com"), ("FirstName", "Eva"), ("LastName", "Lima")]);
        vendor.post(&format!("LeadManagement.svc/Lead.Capture{query}"), body).await
    };
    let (_, found) = capture("?LeadUpdateBehavior=DoNotUpdate").await;
    assert_eq!(found["Message"], json!({ "Id": "a", "RelatedId": "a", "IsCreated": false }));
    let lead = || vendor.simulator.lead("a").unwrap();
    assert_eq!(lead().updates, 0);
    capture("?LeadUpdateBehavior=UpdateOnlyEmptyFields").await;
    assert_eq!((lead().field("FirstName"), lead().field("LastName")), (Some("Ana"), Some("Lima")));
    capture("").await;
    assert_eq!(lead().field("FirstName"), Some("Eva"));
    assert_eq!(capture("?LeadUpdateBehavior=Whatever").await.0, 500);
    let (_, new) = vendor.post("LeadManagement.svc/Lead.Capture", attributes(&[("FirstName", "Bia")])).await;
    assert_eq!(new["Message"]["IsCreated"], json!(true));
}

#[tokio::test]
async fn an_activity_comes_with_its_lead_or_is_changed_alone() {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    let body = json!({
        "LeadDetails": [{ "Attribute": "EmailAddress", "Value": "a@example.com" }, { "Attribute": "SearchBy", "Value": "EmailAddress" }],
        "Activity": { "ActivityEvent": 206, "ActivityNote": "n", "Fields": [{ "SchemaName": "mx_Custom_1", "Value": "1" }] },
    });
    let (status, made) = vendor.post("ProspectActivity.svc/CreateCustom", body).await;
    assert_eq!((status, vendor.simulator.leads().len()), (200, 1));
    let id = made["Message"]["Id"].as_str().unwrap();
    let update = async |more: serde_json::Value| {
        let mut body = json!({ "ProspectActivityId": id, "Fields": [{ "SchemaName": "mx_Custom_1", "Value": "2" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        vendor.post("ProspectActivity.svc/CustomActivity/Update", body).await.0
    };
    assert_eq!((update(json!({})).await, update(json!({ "ActivityEvent": 207 })).await), (500, 500));
    assert_eq!(update(json!({ "ActivityEvent": 206 })).await, 200);
    let activity = vendor.simulator.activities().remove(0);
    assert_eq!((activity.fields["mx_Custom_1"].as_str(), activity.updates), ("2", 1));
    // The other service does not have this path.
    assert_eq!(vendor.post("LeadManagement.svc/CreateCustom", json!({})).await.0, 404);
}
