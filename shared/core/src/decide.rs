//! What an event leads to: each rule's verdict on it, as data.

use std::fmt;

use crate::{
    call::Call,
    config::{Action, Config, DEFAULT_EXPIRES_MS, FieldChange, MAX_TITLE_LENGTH, Rule, Trigger, Voice, title_length},
    credits::{SmsText, UNKNOWN_CALL_CREDITS},
    event::Event,
    fields::Fields,
    flash::contains_url,
    gate::{Gate, gate},
    identity::{MessageId, fallback_id, is_control, message_id},
    message::{Channel, Content, Label, Message, Priority, Recipients, State},
    phone::{Line, Phone, PhoneRules},
    reason::Reason,
    text::{Context, Template, TextError},
};

/// When the sweep looks at a message that was to be sent at once, in ms after it was written. By then its wake-up was
/// lost.
pub const WAKE_UP_WITHIN_MS: i64 = 60_000;
/// The lead's fields that hold phones, in the order in which they are tried.
pub(crate) const PHONE_FIELDS: [&str; 2] = ["Phone", "Mobile"];

/// One rule's verdict.
#[derive(Debug)]
pub struct Decision {
    /// The rule's id.
    pub rule: String,
    /// Its verdict.
    pub verdict: Verdict,
}

/// A rule's verdict on an event.
#[derive(Debug)]
pub enum Verdict {
    /// A message, which may be skipped for a reason of this lead.
    Message(Box<Message>),
    /// No message.
    No(WhyNot),
}

/// Why a rule makes no message of an event. Its text holds no value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyNot {
    /// The rule waits for another kind of event.
    OtherKind,
    /// The rule waits for another type of activity.
    OtherActivity,
    /// The watched field did not change.
    Unchanged(String),
    /// The watched field's earlier value is not known.
    BeforeUnknown(String),
    /// The watched field did not go from or to the value that the rule names.
    OtherValue(String),
    /// The rule's condition does not hold.
    ConditionFalse,
    /// The rule's condition could not be evaluated.
    ConditionFailed(TextError),
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKind => f.write_str("waits for another kind of event"),
            Self::OtherActivity => f.write_str("waits for another type of activity"),
            Self::Unchanged(field) => write!(f, "{field} did not change"),
            Self::BeforeUnknown(field) => write!(f, "the event does not say what {field} was before"),
            Self::OtherValue(field) => write!(f, "{field} changed from or to another value"),
            Self::ConditionFalse => f.write_str("its condition does not hold"),
            Self::ConditionFailed(error) => write!(f, "its condition failed: {error}"),
        }
    }
}

/// Each rule's verdict on `event`, in the configuration's order.
#[must_use]
pub fn decide(config: &Config, event: &Event, now_ms: i64) -> Vec<Decision> {
    decide_completed(config, event, event, now_ms)
}

/// The same for an event whose lead was read after the event was `delivered`. The messages' ids come from the event as
/// it was delivered. So a redelivery finds its own row, whatever was read in between. The triggers, too, are judged by
/// the event as it was delivered.
#[must_use]
pub fn decide_completed(config: &Config, delivered: &Event, event: &Event, now_ms: i64) -> Vec<Decision> {
    let context = context(config, event, now_ms);
    let decision = |rule: &Rule| {
        let verdict = match wants(rule, delivered, &context) {
            Err(why_not) => Verdict::No(why_not),
            Ok(()) => Verdict::Message(Box::new(compose(config, rule, (delivered, event), &context, now_ms))),
        };
        Decision { rule: rule.id.as_str().to_owned(), verdict }
    };
    config.rules.iter().map(decision).collect()
}

fn context(config: &Config, event: &Event, now_ms: i64) -> Context {
    let facts = Fields::from_iter([
        ("kind", Some(event.kind.name().to_owned())),
        ("at", event.at.clone()),
        ("by", event.by.clone()),
        ("activity", event.activity.as_ref().and_then(|activity| activity.name.clone())),
    ]);
    let mut context = Context::new(&event.lead, now_ms, &config.timezone).with_event(&facts);
    if let Some(before) = event.lead_before() {
        context = context.with_before(&before);
    }
    if let Some(activity) = &event.activity {
        context = context.with_activity(&activity.data);
    }
    if let (Some(root), Some(item)) = (event.kind.item(), &event.item) {
        context = context.with_item(root, &item.data);
    }
    context
}

