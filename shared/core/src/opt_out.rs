//! Opt-outs by LeadSquared's fields: which fields are checked, and what their values mean.

use crate::{
    config::{FieldName, OptOut},
    fields::Fields,
    state::Channel,
};

/// LeadSquared's own field for texts. Not all accounts have it; their metadata says so.
pub const DO_NOT_SMS: &str = "DoNotSMS";
/// LeadSquared's own field for voice calls. Source: LeadSquared lead pages.
pub const DO_NOT_CALL: &str = "DoNotCall";

/// Which of LeadSquared's own fields the leads of an account have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnFields {
    /// Whether leads have [`DO_NOT_SMS`].
    pub sms: bool,
    /// Whether leads have [`DO_NOT_CALL`].
    pub voice: bool,
}

impl OwnFields {
    /// The fields that LeadSquared's pages show for every account. Assumed until the account's metadata was read.
    pub const DOCUMENTED: Self = Self { sms: false, voice: true };

    /// The fields found among the names of an account's fields. Names are case-sensitive.
    #[must_use]
    pub fn among<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        names.into_iter().fold(Self { sms: false, voice: false }, |found, name| Self {
            sms: found.sms || name == DO_NOT_SMS,
            voice: found.voice || name == DO_NOT_CALL,
        })
    }

    const fn has(self, channel: Channel) -> bool {
        match channel {
            Channel::Sms | Channel::Flash => self.sms,
            Channel::Voice => self.voice,
        }
    }
}

/// Which opt-out fields were there and allow messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The field that the configuration names was missing; or no field was there.
    TooLittle,
    /// Only the field that the configuration names.
    Named,
    /// LeadSquared's own field, and also the field that the configuration names, if it names one.
    All,
}

impl OptOut {
    /// The fields to check for messages of `channel`: the field that the configuration names, then LeadSquared's own.
    /// The latter is left out if the account lacks it or the configuration excludes it.
    pub fn asked(&self, channel: Channel, own: OwnFields) -> impl Iterator<Item = &str> {
        let own = self.own(channel).filter(|_| own.has(channel));
        self.field(channel).map(FieldName::as_str).into_iter().chain(own)
    }

    /// Whether any field is checked, or may be once the account's fields are known.
    #[must_use]
    pub const fn asks(&self) -> bool {
        self.system || self.sms.is_some() || self.voice.is_some()
    }

    /// Whether LeadSquared's own field is checked for messages of `channel`.
    #[must_use]
    pub fn asks_own(&self, channel: Channel, own: OwnFields) -> bool {
        own.has(channel) && self.own(channel).is_some()
    }

    /// LeadSquared's own field for `channel`, unless the configuration names it itself or excludes it.
    fn own(&self, channel: Channel) -> Option<&'static str> {
        let own = match channel {
            Channel::Sms | Channel::Flash => DO_NOT_SMS,
            Channel::Voice => DO_NOT_CALL,
        };
        (self.system && self.field(channel).is_none_or(|named| named.as_str() != own)).then_some(own)
    }

    /// Whether `lead`, as far as its fields are known, may get messages of `channel`. The error says why not, for a
    /// person to read. Each field that is there is checked, whatever the account's metadata says.
    ///
    /// For an empty value, the configuration's setting applies to the first field alone: the field that it names, or
    /// LeadSquared's own if it names none.
    pub fn judge(&self, channel: Channel, lead: &Fields) -> Result<Seen, String> {
        let (named, own) = (self.field(channel).map(FieldName::as_str), self.own(channel));
        for (place, field) in named.into_iter().chain(own).enumerate() {
            match filled(lead.get(field)) {
                _ if !lead.contains(field) => {}
                Some(value) if forbids(value) => return Err(format!("the lead opted out ({field})")),
                None if place == 0 && !self.missing_allows => {
                    return Err(format!("the lead's {field} is empty, which forbids messages here"));
                }
                _ => {}
            }
        }
        let is_there = |field| lead.contains(field);
        Ok(match (named.map(is_there), own.is_some_and(is_there)) {
            (Some(false), _) | (None, false) => Seen::TooLittle,
            (Some(true), false) => Seen::Named,
            (_, true) => Seen::All,
        })
    }
}

/// Whether a value of an opt-out field forbids messages. All values do, except LeadSquared's and people's words for no.
/// A value that cannot be understood is still a wish that somebody wrote down.
#[must_use]
pub fn forbids(value: &str) -> bool {
    !["", "0", "false", "no", "não", "nao", "n", "off"].contains(&value.trim().to_lowercase().as_str())
}

