//! One bad phone must not fail the rest of its request: what a refused request is split into, and in what order the
//! parts go. Pure: the sender makes the calls and says what came of each.
//!
//! LigueLead refuses a whole request for one of its phones. What it names is split off first; where it names nothing,
//! the request is halved until what is refused stands alone. Nothing is ever concluded about a phone that stood in a
//! refused request with others, unless the vendor named it and took the rest.
//!
//! # How many calls that takes
//!
//! With k bad phones among n, after the request that was refused:
//!
//! * named by the vendor, all of them at once: one call, for the rest.
//! * not named: each bad phone lies in at most `ceil(log2 n)` parts of two phones and more, each of which is split in
//!   two, so that there are at most `2·k·ceil(log2 n)` calls. A part whose other half was taken is known to be refused
//!   and is split without a call, which saves up to half of them.
//! * and never more than [`CALLS_MAX`] in one go: what is left keeps its parts and goes on later.
//!
//! A refusal that says nothing at all may not be about the phones. If [`UNTOLD_SINGLES`] phones were refused alone and
//! nothing of the request was ever taken, it is not, and the rest ends as they did. Even one that blames phones may mean
//! all of them: of a large request, [`ALL_BAD_SINGLES`] are asked alone before that is believed.

/// Calls in one go.
pub const CALLS_MAX: u32 = 500;
/// Phones refused alone, and none taken, after which an unexplained refusal is not about phones.
pub const UNTOLD_SINGLES: u32 = 16;

/// Phones refused alone, and none taken, after which those of a request ten times as large are taken for bad.
pub const ALL_BAD_SINGLES: u32 = 64;
/// A request as large as this is not asked phone by phone, in phones.
const LARGE: usize = 10 * ALL_BAD_SINGLES as usize;

/// What a refusal blames, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// The phones: those at these places, or some of them if none is named.
    Phones(Vec<usize>),
    /// The number of phones: fewer at once may pass.
    Size,
    /// What all of the request share: no part of it would fare better.
    Shared,
    /// Nothing that can be told.
    Untold,
}

/// Members of a refused request that go, or went, in one of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<T> {
    /// Its name: no other part has it. `None` for a request that was never split.
    pub name: Option<String>,
    /// Who is in it: at least one.
    pub members: Vec<T>,
    /// The next part on the stack is the rest of the same refused request.
    paired: bool,
    /// The rest of the refused request was taken, so this one would be refused.
    is_known_bad: bool,
    /// The vendor has named each of its members.
    is_named: bool,
}

impl<T> Part<T> {
    /// Its members, and the part without them.
    #[must_use]
    pub fn into_members(mut self) -> (Vec<T>, Self) {
        (std::mem::take(&mut self.members), self)
    }

    /// The same part with those of its members who are left.
    #[must_use]
    pub fn with_members(self, members: Vec<T>) -> Self {
        Self { members, ..self }
    }
}

/// What follows from a refusal.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused<T> {
    /// These end refused, for the reason at hand.
    End(Vec<T>),
    /// These go again in other parts, each member with the name of its own.
    Again(Vec<(T, String)>),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// Make a request of this part.
    Call(Part<T>),
    /// These end refused without a call of their own, for the last reason that was given.
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
    /// A request that was not refused yet; `name` if it is itself a part of one that was.
    #[must_use]
    pub fn of(members: Vec<T>, name: Option<String>) -> Self {
        let is_large = members.len() > LARGE;
        let part = Part { name, members, paired: false, is_known_bad: false, is_named: false };
        Self { stack: vec![part], is_large, calls: 0, has_been_taken: false, is_untold: true, singles_refused: 0 }
    }

    /// What to do next. After a call, tell [`Self::taken`] or [`Self::refused`] of it, or neither if it was neither.
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

    /// `part` was taken.
    pub fn taken(&mut self, part: &Part<T>) {
        self.has_been_taken = true;
        if part.paired
            && let Some(rest) = self.stack.last_mut()
        {
            rest.is_known_bad = true;
        }
    }

    /// `part` was refused, and nothing of it was sent. `root` names its parts if it has no name itself.
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
            // Each half may pass, whatever becomes of the other one.
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

    /// Every second member goes in the other half, so that neighbours, who may be bad for the same reason, are soon
    /// apart.
    fn halve(&mut self, part: Part<T>) {
        let (second, first) = divide(part.members, |place| place % 2 == 1);
        self.push(&part.name.unwrap_or_default(), second, first, false);
    }

    /// `later` goes after `first`, unless what becomes of that tells enough.
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
