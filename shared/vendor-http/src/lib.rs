//! How the clients and simulators of both vendors use HTTP. This crate knows neither vendor.
//!
//! TLS is rustls with ring. It compiles faster than aws-lc, makes each function 2 MB smaller, and gathers its first
//! random bytes without a wait (docs/adr/0028-ring-for-tls.md).

mod mask;
mod transport;

pub use mask::mask_numbers;
pub use transport::{Answered, Fault, Transport};

use std::sync::OnceLock;

use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;

/// What a connection may speak, the better first. Source: RFC 7301.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A builder of HTTP clients whose TLS is ring's. Every HTTP client of Recado begins here. All of them share one TLS
/// configuration: reading the system's roots takes some 5 ms, once.
pub fn client_builder() -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder();
    match tls() {
        Some(tls) => builder.tls_backend_preconfigured(tls),
        // The client reads the roots itself then, and says what is wrong with them.
        None => builder,
    }
}

fn tls() -> Option<ClientConfig> {
    static TLS: OnceLock<Option<ClientConfig>> = OnceLock::new();
    let read = || {
        choose_tls();
        let mut tls = ClientConfig::with_platform_verifier().ok()?;
        tls.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Some(tls)
    };
    TLS.get_or_init(read).clone()
}

/// Chooses ring for all TLS of this process, for libraries that build HTTP clients themselves. Repeating it is
/// harmless.
pub fn choose_tls() {
    // An error means that the process has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
