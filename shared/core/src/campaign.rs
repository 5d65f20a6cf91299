//! A campaign's run: its content and audience, frozen at its start, and the verdict on each entry of the audience.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    block::{MAX_LEAD_BYTES, Own, Recipient},
    config::{
        Action, Audience, Campaign, Comparison, Config, DEFAULT_EXPIRES_MS, FieldName, Quotas, RuleId, Search, Tell,
        Voice,
    },
    credits::UNKNOWN_CALL_CREDITS,
    decide::{PHONE_FIELDS, Words, call, channel, mobile, words},
    enrich::named,
    fields::Fields,
    message::{Channel, Content, Label, Message, Priority},
    opt_out::OwnFields,
    phone::Phone,
    reason::Reason,
    text::{Condition, Context, SnippetError, Template},
};

/// The most recipients of one run.
pub const MAX_AUDIENCE: u64 = 5_000_000;
/// The longest name of a run, in bytes.
pub const MAX_RUN_BYTES: usize = 64;
/// Why a lead gets no message: another entry of the audience has the same message.
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

/// The stored run holds something that this version does not know.
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
    /// Freezes the campaign as it is now.
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

    /// The channel: `sms`, `flash` or `voice`.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// The campaign as it was frozen. The budget is not frozen: today's budget applies.
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

/// Judges the entries of a run's audience one by one.
pub struct Judge<'c> {
    config: &'c Config,
    campaign: &'c Campaign,
    started_ms: i64,
    /// The content that all recipients share, if they share it.
    shared: Option<Result<Words, String>>,
    /// Whether the text or the condition uses fields of the lead.
    asks_lead: bool,
}

impl<'c> Judge<'c> {
    /// Judges the audience of a run of `campaign` that started at `started_ms` (ms since the epoch). `now` in its texts
    /// is that instant.
    #[must_use]
    pub fn new(config: &'c Config, campaign: &'c Campaign, started_ms: i64) -> Self {
        let context = Context::new(&Fields::new(), started_ms, &config.timezone);
        let shared = is_shared(campaign).then(|| words(&campaign.action, &context));
        let asks_lead = asks(campaign, "lead");
        Self { config, campaign, started_ms, shared, asks_lead }
    }

    /// Whether all recipients get the same content, and so can go in blocks.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// The message without phone, lead and the recipient's own content; blocks start from it too. `event` names the
    /// run.
    #[must_use]
    pub fn message(&self, event: &str, now_ms: i64) -> Message {
        let channel = channel(&self.campaign.action);
        let (content, title, credits) = match (&self.campaign.action, &self.shared) {
            (Action::Voice(voice), _) => (Content::Voice(Some(call(voice))), None, UNKNOWN_CALL_CREDITS),
            (_, Some(Ok(words))) => (words.content.clone(), words.title.clone(), words.credits),
            _ => (Content::none(channel), None, 1),
        };
        let lifetime_ms = self.campaign.expires_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(DEFAULT_EXPIRES_MS);
        Message {
            event: event.to_owned(),
            content,
            credits,
            label: Label { title, group_id: self.campaign.group_id.clone() },
            priority: self.campaign.priority,
            // There is no wake-up for low priority; for the others the wake-up may be lost.
            due_ms: Some(if self.campaign.priority == Priority::Low { now_ms } else { now_ms + 60_000 }),
            ..Message::new(
                crate::identity::MessageId::from_bytes([0; 16]),
                self.campaign.id.as_str(),
                "",
                channel,
                now_ms,
                self.started_ms.saturating_add(lifetime_ms),
            )
        }
    }

    /// The verdict on a lead: a recipient, or why it gets no message. `row` is the line of the file that names it. The
    /// reason holds no value of a field.
    pub fn lead(&self, id: &str, lead: &Fields, row: &Fields) -> Result<Recipient, String> {
        if id.is_empty() || id.len() > MAX_LEAD_BYTES {
            return Err("the lead's id is empty or too long".to_owned());
        }
        let context = || self.context(lead, row);
        self.condition(&context)?;
        self.config.leadsquared.opt_out.judge(channel(&self.campaign.action), lead)?;
        let own = self.own(&context)?;
        self.recipient(Recipient { phone: mobile(lead, self.config.phones)?, lead: Some(id.to_owned()), own })
    }

    /// The same for a phone without a known lead: only the line of the file can fill its text.
    pub fn phone(&self, phone: &str, row: &Fields) -> Result<Recipient, String> {
        if self.asks_lead {
            let why = "the text or the condition asks for fields of the lead, and the file names the phone alone";
            return Err(why.to_owned());
        }
        let context = || self.context(&Fields::new(), row);
        self.condition(&context)?;
        let own = self.own(&context)?;
        self.recipient(Recipient { phone: self.mobile(phone)?, lead: None, own })
    }

    /// Whether a line of a file can get a message, as far as that can be said before leads are read. The error says why
    /// not, and holds no value of the line.
    pub fn line(&self, phone: Option<&str>, row: &Fields) -> Result<(), String> {
        phone.map(|phone| self.mobile(phone)).transpose()?;
        if !self.asks_lead {
            self.own(&|| self.context(&Fields::new(), row))?;
        }
        Ok(())
    }

    fn context(&self, lead: &Fields, row: &Fields) -> Context {
        Context::new(lead, self.started_ms, &self.config.timezone).with_row(row)
    }

    fn condition(&self, context: &dyn Fn() -> Context) -> Result<(), String> {
        match self.campaign.when.as_ref().map(|when| when.eval(&context())) {
            None | Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err("its condition does not hold".to_owned()),
            Some(Err(error)) => Err(format!("its condition failed: {error}")),
        }
    }

