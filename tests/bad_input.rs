//! Harmful variants of good input, sent to the real `serve`. Each gets a clear answer, nothing else is lost, and
//! nothing panics.

mod configuration;
mod hostile;
mod random_bytes;
mod sockets;
mod twins;
mod vendor;

use std::path::PathBuf;

use crate::support::{Installation, Lead, MessageLine, Setup};
use futures::{StreamExt as _, stream};
use serde_json::Value;

/// The number of requests under way at once.
const AT_ONCE: usize = 16;
/// The number of a lead that no harmful body mentions.
const GOOD: u32 = 77_777_777;
/// Rules that a harmful body may break: each kind of event, a condition, helpers, a watched field.
const RULES: &str = "  - { id: welcome, on: lead.created, when: lead.Source == \"Site\", sms: \"Boas-vindas.\" }
  - { id: named, on: lead.created, sms: \"Olá {{ lead.FirstName | first_name }}.\" }
  - { id: stage, on: lead.stage, to: Qualified, sms: \"{{ lead.FirstName }}, a sua proposta está pronta.\" }
  - { id: field, on: lead.changed, field: mx_Boleto_Valor, sms: \"{{ lead.mx_Boleto_Valor | brl }} até {{ lead.mx_Boleto_Vencimento | date }}\" }
  - { id: call, on: activity.created, activity: 22, when: activity.Status == \"NotAnswered\", flash: \"Ligamos.\" }
";

/// A webhook: query, content type, body.
#[derive(Debug, Clone)]
struct Webhook {
    query: String,
    kind: String,
    body: Vec<u8>,
}

impl Webhook {
    fn json(body: impl Into<Vec<u8>>) -> Self {
        Self { query: crate::support::NEW.to_owned(), kind: "application/json".to_owned(), body: body.into() }
    }
}

async fn installation() -> Installation {
    Installation::start(Setup::new(RULES).in_memory().await).await
}

/// Posts everything, and asserts the properties of every answer. Returns the `Status` of the answers, in order.
async fn post_all(installation: &Installation, webhooks: impl IntoIterator<Item = Webhook>) -> Vec<String> {
    let posts = webhooks.into_iter().map(async |webhook| {
        let shown = format!("{} {} {:.80}", webhook.query, webhook.kind, String::from_utf8_lossy(&webhook.body));
        let (status, said) = installation.post_bytes(&webhook.query, &webhook.kind, webhook.body).await;
        assert_eq!(status, 200, "{shown}: {said}");
        let said = said.as_object().unwrap_or_else(|| panic!("{shown}: {said}"));
        assert_eq!(said.keys().collect::<Vec<_>>(), ["Status", "StatusReason"], "{shown}");
        let (status, reason) = (said["Status"].as_str().unwrap(), said["StatusReason"].as_str().unwrap());
        match status {
            "Success" => assert_eq!(reason, "", "{shown}"),
            "Error" => assert!(!reason.is_empty(), "{shown}"),
            other => panic!("{shown}: {other}"),
        }
        status.to_owned()
    });
    stream::iter(posts.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await
}

/// Asserts that nothing panicked and that a good event is still delivered.
async fn still_well(installation: &mut Installation) {
    let lead = Lead::new(GOOD);
    installation.take(&lead.created()).await;
    let what = "the good lead's messages are delivered";
    crate::support::wait_until(what, async || {
        let report = installation.messages().await;
        let messages: Vec<&MessageLine> = report.of(&lead.id);
        (messages.len() == 2 && messages.iter().all(|message| message.state == "delivered")).then_some(())
    })
    .await;
    assert!(installation.is_running());
    no_panic(installation);
}

fn no_panic(installation: &Installation) {
    for line in installation.log.all() {
        assert!(!line.contains("panicked") && !line.contains("webhook.not_stored"), "{line}");
    }
}

/// The good bodies, with their names.
fn fixtures() -> Vec<(String, String)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/leadsquared");
    let mut fixtures: Vec<(String, String)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json" || extension == "txt"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap().trim().to_owned())
        })
        .collect();
    fixtures.sort();
    assert!(fixtures.len() >= 20, "{fixtures:?}");
    fixtures
}

/// The JSON pointers of all values inside a JSON value, without the root.
fn places(value: &Value) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(object) => {
            let escape = |name: &String| name.replace('~', "~0").replace('/', "~1");
            object.iter().map(|(name, value)| (format!("/{}", escape(name)), value)).collect()
        }
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (format!("/{at}"), value)).collect(),
        _ => Vec::new(),
    };
    let deeper = |(place, value): (String, &Value)| {
        let below: Vec<String> = places(value).into_iter().map(|below| format!("{place}{below}")).collect();
        [vec![place], below].concat()
    };
    inside.into_iter().flat_map(deeper).collect()
}
