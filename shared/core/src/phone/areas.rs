//! The 67 area codes (DDD) of Brazil and the time zone of each.
//!
//! The list of codes is Anatel's national numbering plan. The zones follow the tz database, which gives states with the
//! same clock different names if their history differs.

/// The zone of Brasília and of most of the country.
pub(super) const CAPITAL: &str = "America/Sao_Paulo";

/// The IANA zone of an area code, or `None` if no such code is in use.
pub(super) fn zone_name(ddd: u8) -> Option<&'static str> {
    Some(match ddd {
        // São Paulo; Rio and Espírito Santo; Minas; the south; the Federal District and Goiás.
        11..=19 | 21 | 22 | 24 | 27 | 28 | 31..=35 | 37 | 38 | 41..=49 | 51 | 53 | 54 | 55 | 61 | 62 | 64 => CAPITAL,
        63 => "America/Araguaina",
        65 | 66 => "America/Cuiaba",
        67 => "America/Campo_Grande",
        68 => "America/Rio_Branco",
        69 => "America/Porto_Velho",
        71 | 73 | 74 | 75 | 77 => "America/Bahia",
        // Sergipe and Alagoas.
        79 | 82 => "America/Maceio",
        81 | 87 => "America/Recife",
        // Paraíba, Rio Grande do Norte, Ceará, Piauí, Maranhão.
        83 | 84 | 85 | 86 | 88 | 89 | 98 | 99 => "America/Fortaleza",
        // Eastern Pará and Amapá; the west of Pará is Santarém's.
        91 | 94 | 96 => "America/Belem",
        93 => "America/Santarem",
        92 | 97 => "America/Manaus",
        95 => "America/Boa_Vista",
        _ => return None,
    })
}
