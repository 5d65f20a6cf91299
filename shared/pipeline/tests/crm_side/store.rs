//! The table in process and in virtual time: the real client, and below it the embedded engine instead of a socket.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use recado_ledger::Ledger;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The time that an operation takes.
const TAKES: Duration = Duration::from_millis(8);

/// Requests to the table, by operation. Clones share it.
pub(crate) type Requests = Arc<Mutex<BTreeMap<String, u64>>>;

/// A ready table, and the requests to it.
pub(crate) async fn ledger() -> (Ledger, Requests) {
    let (engine, requests) = (Arc::new(Database::memory().unwrap()), Requests::default());
    let connector = SharedHttpConnector::new(Engine { engine, requests: Arc::clone(&requests) });
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
        .endpoint_url("http://table.invalid")
        .timeout_config(recado_ledger::timeouts())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build();
    let ledger = Ledger::new(Client::from_conf(config), "recado", 90 * 86_400_000);
    ledger.create_if_missing().await.unwrap();
    (ledger, requests)
}

struct Engine {
    engine: Arc<Database>,
    requests: Requests,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

impl HttpConnector for Engine {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (engine, requests) = (Arc::clone(&self.engine), Arc::clone(&self.requests));
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default();
            *requests.lock().unwrap().entry(operation.to_owned()).or_default() += 1;
            let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
            let (status, text) = match carry_out(&engine, operation, body) {
                Ok(answer) => (200, answer.to_string()),
                Err(error) => (error.status_code(), error.to_json()),
            };
            tokio::time::sleep(TAKES).await;
            let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(text));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok(response)
        })
    }
}

fn carry_out(engine: &Database, operation: &str, body: Value) -> Result<Value, DynoxideError> {
    fn run<I: DeserializeOwned, O: Serialize>(
        body: Value,
        call: impl FnOnce(I) -> Result<O, DynoxideError>,
    ) -> Result<Value, DynoxideError> {
        Ok(serde_json::to_value(call(serde_json::from_value(body).unwrap())?).unwrap())
    }
    match operation {
        // Without a stream: nobody reads it here, and the engine would read all of it again at each write.
        "CreateTable" => run(without(body, "StreamSpecification"), |input| engine.create_table(input)),
        "DescribeTable" => run(body, |input| engine.describe_table(input)),
        "UpdateTimeToLive" => run(body, |input| engine.update_time_to_live(input)),
        "GetItem" => run(body, |input| engine.get_item(input)),
        "PutItem" => run(body, |input| engine.put_item(input)),
        "UpdateItem" => run(body, |input| engine.update_item(input)),
        "DeleteItem" => run(body, |input| engine.delete_item(input)),
        "Query" => run(body, |input| engine.query(input)),
        "Scan" => run(body, |input| engine.scan(input)),
        "BatchGetItem" => run(body, |input| engine.batch_get_item(input)),
        "BatchWriteItem" => run(body, |input| engine.batch_write_item(input)),
        "TransactWriteItems" => run(body, |input| engine.transact_write_items(input)),
        "BatchExecuteStatement" => run(body, |input| engine.batch_execute_statement(input)),
        _ => panic!("no such operation here: {operation}"),
    }
}

fn without(mut body: Value, member: &str) -> Value {
    body.as_object_mut().unwrap().remove(member);
    body
}
