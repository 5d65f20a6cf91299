//! Caps: at most so many messages to one person in a period, over all rules or of one rule.
//!
//! A person is a lead or a phone: two leads may share a phone, and a lead may change its phone. A message counts for
//! both, and goes if both have room for it.
//!
//! Recent messages are kept as instants, with their ids and rules. A message may pass again, after a crash or because
//! its request did not go out. Its id is then recognised, and it counts once. It counts from its last pass, since it
//! may have waited for hours in between.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{Cap, Config, RuleId},
    identity::{MessageId, RuleTag},
    message::Message,
    reason::Reason,
    subject::Subject,
};

/// One message that passed the caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When it passed, in ms since the epoch.
    pub at_ms: i64,
    /// The message.
    pub id: MessageId,
    /// Its rule or campaign.
    pub rule: RuleTag,
}

/// What the caps say of one more message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may go.
    Pass {
        /// Whether a cap in shadow would have held it.
        shadow: bool,
    },
    /// It may not go before this instant, in ms since the epoch.
    Hold(i64),
}

/// All caps of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caps {
    of_all: Vec<Cap>,
    of_rules: BTreeMap<RuleTag, Vec<Cap>>,
    /// The tags of rules' later names, each with the tag of the rule's first name.
    first: BTreeMap<RuleTag, RuleTag>,
}

impl Caps {
    /// The caps of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let own = config.rules.iter().filter(|rule| !rule.caps.is_empty());
        Self {
            of_all: config.caps.clone(),
            of_rules: own.map(|rule| (RuleTag::of(rule.first_id().as_str()), rule.caps.clone())).collect(),
            first: config
                .rules
                .iter()
                .filter(|rule| !rule.was.is_empty())
                .flat_map(|rule| {
                    let tag = |id: &RuleId| RuleTag::of(id.as_str());
                    std::iter::once(&rule.id).chain(&rule.was).map(move |id| (tag(id), tag(rule.first_id())))
                })
                .collect(),
        }
    }

    /// The tag of a rule by any of its names.
    #[must_use]
    pub fn tag(&self, rule: &str) -> RuleTag {
        self.first_of(RuleTag::of(rule))
    }

    fn first_of(&self, tag: RuleTag) -> RuleTag {
        self.first.get(&tag).copied().unwrap_or(tag)
    }

    /// Whether any cap applies to messages of this rule.
    #[must_use]
    pub fn ask_about(&self, rule: &str) -> bool {
        !self.of_all.is_empty() || (!self.of_rules.is_empty() && self.of_rules.contains_key(&self.tag(rule)))
    }

    /// The longest window of any cap, in ms.
    #[must_use]
    pub fn longest_ms(&self) -> i64 {
        longest_ms(&self.of_all).max(self.of_rules.values().map(|caps| longest_ms(caps)).max().unwrap_or_default())
    }

    /// Asks whether one more message of `rule` may go at `now_ms`. `recent` holds the messages of a lead or a phone, in
    /// any order. If the message is in `recent`, that entry is ignored.
    #[must_use]
    pub fn ask(&self, recent: &[Sent], (id, rule): (MessageId, RuleTag), now_ms: i64) -> Verdict {
        let others = |of: Option<RuleTag>| {
            let counts = |sent: &&Sent| sent.id != id && of.is_none_or(|rule| self.first_of(sent.rule) == rule);
            let mut instants: Vec<i64> = recent.iter().filter(counts).map(|sent| sent.at_ms).collect();
            instants.sort_unstable();
            instants
        };
        let own = self.of_rules.get(&rule).map(Vec::as_slice).unwrap_or_default();
        let asked = [(self.of_all.as_slice(), others(None)), (own, others(Some(rule)))];
        let latest = |shadow: bool| {
            let instants = asked.iter().flat_map(|(caps, others)| {
                caps.iter().filter(|cap| cap.shadow == shadow).map(|cap| free_at(cap, others))
            });
            instants.max().unwrap_or(i64::MIN)
        };
        match latest(false) {
            until_ms if until_ms > now_ms => Verdict::Hold(until_ms),
            _ => Verdict::Pass { shadow: latest(true) > now_ms },
        }
    }

    /// `recent` with the message added, or with a new instant if it was there already. Entries that no cap will need
    /// again are dropped.
    #[must_use]
    pub fn with(&self, recent: &[Sent], new: Sent) -> Vec<Sent> {
        let mut all: Vec<Sent> = recent.iter().copied().filter(|sent| sent.id != new.id).collect();
        all.push(new);
        all.sort_unstable_by_key(|sent| sent.at_ms);
        let mut asked = BTreeSet::new();
        let mut ask_of = |caps: &[Cap], of: Option<RuleTag>| {
            let most = caps.iter().map(|cap| cap.max).max().unwrap_or_default();
            let counts = |sent: &&Sent| {
                of.is_none_or(|rule| self.first_of(sent.rule) == rule)
                    && sent.at_ms > new.at_ms.saturating_sub(longest_ms(caps))
            };
            let latest = all.iter().rev().filter(counts).take(usize::try_from(most).unwrap_or(usize::MAX));
            asked.extend(latest.map(|sent| sent.id));
        };
        ask_of(&self.of_all, None);
        let rules: BTreeSet<RuleTag> = all.iter().map(|sent| self.first_of(sent.rule)).collect();
        for rule in rules {
            ask_of(self.of_rules.get(&rule).map(Vec::as_slice).unwrap_or_default(), Some(rule));
        }
        all.retain(|sent| asked.contains(&sent.id));
        all
    }
}

