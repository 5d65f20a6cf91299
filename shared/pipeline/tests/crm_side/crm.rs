//! LeadSquared's strict simulator in process and in virtual time, below the real client.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use leadsquared::{Answered, Client, Credentials, Fault, Transport};
use recado_simulators::leadsquared::{InProcess, Options, Reply};
use reqwest::{Request, Response};
use tokio::time::{Instant, sleep};

/// The timeout of a request.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// The clock of a test. Its time passes only while all tasks wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    begun: Instant,
    begun_ms: i64,
}

impl Time {
    /// A clock that begins at `begun_ms`.
    pub(crate) fn from(begun_ms: i64) -> Self {
        Self { begun: Instant::now(), begun_ms }
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.begun_ms + i64::try_from(self.begun.elapsed().as_millis()).unwrap()
    }
}

/// LeadSquared, and the connection to it.
#[derive(Clone)]
pub(crate) struct Crm {
    vendor: Arc<Mutex<InProcess>>,
    queries: Arc<Mutex<Vec<String>>>,
    time: Time,
}

impl Crm {
    pub(crate) fn new(options: Options, time: Time) -> Self {
        Self { vendor: Arc::new(Mutex::new(InProcess::new(options).unwrap())), queries: Arc::default(), time }
    }

    /// The queries of all requests with a query.
    pub(crate) fn queries(&self) -> Vec<String> {
        self.queries.lock().unwrap().clone()
    }

    pub(crate) fn vendor(&self) -> MutexGuard<'_, InProcess> {
        self.vendor.lock().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        let defaults = Options::default();
        let credentials =
            Credentials { access_key: defaults.access_key.into(), secret_key: defaults.secret_key.into() };
        let client = Client::new("http://crm.invalid/v2", &credentials, CALL_TIMEOUT).unwrap();
        client.through(Arc::new(self.clone()))
    }
}

impl Transport for Crm {
    fn call(&self, request: Request) -> Answered<'_> {
        Box::pin(async move {
            let crm = self.clone();
            // A request that has left arrives, whatever happens to its sender.
            let arrived = tokio::spawn(async move {
                let number = crm.vendor().calls().len() as u64;
                sleep(Duration::from_millis(10 + number * 37 % 60)).await;
                crm.arrive(&request)
            });
            let reply = arrived.await.unwrap();
            sleep(Duration::from_millis(40)).await;
            match reply {
                Reply::Answer(status, body) => {
                    let mut response = http::Response::new(body);
                    *response.status_mut() = status;
                    Ok(Response::from(response))
                }
                Reply::Lost => Err(Fault::Lost),
                Reply::Silent => {
                    sleep(CALL_TIMEOUT).await;
                    Err(Fault::Timeout)
                }
            }
        })
    }
}

impl Crm {
    fn arrive(&self, request: &Request) -> Reply {
        let defaults = Options::default();
        let mut headers = request.headers().clone();
        // The keys do not pass through the transport.
        headers.insert("x-lsq-accesskey", defaults.access_key.parse().unwrap());
        headers.insert("x-lsq-secretkey", defaults.secret_key.parse().unwrap());
        self.queries.lock().unwrap().extend(request.url().query().map(str::to_owned));
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        let uri = request.url().as_str().parse().unwrap();
        self.vendor().call(u64::try_from(self.time.now_ms()).unwrap(), request.method(), &uri, headers, body)
    }
}
