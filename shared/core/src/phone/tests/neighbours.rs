//! Variants of what people really wrote: other separators, places, spellings and characters. Each gives the right
//! number or none. And no text gives a number whose digits are not together in the text.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::unicode::{Class, class, decomposed};

const NUMBER: &str = "11999998888";
/// Signs between the parts of one number.
const WITHIN: [&str; 12] =
    ["", " ", "-", ".", " - ", "\u{a0}", "\u{2009}", "\u{2011}", "\u{2013}", "\u{2212}", "  ", "\u{200b}"];
/// Separators between one number and the next.
const BETWEEN: [&str; 16] = [
    "/",
    " / ",
    ";",
    ", ",
    "|",
    "\n",
    "\r\n",
    " ou ",
    " e ",
    " or ",
    " & ",
    "\u{2028}",
    " \u{2022} ",
    "\u{ff0f}",
    " (",
    ") ",
];
const UNSEEN: [&str; 7] = ["\u{200b}", "\u{200e}", "\u{202a}", "\u{202c}", "\u{2060}", "\u{feff}", "\u{ad}"];
const BEFORE: [&str; 20] = [
    "", "", "+55", "+55 ", "(+55) ", "55 ", "0055 ", "00 55 ", "+55-55", "0", "0 15 ", "015 ", "0xx", "(0xx)", "55 0",
    "+", "++55 ", "+1 ", "00", "5",
];
const NOTES: [&str; 26] = [
    "",
    "",
    " ramal 12",
    " r. 12",
    " ext 7",
    " x12",
    " (2)",
    " (mãe)",
    " recado com Ana",
    " WhatsApp",
    "tel: ",
    "cel",
    "Tel.",
    ".0",
    ".00",
    ",0",
    "/12",
    "/2",
    " 7",
    "E+10",
    " (11)",
    " CPF",
    "?",
    "*",
    " 18h",
    "\u{fffd}",
];

/// The ASCII form of a text, for the oracle. It is written independently of the parser's own pieces.
fn flat(text: &str) -> String {
    let plain = |c: char| -> String {
        match class(c) {
            Class::Invisible => String::new(),
            Class::Dash => "-".to_owned(),
            Class::Blank => " ".to_owned(),
            Class::Digit(digit) => digit.to_string(),
            _ => decomposed(c).collect(),
        }
    };
    text.chars().map(plain).collect()
}

/// Whether digits are together and in order in a text, with nothing among them that separates numbers.
fn stands_in(text: &str, digits: &str) -> bool {
    let chars: Vec<char> = flat(text).chars().collect();
    (0..chars.len()).any(|start| {
        let mut wanted = digits.chars().enumerate().peekable();
        for c in &chars[start..] {
            match wanted.peek().copied() {
                None => return true,
                Some((_, next)) if next == *c => drop(wanted.next()),
                Some((place, _)) if place > 0 && " -.()[]{}".contains(*c) => {}
                Some(_) => return false,
            }
        }
        wanted.peek().is_none()
    })
}

/// A text made of parts of phones.
fn phone_like() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[0-9]{1,5}",
        1 => Just("55".to_owned()),
        1 => Just("11".to_owned()),
        1 => "9[0-9]{4}",
        2 => select(WITHIN.as_slice()).prop_map(str::to_owned),
        2 => select(BETWEEN.as_slice()).prop_map(str::to_owned),
        1 => select(UNSEEN.as_slice()).prop_map(str::to_owned),
        1 => select(BEFORE.as_slice()).prop_map(str::to_owned),
        1 => select(NOTES.as_slice()).prop_map(str::to_owned),
        1 => "\\PC",
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

/// One number, its parts separated by signs that numbers have.
fn written() -> impl Strategy<Value = String> {
    let gap = || select(WITHIN.as_slice());
    (select(BEFORE.as_slice()), gap(), gap(), gap(), select(UNSEEN.as_slice()), 0_usize..20).prop_map(
        |(before, a, b, c, unseen, at)| {
            let text = format!("{before}11{a}9{b}9999{c}8888");
            let at = text.char_indices().map(|(at, _)| at).nth(at).unwrap_or(0);
            format!("{}{unseen}{}", &text[..at], &text[at..])
        },
    )
}

#[test]
fn a_mark_that_stands_on_no_letter_is_not_left_out() {
    for text in [
        "55 \u{dcf}20000000",
        "11-\u{dcf}987654321",
        "(11)\u{301}987654321",
        "11.\u{301}987654321",
        "55\u{1fed}2000 55 55",
        "11\u{af}98765-4321",
    ] {
        assert!(!matches!(Phone::read(text, PhoneRules::default()), Reading::One(_)), "{text:?}");
    }
    let accent = Phone::read("celula\u{301}r: 11 98765-4321", PhoneRules::default());
    assert!(matches!(accent, Reading::One(phone) if phone.national() == "11987654321"), "{accent:?}");
    let emoji = Phone::read("\u{260e}\u{fe0f} 11 98765-4321", PhoneRules::default());
    assert!(matches!(emoji, Reading::One(_)), "{emoji:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_number_is_made_of_digits_that_do_not_stand_together(text in phone_like()) {
        for add_ninth_digit in [false, true] {
            let reading = Phone::read(&text, PhoneRules { add_ninth_digit });
            let Reading::One(phone) = reading else { continue };
            let national = phone.national();
            let old = format!("{}{}", &national[..2], &national[3..]);
            let stands = stands_in(&text, &national) || (add_ninth_digit && stands_in(&text, &old));
            prop_assert!(stands, "{national} is not in {text:?}");
        }
    }

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        let reading = Phone::read(&text, PhoneRules::default());
        if let Reading::One(phone) = reading {
            prop_assert!(stands_in(&text, &phone.national()), "{text:?}");
        }
        let explanation = Phone::explain(&text, PhoneRules::default());
        prop_assert_eq!(explanation.reading, reading);
        prop_assert!(!explanation.steps.is_empty());
    }

    #[test]
    fn a_number_in_another_writing_is_that_number_or_none(text in written(), before in select(NOTES.as_slice()), behind in select(NOTES.as_slice())) {
        for text in [text.clone(), format!("{before}{text}"), format!("{text}{behind}"), format!("{before}{text}{behind}")] {
            if let Reading::One(phone) = Phone::read(&text, PhoneRules::default()) {
                prop_assert_eq!(phone.national(), NUMBER, "{}", text);
            }
        }
    }

    #[test]
    fn of_two_numbers_the_mobile_or_none(
        first in written(),
        between in select(BETWEEN.as_slice()),
        second in select(["11 3333-4444", "1133334444", "+55 (11) 3333-4444", "21 98888-7777", "3333-4444", "98888-7777", "12", "2", "77777"].as_slice()),
        reversed in any::<bool>(),
    ) {
        let text = if reversed { format!("{second}{between}{first}") } else { format!("{first}{between}{second}") };
        if let Reading::One(phone) = Phone::read(&text, PhoneRules::default()) {
            let may_be: &[&str] = if first.is_empty() { &[] } else { &[NUMBER, "1133334444", "21988887777"] };
            prop_assert!(may_be.contains(&phone.national().as_str()), "{text:?}");
            // The second number is taken only if the first cannot be read: then it is the only one.
            if Phone::parse(&first).is_ok() {
                prop_assert_eq!(phone.national(), NUMBER, "{}", text);
            }
        }
    }
}