/// What the caps say of a message to a lead and a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It may go, and is counted.
    Pass {
        /// Whether a cap in shadow would have held it.
        shadow: bool,
    },
    /// It may not go before this instant, and is not counted.
    Hold {
        /// In ms since the epoch.
        until_ms: i64,
        /// The reason.
        why: Reason,
    },
}

impl Answer {
    /// Whether the message may go.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Pass { .. })
    }
}

/// The recent messages of leads and phones, for checks of one message after another: each check sees the messages
/// before it.
#[derive(Debug, Clone, Default)]
pub struct Recent(BTreeMap<Subject, Vec<Sent>>);

impl Recent {
    /// The lead and the phone of `message` whose recent messages are not loaded yet.
    pub fn unknown(&self, message: &Message) -> impl Iterator<Item = Subject> {
        Subject::of_message(message).filter(|subject| !self.0.contains_key(subject))
    }

    /// Keeps the recent messages of a lead or a phone.
    pub fn know(&mut self, subject: Subject, sent: Vec<Sent>) {
        self.0.insert(subject, sent);
    }

    fn of(&self, subject: &Subject) -> &[Sent] {
        self.0.get(subject).map(Vec::as_slice).unwrap_or_default()
    }

    /// Asks whether `message` may go at `now_ms`, for each of `subjects`: its lead and its phone. If both have room, it
    /// counts for both. If one of them holds it, it counts for neither. The one that holds it longest is the reason.
    pub fn ask(&mut self, caps: &Caps, subjects: &[Subject], message: &Message, now_ms: i64) -> Answer {
        let (id, rule) = (message.id, caps.tag(&message.rule));
        let (mut shadowed, mut held) = (false, None::<(i64, &str)>);
        for subject in subjects {
            match caps.ask(self.of(subject), (id, rule), now_ms) {
                Verdict::Pass { shadow } => shadowed |= shadow,
                // Of two equal ones the last one, the lead, is the reason: that surprises nobody.
                Verdict::Hold(until_ms) if held.is_none_or(|(other_ms, _)| until_ms >= other_ms) => {
                    held = Some((until_ms, subject.as_str()));
                }
                Verdict::Hold(_) => {}
            }
        }
        if let Some((until_ms, who)) = held {
            return Answer::Hold { until_ms, why: Reason::Capped { who: who.to_owned() } };
        }
        for subject in subjects {
            let sent = caps.with(self.of(subject), Sent { at_ms: now_ms, id, rule });
            self.know(subject.clone(), sent);
        }
        Answer::Pass { shadow: shadowed }
    }
}

/// When a cap allows one more message after these instants (oldest first), in ms since the epoch.
fn free_at(cap: &Cap, instants: &[i64]) -> i64 {
    // The `max`-th newest instant must be a whole window old.
    let most = usize::try_from(cap.max.max(1)).unwrap_or(usize::MAX);
    let oldest = instants.len().checked_sub(most).and_then(|at| instants.get(at));
    oldest.map_or(i64::MIN, |at_ms| at_ms.saturating_add(i64::try_from(cap.every_ms).unwrap_or(i64::MAX)))
}

fn longest_ms(caps: &[Cap]) -> i64 {
    caps.iter().map(|cap| cap.every_ms).max().map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX))
}
