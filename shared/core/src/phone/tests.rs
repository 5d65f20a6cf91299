use proptest::prelude::*;

use super::*;

fn national(text: &str) -> Result<String, PhoneError> {
    Phone::parse(text).map(Phone::national)
}

#[test]
fn every_form_of_the_vendors_is_one_number() {
    for text in [
        "11999999999",
        "+5511999999999",
        "5511999999999",
        "+55-11999999999",
        "+55 (11) 99999-9999",
        "+55 (011) 99999-9999",
        "011 99999-9999",
        "0055 11 99999 9999",
        " 11.99999.9999 ",
        "(11) 9 9999\u{2013}9999",
        "11\u{a0}99999-9999",
    ] {
        assert_eq!(national(text).as_deref(), Ok("11999999999"), "{text}");
    }
}

#[test]
fn ddd_55_keeps_its_first_two_digits() {
    assert_eq!(national("55999998888").as_deref(), Ok("55999998888"));
    assert_eq!(national("5555999998888").as_deref(), Ok("55999998888"));
    assert_eq!(national("+55 55 99999-8888").as_deref(), Ok("55999998888"));
    assert_eq!(national("5532221111").as_deref(), Ok("5532221111"));
    assert_eq!(national("555532221111").as_deref(), Ok("5532221111"));
}

#[test]
fn lines_are_told_apart_by_length_and_third_digit() {
    assert_eq!(Phone::parse("1133334444").unwrap().line(), Line::Landline);
    assert_eq!(Phone::parse("+55 11 3333-4444").unwrap().national(), "1133334444");
    assert_eq!(Phone::parse("11933334444").unwrap().line(), Line::Mobile);
    assert_eq!(Phone::parse("1133334444").unwrap().ddd(), 11);
    assert_eq!(Phone::parse("98933334444").unwrap().ddd(), 98);
}

#[test]
fn each_refusal_has_its_reason() {
    let table = [
        ("", PhoneError::Empty),
        (" -() ", PhoneError::Empty),
        ("+", PhoneError::Empty),
        ("11 99999-9999 ramal 2", PhoneError::NotAPhone),
        ("11+999999999", PhoneError::NotAPhone),
        ("+91-9845098450", PhoneError::Foreign),
        ("+971 50 123 4567", PhoneError::Foreign),
        ("919845098450", PhoneError::Foreign),
        ("001 212 555 0100", PhoneError::Foreign),
        ("99999-9999", PhoneError::MissingAreaCode),
        ("3333-4444", PhoneError::MissingAreaCode),
        ("119999", PhoneError::WrongLength),
        ("+55 11 99999-99999", PhoneError::WrongLength),
        ("20999999999", PhoneError::UnknownAreaCode),
        ("2333334444", PhoneError::UnknownAreaCode),
        ("11 8888-7777", PhoneError::OldMobile),
        ("11888888888", PhoneError::NoSuchLine),
        ("31777777777", PhoneError::NoSuchLine),
        ("1113334444", PhoneError::NoSuchLine),
    ];
    for (text, reason) in table {
        assert_eq!(national(text), Err(reason), "{text}");
    }
}

#[test]
fn there_are_67_area_codes_and_each_has_a_zone() {
    let known: Vec<u8> = (0..=u8::MAX).filter(|ddd| areas::zone_name(*ddd).is_some()).collect();
    assert_eq!(known.len(), 67);
    for ddd in known {
        let phone = Phone::parse(&format!("{ddd}999999999")).unwrap();
        assert_eq!(phone.ddd(), ddd);
        assert_eq!(phone.zone().name(), areas::zone_name(ddd).unwrap());
    }
}

#[test]
fn brazil_has_four_clocks() {
    let zone = |text| Phone::parse(text).unwrap().zone().name().to_owned();
    assert_eq!(zone("11999999999"), "America/Sao_Paulo");
    assert_eq!(zone("92999999999"), "America/Manaus");
    assert_eq!(zone("68999999999"), "America/Rio_Branco");
    assert_eq!(zone("8133334444"), "America/Recife");
}

#[test]
fn nothing_printable_holds_the_number() {
    let phone = Phone::parse("11987654321").unwrap();
    assert_eq!(format!("{phone:?}"), "Phone(ddd 11)");
    assert!(!format!("{phone:#?}").contains("98765"));
}

proptest! {
    #[test]
    fn no_text_panics_and_no_error_quotes_it(text in "\\PC*") {
        if let Err(error) = Phone::parse(&text) {
            let message = error.to_string();
            prop_assert!(!message.contains("999"));
        }
    }

    #[test]
    fn what_was_parsed_parses_to_itself(text in "[+]?[0-9 ().-]{8,22}") {
        if let Ok(phone) = Phone::parse(&text) {
            prop_assert_eq!(Phone::parse(&phone.national()), Ok(phone));
            let long_form = format!("+55-{}", phone.national());
            prop_assert_eq!(Phone::parse(&long_form), Ok(phone));
            prop_assert_eq!(phone.national().len() == 11, phone.line() == Line::Mobile);
        }
    }
}
