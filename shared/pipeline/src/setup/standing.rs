//! Compares what an installation needs with what the account has. Pure.

use leadsquared::{LeadFieldKind, NewActivityType, NewLeadField, NewWebhook, Webhook, WebhookEvent, WebhookStatus};
use url::Url;

use super::{
    Account, Wanted,
    wanted::{DESCRIPTION, EVENT_PARAMETER},
};

/// One thing that an installation needs.
#[derive(Debug, Clone)]
pub struct Item {
    /// `activity type`, `lead field` or `webhook`.
    pub kind: &'static str,
    /// Its name; for a webhook, its event.
    pub name: String,
    /// Its state in the account.
    pub standing: Standing,
    /// The request that would create or change it.
    pub make: Make,
}

/// The state of a needed thing in the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It exists.
    Found,
    /// It does not exist, and can be created.
    Missing,
    /// It exists but differs, as this text says. A change happens only on demand.
    Differs(String),
    /// No request can create or change it, as this text says.
    ByHand(String),
}

/// The request that creates or changes a thing.
#[derive(Debug, Clone)]
pub enum Make {
    /// No request.
    Nothing,
    /// Creates the activity type.
    ActivityType(NewActivityType),
    /// Creates a lead field.
    LeadField(NewLeadField),
    /// Creates a webhook.
    Webhook(NewWebhook),
    /// Rewrites the webhook with this id: address, headers, enabled.
    Rewrite(String, NewWebhook),
}

impl Wanted {
    /// Each needed thing, and its state in `account`.
    #[must_use]
    pub fn against(&self, account: &Account) -> Vec<Item> {
        let mut items = vec![self.activity_item(account)];
        items.extend(self.fields.iter().map(|(name, kind)| field_item(name, *kind, account)));
        items.extend(self.webhooks.iter().map(|new| webhook_item(new, &account.webhooks)));
        items
    }

    fn activity_item(&self, account: &Account) -> Item {
        let name = &self.activity_type.name;
        let near = account.types.iter().find(|kind| kind.name != *name && kind.name.eq_ignore_ascii_case(name));
        let (standing, make) = if account.types.iter().any(|kind| kind.name == *name) {
            (self.fields_of_activity(account), Make::Nothing)
        } else if let Some(near) = near {
            let why = format!("there is \"{}\": write `activity: {}` in the configuration", near.name, near.name);
            (Standing::ByHand(why), Make::Nothing)
        } else {
            (Standing::Missing, Make::ActivityType(self.activity_type.clone()))
        };
        Item { kind: "activity type", name: name.clone(), standing, make }
    }

    /// Whether the type has the fields that Recado writes. No request adds a field to an existing type.
    fn fields_of_activity(&self, account: &Account) -> Standing {
        let Some(there) = &account.activity_fields else { return Standing::Found };
        let missing: Vec<String> = self
            .activity_type
            .fields
            .iter()
            .filter(|(schema_name, _)| !there.contains(schema_name))
            .map(|(schema_name, name)| format!("{schema_name} (\"{name}\")"))
            .collect();
        if missing.is_empty() {
            return Standing::Found;
        }
        Standing::ByHand(format!("it has no field {}: add them to it, as text", missing.join(", ")))
    }
}

fn field_item(name: &str, kind: LeadFieldKind, account: &Account) -> Item {
    let item = |standing, make| Item { kind: "lead field", name: name.to_owned(), standing, make };
    if let Some(found) = account.fields.iter().find(|field| field.schema_name == name) {
        return match found.data_type.as_deref().filter(|data_type| !takes(kind, data_type)) {
            Some(other) => {
                item(Standing::ByHand(format!("it is of the type {other}: choose another field")), Make::Nothing)
            }
            None => item(Standing::Found, Make::Nothing),
        };
    }
    if let Some(near) = account.fields.iter().find(|field| field.schema_name.eq_ignore_ascii_case(name)) {
        return item(
            Standing::ByHand(format!("there is {}: names are case-sensitive, write it so", near.schema_name)),
            Make::Nothing,
        );
    }
    match NewLeadField::of_schema_name(name, kind) {
        Some(new) => item(Standing::Missing, Make::LeadField(new)),
        None => item(
            Standing::ByHand("the account has no such field, and only names with mx_ can be made".to_owned()),
            Make::Nothing,
        ),
    }
}

/// Whether a field of this type can hold the needed values. Unknown types pass.
fn takes(kind: LeadFieldKind, data_type: &str) -> bool {
    let refused: &[&str] = match kind {
        LeadFieldKind::Text(_) => &["Number", "Email", "Phone", "Website", "Date", "Time", "Boolean"],
        LeadFieldKind::DateTime => &["Number", "Email", "Phone", "Website", "Time", "Select", "Boolean"],
        LeadFieldKind::Boolean => &["Email", "Phone", "Website", "Date", "Time"],
    };
    !refused.contains(&data_type)
}

