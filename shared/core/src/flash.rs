//! Flash messages must not hold a web address.
//!
//! LigueLead refuses such a Flash, but documents nowhere what counts as an address. Its clients disagree: one looks for
//! `http://` and `https://` alone, another also for `www.` and for bare domains with a handful of endings. Whatever any
//! of them rejects is rejected here: a message refused before it is sent costs nothing.

/// The endings that make a bare word a domain in LigueLead's strictest client.
const ENDINGS: [&str; 11] = ["com", "net", "org", "br", "io", "co", "app", "dev", "info", "biz", "me"];

/// Whether a text holds something that LigueLead's clients take for a web address.
///
/// Money (`R$ 10.50`), times and a missing blank after a full stop (`fim.Comece`) do not count. A missing blank before
/// a word that is an ending (`fim.Me ligue`) looks like a domain to the clients too. So does an e-mail address. The end
/// of such a word is found as in the clients' patterns, by ASCII alone: `fim.Meça` has the ending `me`.
///
/// ```
/// use recado_core::flash::contains_url;
/// assert!(contains_url("Acesse LOJA.com.br/ofertas"));
/// assert!(!contains_url("Só R$ 10.50 até o fim.Comece já."));
/// ```
#[must_use]
pub fn contains_url(text: &str) -> bool {
    let text = text.to_lowercase();
    ["http://", "https://", "www."].iter().any(|start| text.contains(start))
        || text.match_indices('.').any(|(at, _)| dot_of_domain(&text, at))
}

/// Whether the dot at this byte sits inside a domain: `x.ending`, with the ending a whole word.
fn dot_of_domain(text: &str, at: usize) -> bool {
    let (before, from_dot) = text.split_at(at);
    let after = from_dot.get(1..).unwrap_or_default();
    let word = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    before.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_') && ENDINGS.contains(&word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_in_every_spelling() {
        for text in [
            "veja http://x.y",
            "HTTPS://LOJA.SHOP/abc",
            "www.loja.shop",
            "WWW.Loja.Shop",
            "acesse loja.com",
            "acesse loja.com.",
            "acesse loja.com, ou ligue",
            "LOJA.COM.BR",
            "promoção.com",
            "minha-loja.app/oferta",
            "fale com ana@loja.com.br",
            "t.me/loja",
            "(loja.io)",
            "www. loja .shop",
            "minhawww.loja",
            "loja.com-promo",
            "loja.comércio",
            "a_b.net",
        ] {
            assert!(contains_url(text), "{text}");
        }
    }

    #[test]
    fn ordinary_sentences_are_let_through() {
        for text in [
            "",
            "Custa R$ 10.50 hoje",
            "R$ 1.234,50",
            "fim.Comece agora",
            "às 10.30h",
            "Obrigado. Me ligue.",
            "Sr. João, combinado.",
            "...com carinho",
            "versão 1.2.3",
            "www",
            "https é seguro",
            "fim.Comercial",
            "fim.com_tudo",
            "fim .com tudo",
        ] {
            assert!(!contains_url(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_an_address_anywhere_is_found(before in "\\PC{0,40}", after in "\\PC{0,40}") {
            let _ = contains_url(&before);
            let text = format!("{before} https://x {after}");
            prop_assert!(contains_url(&text));
        }
    }
}
