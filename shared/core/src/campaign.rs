//! A campaign's run: what it says and to whom, frozen at its start, and the verdict on each of its audience.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    block::{MAX_LEAD_BYTES, Own, Recipient},
    config::{Action, Audience, Campaign, Comparison, Config, FieldName, Quotas, RuleId, Search, Tell, Voice},
    decide::{DEFAULT_EXPIRES_MS, PHONE_FIELDS, SHADOW, Words, channel, mobile, words},
    enrich::named,
    fields::Fields,
    message::{Channel, Message, Priority},
    opt_out::OwnFields,
    text::{Condition, Context, SnippetError, Template},
};

/// The most recipients of one run.
pub const MAX_AUDIENCE: u64 = 5_000_000;
/// The longest name of a run, in bytes.
pub const MAX_RUN_BYTES: usize = 64;
/// Why a lead gets no message whose message another entry of the audience has.
pub const REPEATED: &str = "the lead or the phone is in the audience already";

/// A campaign as it was when its run started. Its stored form is this type's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    campaign: String,
    search: Option<(String, String, String)>,
    when: Option<String>,
    channel: String,
    text: Option<String>,
    title: Option<String>,
    audio: Option<(String, u8, u16)>,
    expires_ms: Option<u64>,
    group_id: Option<String>,
    has_quota: bool,
    shadow: bool,
    priority: String,
    write_back: String,
}

/// A stored run says what this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotThawed {
    /// A word.
    #[error("the stored run has an unknown {0}")]
    Word(&'static str),
    /// A text or a condition.
    #[error("the stored run has a text that cannot be read: {0}")]
    Snippet(#[from] SnippetError),
}

impl Frozen {
    /// The campaign as it is now.
    #[must_use]
    pub fn of(campaign: &Campaign) -> Self {
        let source = |template: &Template| template.source().to_owned();
        let audio = match &campaign.action {
            Action::Voice(voice) => Some((voice.audio.clone(), voice.redials, voice.every_min)),
            Action::Sms { .. } | Action::Flash { .. } => None,
        };
        let search = match &campaign.audience {
            Audience::Search(search) => {
                Some((search.field.as_str().to_owned(), search.op.as_str().to_owned(), search.value.clone()))
            }
            Audience::Csv => None,
        };
        Self {
            campaign: campaign.id.as_str().to_owned(),
            search,
            when: campaign.when.as_ref().map(|when| when.source().trim_end().to_owned()),
            channel: channel(&campaign.action).as_str().to_owned(),
            text: campaign.action.text().map(source),
            title: campaign.action.title().map(source),
            audio,
            expires_ms: campaign.expires_ms,
            group_id: campaign.group_id.clone(),
            has_quota: campaign.quota.is_some(),
            shadow: campaign.shadow,
            priority: campaign.priority.as_str().to_owned(),
            write_back: campaign.write_back.as_str().to_owned(),
        }
    }

    /// The campaign as it was. Its budget is today's and not among it.
    pub fn thaw(&self) -> Result<Campaign, NotThawed> {
        let template = |source: &Option<String>| source.as_deref().map(Template::compile).transpose();
        let (text, title) = (template(&self.text)?, template(&self.title)?);
        let action = match (self.channel.parse().map_err(|_| NotThawed::Word("channel"))?, text, title, &self.audio) {
            (Channel::Sms, Some(text), title, _) => Action::Sms { text, title },
            (Channel::Flash, Some(text), title, _) => Action::Flash { text, title },
            (Channel::Voice, _, Some(title), Some((audio, redials, every_min))) => {
                Action::Voice(Voice { audio: audio.clone(), title, redials: *redials, every_min: *every_min })
            }
            _ => return Err(NotThawed::Word("channel")),
        };
        let audience = match &self.search {
            None => Audience::Csv,
            Some((field, op, value)) => Audience::Search(Search {
                field: FieldName::parse(field).ok_or(NotThawed::Word("field"))?,
                op: Comparison::parse(op).ok_or(NotThawed::Word("comparison"))?,
                value: value.clone(),
            }),
        };
        Ok(Campaign {
            id: RuleId::parse(&self.campaign).ok_or(NotThawed::Word("id"))?,
            schedule: None,
            audience,
            when: self.when.as_deref().map(Condition::compile).transpose()?,
            action,
            expires_ms: self.expires_ms,
            group_id: self.group_id.clone(),
            quota: self.has_quota.then(Quotas::default),
            shadow: self.shadow,
            priority: self.priority.parse().map_err(|_| NotThawed::Word("priority"))?,
            write_back: Tell::parse(&self.write_back).ok_or(NotThawed::Word("write_back"))?,
        })
    }
}

/// Judges one after the other of a run's audience.
pub struct Judge<'c> {
    config: &'c Config,
    campaign: &'c Campaign,
    started_ms: i64,
    /// What all are told, where all are told the same.
    shared: Option<Result<Words, String>>,
}

