//! The accepted forms of a phone: 11 national digits, 13 with `55`, 14 characters with `+55`.

/// The 67 area codes in use, from Anatel.
const AREA_CODES: [u8; 67] = [
    11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24, 27, 28, 31, 32, 33, 34, 35, 37, 38, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 51, 53, 54, 55, 61, 62, 63, 64, 65, 66, 67, 68, 69, 71, 73, 74, 75, 77, 79, 81, 82, 83, 84, 85, 86, 87, 88, 89,
    91, 92, 93, 94, 95, 96, 97, 98, 99,
];

/// The 11 national digits of a phone in an accepted form.
///
/// Only the length shows whether there is a country code: area code 55 exists, so 11 digits that start with 55 are
/// national. With `strict` the phone must also be a mobile (third digit 9) of an existing area code.
pub(super) fn national(phone: &str, strict: bool) -> Option<&str> {
    let national = match phone.len() {
        11 => phone,
        13 => phone.strip_prefix("55")?,
        14 => phone.strip_prefix("+55")?,
        _ => return None,
    };
    let digits = national.len() == 11 && national.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (!strict || is_mobile(national))).then_some(national)
}

fn is_mobile(national: &str) -> bool {
    let area = national.get(..2).and_then(|area| area.parse().ok());
    area.is_some_and(|area| AREA_CODES.contains(&area)) && national.as_bytes().get(2) == Some(&b'9')
}

#[cfg(test)]
mod tests {
    use super::national;

    #[test]
    fn the_three_forms_are_one_phone() {
        for phone in ["11987654321", "5511987654321", "+5511987654321"] {
            assert_eq!(national(phone, true), Some("11987654321"), "{phone}");
        }
        assert_eq!(national("55987654321", true), Some("55987654321"), "area code 55");
    }

    #[test]
    fn other_forms_are_refused() {
        for phone in [
            "",
            "1198765432",
            "119876543210",
            "+551198765432",
            "+55 11987654321",
            "(11)98765432",
            "+1411987654321",
            "1198765432a",
            "+1987654321",
            "1411987654321",
            "١١٩٨٧٦٥٤٣٢١",
        ] {
            assert_eq!(national(phone, false), None, "{phone}");
        }
    }

    #[test]
    fn only_strictness_refuses_the_vendors_own_samples() {
        for phone in ["11888888888", "31777777777", "20987654321"] {
            assert_eq!((national(phone, false).is_some(), national(phone, true)), (true, None), "{phone}");
        }
    }
}
