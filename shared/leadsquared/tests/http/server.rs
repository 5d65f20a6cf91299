//! A LeadSquared on loopback that gives one answer and remembers its requests.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use leadsquared::{Admitted, Class, Client, Credentials, Permit};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

pub(crate) struct Server {
    pub(crate) client: Client,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// A permit for one request; the compiler has checked that the class is right.
    pub(crate) fn call<C: Class>(&self) -> Admitted<'_, C> {
        admitted(&self.client)
    }

    /// The only request.
    pub(crate) fn asked_once(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }
}

type Shared = (Arc<Mutex<Vec<Asked>>>, StatusCode, String);

/// A server that answers every request with this.
pub(crate) async fn serve(status: u16, body: impl ToString) -> Server {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let state: Shared = (asked.clone(), StatusCode::from_u16(status).unwrap(), body.to_string());
    let app = Router::new().fallback(answer).with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v2", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { client: client(&base_url, Duration::from_secs(10)), asked }
}

async fn answer(
    State((asked, status, body)): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    sent: Bytes,
) -> (StatusCode, String) {
    let sent = serde_json::from_slice(&sent).unwrap_or_default();
    asked.lock().unwrap().push(Asked { uri, headers, body: sent });
    (status, body)
}

/// A client with the keys that the tests look for.
pub(crate) fn client(base_url: &str, call_timeout: Duration) -> Client {
    let credentials = Credentials { access_key: "u$r123".into(), secret_key: "s3cret".into() };
    Client::new(base_url, &credentials, call_timeout).unwrap()
}

/// A permit for one request: nobody shares these servers.
#[allow(clippy::disallowed_methods, reason = "an account of the test's own, without limits")]
pub(crate) fn admitted<C: Class>(client: &Client) -> Admitted<'_, C> {
    client.with(Permit::granted())
}

/// A listener that reads one request and then misbehaves.
pub(crate) async fn rude(reply: &'static [u8], hang: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 16 * 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(reply).await;
                if hang {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    format!("http://{address}/v2")
}
