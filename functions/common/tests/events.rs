//! `events/`: an event for each function, to invoke it on a local machine. This test makes the events with the code
//! that reads them, and compares. `RECADO_WRITE_EVENTS=1 cargo test -p recado-function --test events` writes them
//! again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use recado_core::{
    config::Config,
    identity::{BatchId, MessageId, message_id},
    message::{Channel, Message, State},
};
use recado_function::{Function, schedule::Tick, secrets::Secrets, wake::StreamEvent, web};
use recado_ledger::{Ledger, embedded_client};
use recado_pipeline::{
    ingest::understand,
    proof::{Answered, CHALLENGE, Challenge},
    secrets::{CALLBACK_PATH, CallbackUrls, Secret, WEBHOOK_PATH},
    settle::Reading,
};
use recado_runtime::installation;
use recado_table::EmbeddedTable;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

const WEBHOOK_SECRET: &str = "a-webhook-secret-for-this-machine";
const CALLBACK_SECRET: &str = "a-callback-secret-for-this-machine";
/// The simulators' default.
const APP_ID: &str = "simulated-app";
/// The lead of the webhook.
const PHONE: &str = "+5511901110011";
/// The recording in the bucket.
const RECORDING: &str = "welcome.wav";
const AT: &str = "2026-11-20T12:00:00Z";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn config() -> Config {
    Config::parse(&fs::read_to_string(folder().join("events/recado.yaml")).unwrap()).unwrap().config
}

/// A webhook as LeadSquared delivers it.
fn delivered() -> String {
    fs::read_to_string(folder().join("tests/fixtures/leadsquared/01-lead-created.json")).unwrap()
}

/// The message that `events/recado.yaml` makes from the webhook.
fn its_message() -> MessageId {
    let query = [("event".to_owned(), "3".to_owned())];
    let changes = leadsquared::webhook::parse(Some("application/json"), &query, delivered().as_bytes(), 0).unwrap();
    let event = understand(changes.into_iter().next().unwrap().unwrap()).unwrap();
    message_id("welcome", None, &event)
}

/// The event of a Function URL.
fn request(path: &str, query: &str, secret: Option<&str>, body: &str) -> Value {
    let sent = [("content-type", "application/json"), ("host", "url-id.lambda-url.sa-east-1.on.aws")];
    let shown = secret.map(|secret| ("x-recado-secret", secret));
    let headers: BTreeMap<&str, &str> = sent.into_iter().chain(shown).collect();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "url-id",
            "domainName": "url-id.lambda-url.sa-east-1.on.aws",
            "domainPrefix": "url-id",
            "http": {
                "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "recado",
            },
            "requestId": "00000000-0000-4000-8000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": "20/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_176_000_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

fn callback() -> Value {
    let urls = CallbackUrls::new("http://localhost".parse().unwrap(), Secret::parse(CALLBACK_SECRET).unwrap(), 0);
    // It ends in the year 2100, so that the file stays good.
    let url = urls.url(BatchId::from_bytes([7; 16]), 4_102_444_800_000);
    let query = url.expose_secret().split_once('?').unwrap().1.to_owned();
    let body = json!({
        "event": "campaign.status",
        "app_id": APP_ID,
        "occurred_at": "2026-11-20T12:00:15.400Z",
        "campaign": {
            "id": "00000000-0000-4000-8000-000000000007",
            "type": "sms",
            "source": "api",
            "phone": PHONE,
            "message": "Olá Maria, recebemos o seu contato.",
            "is_flash": false,
            "credits_required": 1,
            "sent_at": "2026-11-20",
            "status": "delivered",
        },
    });
    request(CALLBACK_PATH, &query, None, &body.to_string())
}

fn written() -> Value {
    json!({ "Records": [{
        "eventID": "00000000000000000000000000000001",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "sa-east-1",
        "eventSourceARN": "arn:aws:dynamodb:sa-east-1:000000000000:table/recado/stream/2026-11-20T12:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_176_000,
            "Keys": { "pk": { "S": format!("M#{}", its_message()) }, "sk": { "S": "M" } },
            "SequenceNumber": "100000000000000000001",
            "SizeBytes": 38,
            "StreamViewType": "KEYS_ONLY",
        },
    }] })
}

