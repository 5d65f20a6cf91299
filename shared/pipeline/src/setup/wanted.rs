//! What a configuration needs in the account. Pure.

use std::collections::{BTreeMap, BTreeSet};

use leadsquared::{LeadFieldKind, NewActivityType, NewWebhook, WebhookEvent};
use recado_core::{
    config::{Action, Audience, Config, Trigger},
    kind::EventKind,
    text::{Condition, Template},
};
use secrecy::SecretString;
use url::Url;

use crate::{secrets::WEBHOOK_PATH, sync::activity_type};

/// The header that carries the webhooks' secret.
const SECRET_HEADER: &str = "x-recado-secret";
/// The parameter in a webhook's address that names its event.
pub(super) const EVENT_PARAMETER: &str = "event";
/// Characters of the field for a message's state. The longest state has 11.
const STATUS_CHARS: u16 = 50;
/// The beginning of a webhook's description in LeadSquared's list, by which a person recognises Recado's webhooks.
pub(super) const DESCRIPTION: &str = "Recado";

/// The address that webhooks post to, and the secret that they must show.
#[derive(Debug, Clone)]
pub struct HookTarget {
    /// This installation's own address.
    pub public_url: Url,
    /// The secret's newest value.
    pub secret: SecretString,
}

/// The things that a configuration needs.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The activity type for messages.
    pub activity_type: NewActivityType,
    /// Lead fields that the configuration writes or reads, by schema name, with the type of each.
    pub fields: BTreeMap<String, LeadFieldKind>,
    /// Webhooks; none without an address to post to.
    pub webhooks: Vec<NewWebhook>,
    /// The steps that a person must do.
    pub steps: Vec<String>,
}

impl Wanted {
    /// The things that `config` needs. Without a `target`, no webhook can be created.
    #[must_use]
    pub fn of(config: &Config, target: Option<&HookTarget>) -> Self {
        let crm = &config.leadsquared;
        let named = [
            (&crm.write_back.status, LeadFieldKind::Text(STATUS_CHARS)),
            (&crm.write_back.at, LeadFieldKind::DateTime),
            (&crm.opt_out.sms, LeadFieldKind::Boolean),
            (&crm.opt_out.voice, LeadFieldKind::Boolean),
        ];
        let fields = named.into_iter().filter_map(|(name, kind)| Some((name.as_ref()?.as_str().to_owned(), kind)));
        let events = Events::of(config);
        Self {
            activity_type: activity_type(&crm.activity),
            fields: fields.collect(),
            webhooks: target.map(|target| events.webhooks(target)).unwrap_or_default(),
            steps: events.steps(target),
        }
    }
}

/// The lead fields that rules and campaigns read, by schema name, with the rules and campaigns of each.
#[must_use]
pub fn fields_used(config: &Config) -> BTreeMap<String, BTreeSet<String>> {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in &config.rules {
        let changed = rule.trigger.change().map(|change| change.name.as_str().to_owned());
        for field in fields_named(rule.when.as_ref(), rule.actions()).chain(changed) {
            used.entry(field).or_default().insert(rule.id.as_str().to_owned());
        }
    }
    for campaign in &config.campaigns {
        let searched = match &campaign.audience {
            Audience::Search(search) => Some(search.field.as_str().to_owned()),
            Audience::Csv => None,
        };
        for field in fields_named(campaign.when.as_ref(), std::iter::once(&campaign.action)).chain(searched) {
            used.entry(field).or_default().insert(campaign.id.as_str().to_owned());
        }
    }
    used
}

/// The lead's fields that a condition and actions name.
fn fields_named<'a>(
    when: Option<&'a Condition>,
    actions: impl Iterator<Item = &'a Action>,
) -> impl Iterator<Item = String> {
    let condition = when.into_iter().flat_map(Condition::references);
    let texts = actions.flat_map(Action::templates).flat_map(Template::references);
    condition.chain(texts).filter_map(|name| {
        let field = name.strip_prefix("lead.").or_else(|| name.strip_prefix("before."))?;
        (!field.is_empty()).then(|| field.to_owned())
    })
}

/// The events that rules need.
#[derive(Default)]
struct Events {
    /// An event, with the activity's code if it needs one.
    hooks: BTreeSet<(WebhookEvent, Option<u32>)>,
    stage: bool,
    any_activity: bool,
}

