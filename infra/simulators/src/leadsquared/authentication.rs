//! `Authentication.svc/UserByAccessKey.Get`: the start-up probe.

use serde_json::{Value, json};

use super::desk::Desk;

pub(super) fn user(desk: &Desk<'_>) -> Value {
    let here = desk.call.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let host = desk.options.api_host.as_deref().unwrap_or(here);
    json!({
        "Id": desk.options.user_id,
        "Name": "Integration",
        "FirstName": "Integration",
        "PassPhrase": "integration@example.com",
        "EmailAddress": "integration@example.com",
        "Role": "Administrator",
        "TimeZone": "America/Sao_Paulo",
        "DefaultCountryCode": "55",
        "OrgId": "1",
        "OrgShortCode": "SIMULATED",
        "LSQCommonServiceURLs": { "api": host, "app": host },
    })
}