impl<'c> Judge<'c> {
    /// A judge of the audience of a run of `campaign` that was started then, in ms since the epoch: its texts say `now`
    /// of that instant.
    #[must_use]
    pub fn new(config: &'c Config, campaign: &'c Campaign, started_ms: i64) -> Self {
        let context = Context::new(&Fields::new(), started_ms, &config.timezone);
        let shared = is_shared(campaign).then(|| words(&campaign.action, &context));
        Self { config, campaign, started_ms, shared }
    }

    /// Whether all are told the same, and can go in blocks.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// The message that a recipient gets, without phone, lead and what is the recipient's own; also what blocks are like.
    /// `event` says which run it is.
    #[must_use]
    pub fn message(&self, event: &str, now_ms: i64) -> Message {
        let words = self.shared.clone().and_then(Result::ok).unwrap_or_default();
        let call = match &self.campaign.action {
            Action::Voice(_) => words_of_call(&self.campaign.action),
            Action::Sms { .. } | Action::Flash { .. } => None,
        };
        let lifetime_ms = self.campaign.expires_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(DEFAULT_EXPIRES_MS);
        Message {
            event: event.to_owned(),
            text: words.text,
            credits: if call.is_some() { crate::credits::UNKNOWN_CALL_CREDITS } else { words.credits.max(1) },
            call,
            title: words.title,
            group_id: self.campaign.group_id.clone(),
            priority: self.campaign.priority,
            // Nobody is woken for what is low; the others' wake-up may be lost.
            due_ms: Some(if self.campaign.priority == Priority::Low { now_ms } else { now_ms + 60_000 }),
            ..Message::new(
                crate::identity::MessageId::from_bytes([0; 16]),
                self.campaign.id.as_str(),
                "",
                channel(&self.campaign.action),
                now_ms,
                self.started_ms.saturating_add(lifetime_ms),
            )
        }
    }

    /// The verdict on a lead: a recipient, or why it is none. The reason holds no value of a field.
    pub fn lead(&self, id: &str, lead: &Fields) -> Result<Recipient, String> {
        if id.is_empty() || id.len() > MAX_LEAD_BYTES {
            return Err("the lead's id is empty or too long".to_owned());
        }
        let context = || Context::new(lead, self.started_ms, &self.config.timezone);
        match self.campaign.when.as_ref().map(|when| when.eval(&context())) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Err("its condition does not hold".to_owned()),
            Some(Err(error)) => return Err(format!("its condition failed: {error}")),
        }
        self.config.leadsquared.opt_out.judge(channel(&self.campaign.action), lead)?;
        let own = match &self.shared {
            Some(shared) => {
                shared.as_ref().map_err(Clone::clone)?;
                None
            }
            None => {
                let words = words(&self.campaign.action, &context())?;
                Some(Own { text: words.text, title: words.title })
            }
        };
        let recipient = Recipient { phone: mobile(lead, self.config.phones)?, lead: Some(id.to_owned()), own };
        if self.campaign.shadow { Err(SHADOW.to_owned()) } else { Ok(recipient) }
    }

    /// The same of a phone of which no lead is known: nothing but a text for all can be said to it.
    pub fn phone(&self, phone: &str) -> Result<Recipient, String> {
        let Some(shared) = &self.shared else {
            return Err("the text names fields of the lead, and the file names the phone alone".to_owned());
        };
        if self.campaign.when.is_some() {
            return Err("the condition asks for fields of the lead, and the file names the phone alone".to_owned());
        }
        shared.as_ref().map_err(Clone::clone)?;
        let phone = mobile(&Fields::from_iter([("Phone", Some(phone))]), self.config.phones)?;
        let recipient = Recipient { phone, lead: None, own: None };
        if self.campaign.shadow { Err(SHADOW.to_owned()) } else { Ok(recipient) }
    }
}

/// Whether the campaign tells all the same.
fn is_shared(campaign: &Campaign) -> bool {
    let texts = campaign.action.templates();
    // A call waits for its recording and its day, as each message does for itself.
    !matches!(campaign.action, Action::Voice(_))
        && texts.flat_map(Template::references).all(|name| name.split('.').next() != Some("lead"))
}

fn words_of_call(action: &Action) -> Option<crate::call::Call> {
    let Action::Voice(voice) = action else { return None };
    let (audio, redials, every_min) = (voice.audio.clone(), voice.redials, voice.every_min);
    Some(crate::call::Call { audio, redials, every_min, ready: None })
}