/// EventBridge's event about a file put into the bucket. Source: Amazon S3's page on the structure of these events.
fn dropped() -> Value {
    json!({
        "version": "0",
        "id": "00000000-0000-4000-8000-000000000000",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": AT,
        "region": "sa-east-1",
        "resources": ["arn:aws:s3:::recado-audio"],
        "detail": {
            "version": "0",
            "bucket": { "name": "recado-audio" },
            "object": { "key": RECORDING, "size": 32_044, "etag": "0", "sequencer": "0" },
            "request-id": "0000000000000000",
            "requester": "000000000000",
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject",
        },
    })
}

/// EventBridge's event when the template gives no input of its own.
fn scheduled() -> Value {
    json!({
        "version": "0",
        "id": "00000000-0000-4000-8000-000000000000",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": AT,
        "region": "sa-east-1",
        "resources": ["arn:aws:events:sa-east-1:000000000000:rule/recado-EachMinute"],
        "detail": {},
    })
}

/// The variables with which functions find the simulators, from inside and outside a container.
fn environment() -> Value {
    json!({ "Parameters": {
        "RECADO_TABLE": "http://host.docker.internal:4003/recado",
        "RECADO_AUDIO_BUCKET": "http://host.docker.internal:4004/recado-audio",
        "LIGUELEAD_BASE_URL": "http://host.docker.internal:4001/v1",
        "LEADSQUARED_BASE_URL": "http://host.docker.internal:4002/v2",
        "RECADO_PUBLIC_URL": "",
        "RECADO_WEBHOOK_SECRET_ARN": WEBHOOK_SECRET,
        "RECADO_CALLBACK_SECRET_ARN": CALLBACK_SECRET,
        "LIGUELEAD_SECRET_ARN": json!({ "api_token": "simulated-token", "app_id": APP_ID }).to_string(),
        "LEADSQUARED_SECRET_ARN":
            json!({ "access_key": "simulated-access", "secret_key": "simulated-secret" }).to_string(),
    } })
}

fn all() -> [(&'static str, Value); 9] {
    [
        ("crm-webhook.json", request(WEBHOOK_PATH, "event=3", Some(WEBHOOK_SECRET), &delivered())),
        ("delivery-webhook.json", callback()),
        ("sender.json", written()),
        ("reconciler.json", scheduled()),
        ("reconciler-missed-webhooks.json", json!({ "reconcile": true })),
        ("crm-sync.json", scheduled()),
        ("campaigns.json", scheduled()),
        ("recordings.json", dropped()),
        ("environment.json", environment()),
    ]
}

#[test]
fn the_events_in_the_folder_are_those_that_the_code_makes() {
    let folder = folder().join("events");
    for (name, event) in all() {
        let text = format!("{}\n", serde_json::to_string_pretty(&event).unwrap());
        if std::env::var_os("RECADO_WRITE_EVENTS").is_some() {
            fs::write(folder.join(name), &text).unwrap();
        }
        let found = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(found, text, "events/{name}: write it anew with RECADO_WRITE_EVENTS=1");
    }
    let found =
        fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "json");
    assert_eq!(found.count(), all().len(), "an event that nobody makes is in the folder");
}

#[tokio::test]
async fn the_events_tell_the_story_of_one_message() {
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 86_400_000);
    ledger.create_if_missing().await.unwrap();
    let (config, secret) = (Arc::new(config()), |text| Secret::parse(text).unwrap());

    let intake = installation::intake(Arc::clone(&config), &secret(WEBHOOK_SECRET), &ledger);
    let [(_, webhook), (_, callback), (_, written), (_, tick), (_, missed), ..] = all();
    let answer = intake.webhook(&web::decode(serde_json::from_value(webhook).unwrap())).await;
    assert_eq!((answer.status, answer.body.contains("Success")), (200, true), "{}", answer.body);
    let wake_up: StreamEvent = serde_json::from_value(written).unwrap();
    let woken = wake_up.new_messages();
    assert_eq!(woken, [its_message()]);
    let [message] = &ledger.messages(&woken).await.unwrap()[..] else { panic!("the webhook made no such message") };
    assert_eq!(format!("+55{}", message.phone().unwrap().national()), PHONE);

    let settler = installation::settler(&config, (&secret(CALLBACK_SECRET), 0), None, &ledger);
    let report = settler.read(&web::decode(serde_json::from_value(callback).unwrap()));
    let Reading::Report(report) = report else { panic!("not taken as a report: {report:?}") };
    assert_eq!((report.status.as_str(), Some(report.phone)), ("delivered", message.phone()));

    let is_reconciling = |event| serde_json::from_value::<Tick>(event).unwrap().reconcile;
    assert!(!is_reconciling(tick) && is_reconciling(missed));
    table.stop().await;
}

