//! LeadSquared's bulk writes of leads.

use crate::common::{LeadSquared, attributes};
use recado_simulators::leadsquared::Options;
use serde_json::json;

const LEADS: &str = "LeadManagement.svc/Lead/Bulk";

async fn start() -> LeadSquared {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    vendor.simulator.put_lead("a", [("EmailAddress", "a@example.com"), ("Phone", "+55-11987654321")]);
    vendor
}

#[tokio::test]
async fn the_page_of_limits_allows_50_creates_or_updates() {
    let vendor = LeadSquared::start(Options { create_or_update_rows: 50, ..LeadSquared::roomy() }).await;
    let body = json!(vec![attributes(&[("FirstName", "Ana")]); 50]);
    assert_eq!(vendor.post(&format!("{LEADS}/CreateOrUpdate"), body).await.1.as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn created_rows_are_numbered_from_one_and_refused_alone() {
    let vendor = start().await;
    let body = json!([
        attributes(&[("FirstName", "Eva")]),
        attributes(&[("FirstName", "Lia"), ("mx_Nope", "1")]),
        attributes(&[("EmailAddress", "a@example.com"), ("SearchBy", "EmailAddress"), ("FirstName", "Ana")]),
    ]);
    let (status, rows) = vendor.post(&format!("{LEADS}/CreateOrUpdate"), body).await;
    assert_eq!((status, rows.as_array().unwrap().len()), (200, 3));
    assert_eq!(
        (&rows[0]["RowNumber"], &rows[0]["LeadCreated"], &rows[0]["LeadUpdated"]),
        (&json!(1), &json!(true), &json!(false))
    );
    assert_eq!((&rows[1]["RowNumber"], &rows[1]["ExceptionType"]), (&json!(2), &json!("MXUnknownAttributeException")));
    assert_eq!(rows[1]["ErrorMessage"], "Attribute(s) does not exist - mx_Nope");
    assert_eq!(
        rows[2],
        json!({ "RowNumber": 3, "LeadId": "a", "LeadCreated": false, "LeadUpdated": true, "AffectedRows": 1 })
    );
    assert_eq!(vendor.simulator.leads().len(), 2);
}

#[tokio::test]
async fn one_value_for_many_leads_tells_only_how_many() {
    let vendor = start().await;
    vendor.simulator.put_lead("b", []);
    let body = json!({ "LeadIds": ["a", "b", "nobody"], "LeadFields": { "Attribute": "mx_Message_Status", "Value": "Delivered" } });
    let (_, answer) = vendor.post(&format!("{LEADS}/Update"), body).await;
    assert_eq!(answer, json!({ "Status": "Success", "Message": { "AffectedRows": 2 } }));
    let values: Vec<_> =
        vendor.simulator.leads().iter().map(|lead| lead.field("mx_Message_Status").map(str::to_owned)).collect();
    assert_eq!(values, [Some("Delivered".to_owned()), Some("Delivered".to_owned())]);
}

#[tokio::test]
async fn update_v2_lists_only_what_failed() {
    let vendor = start().await;
    let row = |id: &str, name: &str| json!({ "Fields": [{ "Attribute": "ProspectId", "Value": id }, { "Attribute": name, "Value": "x" }] });
    let body = |aside: bool| {
        json!({
            "SearchByKey": "ProspectId",
            "Options": { "PushNonExistentLeadsToUnProcessedList": aside },
            "LeadPropertiesList": [row("a", "mx_Message_Status"), row("nobody", "Notes"), row("a", "mx_Nope")],
        })
    };
    let (status, answer) = vendor.post(&format!("{LEADS}/UpdateV2"), body(false)).await;
    assert_eq!(
        (status, &answer["Status"]["SuccessCount"], &answer["Status"]["FailureCount"]),
        (200, &json!(1), &json!(2))
    );
    let failed = &answer["Details"]["FailedLeads"];
    assert_eq!(
        failed[0],
        json!({ "Identifier": "ProspectId", "IdentifierValue": "nobody", "Reason": "Lead does not exist" })
    );
    assert_eq!(failed[1]["Reason"], "Attribute(s) does not exist - mx_Nope");
    let (_, answer) = vendor.post(&format!("{LEADS}/UpdateV2"), body(true)).await;
    assert_eq!((&answer["Status"]["FailureCount"], &answer["Status"]["UnProcessedCount"]), (&json!(1), &json!(1)));
    assert_eq!(answer["Details"]["UnProcessedLeads"][0]["IdentifierValue"], "nobody");
    assert_eq!(vendor.simulator.lead("a").unwrap().field("mx_Message_Status"), Some("x"));
}

#[tokio::test]
async fn update_v2_with_wrong_nesting() {
    let vendor = start().await;
    let pair = json!({ "Attribute": "ProspectId", "Value": "a" });
    let (status, _) = vendor.post(&format!("{LEADS}/UpdateV2"), json!({ "LeadPropertiesList": [[pair]] })).await;
    assert_eq!(status, 400);
    let (status, answer) = vendor.post(&format!("{LEADS}/UpdateV2"), json!({ "LeadPropertiesList": [pair] })).await;
    assert_eq!((status, &answer["Status"]["SuccessCount"]), (200, &json!(0)));
    assert_eq!(answer["Details"]["FailedLeads"][0]["Reason"], "Fields cannot be empty");
    let without_id = json!({ "LeadPropertiesList": [{ "Fields": [{ "Attribute": "Notes", "Value": "x" }] }] });
    let (_, answer) = vendor.post(&format!("{LEADS}/UpdateV2"), without_id).await;
    assert_eq!(answer["Status"]["FailureCount"], 1);
}
