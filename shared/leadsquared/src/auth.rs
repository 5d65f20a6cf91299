//! `Authentication.svc`: the user of the keys, and the account's region.

use serde_json::Value;

use crate::{Admitted, CallError, Standard, error::Repeat, json};

/// The user of the keys. LeadSquared gives all of these values, but a caller should not depend on any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user's id. It is `ModifiedBy` and `CreatedBy` of everything written with these keys. So it identifies one's
    /// own edits when they come back in a webhook.
    pub id: Option<String>,
    /// The account's time zone, for people; the API itself uses UTC only.
    pub time_zone: Option<String>,
    /// The host of the account's region, without scheme and path, as in `api-us11.leadsquared.com`.
    pub api_host: Option<String>,
    /// The host people log in to.
    pub app_host: Option<String>,
    /// The account's id.
    pub org_id: Option<String>,
    /// The country code for phones without one, as in `55`.
    pub default_country_code: Option<String>,
    /// LeadSquared's clock when it answered, in ms since 1970, to the second: the answer's `Date`.
    pub server_ms: Option<i64>,
}

impl User {
    /// The base address of the account's region, with the version, as [`crate::Client::new`] takes it.
    #[must_use]
    pub fn base_url(&self) -> Option<String> {
        self.api_host.as_deref().map(|host| format!("https://{host}/v2"))
    }
}

impl Admitted<'_, Standard> {
    /// Reads the user of the keys. It works at any region's host and returns the right one ([`User::api_host`]), so
    /// make this request first. Source: LeadSquared user authentication page.
    pub async fn who_am_i(self) -> Result<User, CallError> {
        let (answer, server_ms) = self.client.get_dated("Authentication.svc/UserByAccessKey.Get", &[]).await?;
        let user = user(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer tells no user"))?;
        Ok(User { server_ms, ..user })
    }
}

fn user(answer: &Value) -> Option<User> {
    let answer = match answer {
        Value::Array(list) => list.first()?,
        other => other,
    };
    let user = answer.as_object()?;
    let hosts = json::member(user, "LSQCommonServiceURLs").and_then(Value::as_object);
    let host = |name: &str| hosts.and_then(|hosts| json::text_of(hosts, &[name]));
    Some(User {
        id: json::text_of(user, &["Id", "UserId"]),
        time_zone: json::text_of(user, &["TimeZone"]),
        api_host: host("api"),
        app_host: host("app"),
        org_id: json::text_of(user, &["OrgId"]),
        default_country_code: json::text_of(user, &["DefaultCountryCode"]),
        server_ms: None,
    })
}
