//! Reads leads by key and by condition.

use crate::common::LeadSquared;
use serde_json::{Value, json};

const SERVICE: &str = "LeadManagement.svc";

async fn start() -> LeadSquared {
    LeadSquared::start(LeadSquared::roomy()).await
}

#[tokio::test]
async fn reading_by_keys() {
    let vendor = start().await;
    vendor.simulator.put_lead("a", [("EmailAddress", "a@example.com"), ("Phone", "+55-11987654321")]);
    vendor.simulator.put_lead("b", [("Mobile", "11987654321")]);
    let ids = |found: &Value| -> Vec<String> {
        found.as_array().unwrap().iter().map(|lead| lead["ProspectID"].as_str().unwrap().to_owned()).collect()
    };
    let get = async |path: &str| vendor.get(&format!("{SERVICE}/{path}")).await.1;
    assert_eq!(ids(&get("leads.getbyemailaddress?emailaddress=a%40example.com").await), ["a"]);
    assert_eq!(get("Leads.GetByEmailaddress?email=a%40example.com").await, json!([]));
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    vendor.simulator.put_lead("a", [("FirstName", "Ana")]);
    assert_eq!(ids(&get("RetrieveLeadByPhoneNumber?phone=5511987654321").await), ["a"], "the more recently active one");
    assert_eq!(ids(&get("Leads.GetByQuickSearch?key=ana").await), ["a"]);
    let fields = get("LeadsMetaData.Get").await;
    assert!(fields.as_array().unwrap().iter().any(|field| field["SchemaName"] == "mx_SMS_Opt_Out"));

    let body = json!({ "SearchParameters": { "LeadIds": ["b", "nobody", "a"] }, "Columns": { "Include_CSV": "ProspectID,Mobile" } });
    let (_, found) = vendor.post(&format!("{SERVICE}/Leads/Retrieve/ByIds"), body).await;
    assert_eq!(
        found,
        json!({ "RecordCount": 2, "Leads": [
        { "ProspectID": "b", "Mobile": "11987654321" },
        { "ProspectID": "a", "Mobile": null },
    ] })
    );
    for body in [
        json!({ "SearchParameters": { "LeadIds": ["a"] } }),
        json!({ "Columns": { "Include_CSV": "ProspectID" } }),
        json!({ "SearchParameters": { "LeadIds": vec!["a"; 10_001] }, "Columns": { "Include_CSV": "ProspectID" } }),
    ] {
        let (status, error) = vendor.post(&format!("{SERVICE}/Leads/Retrieve/ByIds"), body).await;
        assert_eq!((status, &error["ExceptionType"]), (500, &json!("MXInvalidInputException")));
    }
}

#[tokio::test]
async fn searching_has_the_vendors_traps() {
    let vendor = start().await;
    for (id, score) in [("a", "9"), ("b", "10"), ("c", "20")] {
        vendor.simulator.put_lead(id, [("Score", score)]);
    }
    let search = async |name: &str, value: &str, operator: &str| {
        let body = json!({
            "Parameter": { "LookupName": name, "LookupValue": value, "SqlOperator": operator },
            "Columns": { "Include_CSV": "ProspectID" },
            "Sorting": { "ColumnName": "Score", "Direction": "1" },
            "Paging": { "PageIndex": 1, "PageSize": 1000 },
        });
        vendor.post(&format!("{SERVICE}/Leads.Get"), body).await
    };
    assert_eq!(search("Score", "9", ">").await, (200, json!([{ "ProspectID": "c" }, { "ProspectID": "b" }])));
    assert_eq!(search("score", "9", ">").await, (200, json!([])), "a wrong case finds nothing");
    assert_eq!(search("DoNotCall", "true", "=").await.0, 500);
    assert_eq!(search("DoNotCall", "0", "=").await.1.as_array().unwrap().len(), 3);
    let (_, everything) =
        vendor.post(&format!("{SERVICE}/Leads.Get"), json!({ "Query": { "LookupName": "Score" } })).await;
    assert_eq!(everything.as_array().unwrap().len(), 3, "an unknown wrapper is no condition");
}

#[tokio::test]
async fn recently_modified_is_inclusive_and_cuts_fractions_off() {
    let vendor = start().await;
    vendor.simulator.put_lead("a", [("FirstName", "Ana")]);
    let lead = vendor.get(&format!("{SERVICE}/Leads.GetById?id=a")).await.1;
    let modified = lead[0]["LeadLastModifiedOn"].as_str().unwrap().to_owned();
    let ask = async |from: &str, to: &str, size: usize| {
        let body = json!({
            "Parameter": { "FromDate": from, "ToDate": to },
            "Columns": { "Include_CSV": "ProspectID" },
            "Paging": { "PageIndex": 1, "PageSize": size },
        });
        vendor.post(&format!("{SERVICE}/Leads.RecentlyModified"), body).await
    };
    let (_, found) = ask(&modified, "2999-01-01 00:00:00", 5_000).await;
    let expected = json!([{ "Attribute": "ProspectID", "Value": "a" }, { "Attribute": "Total", "Value": "1" }]);
    assert_eq!((&found["RecordCount"], &found["Leads"][0]["LeadPropertyList"]), (&json!(1), &expected));
    let (_, none) = ask("2000-01-01 00:00:00", "2000-01-02 00:00:00", 5_000).await;
    assert_eq!(none, json!({ "RecordCount": 0 }), "no `Leads` at all");
    assert_eq!(ask("2000-01-01 00:00:00", "2000-01-02 00:00:00", 5_001).await.0, 500);
    assert_eq!(ask("01/01/2000", "2000-01-02 00:00:00", 10).await.0, 500);
}
