//! One bad phone must not fail the rest of its request: how a refused request is split, and the order in which its
//! parts go. Pure: the sender makes the requests and reports the results.
//!
//! LigueLead refuses a whole request for one of its phones. Phones that LigueLead names are split off first. Where it
//! names none, the request is halved until each refused phone stands alone. A phone that was refused together with
//! others is never judged, unless LigueLead named it and took the rest.
//!
//! # How many requests that takes
//!
//! With k bad phones among n, after the request that was refused:
//!
//! * LigueLead names all of them at once: one request, for the rest.
//! * LigueLead names none: each bad phone lies in at most `ceil(log2 n)` parts of two phones or more. Each part is
//!   split in two, so there are at most `2·k·ceil(log2 n)` requests. If one half of a part was taken, the other half is
//!   known to be refused. It is split without a request, which saves up to half of them.
//! * There are never more than [`CALLS_MAX`] at once: what is left keeps its parts and goes on later.
//!
//! A refusal without an explanation may not be about the phones. If [`UNTOLD_SINGLES`] phones were refused alone and
//! nothing of the request was ever taken, it is not. Then the rest ends with the same reason. Even a refusal that
//! blames phones may mean all of them. Of a large request, [`ALL_BAD_SINGLES`] phones are tried alone before that is
//! believed.

/// The most requests at once.
pub const CALLS_MAX: u32 = 500;
/// Phones refused alone, and none taken, after which an unexplained refusal is not about phones.
pub const UNTOLD_SINGLES: u32 = 16;

/// Phones refused alone, and none taken, after which all phones of a request ten times as large count as bad.
pub const ALL_BAD_SINGLES: u32 = 64;
/// A request of more phones than this is not tried phone by phone.
const LARGE: usize = 10 * ALL_BAD_SINGLES as usize;

/// What a refusal blames, as far as the refusal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// The phones at these places, or some phones if no place is named.
    Phones(Vec<usize>),
    /// The number of phones: fewer phones at once may pass.
    Size,
    /// Something that the whole request shares: no part of it would do better.
    Shared,
    /// The refusal does not say.
    Untold,
}

/// Members of a refused request that go, or went, in a request of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// Its name, which no other part has. `None` for a request that was never split.
    pub name: Option<String>,
    /// Its members: at least one.
    pub members: Vec<T>,
    /// The next part on the stack is the rest of the same refused request.
    paired: bool,
    /// The rest of the refused request was taken, so this one would be refused.
    is_known_bad: bool,
    /// LigueLead has named each of its members.
    is_named: bool,
}

impl<T> Part<T> {
    /// Splits the part into its members and the part without them.
    #[must_use]
    pub fn into_members(mut self) -> (Vec<T>, Self) {
        (std::mem::take(&mut self.members), self)
    }

    /// The same part with `members`, those that are still to go.
    #[must_use]
    pub fn with_members(self, members: Vec<T>) -> Self {
        Self { members, ..self }
    }
}

/// What follows from a refusal.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// These members end refused, for the reason of this refusal.
    End(Vec<T>),
    /// These members go again in other parts, each with the name of its part.
    Again(Vec<(T, String)>),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Make a request of this part.
    Call(Part<T>),
    /// These members end refused without a request of their own, for the last reason that was given.
    End(Vec<T>),
    /// Nothing is left to do now.
    Done,
}

/// A request and the parts that it was split into.
#[derive(Debug)]
pub struct Parts<T> {
    stack: Vec<Part<T>>,
    is_large: bool,
    calls: u32,
    has_been_taken: bool,
    is_untold: bool,
    singles_refused: u32,
}

impl<T: Clone> Parts<T> {
    /// A request that was not refused yet. `name` is set if it is itself a part of a refused request.
    #[must_use]
    pub fn of(members: Vec<T>, name: Option<String>) -> Self {
        let is_large = members.len() > LARGE;
        let part = Part { name, members, paired: false, is_known_bad: false, is_named: false };
        Self { stack: vec![part], is_large, calls: 0, has_been_taken: false, is_untold: true, singles_refused: 0 }
    }

