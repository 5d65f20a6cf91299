mod neighbours;

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
        ("recado com Ana", PhoneError::NotAPhone),
        ("ana11999998888@loja.example", PhoneError::NotAPhone),
        ("https://site.example/?tel=11999998888", PhoneError::NotAPhone),
        ("R$ 11.999.998.888", PhoneError::NotAPhone),
        ("11 99999-888\u{fffd}8", PhoneError::NotAPhone),
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
        ("119.876.543-21", PhoneError::Layout),
        ("11.9.1999 1234", PhoneError::Layout),
        ("99999-8888 11", PhoneError::Layout),
        ("11 9999-8888 7", PhoneError::Layout),
        ("1 1999998888", PhoneError::Layout),
        ("+5 511999998888", PhoneError::Layout),
        ("11 9999-88(88) 1", PhoneError::Layout),
        ("CPF 11987654321", PhoneError::Document),
        ("11987654321 (CPF)", PhoneError::Document),
        ("pedido nº 11987654321", PhoneError::Document),
        ("11999998888a", PhoneError::Letter),
        ("11 9999O-8888", PhoneError::WrongLength),
        ("1.1999E+10", PhoneError::Rounded),
        ("1,19999E10", PhoneError::Rounded),
        ("1.1999998888e+10", PhoneError::Rounded),
        ("11999000000.0", PhoneError::Rounded),
        ("11/99999-8888", PhoneError::MissingAreaCode),
        ("11,999,998,888", PhoneError::WrongLength),
        ("12.345.678/0001-90", PhoneError::MissingAreaCode),
        ("01310-100", PhoneError::MissingAreaCode),
        ("29/11/2026", PhoneError::WrongLength),
        ("0011 99999-8888", PhoneError::Foreign),
    ];
    for (text, reason) in table {
        assert_eq!(national(text), Err(reason), "{text}");
    }
}

#[test]
fn a_number_is_taken_with_all_that_people_write_around_it() {
    for text in [
        // Prefixes.
        "(+55) 11 99999-8888",
        "+55-5511999998888",
        "015 11 99999-8888",
        "0 15 11 99999-8888",
        "(015)11 99999-8888",
        "01511999998888",
        "(0xx11) 99999-8888",
        "0XX11 99999-8888",
        "0 (xx) 11 99999-8888",
        "(0**11) 99999-8888",
        "(xx11) 99999-8888",
        "+55 (0xx11) 99999-8888",
        "55 (011) 99999-8888",
        "00 55 11 99999-8888",
        "055 11 99999-8888",
        "+55 0 21 11 99999-8888",
        "[11] 99999-8888",
        "11) 99999-8888",
        "(11 99999-8888",
        "(11 99999-8888)",
        // Layouts.
        "(11) 9999-98888",
        "11 9 9999-8888",
        "(11) (9) 9999-8888",
        "(11)9.9999.8888",
        "11.999.998.888",
        "1199999-8888",
        "11 99999 88 88",
        "11 999 998 888",
        // Characters that only look different, or are invisible.
        "\u{202a}+5511999998888\u{202c}",
        "11\u{200b}999998888",
        "11 99999\u{2212}8888",
        "\u{ff11}\u{ff11} \u{ff19}\u{ff19}\u{ff19}\u{ff19}\u{ff19}-\u{ff18}\u{ff18}\u{ff18}\u{ff18}",
        "\u{ff0b}55\u{ff08}11\u{ff09}99999\u{ff0d}8888",
        // Notes, labels, extensions, counts, fractions, other numbers.
        "tel:+5511999998888",
        "Tel.: 11 99999-8888",
        "cel11999998888",
        "WhatsApp (11) 99999-8888",
        "📞 11 99999-8888",
        "11 99999-8888 (mãe)",
        "11 99999-8888 recado com Ana",
        "11 99999-8888 ramal 12",
        "11 99999-8888 r. 12",
        "11 99999-8888 ext. 1234",
        "11 99999-8888 (2)",
        "11 99999-8888 - apto 12",
        "11 99999-8888, falar até 18h",
        "11999998888.0",
        "5511999998888.00",
        "11999998888,0",
        "11 99999-8888/89",
        "11 99999-8888 / 11 3333-4444",
        "11 3333-4444 / 11 99999-8888",
        "11 3333-4444 ou 11 99999-8888",
        "11 3333-4444 e 11 99999-8888",
        "(11) 3333-4444 (11) 99999-8888",
        "11 3333-4444 11 99999-8888",
        "11 3333-4444\n11 99999-8888",
        "11 99999-8888 / 3333-4444",
        "11 99999-8888 / 98888-7777",
        "=\"11999998888\"",
        "11 99999-8888 / +55 (11) 99999-8888",
        "CPF 119.876.543-21; tel 11 99999-8888",
    ] {
        assert_eq!(national(text).as_deref(), Ok("11999998888"), "{text}");
    }
}

#[test]
fn several_numbers_are_none() {
    for (text, numbers) in [
        ("11 99999-8888 / 11 98888-7777", 2),
        ("11 99999-8888 11 98888-7777", 2),
        ("98888-7777 / 11 99999-8888", 2),
        ("11 99999-8888 / 11 9888-7777", 2),
        ("11 99999-8888; 21 98888-7777; 31 97777-6666", 3),
        ("11 3333-4444 / 11 3333-5555", 2),
        ("11 99999-8888 / +1 212 555 0100", 2),
        ("11 3333-4444 / 99999-8888", 2),
    ] {
        assert_eq!(Phone::read(text, PhoneRules::default()), Reading::Several(numbers), "{text}");
        assert_eq!(national(text), Err(PhoneError::Several(numbers)), "{text}");
    }
}

#[test]
fn an_old_mobile_gets_its_ninth_digit_only_where_that_is_asked_for() {
    let adding = PhoneRules { add_ninth_digit: true };
    let read = |text| Phone::read(text, adding).one().map(Phone::national);
    for text in ["553196883193", "31 9688-3193", "(31) 96883193", "0 15 31 9688-3193", "+55 31 9688 3193"] {
        assert_eq!(national(text), Err(PhoneError::OldMobile), "{text}");
        assert_eq!(read(text).as_deref(), Ok("31996883193"), "{text}");
    }
    // A digit was lost, and the layout shows where: it is no old number.
    assert_eq!(read("31 99688-319"), Err(PhoneError::Layout));
    assert_eq!(read("31 3688-3193").as_deref(), Ok("3136883193"));
    assert_eq!(read("(11) 9999-1111/2").as_deref(), Ok("11999991111"));
}

#[test]
fn an_explanation_says_each_step_and_no_digit_but_the_area() {
    let said = |text| Phone::explain(text, PhoneRules::default()).steps;
    assert_eq!(
        said("\u{202a}0xx(11) 99999\u{2013}8888 / 12"),
        [
            "1 character(s) that nobody sees: left out",
            "1 character(s) that looks like a plain one: replaced",
            "•(xx••) •••••-••••: a mobile of area 11 behind 0",
            "••: 2 digit(s), too few for a number",
            "taken: the one number",
        ]
    );
    assert_eq!(
        said("CPF 119.876.543-21"),
        [
            "•••.•••.•••-••: 11 digits: the phone is called something else beside its digits (CPF, CEP, order, …)",
            "not taken: the phone is called something else beside its digits (CPF, CEP, order, …)",
        ]
    );
}

#[test]
fn a_masked_number_is_recognised_and_cannot_be_called() {
    assert_eq!(Phone::parse("11987654321").unwrap().masked(), "1198…21");
    assert_eq!(Phone::parse("1133334444").unwrap().masked(), "1133…44");
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