/// A client without any secrets.
fn secrets() -> Secrets {
    let nobody = aws_sdk_secretsmanager::Config::builder().behavior_version_latest().build();
    Secrets::of(aws_sdk_secretsmanager::Client::from_conf(nobody))
}

/// Both webhook functions answer like this before they need a secret: this one has none.
#[tokio::test]
async fn a_function_proves_which_installation_it_is() {
    let mut tables = Vec::new();
    for _ in 0..2 {
        let table = EmbeddedTable::memory().unwrap();
        let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 86_400_000);
        ledger.create_if_missing().await.unwrap();
        tables.push((table, ledger));
    }
    let [ours, theirs] = [&tables[0].1, &tables[1].1];
    let functions = [ours, ours, theirs].map(|ledger| Function::new(ledger.clone(), secrets()));
    let challenge = Challenge::fresh(&installation::world());
    let mut get = request(CALLBACK_PATH, &format!("{CHALLENGE}={}", challenge.as_str()), None, "");
    get["requestContext"]["http"]["method"] = json!("GET");
    let get = web::decode(serde_json::from_value(get).unwrap());
    let mut judged = Vec::new();
    for function in &functions {
        let answer = function.proof(&get).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        judged.push(challenge.judge(answer.body.as_bytes(), ours).await.unwrap());
    }
    assert_eq!(judged, [Answered::This, Answered::This, Answered::Another]);
    let post = request(CALLBACK_PATH, &format!("{CHALLENGE}={}", challenge.as_str()), None, "{}");
    assert!(functions[0].proof(&web::decode(serde_json::from_value(post).unwrap())).await.is_none());
    for (table, _) in tables {
        table.stop().await;
    }
}

/// The reconciler does this each minute, before the sweep of the next minute.
#[tokio::test]
async fn what_a_version_held_is_looked_at_anew_once_another_one_has_other_hours() {
    const LATER_MS: i64 = 1_900_000_000_000;
    let table = EmbeddedTable::memory().unwrap();
    let ledger = Ledger::new(embedded_client(table.http_client()), "recado", 86_400_000);
    ledger.create_if_missing().await.unwrap();
    let held = Message {
        state: State::Held,
        due_ms: Some(LATER_MS),
        ..Message::new(MessageId::from_bytes([1; 16]), "welcome", "lead-1", Channel::Sms, 1, LATER_MS + 1)
    };
    ledger.insert_messages(std::slice::from_ref(&held)).await.unwrap();
    let due_ms = async || ledger.messages(&[held.id]).await.unwrap()[0].due_ms;
    // Each function acts as if it had just started: it reads the version at once.
    let follow = async |text: &str| {
        ledger.push_config(text, "ana", 1).await.unwrap();
        let function = Function::new(ledger.clone(), secrets());
        function.follow_version().await.unwrap();
        function.follow_version().await.unwrap();
    };
    let text = "version: 1\nleadsquared: { plan: pro }\nhours: { sms: \"08:00-09:00\" }\nrules: []\n";
    follow(text).await;
    follow(&text.replace("rules", "phones: { add_ninth_digit: true }\nrules")).await;
    assert_eq!(due_ms().await, Some(LATER_MS), "nothing that holds messages has changed");
    follow(&text.replace("09:00", "20:00")).await;
    assert!(due_ms().await < Some(LATER_MS));
    table.stop().await;
}