    /// What to do next. After a request, report its result by [`Self::taken`] or [`Self::refused`], or by neither if it
    /// was neither.
    pub fn go_on(&mut self) -> Next<T> {
        while let Some(part) = self.stack.pop() {
            if self.is_not_about_phones() {
                let rest = std::mem::take(&mut self.stack).into_iter().flat_map(|part| part.members);
                return Next::End(part.members.into_iter().chain(rest).collect());
            }
            if part.is_known_bad && part.is_named {
                return Next::End(part.members);
            }
            if part.is_known_bad && part.members.len() > 1 {
                self.halve(part);
                continue;
            }
            if self.calls >= CALLS_MAX {
                self.stack.clear();
                break;
            }
            self.calls += 1;
            return Next::Call(part);
        }
        Next::Done
    }

    /// Records that `part` was taken.
    pub fn taken(&mut self, part: &Part<T>) {
        self.has_been_taken = true;
        if part.paired
            && let Some(rest) = self.stack.last_mut()
        {
            rest.is_known_bad = true;
        }
    }

    /// Records that `part` was refused and nothing of it was sent. `root` is the prefix of its parts' names if `part`
    /// has no name itself.
    pub fn refused(&mut self, part: Part<T>, blame: &Blame, root: &str) -> Refused<T> {
        self.is_untold &= *blame == Blame::Untold;
        let alone = part.members.len() == 1;
        self.singles_refused += u32::from(alone);
        if alone || *blame == Blame::Shared {
            return Refused::End(part.members);
        }
        let part = Part { name: Some(part.name.unwrap_or_else(|| root.to_owned())), ..part };
        let before = self.stack.len();
        match blame {
            Blame::Phones(named) if !named.is_empty() => {
                let (bad, rest) = divide(part.members, |place| named.contains(&place));
                if rest.is_empty() {
                    return Refused::End(bad.into_iter().collect());
                }
                let name = part.name.unwrap_or_default();
                self.push(&name, bad, rest, true);
            }
            _ => self.halve(part),
        }
        if *blame == Blame::Size {
            // Each half may pass, whatever the result of the other half.
            self.stack.iter_mut().skip(before).for_each(|part| part.paired = false);
        }
        let parts = self.stack.iter().skip(before);
        let again = parts.flat_map(|part| {
            let name = part.name.clone().unwrap_or_default();
            part.members.iter().map(move |member| (member.clone(), name.clone()))
        });
        Refused::Again(again.collect())
    }

    fn is_not_about_phones(&self) -> bool {
        let enough = match (self.is_untold, self.is_large) {
            (true, _) => UNTOLD_SINGLES,
            (false, true) => ALL_BAD_SINGLES,
            (false, false) => u32::MAX,
        };
        !self.has_been_taken && self.singles_refused >= enough
    }

    /// Every second member goes in the other half. Neighbours may be bad for the same reason, and this separates them
    /// soon.
    fn halve(&mut self, part: Part<T>) {
        let (second, first) = divide(part.members, |place| place % 2 == 1);
        self.push(&part.name.unwrap_or_default(), second, first, false);
    }

    /// Puts `first` before `later`. The result of `first` may make a request for `later` unnecessary.
    fn push(&mut self, name: &str, later: Vec<T>, first: Vec<T>, is_named: bool) {
        let part = |mark: char, members, paired, is_named| Part {
            name: Some(format!("{name}{mark}")),
            members,
            paired,
            is_known_bad: false,
            is_named,
        };
        self.stack.push(part('1', later, false, is_named));
        self.stack.push(part('0', first, true, false));
    }
}

/// The members at the places that `is_in` chooses, and the others.
fn divide<T>(members: Vec<T>, is_in: impl Fn(usize) -> bool) -> (Vec<T>, Vec<T>) {
    let (mut chosen, mut others) = (Vec::new(), Vec::new());
    for (place, member) in members.into_iter().enumerate() {
        if is_in(place) { chosen.push(member) } else { others.push(member) }
    }
    (chosen, others)
}
