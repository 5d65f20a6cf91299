//! Suppressions: phones and leads that get no SMS (Flash included), no voice calls, or neither.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use recado_core::{
    message::{Channel, Message},
    phone::Phone,
    subject::Subject,
};

use crate::{
    Ledger, LedgerError,
    codec::{Item, Key, Reader, n, s},
    error::unavailable,
    judged::{Judgement, Statement, decided, insert},
    update::{Update, When},
};

/// The kind of message that a suppression stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// SMS and Flash.
    Sms,
    /// Voice calls.
    Voice,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Sms, Self::Voice];

    /// The kind of a message's channel.
    #[must_use]
    pub fn of(channel: Channel) -> Self {
        match channel {
            Channel::Sms | Channel::Flash => Self::Sms,
            Channel::Voice => Self::Voice,
        }
    }

    /// Its name in the table and in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Voice => "voice",
        }
    }

    fn since(self) -> &'static str {
        match self {
            Self::Sms => "sms_since_ms",
            Self::Voice => "voice_since_ms",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Sms => "sms_source",
            Self::Voice => "voice_source",
        }
    }
}

/// One suppression of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The phone or the lead.
    pub subject: Subject,
    /// The kind of message.
    pub kind: Kind,
    /// Since when, in ms since the epoch.
    pub since_ms: i64,
    /// Where it comes from, for a person to read.
    pub source: String,
}

fn key_of(subject: &Subject) -> Key {
    let pk = match subject {
        Subject::Phone(phone) => format!("X#phone#{}", phone.national()),
        Subject::Lead(lead) => format!("X#lead#{}", lead.to_ascii_lowercase()),
    };
    Key { pk, sk: "X".to_owned() }
}

fn subject_of(key: &Key) -> Option<Subject> {
    let rest = key.pk.strip_prefix("X#")?;
    match rest.split_once('#')? {
        ("phone", phone) => Phone::parse(phone).ok().map(Subject::Phone),
        ("lead", lead) => Some(Subject::Lead(lead.to_owned())),
        _ => None,
    }
}

impl Ledger {
    /// Adds suppressions. A subject that is suppressed already keeps its earlier date. Returns how many are new.
    pub async fn suppress(&self, suppressions: &[Suppression]) -> Result<usize, LedgerError> {
        let mut new = 0;
        for kind in Kind::ALL {
            // The table refuses a request that names a row twice.
            let mut seen = HashSet::new();
            let of_kind: Vec<&Suppression> =
                suppressions.iter().filter(|one| one.kind == kind && seen.insert(&one.subject)).collect();
            new += self.suppress_kind(&of_kind).await?;
        }
        Ok(new)
    }

    async fn suppress_kind(&self, suppressions: &[&Suppression]) -> Result<usize, LedgerError> {
        let attributes = |one: &Suppression| [(one.kind.since(), n(one.since_ms)), (one.kind.source(), s(&one.source))];
        let statements = suppressions
            .iter()
            .map(|one| {
                let mut item = key_of(&one.subject).into_item();
                item.extend(attributes(one).map(|(name, value)| (name.to_owned(), value)));
                insert(&self.table, item)
            })
            .collect();
        let inserted = self.decided(statements).await?;
        // The existing rows may hold only the other kind.
        let there: Vec<&Suppression> =
            suppressions.iter().zip(&inserted).filter(|(_, new)| !**new).map(|(one, _)| *one).collect();
        let statements = there
            .into_iter()
            .map(|one| {
                let mut update = Update::of(key_of(&one.subject));
                for (name, value) in attributes(one) {
                    update.set(name, value);
                }
                update.only_if(When::Lacks(one.kind.since()));
                update.build(&self.table)
            })
            .collect();
        let added = self.decided(statements).await?;
        Ok(inserted.into_iter().chain(added).filter(|new| *new).count())
    }

    /// Removes suppressions. Returns how many existed.
    pub async fn unsuppress(&self, subject: &Subject, kinds: &[Kind]) -> Result<usize, LedgerError> {
        let mut lifted = 0;
        for kind in kinds {
            let mut update = Update::of(key_of(subject));
            update.remove(kind.since()).remove(kind.source());
            update.only_if(When::Has(kind.since()));
            let judged = self.decided(vec![update.build(&self.table)]).await?;
            lifted += judged.into_iter().filter(|gone| *gone).count();
        }
        Ok(lifted)
    }

    /// The suppressed ones of `messages`, by their place in the slice. One read for all, since every send asks.
    pub async fn suppressed(&self, messages: &[Message]) -> Result<HashMap<usize, Suppression>, LedgerError> {
        let mut subjects: Vec<Subject> = messages.iter().flat_map(Subject::of_message).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let keys = subjects.iter().map(key_of).collect();
        let mut found: HashMap<Subject, Vec<Suppression>> = HashMap::new();
        for item in self.get_items(keys).await? {
            for one in read(&item)? {
                found.entry(one.subject.clone()).or_default().push(one);
            }
        }
        let of = |message: &Message| {
            let kind = Kind::of(message.content.channel());
            let mut all = Subject::of_message(message).filter_map(|subject| found.get(&subject));
            all.find_map(|all| all.iter().find(|one| one.kind == kind).cloned())
        };
        if found.is_empty() {
            return Ok(HashMap::new());
        }
        Ok(messages.iter().enumerate().filter_map(|(place, message)| Some((place, of(message)?))).collect())
    }

    /// All suppressions, in no particular order; those of one subject if it is given.
    pub async fn suppressions(&self, of: Option<&Subject>) -> Result<Vec<Suppression>, LedgerError> {
        let mut all = Vec::new();
        if let Some(subject) = of {
            for item in self.get_items(vec![key_of(subject)]).await? {
                all.extend(read(&item)?);
            }
            return Ok(all);
        }
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .filter_expression("#sk = :suppression")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":suppression", s("X"))
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            all.extend(read(&item.map_err(unavailable("Scan"))?)?);
        }
        Ok(all)
    }

    /// Carries out statements, and fails if one stays undecided. `true`: the statement was written.
    async fn decided(&self, statements: Vec<Statement>) -> Result<Vec<bool>, LedgerError> {
        let judged = decided(self.judge(statements).await?, "some rows could not be written")?;
        Ok(judged.into_iter().map(|judgement| judgement == Judgement::Written).collect())
    }
}

fn read(item: &Item) -> Result<Vec<Suppression>, LedgerError> {
    let reader = Reader::new(item);
    let subject = subject_of(&Key::of(item)?).ok_or_else(|| reader.unreadable("pk"))?;
    let number = |value: &AttributeValue| value.as_n().ok().and_then(|number| number.parse().ok());
    Ok(Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let since_ms = item.get(kind.since()).and_then(number)?;
            let source = reader.maybe_text(kind.source()).unwrap_or_default();
            Some(Suppression { subject: subject.clone(), kind, since_ms, source })
        })
        .collect())
}
