//! Measures the start of TLS step by step, in µs: the first time in a process, and the second.

use std::{error::Error, sync::Arc, time::Instant};

#[cfg(feature = "aws-lc")]
use rustls::crypto::aws_lc_rs as library;
#[cfg(all(feature = "ring", not(feature = "aws-lc")))]
use rustls::crypto::ring as library;
use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::CryptoProvider, pki_types::ServerName};

fn main() -> Result<(), Box<dyn Error>> {
    for time in ["first", "second"] {
        let begun = Instant::now();
        let provider: CryptoProvider = library::default_provider();
        let mut random = [0; 32];
        provider.secure_random.fill(&mut random).map_err(|_| "no random bytes")?;
        said(time, "random bytes", begun);
        let begun = Instant::now();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        said(time, "the system's roots", begun);
        let begun = Instant::now();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
        connection.write_tls(&mut Vec::new())?;
        said(time, "a client's first message, with its keys", begun);
    }
    Ok(())
}

fn said(time: &str, what: &str, begun: Instant) {
    println!("{time}\t{what}\t{}", begun.elapsed().as_micros());
}