/// A field's value, if there is one. LeadSquared writes `{}` for some empty fields.
fn filled(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty() && *value != "{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opt_out(yaml: &str) -> OptOut {
        let text = format!("version: 1\nleadsquared: {{ plan: pro, opt_out: {{ {yaml} }} }}\n");
        crate::config::Config::parse(&text).unwrap().config.leadsquared.opt_out
    }

    #[test]
    fn only_words_for_no_allow() {
        let allow = ["", "0", "false", "no", "não", "nao", "n", "off"];
        let forbid = [
            "1",
            "true",
            "yes",
            "y",
            "sim",
            "s",
            "x",
            "on",
            "2026-11-30",
            "2026-11-30 00:00:00.000",
            "opted out",
            "-",
            "?",
            "null",
            "2",
            "0.0",
            "não quer",
            "nope",
            "falso?",
        ];
        let title = |word: &str| {
            let mut signs = word.chars();
            signs.next().map(|first| first.to_uppercase().chain(signs).collect()).unwrap_or_default()
        };
        for (words, is_out) in [(&allow[..], false), (&forbid[..], true)] {
            for word in words {
                for cased in [(*word).to_owned(), word.to_uppercase(), title(word)] {
                    for blank in ["", " ", "\t", "\r\n", "\u{a0}"] {
                        let value = format!("{blank}{cased}{blank}");
                        assert_eq!(forbids(&value), is_out, "{value:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn either_field_forbids_and_an_empty_own_one_says_nothing_beside_a_named_one() {
        let both = opt_out("sms: mx_Out, missing: skip");
        let judge = |opt_out: &OptOut, fields: &[(&str, Option<&str>)]| {
            opt_out.judge(Channel::Sms, &fields.iter().copied().collect()).map_err(|why| why.contains("empty"))
        };
        assert_eq!(judge(&both, &[("mx_Out", Some("0")), (DO_NOT_SMS, Some("Sim"))]), Err(false));
        assert_eq!(judge(&both, &[("mx_Out", Some("x")), (DO_NOT_SMS, Some("0"))]), Err(false));
        assert_eq!(judge(&both, &[("mx_Out", Some("0")), (DO_NOT_SMS, None)]), Ok(Seen::All));
        assert_eq!(judge(&both, &[(DO_NOT_SMS, None)]), Ok(Seen::TooLittle));
        assert_eq!(judge(&both, &[("mx_Out", Some("{}")), (DO_NOT_SMS, Some("0"))]), Err(true));
        let own = opt_out("missing: skip");
        assert_eq!(judge(&own, &[(DO_NOT_SMS, None)]), Err(true));
        assert_eq!(judge(&own, &[(DO_NOT_CALL, Some("1"))]), Ok(Seen::TooLittle));
        let replaced = opt_out("sms: mx_Out, system: false");
        let fields = [("mx_Out", Some("0")), (DO_NOT_SMS, Some("1"))];
        assert_eq!(judge(&replaced, &fields), Ok(Seen::Named));
    }

    #[test]
    fn the_fields_that_are_asked_are_named_or_known_to_be_there() {
        let asked = |yaml: &str, channel, names: &[&str]| {
            let own = OwnFields::among(names.iter().copied());
            opt_out(yaml).asked(channel, own).collect::<Vec<_>>().join(" ")
        };
        let account = ["Phone", DO_NOT_SMS, DO_NOT_CALL];
        assert_eq!(asked("fresh: 2h", Channel::Flash, &account), "DoNotSMS");
        assert_eq!(asked("fresh: 2h", Channel::Sms, &["Phone", "donotsms"]), "");
        assert_eq!(asked("sms: mx_Out", Channel::Sms, &account), "mx_Out DoNotSMS");
        assert_eq!(asked("sms: mx_Out", Channel::Sms, &[]), "mx_Out");
        assert_eq!(asked("voice: DoNotCall", Channel::Voice, &account), "DoNotCall");
        assert_eq!(asked("sms: mx_Out, system: false", Channel::Sms, &account), "mx_Out");
        assert!(!opt_out("system: false").asks() && opt_out("fresh: 1h").asks());
        assert_eq!(OwnFields::DOCUMENTED, OwnFields::among(["DoNotEmail", DO_NOT_CALL]));
    }
}
