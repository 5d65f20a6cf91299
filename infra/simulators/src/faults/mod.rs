//! Faults on purpose, and repeatable.
//!
//! A [`FaultRule`] says which fault happens, to which requests, and on which path. Rules are tried in order, and a rule
//! counts only the requests that no earlier rule took. For example `lose-answer@first=2` followed by `reset@first=1`
//! loses the first two answers and resets the third request. Requests that the simulator refuses by itself
//! (credentials, limits) reach no rule.
//!
//! # As text
//!
//! `KIND@WHEN` or `KIND@WHEN@PATH`, on the command line (`--fault`) and in JSON:
//!
//! | KIND | the client sees | the work |
//! | --- | --- | --- |
//! | `lose-answer` | the connection closed without a byte | done |
//! | `reset` | a TCP reset | not done |
//! | `hang` / `hang-after` | nothing, until it gives up | not done / done |
//! | `throttle` | the vendor's own throttling answer | not done |
//! | `hostile` | an answer that is endless, slow, nested, nonsense or leads elsewhere, in turn | done |
//! | `before-503`, `after-500` | that status with a body of the vendor's shape | not done / done |
//! | `html-before-502`, `html-after-502` | that status with an HTML page, as from a layer in front | not done / done |
//! | `empty-before-500`, `empty-after-500` | that status with no body | not done / done |
//!
//! | WHEN | which requests |
//! | --- | --- |
//! | `first=N` | the next N, 0 for none |
//! | `nth=N` | the N-th alone, counted from 1 |
//! | `every=N` | each N-th |
//! | `share=P` | each with probability P, 0 to 1, by the seed |
//!
//! PATH is part of a path, compared without regard to case. A rule without PATH is for every path.

mod decide;
pub(crate) mod hostile;
mod text;

use serde::{Deserialize, Serialize};

pub(crate) use decide::{Choice, Decider};

/// All that goes wrong, and how slowly. The default is a vendor that never fails and answers at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// A fault, as KIND@WHEN or KIND@WHEN@PATH, e.g. `lose-answer@first=2@/sms`; may be given several times.
    #[arg(long = "fault", value_name = "KIND@WHEN[@PATH]")]
    pub rules: Vec<FaultRule>,
    /// Milliseconds before each call's work.
    #[arg(long, default_value_t = 0)]
    pub latency_ms: u64,
    /// Up to as many milliseconds more, by the seed.
    #[arg(long, default_value_t = 0)]
    pub jitter_ms: u64,
    /// Makes another sequence of random choices; the same seed repeats the same one.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl Faults {
    /// Faults with these rules, without latency.
    #[must_use]
    pub fn of(rules: impl IntoIterator<Item = FaultRule>) -> Self {
        Self { rules: rules.into_iter().collect(), ..Self::default() }
    }
}

/// One fault and the requests that it applies to. The [module](self) describes its text form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FaultRule {
    /// The fault.
    pub kind: FaultKind,
    /// The requests that it applies to.
    pub when: When,
    /// Only requests whose path contains this text, in any case; `None` for all paths.
    pub path: Option<String>,
}

impl FaultRule {
    /// A rule for every path.
    #[must_use]
    pub fn new(kind: FaultKind, when: When) -> Self {
        Self { kind, when, path: None }
    }

    /// The same rule, only for paths that contain `path`.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

/// The fault of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The work is done, then the connection is closed without a byte.
    LoseAnswer,
    /// The connection is reset before the work.
    Reset,
    /// The work is not done, and no answer is ever sent; the connection stays open.
    Hang,
    /// The work is done, but no answer is ever sent; the connection stays open.
    HangAfter,
    /// The vendor's own throttling answer, without the work.
    Throttle,
    /// The work is done, and the answer is one that nobody should trust.
    Hostile,
    /// This answer is sent instead of the work.
    Before(Failure),
    /// The work is done, but this answer is sent.
    After(Failure),
}

impl FaultKind {
    /// `status` (200 to 599) with a body of the vendor's shape, before the work.
    #[must_use]
    pub fn before(status: u16) -> Self {
        Self::Before(Failure { status, body: FailureBody::Vendor })
    }

    /// `status` (200 to 599) with a body of the vendor's shape, after the work.
    #[must_use]
    pub fn after(status: u16) -> Self {
        Self::After(Failure { status, body: FailureBody::Vendor })
    }
}

/// A failing answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status, 200 to 599. LeadSquared hides errors behind 200, so 200 is a failure too.
    pub status: u16,
    /// The body.
    pub body: FailureBody,
}

/// The body of a failing answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureBody {
    /// The body that the vendor's own application would write.
    Vendor,
    /// An HTML page, as a gateway or an edge in front of the application writes it.
    Html,
    /// Nothing.
    Empty,
}

/// Which of the requests that reach a rule the rule takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// The next N.
    First(u64),
    /// Only the N-th, counted from 1.
    Nth(u64),
    /// Every N-th: 1 takes all, 0 none.
    Every(u64),
    /// Each with this probability, 0 to 1.
    Share(f64),
}
