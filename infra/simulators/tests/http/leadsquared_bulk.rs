//! LeadSquared's bulk activities, row by row, and the size limits of all bulk requests.

use crate::common::{LeadSquared, attributes};
use recado_simulators::leadsquared::Options;
use serde_json::{Value, json};

const LEADS: &str = "LeadManagement.svc/Lead/Bulk";
const ACTIVITIES: &str = "ProspectActivity.svc/Bulk/CustomActivity";

async fn start() -> LeadSquared {
    let vendor = LeadSquared::start(LeadSquared::roomy()).await;
    vendor.simulator.put_lead("a", [("EmailAddress", "a@example.com"), ("Phone", "+55-11987654321")]);
    vendor
}

fn activity(lead: &str, fields: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> = fields.iter().map(|(name, value)| json!({ "SchemaName": name, "Value": value })).collect();
    json!({ "RelatedProspectId": lead, "ActivityEvent": 206, "ActivityNote": "n", "Fields": fields })
}

#[tokio::test]
async fn too_many_rows_refuse_the_call_whole() {
    let vendor = start().await;
    let lead = attributes(&[("FirstName", "Ana")]);
    let update =
        json!({ "Fields": [{ "Attribute": "ProspectId", "Value": "a" }, { "Attribute": "Notes", "Value": "x" }] });
    let rows = |row: &Value, count: usize| vec![row.clone(); count];
    for (path, most, body) in [
        (format!("{LEADS}/Create"), 50, &(|n| json!(rows(&lead, n))) as &dyn Fn(usize) -> Value),
        (format!("{LEADS}/CreateOrUpdate"), 25, &|n| json!(rows(&lead, n))),
        (
            format!("{LEADS}/Update"),
            50,
            &|n| json!({ "LeadIds": vec!["a"; n], "LeadFields": { "Attribute": "Notes", "Value": "x" } }),
        ),
        (format!("{LEADS}/UpdateV2"), 25, &|n| json!({ "LeadPropertiesList": rows(&update, n) })),
        (format!("{ACTIVITIES}/Add/ByLeadId"), 25, &|n| json!(rows(&activity("a", &[]), n))),
        (format!("{ACTIVITIES}/Update"), 25, &|n| json!(rows(&json!({ "ProspectActivityId": "x" }), n))),
    ] {
        let (leads, activities) = (vendor.simulator.leads(), vendor.simulator.activities());
        let (status, error) = vendor.post(&path, body(most + 1)).await;
        assert_eq!((status, error["ExceptionType"].as_str()), (500, Some("MXInvalidInputException")), "{path}");
        assert_eq!((vendor.simulator.leads(), vendor.simulator.activities()), (leads, activities), "{path}");
        assert_eq!(vendor.post(&path, body(most)).await.0, 200, "{path}");
        let calls = vendor.simulator.received().calls;
        assert_eq!((calls[calls.len() - 1].items, calls[calls.len() - 1].bulk), (most, true), "{path}");
    }
}

#[tokio::test]
async fn activities_are_judged_row_by_row_and_never_recognised_again() {
    let vendor = start().await;
    let mut other_type = activity("a", &[]);
    other_type["ActivityEvent"] = json!(999);
    let mut bad_date = activity("a", &[]);
    bad_date["ActivityDateTime"] = json!("21/11/2026 10:00");
    let body = json!([
        activity("a", &[("mx_Custom_1", "msg-1"), ("Status", "Delivered")]),
        activity("nobody", &[]),
        other_type,
        activity("a", &[("mx_Custom_51", "x")]),
        activity("a", &[("mx_Custom_1", &"x".repeat(201))]),
        bad_date,
    ]);
    let path = format!("{ACTIVITIES}/Add/ByLeadId");
    let (status, answer) = vendor.post(&path, body.clone()).await;
    let rows = answer["Response"].as_array().unwrap();
    assert_eq!((status, rows.len()), (200, 6));
    assert_eq!((&rows[0]["RowNumber"], &rows[0]["ActivityCreated"]), (&json!(1), &json!(true)));
    let kinds: Vec<_> = rows[1..].iter().map(|row| row["ExceptionType"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "MXInvalidEntityException",
            "MXUnknownProspectActivityException",
            "MXUnknownAttributeException",
            "MXInvalidInputException",
            "MXInvalidDataTypeException",
        ]
    );
    assert!(rows[1..].iter().all(|row| row["ActivityCreated"] == false && row.get("ProspectActivityId").is_none()));
    vendor.post(&path, body).await;
    let activities = vendor.simulator.activities();
    assert_eq!(activities.len(), 2, "a replay is a duplicate");
    assert_eq!((&activities[0].fields, activities[0].code), (&activities[1].fields, 206));
    assert_ne!(activities[0].id, activities[1].id);
}

#[tokio::test]
async fn an_unknown_lead_can_be_made_up() {
    let vendor = LeadSquared::start(Options { accept_unknown_leads: true, ..LeadSquared::roomy() }).await;
    let (_, answer) = vendor.post(&format!("{ACTIVITIES}/Add/ByLeadId"), json!([activity("new", &[])])).await;
    assert_eq!(answer["Response"][0]["ActivityCreated"], true);
    assert!(vendor.simulator.lead("new").is_some());
}

#[tokio::test]
async fn activities_are_added_by_a_unique_field() {
    let vendor = start().await;
    let row = |value: &str| json!({ "SearchByValue": value, "ActivityEvent": "206" });
    let body = json!([row("+55-11987654321"), row("11987654321")]);
    let (_, answer) = vendor.post(&format!("{ACTIVITIES}/Add/ByLeadField?searchBy=Phone"), body).await;
    assert_eq!(
        (&answer["Response"][0]["ActivityCreated"], &answer["Response"][1]["ActivityCreated"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(vendor.simulator.activities()[0].lead_id, "a");
    assert_eq!(vendor.post(&format!("{ACTIVITIES}/Add/ByLeadField?searchBy=Source"), json!([row("x")])).await.0, 500);
}

#[tokio::test]
async fn an_update_changes_only_what_it_names() {
    let vendor = start().await;
    let fields = [("mx_Custom_1", "msg-1"), ("Status", "Sent")];
    let (_, added) = vendor.post(&format!("{ACTIVITIES}/Add/ByLeadId"), json!([activity("a", &fields)])).await;
    let id = added["Response"][0]["ProspectActivityId"].as_str().unwrap();
    let update =
        |id: &str| json!({ "ProspectActivityId": id, "Fields": [{ "SchemaName": "Status", "Value": "Delivered" }] });
    let (_, answer) = vendor.post(&format!("{ACTIVITIES}/Update"), json!([update(id), update("nothing")])).await;
    assert_eq!(
        (&answer["Response"][0]["ActivityUpdated"], &answer["Response"][1]["ActivityUpdated"]),
        (&json!(true), &json!(false))
    );
    let [activity] = <[_; 1]>::try_from(vendor.simulator.activities()).unwrap();
    assert_eq!((activity.fields["mx_Custom_1"].as_str(), activity.fields["Status"].as_str()), ("msg-1", "Delivered"));
    assert_eq!((activity.note.as_deref(), activity.updates), (Some("n"), 1));
}
