//! How both vendors' clients and simulators speak HTTP. It knows neither vendor.
//!
//! TLS is rustls with ring: it compiles faster than aws-lc, makes each function 2 MB smaller, and gathers its first random
//! bytes without a wait (docs/adr/0028-ring-for-tls.md).

mod mask;
mod transport;

pub use mask::mask_numbers;
pub use transport::{Answered, Fault, Transport};

/// A builder of HTTP clients whose TLS is ring's. Every HTTP client of Recado begins here.
pub fn client_builder() -> reqwest::ClientBuilder {
    choose_tls();
    reqwest::Client::builder()
}

/// Chooses ring for all TLS of this process, for libraries that build HTTP clients themselves. Repeating it is harmless.
pub fn choose_tls() {
    // The error says that the process has chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
