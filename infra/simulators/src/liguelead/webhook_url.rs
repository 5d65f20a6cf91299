//! Checks of links: which URLs callbacks may go to, and which links a flash message must not contain.

use std::net::IpAddr;

use url::{Host, Url};

/// Top-level domains that make a bare name a link in a flash message, as in the strictest client.
const LINK_DOMAINS: [&str; 11] = ["com", "net", "org", "br", "io", "co", "app", "dev", "info", "biz", "me"];

const URL_CHARS_MAX: usize = 512;

/// The reason why `text` cannot be a `webhook_url`. It must be http or https, have at most 512 characters, no `_` in
/// the host, and a public host unless `allow_private`.
pub(super) fn refusal(text: &str, allow_private: bool) -> Option<&'static str> {
    if text.chars().count() > URL_CHARS_MAX {
        return Some("must not be longer than 512 characters");
    }
    let Ok(url) = Url::parse(text) else {
        return Some("is not a valid URL");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some("must be http or https");
    }
    let Some(host) = url.host() else {
        return Some("has no host");
    };
    if matches!(host, Host::Domain(name) if name.contains('_')) {
        return Some("must not have an underscore in the host");
    }
    (!allow_private && is_private(&host)).then_some("must be a public address")
}

fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            // A name without a dot resolves only inside a private network.
            !name.contains('.') || [".localhost", ".local", ".internal"].iter().any(|end| name.ends_with(end))
        }
        Host::Ipv4(address) => is_private_address((*address).into()),
        Host::Ipv6(address) => is_private_address(address.to_canonical()),
    }
}

fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Whether a flash message contains a link: a scheme, `www.`, or a bare domain.
pub(super) fn holds_link(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("http://") || text.contains("https://") || text.contains("www.") || holds_bare_domain(&text)
}

/// Whether a text contains a name, a dot and one of [`LINK_DOMAINS`] at the end: `loja.com.br`, but not `fim.comprar`.
fn holds_bare_domain(text: &str) -> bool {
    text.match_indices('.').any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '-').unwrap_or(after.len());
        before.ends_with(char::is_alphanumeric) && LINK_DOMAINS.contains(&after.get(..end).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::{holds_link, refusal};

    #[test]
    fn addresses_that_the_vendor_can_reach() {
        for url in ["https://recado.example.com/hook?b=1&s=x", "http://8.8.8.8:8080/"] {
            assert_eq!(refusal(url, false), None, "{url}");
        }
        assert_eq!(refusal("http://127.0.0.1:9/hook", true), None);
    }

    #[test]
    fn addresses_that_it_refuses() {
        let long = format!("https://example.com/{}", "a".repeat(493));
        for url in [
            "not a url",
            "/hook",
            "ftp://example.com/",
            "https://my_host.example.com/",
            "http://localhost/",
            "http://127.0.0.1/",
            "http://10.1.2.3/",
            "http://192.168.0.1/",
            "http://169.254.169.254/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://db.internal/",
            &long,
        ] {
            assert!(refusal(url, false).is_some(), "{url}");
        }
        assert_eq!(refusal(&long[..512], false), None, "512 characters are allowed");
    }

    #[test]
    fn links_in_a_flash_message() {
        for text in ["veja https://x.y", "WWW.loja", "acesse loja.com.br hoje", "loja.COM", "(loja.io)", "a.b.app/x"] {
            assert!(holds_link(text), "{text}");
        }
        for text in ["Olá, Ana.", "R$ 10.50", "fim.comprar depois", "às 10.30 h", "...com", "sr. me ligue"] {
            assert!(!holds_link(text), "{text}");
        }
    }
}