/// The lead's fields that a campaign needs of each lead of its audience. `own` are LeadSquared's own opt-out fields that the
/// account has.
#[must_use]
pub fn columns(config: &Config, campaign: &Campaign, own: OwnFields) -> BTreeSet<String> {
    let mut columns = named(campaign.action.templates(), campaign.when.as_ref());
    columns.extend(PHONE_FIELDS.map(str::to_owned));
    columns.extend(config.leadsquared.opt_out.asked(channel(&campaign.action), own).map(str::to_owned));
    columns
}

/// What became of an audience, by reason.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Entries that were looked at.
    pub looked_at: u64,
    /// Those that get a message.
    pub recipients: u64,
    /// Those that get none, by why.
    pub left_out: BTreeMap<String, u64>,
    /// Credits that the messages cost, by estimate.
    pub credits: u64,
}

/// Reasons that are told apart; more are counted together.
const MOST_REASONS: usize = 50;

impl Tally {
    /// Counts one who gets none.
    pub fn leave_out(&mut self, why: &str) {
        self.looked_at += 1;
        let is_new = !self.left_out.contains_key(why) && self.left_out.len() >= MOST_REASONS;
        let why = if is_new { "other reasons" } else { why };
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }

    /// Counts one who gets a message.
    pub fn take(&mut self, credits: u32) {
        self.looked_at += 1;
        self.recipients += 1;
        self.credits += u64::from(credits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(campaign: &str) -> Config {
        let text = format!(
            "version: 1\nleadsquared: {{ plan: standard, opt_out: {{ sms: mx_Out }} }}\ncampaigns:\n  - {{ id: news, audience: {{ field: A, op: \"=\", value: B }}, {campaign} }}\n"
        );
        Config::parse(&text).unwrap().config
    }

    fn lead(fields: &[(&str, &str)]) -> Fields {
        fields.iter().map(|(name, value)| (*name, Some(*value))).collect()
    }

    #[test]
    fn what_is_frozen_thaws_as_it_was() {
        for action in [
            "sms: \"Novidades.\", title: T, when: lead.City == \"X\", expires: 2h, group_id: g, priority: normal",
            "flash: \"Olá {{ lead.FirstName }}\", shadow: true, write_back: failed",
            "voice: { audio: a.mp3, title: \"Olá\", redials: 2, every: 30m }, quota: { messages_per_day: 5 }",
        ] {
            let config = config(action);
            let frozen = Frozen::of(&config.campaigns[0]);
            let stored: Frozen = serde_json::from_str(&serde_json::to_string(&frozen).unwrap()).unwrap();
            let mut thawed = stored.thaw().unwrap();
            thawed.quota = config.campaigns[0].quota;
            assert_eq!(thawed, config.campaigns[0]);
        }
    }

    #[test]
    fn one_text_for_all_is_told_from_texts_of_their_own() {
        let shared = |action: &str| {
            let config = config(action);
            Judge::new(&config, &config.campaigns[0], 0).is_shared()
        };
        assert!(shared("sms: \"Novidades de {{ now | date }}.\""));
        assert!(!shared("sms: \"Olá {{ lead.FirstName }}.\""));
        assert!(!shared("sms: \"Novidades.\", title: \"{{ lead.City }}\""));
        assert!(!shared("voice: { audio: a.mp3, title: T }"));
    }

    #[test]
    fn each_lead_is_judged_as_a_rule_would() {
        let config = config("sms: \"Olá {{ lead.FirstName }}.\", when: lead.City == \"Recife\"");
        let judge = Judge::new(&config, &config.campaigns[0], 0);
        let of = |fields: &[(&str, &str)]| judge.lead("L-1", &lead(fields));
        let good = [("City", "Recife"), ("FirstName", "Ana"), ("Phone", "81999990000"), ("mx_Out", "0")];
        let recipient = of(&good).unwrap();
        assert_eq!(recipient.own.unwrap().text.unwrap().expose(), "Olá Ana.");
        let why = |change: (&'static str, &'static str)| {
            let mut fields = good;
            for field in &mut fields {
                if field.0 == change.0 {
                    *field = change;
                }
            }
            of(&fields).unwrap_err()
        };
        assert_eq!(why(("City", "Olinda")), "its condition does not hold");
        assert_eq!(why(("mx_Out", "1")), "the lead opted out (mx_Out)");
        assert!(why(("Phone", "8133334444")).contains("landline"));
        assert!(of(&[("City", "Recife"), ("Phone", "81999990000")]).unwrap_err().contains("FirstName"));
        assert!(judge.phone("81999990000").unwrap_err().contains("fields of the lead"));
    }
}