/// Whether the event has the kind and the change that the rule waits for. The lead's other fields are not checked.
#[must_use]
pub fn is_triggered(rule: &Rule, event: &Event) -> bool {
    triggers(rule, event).is_ok()
}

fn wants(rule: &Rule, event: &Event, context: &Context) -> Result<(), WhyNot> {
    triggers(rule, event)?;
    match rule.when.as_ref().map(|condition| condition.eval(context)) {
        None | Some(Ok(true)) => Ok(()),
        Some(Ok(false)) => Err(WhyNot::ConditionFalse),
        Some(Err(error)) => Err(WhyNot::ConditionFailed(error)),
    }
}

fn triggers(rule: &Rule, event: &Event) -> Result<(), WhyNot> {
    if rule.trigger.kind() != event.kind {
        return Err(WhyNot::OtherKind);
    }
    match &rule.trigger {
        Trigger::LeadChanged { field: Some(change) } => changed(change, event)?,
        Trigger::ActivityCreated { code: Some(code) } | Trigger::ActivityUpdated { code: Some(code) }
            if event.activity.as_ref().and_then(|activity| activity.code) != Some(*code) =>
        {
            return Err(WhyNot::OtherActivity);
        }
        _ => {}
    }
    Ok(())
}

fn changed(change: &FieldChange, event: &Event) -> Result<(), WhyNot> {
    let name = change.name.as_str();
    if !event.field_changed(name) {
        let is_told = !event.lead.contains(name) || event.knows_before(name);
        let why = if is_told { WhyNot::Unchanged } else { WhyNot::BeforeUnknown };
        return Err(why(name.to_owned()));
    }
    let is =
        |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|wanted| value == Some(wanted));
    if is(&change.from, event.was(name)) && is(&change.to, event.is(name)) {
        Ok(())
    } else {
        Err(WhyNot::OtherValue(name.to_owned()))
    }
}

/// The rule's message for this event, in the state in which it is written, with its fallback.
fn compose(
    config: &Config,
    rule: &Rule,
    (delivered, event): (&Event, &Event),
    context: &Context,
    now_ms: i64,
) -> Message {
    let watched = rule.trigger.change().map(|change| change.name.as_str());
    let id = message_id(rule.first_id().as_str(), watched, delivered);
    let written = |id, action| written(config, (rule, action), id, event, context, now_ms);
    let mut message = written(id, &rule.action);
    if message.state != State::Skipped {
        message.fallback = rule.fallback.as_ref().map(|action| Box::new(written(fallback_id(id), action)));
    }
    message
}

/// One of a rule's messages for an event.
fn written(
    config: &Config,
    (rule, action): (&Rule, &Action),
    id: MessageId,
    event: &Event,
    context: &Context,
    now_ms: i64,
) -> Message {
    let expires_ms = rule.expires_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(DEFAULT_EXPIRES_MS);
    let expires_ms = now_ms.saturating_add(expires_ms);
    let mut message = Message {
        event: event.kind.name().to_owned(),
        label: Label { title: None, group_id: rule.group_id.clone() },
        priority: rule.priority,
        due_ms: Some(match rule.priority {
            // There is no wake-up: the message goes with the next sweep.
            Priority::Low => now_ms,
            Priority::Urgent | Priority::Normal => now_ms + WAKE_UP_WITHIN_MS,
        }),
        ..Message::new(id, rule.id.as_str(), &event.lead_id, channel(action), now_ms, expires_ms)
    };
    if let Err(why) = fill(&mut message, config, (rule, action), event, context) {
        message.state = State::Skipped;
        message.why = Some(why);
        message.due_ms = None;
        message.crm.due_ms = Some(now_ms);
    } else if let Gate::Hold { until_ms, why } = gate(&message, rule.hours.as_ref().unwrap_or(&config.hours), now_ms) {
        message.state = State::Held;
        message.why = Some(why);
        message.due_ms = Some(until_ms.min(message.expires_ms));
    } else if let Some(until_ms) = gathered_ms(config, rule, now_ms).filter(|until_ms| *until_ms < message.expires_ms) {
        message.state = State::Held;
        message.why = Some(Reason::Lingers);
        message.due_ms = Some(until_ms);
    }
    message
}