impl Events {
    fn of(config: &Config) -> Self {
        let mut events = Self::default();
        for rule in &config.rules {
            match &rule.trigger {
                Trigger::LeadCreated => events.add(WebhookEvent::LEAD_CREATED, None),
                Trigger::LeadChanged { field } => {
                    events.stage |= field.as_ref().is_some_and(|change| change.name.as_str() == "ProspectStage");
                    events.add(WebhookEvent::LEAD_UPDATED, None);
                }
                Trigger::ActivityCreated { code: Some(code) } => {
                    events.add(WebhookEvent::ACTIVITY_CREATED, Some(*code));
                }
                Trigger::ActivityCreated { code: None } => events.any_activity = true,
                Trigger::ActivityUpdated { code } => events.add(WebhookEvent::ACTIVITY_UPDATED, *code),
                Trigger::Item { kind } => events.hooks.extend(item_webhook(*kind).map(|event| (event, None))),
            }
        }
        events
    }

    fn add(&mut self, event: WebhookEvent, code: Option<u32>) {
        self.hooks.insert((event, code));
    }

    fn webhooks(&self, target: &HookTarget) -> Vec<NewWebhook> {
        let webhook = |(event, activity_code): &(WebhookEvent, Option<u32>)| NewWebhook {
            event: *event,
            url: address(&target.public_url, *event),
            description: format!("{DESCRIPTION}: {}", event.name().unwrap_or("event")),
            headers: vec![(SECRET_HEADER.to_owned(), target.secret.clone())],
            activity_code: *activity_code,
        };
        self.hooks.iter().map(webhook).collect()
    }

    fn steps(&self, target: Option<&HookTarget>) -> Vec<String> {
        let mut steps = Vec::new();
        let Some(target) = target else {
            return vec![
                "set RECADO_PUBLIC_URL to this installation's own address: without it no webhook can be made"
                    .to_owned(),
            ];
        };
        let by_hand = |event: WebhookEvent, name: &str, why: &str| {
            format!(
                "in LeadSquared: Settings > API and Webhooks > Webhooks > Create: event \"{name}\", address {}, content \
                 type application/json, custom header {SECRET_HEADER} with the first value of RECADO_WEBHOOK_SECRET, \
                 notify on failure. {why}",
                address(&target.public_url, event)
            )
        };
        if self.stage {
            steps.push(by_hand(
                WebhookEvent::STAGE_CHANGED,
                "Lead Stage Change",
                "LeadSquared's API refuses to make this one. A change that comes by the lead-update webhook too is one \
                 event.",
            ));
        }
        if self.any_activity {
            steps.push(by_hand(
                WebhookEvent::ACTIVITY_CREATED,
                "Lead Activity Create",
                "Choose the activity types that matter: a rule on activity.created names no `activity`, and the API makes \
                 a webhook for one type only.",
            ));
        }
        steps
    }
}

/// The webhook for events of tasks, opportunities and landing pages. An opportunity's update (32) also covers its stage
/// and its fields. With 33 and 34 as well, one edit would come several times.
fn item_webhook(kind: EventKind) -> Option<WebhookEvent> {
    Some(match kind {
        EventKind::TaskCreated => WebhookEvent::TASK_CREATED,
        EventKind::TaskUpdated => WebhookEvent::TASK_UPDATED,
        EventKind::TaskCompleted => WebhookEvent::TASK_COMPLETED,
        EventKind::TaskReminder => WebhookEvent::TASK_REMINDER,
        EventKind::OpportunityCreated => WebhookEvent::OPPORTUNITY_CREATED,
        EventKind::OpportunityChanged => WebhookEvent::OPPORTUNITY_UPDATED,
        EventKind::LandingPageSubmitted => WebhookEvent::LANDING_PAGE_SUBMITTED,
        EventKind::LeadCreated | EventKind::LeadChanged | EventKind::ActivityCreated | EventKind::ActivityUpdated => {
            return None;
        }
    })
}

/// The address of LeadSquared's webhooks for `event`, below the installation's own address. The address names the
/// event, since not every body does.
fn address(public_url: &Url, event: WebhookEvent) -> String {
    let mut url = public_url.clone();
    let path = format!("{}{WEBHOOK_PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.query_pairs_mut().append_pair(EVENT_PARAMETER, &event.0.to_string());
    url.to_string()
}
