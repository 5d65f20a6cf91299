//! Leads, read and written.

use serde_json::{Value, json};

use crate::{
    samples::{lead, letters},
    server::serve,
};

#[tokio::test]
async fn leads_are_read_by_ids_in_one_call() {
    let server =
        serve(200, json!({"RecordCount": 1, "Leads": [{"ProspectID": "a", "Phone": "+55-11988887777"}]})).await;
    let leads = server.client.leads_by_ids(&["a".into(), "b".into()], &["Phone"]).await.unwrap();
    assert_eq!(leads[0].get("Phone"), Some("+55-11988887777"));
    let asked = server.asked_once();
    assert_eq!(asked.uri.path(), "/v2/LeadManagement.svc/Leads/Retrieve/ByIds");
    let expected = json!({"SearchParameters": {"LeadIds": ["a", "b"]}, "Columns": {"Include_CSV": "ProspectID,Phone"},
        "Paging": {"PageIndex": 1, "PageSize": 2}});
    assert_eq!(asked.body, expected);

    let server = serve(200, "[]").await;
    assert_eq!(server.client.lead_by_id("a&b").await.unwrap(), None);
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
        let outcomes = server.client.update_leads(&[lead("a"), lead("b"), lead("c")]).await.unwrap();
        assert_eq!(letters(&outcomes), expected, "{answer}");
    }
    let server = serve(200, answer([1, 1, 0, 0], &[], &[])).await;
    server.client.update_leads(&[lead("a")]).await.unwrap();
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
    let affected = server.client.update_leads_same_value(&["a".into(), "b".into()], "mx_Status", "Sent").await;
    assert_eq!(affected, Ok(Some(2)));
    let expected = json!({"LeadIds": ["a", "b"], "LeadFields": {"Attribute": "mx_Status", "Value": "Sent"}});
    assert_eq!(server.asked_once().body, expected);
}