    /// The content for one recipient alone, if all do not share it.
    fn own(&self, context: &dyn Fn() -> Context) -> Result<Option<Own>, String> {
        if let Some(shared) = &self.shared {
            shared.as_ref().map_err(Clone::clone)?;
            return Ok(None);
        }
        let words = words(&self.campaign.action, &context())?;
        Ok(Some(Own { text: words.content.text().cloned(), title: words.title }))
    }

    fn mobile(&self, phone: &str) -> Result<Phone, String> {
        mobile(&Fields::from_iter([("Phone", Some(phone))]), self.config.phones)
    }

    fn recipient(&self, recipient: Recipient) -> Result<Recipient, String> {
        if self.campaign.shadow { Err(Reason::Shadow.to_string()) } else { Ok(recipient) }
    }
}

/// Whether the campaign gives all recipients the same content.
fn is_shared(campaign: &Campaign) -> bool {
    // Each voice call waits for its recording and its day by itself.
    let texts = || campaign.action.templates();
    !matches!(campaign.action, Action::Voice(_))
        && !["lead", "row"].iter().any(|root| texts().any(|text| names(text.references(), root)))
}

/// Whether a campaign's texts or its condition use fields of `root`.
fn asks(campaign: &Campaign, root: &str) -> bool {
    let texts = campaign.action.templates().map(Template::references);
    texts.chain(campaign.when.as_ref().map(Condition::references)).any(|references| names(references, root))
}

fn names(references: &BTreeSet<String>, root: &str) -> bool {
    references.iter().any(|name| name.split('.').next() == Some(root))
}

/// The columns of a file that a campaign uses, without `row.`.
#[must_use]
pub fn row_columns(campaign: &Campaign) -> BTreeSet<String> {
    let texts = campaign.action.templates().map(Template::references);
    let references = texts.chain(campaign.when.as_ref().map(Condition::references)).flatten();
    references
        .filter_map(|name| name.strip_prefix("row."))
        .map(|name| name.split('.').next().unwrap_or(name).to_owned())
        .collect()
}

/// The fields that a campaign needs of each lead of its audience. `own` are LeadSquared's own opt-out fields that the
/// account has.
#[must_use]
pub fn columns(config: &Config, campaign: &Campaign, own: OwnFields) -> BTreeSet<String> {
    let mut columns = named(campaign.action.templates(), campaign.when.as_ref());
    columns.extend(PHONE_FIELDS.map(str::to_owned));
    columns.extend(config.leadsquared.opt_out.asked(channel(&campaign.action), own).map(str::to_owned));
    columns
}

/// Counts of an audience's verdicts, by reason.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Entries that were looked at.
    pub looked_at: u64,
    /// Entries that get a message.
    pub recipients: u64,
    /// Entries that get no message, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// The estimated credits of the messages.
    pub credits: u64,
}

/// The most reasons counted apart; further reasons are counted together.
const MOST_REASONS: usize = 50;

impl Tally {
    /// Counts an entry that gets no message.
    pub fn leave_out(&mut self, why: &str) {
        self.looked_at += 1;
        let is_new = !self.left_out.contains_key(why) && self.left_out.len() >= MOST_REASONS;
        let why = if is_new { "other reasons" } else { why };
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }

    /// Counts an entry that gets a message.
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
        let of = |fields: &[(&str, &str)]| judge.lead("L-1", &lead(fields), &Fields::new());
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
        assert!(judge.phone("81999990000", &Fields::new()).unwrap_err().contains("fields of the lead"));
    }

    #[test]
    fn a_line_of_a_file_is_told_what_stands_in_it() {
        let text = "version: 1\ncampaigns:\n  - { id: news, audience: csv, when: row.uf == \"PE\", sms: \"Deve {{ row.valor | brl }}.\" }\n";
        let config = Config::parse(text).unwrap().config;
        let judge = Judge::new(&config, &config.campaigns[0], 0);
        assert_eq!(row_columns(&config.campaigns[0]), BTreeSet::from(["uf".to_owned(), "valor".to_owned()]));
        assert!(!judge.is_shared());
        let row = |uf: &str, valor: Option<&str>| Fields::from_iter([("uf", Some(uf)), ("valor", valor)]);
        let of = |row: &Fields| {
            judge.phone("81999990000", row).map(|one| one.own.unwrap().text.unwrap().expose().to_owned())
        };
        assert_eq!(of(&row("PE", Some("R$ 1.500"))).unwrap(), "Deve R$ 1.500,00.");
        assert_eq!(of(&row("SP", Some("10"))).unwrap_err(), "its condition does not hold");
        assert!(of(&row("PE", None)).unwrap_err().contains("row.valor"));
        assert!(
            judge.line(None, &row("PE", None)).is_err() && judge.line(Some("123"), &row("PE", Some("10"))).is_err()
        );
        assert_eq!(judge.line(Some("81999990000"), &row("PE", Some("10"))), Ok(()));
    }

    #[test]
    fn a_column_of_a_file_is_known_in_campaigns_of_a_file_alone() {
        for (text, why) in [
            (
                "rules:\n  - { id: a, on: lead.created, sms: \"{{ row.valor }}\" }\n",
                "only in campaigns with `audience: csv`",
            ),
            (
                "campaigns:\n  - { id: a, audience: { field: A, op: \"=\", value: B }, sms: \"{{ row.valor }}\" }\n",
                "the audience here is a search",
            ),
            ("campaigns:\n  - { id: a, audience: csv, sms: \"{{ row[now] }}\" }\n", "does not name its column"),
        ] {
            let found = Config::parse(&format!("version: 1\n{text}")).unwrap_err();
            assert!(found.iter().any(|one| one.message.contains(why)), "{text}: {found:?}");
        }
    }
}