fn webhook_item(new: &NewWebhook, webhooks: &[Webhook]) -> Item {
    let code = new.activity_code.map(|code| format!(" {code}")).unwrap_or_default();
    let name = format!("{}{code}", new.event.name().unwrap_or("event"));
    let of_event = |webhook: &&Webhook| webhook.event == Some(new.event) && fits(webhook, new);
    let here: Vec<&Webhook> = webhooks.iter().filter(of_event).filter(|one| is_here(one, &new.url)).collect();
    // A webhook that LeadSquared posts to is better than one that is switched off.
    let best = here.iter().find(|one| is_on(one)).or(here.first());
    let ours = || webhooks.iter().filter(of_event).find(|one| is_ours(one));
    let (standing, make) = match best.copied() {
        Some(found) if is_on(found) => {
            let standing = if says_event(found) {
                Standing::Found
            } else {
                Standing::Differs(format!("its address does not say which event it is for: ?event={}", new.event.0))
            };
            (standing, Make::Rewrite(found.id.clone(), new.clone()))
        }
        Some(found) => {
            let why = match found.status {
                Some(WebhookStatus::DisabledByFailures) => "LeadSquared switched it off after too many failures",
                _ => "somebody switched it off",
            };
            (Standing::Differs(why.to_owned()), Make::Rewrite(found.id.clone(), new.clone()))
        }
        None => match ours() {
            Some(elsewhere) => (
                Standing::Differs(format!("it posts to {}", host(elsewhere).unwrap_or_else(|| "nowhere".to_owned()))),
                Make::Rewrite(elsewhere.id.clone(), new.clone()),
            ),
            None => (Standing::Missing, Make::Webhook(new.clone())),
        },
    };
    Item { kind: "webhook", name, standing, make }
}

/// Whether it is for the same activities, as far as the list says.
fn fits(webhook: &Webhook, new: &NewWebhook) -> bool {
    webhook.event != Some(WebhookEvent::ACTIVITY_CREATED)
        || webhook.activity_code.is_none()
        || webhook.activity_code == new.activity_code
}

/// Whether it posts to this address, with any query.
fn is_here(webhook: &Webhook, url: &str) -> bool {
    let plain = |url: &str| {
        let mut url = Url::parse(url).ok()?;
        url.set_query(None);
        Some(url)
    };
    webhook.url.as_deref().and_then(plain).is_some_and(|one| plain(url) == Some(one))
}

/// Whether its address names an event.
fn says_event(webhook: &Webhook) -> bool {
    let url = webhook.url.as_deref().and_then(|url| Url::parse(url).ok());
    url.is_some_and(|url| url.query_pairs().any(|(name, value)| name == EVENT_PARAMETER && !value.is_empty()))
}

/// Whether Recado created it, for another address.
pub(crate) fn is_ours(webhook: &Webhook) -> bool {
    webhook.description.as_deref().is_some_and(|description| description.starts_with(DESCRIPTION))
}

fn is_on(webhook: &Webhook) -> bool {
    !matches!(webhook.status, Some(WebhookStatus::DisabledByFailures | WebhookStatus::DisabledByHand))
}

