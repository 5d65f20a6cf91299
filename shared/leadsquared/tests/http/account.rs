//! The user of the keys, and the account's kinds of activity.

use leadsquared::{CallError, NewActivityType};
use serde_json::json;

use super::server::serve;

#[tokio::test]
async fn keys_travel_in_headers_and_never_in_the_address() {
    let answer = json!({"Id": "u1", "TimeZone": "E. South America Standard Time", "OrgId": 77,
        "DefaultCountryCode": "55", "LSQCommonServiceURLs": {"api": "api-us11.leadsquared.com", "app": "us11"}});
    let server = serve(200, answer).await;
    let user = server.call().who_am_i().await.unwrap();
    assert_eq!(user.id.as_deref(), Some("u1"));
    assert_eq!(user.org_id.as_deref(), Some("77"));
    assert_eq!(user.base_url().as_deref(), Some("https://api-us11.leadsquared.com/v2"));
    let off_ms = jiff::Timestamp::now().as_millisecond() - user.server_ms.unwrap();
    assert!((-1_000..60_000).contains(&off_ms), "the answer has a date: {off_ms}");
    assert_eq!(user.api_host.as_deref(), Some("api-us11.leadsquared.com"));
    let asked = server.asked_once();
    assert_eq!(asked.uri.to_string(), "/v2/Authentication.svc/UserByAccessKey.Get");
    assert_eq!(asked.headers["x-lsq-accesskey"], "u$r123");
    assert_eq!(asked.headers["x-lsq-secretkey"], "s3cret");
    assert!(asked.headers["user-agent"].to_str().unwrap().starts_with("recado/"));
}

#[tokio::test]
async fn activity_types_are_listed_and_created() {
    let rows = json!([{"ActivityEvent": "206", "ActivityEventName": "SMS Sent"}, {"ActivityEvent": "x"}]);
    let types = serve(200, rows).await.call().activity_types().await.unwrap();
    assert_eq!((types.len(), types[0].code, types[0].name.as_str()), (1, 206, "SMS Sent"));

    let setting = json!({"ID": "x", "Name": "SMS", "Fields": [{"SchemaName": "mx_Custom_1"}, {"DisplayName": "y"}]});
    let server = serve(200, setting).await;
    let fields = server.call().activity_fields(206).await.unwrap().unwrap();
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), ["mx_Custom_1"]);
    let asked = server.asked_once().uri.to_string();
    assert!(asked.ends_with("CustomActivity/GetActivitySetting?code=206"), "{asked}");
    assert_eq!(serve(200, json!({})).await.call().activity_fields(206).await.unwrap(), None, "it does not tell");

    let server = serve(200, json!({"Status": "Success", "Message": {"Id": "207"}})).await;
    let new = NewActivityType { name: "SMS".into(), fields: vec![("mx_Custom_1".into(), "Message Id".into())] };
    assert_eq!(server.call().create_activity_type(&new).await.unwrap(), 207);
    let body = server.asked_once().body;
    assert_eq!(body["ActivityEventName"], "SMS");
    assert_eq!(body["Fields"][0]["SchemaName"], "mx_Custom_1");
    assert_eq!(body["Fields"][0]["Sequence"], 1);

    let unread = serve(200, json!({"Status": "Success"})).await.call().create_activity_type(&new).await;
    assert!(matches!(unread, Err(CallError::Unknown { .. })), "{unread:?}");
}

#[tokio::test]
async fn dropdowns_have_options_and_names_alone_are_asked_for_without_them() {
    let rows = json!([
        {"SchemaName": "ProspectStage", "DataType": "Select", "Options": [{"Value": "Prospect"}, {"Value": "Invalid/ Junk"}]},
        {"SchemaName": "DoNotSMS", "DataType": "Boolean"},
        {"DisplayName": "nobody"},
    ]);
    let server = serve(200, rows.clone()).await;
    let fields = server.call().lead_fields().await.unwrap();
    assert_eq!(
        (fields[0].options.as_slice(), fields[1].options.len()),
        (&["Prospect", "Invalid/ Junk"].map(str::to_owned)[..], 0)
    );
    assert!(server.asked_once().uri.to_string().ends_with("LeadsMetaData.Get"));
    let server = serve(200, rows).await;
    assert_eq!(server.call().lead_field_names().await.unwrap(), ["ProspectStage", "DoNotSMS"]);
    assert!(server.asked_once().uri.to_string().ends_with("LeadsMetaData.Get?excludeOptionSets=1"));
}
