//! `phones:` how a phone may be completed when it is read.

use super::diagnostic::Problems;
use super::section::Section;
use crate::phone::PhoneRules;

pub(super) fn read(root: &Section<'_>, problems: &mut Problems) -> PhoneRules {
    let section = root.section("phones", &["add_ninth_digit"], problems);
    let flag = section.and_then(|section| section.flag("add_ninth_digit", problems));
    PhoneRules { add_ninth_digit: flag.unwrap_or_default() }
}
