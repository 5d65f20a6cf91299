//! A LigueLead on loopback: one that speaks HTTP, and one that writes any given bytes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::IntoResponse,
};
use liguelead::{Client, Credentials, SmsRequest};
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
    /// The body as received, if it is not JSON.
    pub(crate) bytes: Bytes,
}

pub(crate) struct Server {
    pub(crate) client: Client,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// The only request: a repeated request fails here.
    pub(crate) fn asked_once(&self) -> Asked {
        let mut asked = self.asked.lock().unwrap().clone();
        assert_eq!(asked.len(), 1, "{asked:?}");
        asked.remove(0)
    }

    pub(crate) fn was_asked(&self) -> bool {
        !self.asked.lock().unwrap().is_empty()
    }
}

type Reply = (u16, Vec<(&'static str, String)>, String);
type Shared = (Arc<Mutex<Vec<Asked>>>, Arc<Reply>);

/// A server that answers every request with this.
pub(crate) async fn serve(status: u16, headers: &[(&'static str, &str)], body: impl ToString) -> Server {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let state: Shared = (asked.clone(), Arc::new((status, headers, body.to_string())));
    let app = Router::new().fallback(answer).with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    Server { client: client(&base_url, Duration::from_secs(10)), asked }
}

async fn answer(State((asked, reply)): State<Shared>, uri: Uri, headers: HeaderMap, sent: Bytes) -> impl IntoResponse {
    let body = serde_json::from_slice(&sent).unwrap_or_default();
    asked.lock().unwrap().push(Asked { uri, headers, body, bytes: sent });
    let mut response = reply.2.clone().into_response();
    *response.status_mut() = reply.0.try_into().unwrap();
    for (name, value) in &reply.1 {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

/// A listener that reads a request, writes `reply`, and then hangs or closes. Counts the connections it took.
pub(crate) async fn rude(reply: impl Into<Vec<u8>>, hang: bool) -> (String, Arc<AtomicUsize>) {
    let reply: Vec<u8> = reply.into();
    let taken = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let counted = taken.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let reply = reply.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 16 * 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(&reply).await;
                if hang {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    (base_url, taken)
}

/// A listener that answers the first request of each connection, takes the second and closes without an answer. A load
/// balancer does that to an old connection at the worst moment. Counts the requests it took.
pub(crate) async fn closes_on_the_second() -> (String, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let counted = taken.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let counted = counted.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 16 * 1024];
                for reply in [&b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"[..], b""] {
                    if stream.read(&mut buffer).await.unwrap_or(0) > 0 {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                    let _ = stream.write_all(reply).await;
                }
            });
        }
    });
    (base_url, taken)
}

/// A client with the credentials that the tests look for.
pub(crate) fn client(base_url: &str, call_timeout: Duration) -> Client {
    let credentials = Credentials { api_token: "t0ken".into(), app_id: "an-app".into() };
    Client::new(base_url, &credentials, call_timeout).unwrap()
}

/// The smallest request that can be sent.
pub(crate) fn request() -> SmsRequest {
    SmsRequest {
        title: None,
        message: "Olá, José 🙂".into(),
        phones: vec!["11988887777".into()],
        is_flash: false,
        group_id: None,
        webhook_url: None,
    }
}
