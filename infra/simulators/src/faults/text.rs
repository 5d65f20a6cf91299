//! The text form of a rule, for the command line and for JSON.

use std::{fmt, str::FromStr};

use super::{Failure, FailureBody, FaultKind, FaultRule, When};

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.kind, self.when)?;
        self.path.as_ref().map_or(Ok(()), |path| write!(f, "@{path}"))
    }
}

impl From<FaultRule> for String {
    fn from(rule: FaultRule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for FaultRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for FaultRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '@');
        let kind = parts.next().unwrap_or_default().parse()?;
        let when =
            parts.next().ok_or_else(|| format!("`{text}` says what happens but not when: KIND@WHEN"))?.parse()?;
        Ok(Self { kind, when, path: parts.next().map(str::to_owned) })
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failure, order) = match self {
            Self::LoseAnswer => return f.write_str("lose-answer"),
            Self::Reset => return f.write_str("reset"),
            Self::Hang => return f.write_str("hang"),
            Self::HangAfter => return f.write_str("hang-after"),
            Self::Throttle => return f.write_str("throttle"),
            Self::Hostile => return f.write_str("hostile"),
            Self::Before(failure) => (failure, "before"),
            Self::After(failure) => (failure, "after"),
        };
        let body = match failure.body {
            FailureBody::Vendor => "",
            FailureBody::Html => "html-",
            FailureBody::Empty => "empty-",
        };
        write!(f, "{body}{order}-{}", failure.status)
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lose-answer" => Ok(Self::LoseAnswer),
            "reset" => Ok(Self::Reset),
            "hang" => Ok(Self::Hang),
            "hang-after" => Ok(Self::HangAfter),
            "throttle" => Ok(Self::Throttle),
            "hostile" => Ok(Self::Hostile),
            _ => failing(text).ok_or_else(|| format!("`{text}` is not a kind of fault")),
        }
    }
}

/// Parses `html-before-502` and similar words.
fn failing(text: &str) -> Option<FaultKind> {
    let (body, rest) = if let Some(rest) = text.strip_prefix("html-") {
        (FailureBody::Html, rest)
    } else if let Some(rest) = text.strip_prefix("empty-") {
        (FailureBody::Empty, rest)
    } else {
        (FailureBody::Vendor, text)
    };
    let (order, status) = rest.split_once('-')?;
    let status = status.parse().ok().filter(|status| (200..=599).contains(status))?;
    let failure = Failure { status, body };
    match order {
        "before" => Some(FaultKind::Before(failure)),
        "after" => Some(FaultKind::After(failure)),
        _ => None,
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(n) => write!(f, "first={n}"),
            Self::Nth(n) => write!(f, "nth={n}"),
            Self::Every(n) => write!(f, "every={n}"),
            Self::Share(share) => write!(f, "share={share}"),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is none of first=N, nth=N, every=N, share=0..1");
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let count = || value.parse().map_err(|_| wrong());
        match name {
            "first" => Ok(Self::First(count()?)),
            "nth" => Ok(Self::Nth(count()?)),
            "every" => Ok(Self::Every(count()?)),
            "share" => {
                value.parse().ok().filter(|share| (0.0..=1.0).contains(share)).map(Self::Share).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FaultRule;

    #[test]
    fn every_form_reads_back_as_it_was_written() {
        for text in [
            "lose-answer@first=2",
            "reset@nth=3@/sms",
            "hang@every=10",
            "hang-after@first=1",
            "throttle@share=0.25@Bulk",
            "hostile@every=3",
            "before-503@first=1",
            "html-after-502@nth=1",
            "empty-before-200@every=2",
        ] {
            let rule: FaultRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_rule_is_refused() {
        for text in
            ["", "reset", "explode@first=1", "before-99@first=1", "reset@share=1.5", "reset@first=x", "reset@last=1"]
        {
            assert!(text.parse::<FaultRule>().is_err(), "{text}");
        }
    }
}
