//! `phones:` how a phone may be completed when it is read.

use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::section::Section;
use crate::phone::PhoneRules;

/// `phones`.
pub(super) const PHONES: Keys = Keys::new(
    "`phones`",
    &[Key::with_default(
        "add_ninth_digit",
        Kind::Flag,
        "false",
        "Whether an old mobile number of ten digits gets its ninth digit.",
    )
    .more("It is a guess about who has the number today. With `false` Recado skips the message.")],
);

pub(super) fn read(root: &Section<'_>, problems: &mut Problems) -> PhoneRules {
    let section = root.section_or_empty("phones", problems);
    PhoneRules { add_ninth_digit: section.flag("add_ninth_digit", problems) }
}
