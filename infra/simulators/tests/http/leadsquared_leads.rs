//! LeadSquared's keys, the shape of a lead, and writes of one lead.

use crate::common::{LeadSquared, attributes, read};
use recado_simulators::leadsquared::Options;
use reqwest::{Method, Url};
use serde_json::{Value, json};

const SERVICE: &str = "LeadManagement.svc";

async fn start() -> LeadSquared {
    LeadSquared::start(LeadSquared::roomy()).await
}

#[tokio::test]
async fn keys_go_in_headers_or_in_the_query() {
    let vendor = start().await;
    let url = format!("{}/Authentication.svc/UserByAccessKey.Get", vendor.simulator.base_url());
    let (access, secret) = (Options::default().access_key, Options::default().secret_key);
    let ask = async |pairs: &[(&str, &String)]| {
        let url = Url::parse_with_params(&url, pairs).unwrap();
        read(vendor_http::client_builder().build().unwrap().get(url).send().await.unwrap()).await
    };
    let with_query = [("accessKey", &access), ("secretKey", &secret)];
    let (status, user) = ask(&with_query).await;
    assert_eq!(
        (status, &user["Id"], &user["DefaultCountryCode"]),
        (200, &json!(Options::default().user_id), &json!("55"))
    );
    let swapped = [("accessKey", &secret), ("secretKey", &access)];
    for query in [&swapped[..], &with_query[..1]] {
        let (status, body) = ask(query).await;
        assert_eq!((status, &body["ExceptionType"]), (401, &json!("MXInvalidAccessDetailsException")));
    }
}

#[tokio::test]
async fn a_lead_is_flat_and_holds_only_strings_and_nulls() {
    let vendor = start().await;
    let body = attributes(&[("FirstName", "Ana"), ("Phone", "+55-11987654321"), ("mx_SMS_Opt_Out", "0")]);
    let (status, created) = vendor.post(&format!("{SERVICE}/Lead.Create"), body).await;
    assert_eq!((status, &created["Status"]), (200, &json!("Success")));
    let id = created["Message"]["Id"].as_str().unwrap();
    let (_, found) = vendor.get(&format!("{SERVICE}/Leads.GetById?id={id}")).await;
    let lead = found[0].as_object().unwrap();
    assert!(lead.values().all(|value| value.is_string() || value.is_null()));
    assert_eq!(
        (&lead["ProspectID"], &lead["ProspectAutoId"], &lead["Mobile"]),
        (&json!(id), &json!("1"), &Value::Null)
    );
    assert_eq!(
        (&lead["mx_SMS_Opt_Out"], &lead["mx_Message_At"], &lead["Score"]),
        (&json!("0"), &Value::Null, &json!("0"))
    );
    let modified = lead["LeadLastModifiedOn"].as_str().unwrap();
    assert_eq!((modified.len(), modified.as_bytes()[10]), (23, b' '));
    assert_eq!(vendor.get(&format!("{SERVICE}/Leads.GetById?id=nobody")).await.1, json!([]));
}

#[tokio::test]
async fn an_unknown_field_refuses_the_whole_write() {
    let vendor = start().await;
    vendor.simulator.put_lead("a", [("FirstName", "Ana")]);
    let body = attributes(&[("FirstName", "Eva"), ("mx_Nope", "1"), ("firstname", "x")]);
    let (status, error) = vendor.post(&format!("{SERVICE}/Lead.Update?leadId=a"), body).await;
    assert_eq!((status, &error["ExceptionType"]), (500, &json!("MXUnknownAttributeException")));
    assert_eq!(error["ExceptionMessage"], "Attribute(s) does not exist - mx_Nope,firstname");
    assert_eq!(vendor.simulator.lead("a").unwrap().field("FirstName"), Some("Ana"));
}

#[tokio::test]
async fn validation_is_a_500_or_hides_behind_a_200() {
    for (hide_errors, expected) in [(false, 500), (true, 200)] {
        let vendor = LeadSquared::start(Options { hide_errors, ..LeadSquared::roomy() }).await;
        vendor.simulator.put_lead("a", [("EmailAddress", "a@example.com")]);
        for (path, body, kind) in [
            ("Lead.Create", attributes(&[("Source", "Site")]), "MXMandatoryAttributeMissingException"),
            ("Lead.Create", attributes(&[("EmailAddress", "a@example.com")]), "MXDuplicateEntryException"),
            ("Lead.Update?leadId=b", attributes(&[("FirstName", "X")]), "MXInvalidEntityException"),
        ] {
            let (status, error) = vendor.post(&format!("{SERVICE}/{path}"), body).await;
            assert_eq!((status, &error["Status"], &error["ExceptionType"]), (expected, &json!("Error"), &json!(kind)));
        }
        assert_eq!(vendor.simulator.leads().len(), 1);
    }
}

#[tokio::test]
async fn a_body_of_another_shape_is_a_400_and_another_path_a_404() {
    let vendor = start().await;
    let object = json!({ "Attribute": "FirstName", "Value": "Ana" });
    assert_eq!(vendor.post(&format!("{SERVICE}/Lead.Create"), object).await.0, 400);
    assert_eq!(vendor.post(&format!("{SERVICE}/Lead.Nope"), json!([])).await.0, 404);
    assert_eq!(vendor.get("Nope.svc/Lead.Create").await.0, 404);
    assert_eq!(vendor.get(&format!("{SERVICE}/Lead.Create")).await.0, 405);
    let text = vendor.request(Method::POST, &format!("{SERVICE}/Lead.Create")).body("[").send().await.unwrap();
    assert_eq!(text.status(), 400);
}

#[tokio::test]
async fn create_or_update_finds_by_the_exact_text() {
    let vendor = start().await;
    let path = format!("{SERVICE}/Lead.CreateOrUpdate");
    let write = |phone: &str| attributes(&[("Phone", phone), ("FirstName", "Ana"), ("SearchBy", "Phone")]);
    let (_, first) = vendor.post(&path, write("+55-11987654321")).await;
    let (_, again) = vendor.post(&path, write("+55-11987654321")).await;
    let (_, other) = vendor.post(&path, write("+5511987654321")).await;
    assert_eq!(first["Message"]["Id"], again["Message"]["Id"]);
    assert_ne!(first["Message"]["Id"], other["Message"]["Id"]);
    assert_eq!(vendor.simulator.leads().iter().map(|lead| lead.updates).collect::<Vec<_>>(), [1, 0]);
}