/// Until when a message waits for more messages of the same text. That is the end of the rule's present time window,
/// which is the same for all functions. So all messages of one text become due together and go in one request. `None`:
/// the message does not wait.
fn gathered_ms(config: &Config, rule: &Rule, now_ms: i64) -> Option<i64> {
    let linger_ms = rule.linger_ms.unwrap_or(config.send.linger_ms);
    let linger_ms = i64::try_from(linger_ms).ok().filter(|ms| *ms > 0 && rule.priority != Priority::Urgent)?;
    now_ms.div_euclid(linger_ms).checked_add(1)?.checked_mul(linger_ms)
}

/// Gives a message its recipient and its text, or says why this lead gets none.
fn fill(
    message: &mut Message,
    config: &Config,
    (rule, action): (&Rule, &Action),
    event: &Event,
    context: &Context,
) -> Result<(), Reason> {
    // A delivery may have been under way for long: its values were true when it was written.
    let at_ms = event.at_ms().map_or(message.created_ms, |at| at.min(message.created_ms));
    let not_made = |why| Reason::NotMade { why };
    let seen = config.leadsquared.opt_out.judge(message.content.channel(), &event.lead).map_err(not_made)?;
    message.history.saw_opt_out(seen, at_ms);
    let words = words(action, context).map_err(not_made)?;
    (message.content, message.label.title, message.credits) = (words.content, words.title, words.credits);
    let mobile = mobile(&event.lead, config.phones).map_err(not_made)?;
    message.to = Recipients::One { phone: Some(mobile), lead_id: event.lead_id.clone() };
    if is_control(rule.first_id().as_str(), message.lead_id(), rule.control_percent) {
        return Err(Reason::Control);
    }
    if rule.shadow { Err(Reason::Shadow) } else { Ok(()) }
}

/// The content for one recipient.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) content: Content,
    pub(crate) title: Option<String>,
    pub(crate) credits: u32,
}

/// The content of an action for one recipient, or why there is none.
pub(crate) fn words(action: &Action, context: &Context) -> Result<Words, String> {
    let title = title(action.title(), context)?;
    match action {
        Action::Voice(voice) => {
            if title.is_none() {
                return Err("the title of a call may not be empty".to_owned());
            }
            Ok(Words { content: Content::Voice(Some(call(voice))), title, credits: UNKNOWN_CALL_CREDITS })
        }
        Action::Sms { text, .. } | Action::Flash { text, .. } => {
            let text = text.render(context).map_err(|error| format!("the text could not be made: {error}"))?;
            let text = SmsText::parse(&text).map_err(|error| error.to_string())?;
            if action.is_flash() && contains_url(text.expose()) {
                return Err("the text of a Flash may hold no web address".to_owned());
            }
            let credits = text.credits();
            Ok(Words { content: Content::none(channel(action)).with_text(Some(text)), title, credits })
        }
    }
}

/// The title for one recipient, if the rule has one and it is not empty.
fn title(template: Option<&Template>, context: &Context) -> Result<Option<String>, String> {
    let Some(template) = template else { return Ok(None) };
    let title = template.render_label(context).map_err(|error| format!("the title could not be made: {error}"))?;
    let title = title.trim();
    match title_length(title) {
        0 => Ok(None),
        length if length > MAX_TITLE_LENGTH => {
            Err(format!("the title has {length} characters; LigueLead takes {MAX_TITLE_LENGTH}"))
        }
        _ => Ok(Some(title.to_owned())),
    }
}

/// The first of the lead's phones that is a mobile: only mobiles have the 11 digits that LigueLead takes. Otherwise the
/// error of the first phone that the lead has.
pub(crate) fn mobile(lead: &Fields, rules: PhoneRules) -> Result<Phone, String> {
    let mut first_fault = None;
    for field in PHONE_FIELDS {
        let Some(text) = lead.filled(field) else { continue };
        let fault = match Phone::read(text, rules).one() {
            Ok(phone) if phone.line() == Line::Mobile => return Ok(phone),
            Ok(_) => "the phone is a landline; LigueLead takes mobiles alone".to_owned(),
            Err(error) => error.to_string(),
        };
        first_fault.get_or_insert(format!("{fault} ({field})"));
    }
    Err(first_fault.unwrap_or_else(|| "the lead has no phone".to_owned()))
}

/// The voice call of an action.
pub(crate) fn call(voice: &Voice) -> Call {
    Call { audio: voice.audio.clone(), redials: voice.redials, every_min: voice.every_min, ready: None }
}

pub(crate) fn channel(action: &Action) -> Channel {
    match action {
        Action::Sms { .. } => Channel::Sms,
        Action::Flash { .. } => Channel::Flash,
        Action::Voice(_) => Channel::Voice,
    }
}