fn host(webhook: &Webhook) -> Option<String> {
    Url::parse(webhook.url.as_deref()?).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use leadsquared::{ActivityType, LeadField};
    use recado_core::config::Config;

    use super::*;
    use crate::setup::{HookTarget, fields_used};

    const RULES: &str = "version: 1
leadsquared: { plan: pro, opt_out: { sms: mx_No_SMS, voice: DoNotCall }, write_back: { status: mx_Message_Status } }
rules:
  - { id: a, on: lead.created, sms: \"Oi {{ lead.FirstName }}\" }
  - { id: b, on: lead.stage, when: lead.mx_Score_Band == before.mx_Score_Band, sms: x }
  - { id: c, on: activity.created, activity: 206, sms: x }
";

    fn wanted() -> (Config, Wanted) {
        let config = Config::parse(RULES).unwrap().config;
        let target =
            HookTarget { public_url: "https://recado.example/prod".parse().unwrap(), secret: "hush".to_owned().into() };
        let wanted = Wanted::of(&config, Some(&target));
        (config, wanted)
    }

    fn hook(id: &str, event: u16, url: &str, status: WebhookStatus) -> Webhook {
        Webhook {
            id: id.into(),
            event: Some(WebhookEvent(event)),
            status: Some(status),
            url: Some(url.into()),
            description: Some("Recado: x".into()),
            activity_code: None,
        }
    }

    fn field(name: &str, data_type: &str) -> LeadField {
        LeadField {
            schema_name: name.into(),
            display_name: None,
            data_type: Some(data_type.into()),
            is_mandatory: false,
            max_chars: None,
            options: Vec::new(),
        }
    }

    fn standings(account: &Account) -> Vec<(String, String)> {
        let word = |standing: &Standing| match standing {
            Standing::Found => "found".to_owned(),
            Standing::Missing => "missing".to_owned(),
            Standing::Differs(why) => format!("differs: {why}"),
            Standing::ByHand(why) => format!("by hand: {why}"),
        };
        wanted().1.against(account).into_iter().map(|item| (item.name, word(&item.standing))).collect()
    }

    fn of(account: &Account, name: &str) -> String {
        standings(account).into_iter().find(|(one, _)| one == name).unwrap().1
    }

    #[test]
    fn an_empty_account_misses_everything_that_a_call_can_make() {
        let all = standings(&Account::default());
        let missing: Vec<&str> =
            all.iter().filter(|(_, word)| word == "missing").map(|(name, _)| name.as_str()).collect();
        let expected = [
            "Recado message",
            "mx_Message_Status",
            "mx_No_SMS",
            "LeadActivity_Post_Create 206",
            "Lead_Post_Create",
            "Lead_Post_Update",
        ];
        assert_eq!(missing, expected);
        assert!(of(&Account::default(), "DoNotCall").starts_with("by hand"));
        let (_, wanted) = wanted();
        let urls: Vec<&str> = wanted.webhooks.iter().map(|webhook| webhook.url.as_str()).collect();
        let url = |event: u16| format!("https://recado.example/prod/webhooks/leadsquared?event={event}");
        assert_eq!(urls, [url(2), url(3), url(6)]);
        assert_eq!(wanted.steps.len(), 1, "the stage-change webhook: {:?}", wanted.steps);
        assert!(!wanted.steps[0].contains("hush") && wanted.steps[0].contains(&url(5)), "{:?}", wanted.steps);
    }

    #[test]
    fn what_is_there_is_found_and_what_is_nearly_there_is_named() {
        let account = Account {
            types: vec![ActivityType { code: 206, name: "recado MESSAGE".into() }],
            activity_fields: None,
            fields: vec![field("mx_message_status", "Text"), field("mx_No_SMS", "Date"), field("DoNotCall", "Boolean")],
            webhooks: vec![
                hook(
                    "w1",
                    3,
                    "https://recado.example/prod/webhooks/leadsquared?event=3&secret=x",
                    WebhookStatus::Enabled,
                ),
                hook("w2", 6, "https://recado.example/prod/webhooks/leadsquared", WebhookStatus::DisabledByFailures),
                hook("w3", 2, "https://old.example/webhooks/leadsquared", WebhookStatus::Enabled),
            ],
        };
        assert!(of(&account, "Recado message").contains("recado MESSAGE"));
        assert!(of(&account, "mx_Message_Status").contains("case-sensitive"));
        assert!(of(&account, "mx_No_SMS").contains("type Date"));
        assert_eq!(of(&account, "DoNotCall"), "found");
        assert_eq!(of(&account, "Lead_Post_Create"), "found");
        assert!(of(&account, "Lead_Post_Update").contains("too many failures"));
        assert_eq!(of(&account, "LeadActivity_Post_Create 206"), "differs: it posts to old.example");
    }

    #[test]
    fn a_webhook_whose_address_does_not_say_its_event_is_to_be_changed() {
        for query in ["", "?secret=x", "?event=&secret=x"] {
            let url = format!("https://recado.example/prod/webhooks/leadsquared{query}");
            let account = Account { webhooks: vec![hook("w1", 3, &url, WebhookStatus::Enabled)], ..Account::default() };
            let said = of(&account, "Lead_Post_Create");
            assert!(said.starts_with("differs") && said.ends_with("?event=3"), "{url}: {said}");
        }
    }

    #[test]
    fn an_activity_type_without_our_fields_is_not_enough() {
        let account = |fields: &[&str]| Account {
            types: vec![ActivityType { code: 206, name: "Recado message".into() }],
            activity_fields: Some(fields.iter().map(|field| (*field).to_owned()).collect()),
            ..Account::default()
        };
        let all = ["mx_Custom_1", "mx_Custom_2", "mx_Custom_3", "mx_Custom_4", "mx_Custom_5", "mx_Custom_6"];
        assert_eq!(of(&account(&all), "Recado message"), "found");
        let said = of(&account(&all[1..]), "Recado message");
        assert!(said.starts_with("by hand") && said.contains("mx_Custom_1 (\"Message Id\")"), "{said}");
        assert!(!said.contains("mx_Custom_2"), "{said}");
    }

    #[test]
    fn a_rules_fields_are_known_by_rule() {
        let used = fields_used(&wanted().0);
        let names: Vec<&str> = used.keys().map(String::as_str).collect();
        assert_eq!(names, ["FirstName", "ProspectStage", "mx_Score_Band"]);
        assert!(used["mx_Score_Band"].contains("b"));
    }
}
