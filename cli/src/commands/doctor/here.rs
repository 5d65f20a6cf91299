//! Checks of this installation: the table, its stream, the secrets and the callback address.

use std::time::Duration;

use recado_ledger::Ledger;
use recado_pipeline::{
    proof::{Answered, CHALLENGE, Challenge},
    reconcile::WebhookHealth,
    secrets::{CALLBACK_PATH, Secret, WEBHOOK_PATH},
    sync::UnknownFields,
};
use recado_runtime::environment::{callback_secret, panel_secret, public_url, webhook_secret};

use url::Url;

use super::{Finding, State};
use crate::{data::Store, installation::world, output, serve::QUARANTINE};

/// How many days back unreadable deliveries are counted. Older ones are no longer news, since their cause may be
/// repaired.
const LOOK_BACK_DAYS: i64 = 7;
/// The name of the check of this installation's own address.
const CHECK: &str = "callback address";
/// The timeout of a request to this installation's own address.
const ANSWER: Duration = Duration::from_secs(10);

/// Checks the table: that it answers, that its stream is on, and that the write-back gave up no row.
pub(super) async fn table(store: &Store) -> Vec<Finding> {
    let name = store.ledger.table();
    let mut findings = vec![match store.ledger.setting("doctor").await {
        Ok(_) => Finding::good("table", format!("{name} answers")),
        Err(error) => {
            return vec![Finding::wrong("table", error.to_string(), "check that the table exists and may be read")];
        }
    }];
    if store.is_shared() {
        findings.push(match store.ledger.stream_arn().await {
            Ok(Some(_)) => Finding::good("stream", "it is on"),
            Ok(None) => Finding::wrong(
                "stream",
                "the table has none: messages wait for the next sweep",
                "enable a stream on the table, keys only",
            ),
            Err(error) => Finding::wrong("stream", error.to_string(), "check that the table may be described"),
        });
    }
    findings.push(match store.ledger.parked_reasons().await {
        Ok(reasons) if reasons.is_empty() => Finding::good("write-back", "no row was given up"),
        Ok(reasons) => {
            let all: u64 = reasons.values().sum();
            let most = reasons.iter().max_by_key(|(_, count)| **count).map_or("", |(why, _)| why);
            Finding::wrong(
                "write-back",
                format!("LeadSquared refused {all} rows for good, for {} reasons; most often: {most}", reasons.len()),
                "repair the reason in LeadSquared or in the configuration; `recado messages --json` names the rows",
            )
        }
        Err(error) => Finding::not_checked("write-back", error.to_string()),
    });
    findings.push(left_out(store).await);
    findings.push(not_understood(store).await);
    findings.push(switched_off(store).await);
    findings.extend(set_aside(store));
    findings
}

/// Counts deliveries that lacked a needed value or could not be read.
async fn not_understood(store: &Store) -> Finding {
    const CHECK: &str = "deliveries not understood";
    let since_ms = world().now_ms() - LOOK_BACK_DAYS * 86_400_000;
    match store.ledger.not_understood(since_ms).await {
        Ok(reasons) if reasons.is_empty() => Finding::good(CHECK, format!("none in {LOOK_BACK_DAYS} days")),
        Ok(reasons) => {
            let all: u64 = reasons.values().sum();
            let most = reasons.iter().max_by_key(|(_, count)| **count).map_or("", |(why, _)| why);
            Finding::warning(
                CHECK,
                format!("{all} in {LOOK_BACK_DAYS} days, for {} reasons; most often: {most}", reasons.len()),
                "`recado messages --json` lists them with their leads; nothing was sent for them",
            )
        }
        Err(error) => Finding::not_checked(CHECK, error.to_string()),
    }
}

/// Reports webhooks that LeadSquared had switched off at the last reconciliation that looked.
async fn switched_off(store: &Store) -> Finding {
    const CHECK: &str = "webhooks, last looked at";
    match WebhookHealth::load(&store.ledger).await {
        Ok(None) => Finding::not_checked(CHECK, "no reconciliation has looked at them yet"),
        Ok(Some(health)) if health.switched_off.is_empty() => {
            Finding::good(CHECK, format!("none was switched off at {}", output::instant(health.looked_ms)))
        }
        Ok(Some(health)) => Finding::wrong(
            CHECK,
            format!(
                "at {} LeadSquared had switched off {} after too many failures",
                output::instant(health.looked_ms),
                health.switched_off.iter().map(|one| one.event.as_str()).collect::<Vec<_>>().join(", ")
            ),
            "repair the cause, then run `recado setup leadsquared --update`; Recado looks again within an hour",
        ),
        Err(error) => Finding::not_checked(CHECK, error.to_string()),
    }
}

/// Delivery reports that the table never takes. Without a directory the log alone tells of them.
fn set_aside(store: &Store) -> Option<Finding> {
    const CHECK: &str = "reports set aside";
    let path = store.directory()?.join(QUARANTINE);
    Some(match std::fs::read_to_string(&path) {
        Ok(lines) => Finding::warning(
            CHECK,
            format!("the table refused {} delivery reports for good", lines.lines().count()),
            format!("report it with a line of {}, without its phone; then remove the file", path.display()),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Finding::good(CHECK, "none"),
        Err(error) => Finding::not_checked(CHECK, format!("{}: {error}", path.display())),
    })
}

/// Reports fields that LeadSquared refused by name. Every write since then leaves them out.
async fn left_out(store: &Store) -> Finding {
    const CHECK: &str = "fields left out";
    match UnknownFields::load(&store.ledger, world().now_ms()).await {
        Ok(unknown) => {
            let names: Vec<&str> = unknown.iter().map(|(name, _)| name).collect();
            if names.is_empty() {
                return Finding::good(CHECK, "LeadSquared accepts every field that Recado writes");
            }
            Finding::wrong(
                CHECK,
                format!("LeadSquared does not know {}: Recado writes outcomes without it", names.join(", ")),
                "run `recado setup leadsquared`, or name a field that exists; Recado tries again within 6 hours",
            )
        }
        Err(error) => Finding::not_checked(CHECK, error.to_string()),
    }
}

/// Checks that the secrets are set, cannot be guessed, and open one door each.
pub(super) fn secrets() -> Vec<Finding> {
    const SET: &str = "set it to what `openssl rand -hex 24` prints";
    const PANEL: &str = "LigueLead's panel";
    let (webhook, callback, panel) = (webhook_secret(), callback_secret(), panel_secret());
    let one = |check, name, secret: &anyhow::Result<Secret>| match secret {
        Ok(_) => Finding::good(check, format!("{name} is set")),
        Err(error) => Finding::wrong(check, error.to_string(), SET),
    };
    let mut findings = vec![
        one("webhook secret", "RECADO_WEBHOOK_SECRET", &webhook),
        one("callback secret", "RECADO_CALLBACK_SECRET", &callback),
        match &panel {
            Ok(Some(_)) => Finding::good(PANEL, "its address has a secret of its own, RECADO_PANEL_SECRET"),
            Ok(None) => Finding::good(PANEL, "its address is closed: RECADO_PANEL_SECRET is not set"),
            Err(error) => Finding::wrong(PANEL, error.to_string(), SET),
        },
    ];
    let panel = panel.ok().flatten();
    let pairs = [
        ("RECADO_WEBHOOK_SECRET", webhook.as_ref().ok(), "RECADO_CALLBACK_SECRET", callback.as_ref().ok()),
        ("RECADO_WEBHOOK_SECRET", webhook.as_ref().ok(), "RECADO_PANEL_SECRET", panel.as_ref()),
        ("RECADO_CALLBACK_SECRET", callback.as_ref().ok(), "RECADO_PANEL_SECRET", panel.as_ref()),
    ];
    for (name, secret, other_name, other) in pairs {
        if secret.zip(other).is_some_and(|(secret, other)| secret.shares_a_value_with(other)) {
            let todo = "change one of them: who reads one secret then opens one door";
            findings.push(Finding::warning("secrets", format!("{name} and {other_name} share a value"), todo));
        }
    }
    findings
}

/// Checks the address that vendors send requests to. It must answer 200 to `HEAD` and `GET` without a body, and it must
/// be this installation's.
pub(super) async fn callback_address(store: &Store) -> Vec<Finding> {
    let public = match public_url() {
        Ok(Some(public)) => public,
        Ok(None) => {
            return vec![Finding::warning(
                CHECK,
                "RECADO_PUBLIC_URL is not set",
                "set it to this installation's own address, or RECADO_PANEL_SECRET and the address in LigueLead's panel",
            )];
        }
        Err(error) => {
            return vec![Finding::wrong(CHECK, format!("{error:#}"), "write it in the form https://host[/path]")];
        }
    };
    let mut findings = Vec::new();
    if public.scheme() != "https" {
        let todo = "put it behind https: callbacks and webhooks carry phones";
        findings.push(Finding::warning(CHECK, "it is plain http", todo));
    }
    let Ok(http) = vendor_http::client_builder().timeout(ANSWER).redirect(reqwest::redirect::Policy::none()).build()
    else {
        findings.push(Finding::not_checked(CHECK, "no HTTP client could be made"));
        return findings;
    };
    let ledger = &store.ledger;
    for path in [WEBHOOK_PATH, CALLBACK_PATH] {
        let mut url = public.clone();
        url.set_path(&format!("{}{path}", public.path().trim_end_matches('/')));
        let before = findings.len();
        for method in [reqwest::Method::HEAD, reqwest::Method::GET] {
            let answer = http.request(method.clone(), url.clone()).send().await;
            findings.push(match answer {
                Ok(answer) if answer.status() == 200 => Finding::good(CHECK, format!("{method} {path} answers 200")),
                Ok(answer) => Finding::wrong(
                    CHECK,
                    format!("{method} {path} answers {}", answer.status().as_u16()),
                    "RECADO_PUBLIC_URL must lead to this installation, without a login or a redirect before it",
                ),
                Err(_) => Finding::wrong(
                    CHECK,
                    format!("{method} {path} does not answer from here"),
                    "start the installation, and check that RECADO_PUBLIC_URL can be reached from outside",
                ),
            });
        }
        // An address that does not answer cannot say which installation it is.
        if findings.iter().skip(before).all(|one| one.state == State::Good) {
            findings.push(whose(ledger, &http, url, path).await);
        }
    }
    findings
}

/// Checks that this installation answers at the address, and not another installation or another server.
async fn whose(ledger: &Ledger, http: &reqwest::Client, mut url: Url, path: &str) -> Finding {
    const TODO: &str = "RECADO_PUBLIC_URL must lead to this installation: correct it, or the proxy that answers there, and \
                        start this installation again";
    match ledger.config_version().await {
        Ok(Some(_)) => {}
        Ok(None) => return Finding::not_checked(CHECK, format!("whose {path} is: nothing is installed here yet")),
        Err(error) => return Finding::not_checked(CHECK, error.to_string()),
    }
    let challenge = Challenge::fresh(&world());
    url.query_pairs_mut().append_pair(CHALLENGE, challenge.as_str());
    let answer = async { http.get(url).send().await?.error_for_status()?.bytes().await };
    let Ok(answer) = answer.await else {
        return Finding::not_checked(CHECK, format!("whose {path} is: it did not answer a second time"));
    };
    match challenge.judge(&answer, ledger).await {
        Ok(Answered::This) => Finding::good(CHECK, format!("{path} is this installation")),
        Ok(Answered::Another) => Finding::wrong(CHECK, format!("{path} is another installation"), TODO),
        Ok(Answered::WithoutProof) => {
            let what = format!("{path} is another server, or an earlier release of recado");
            Finding::wrong(CHECK, what, TODO)
        }
        Err(error) => Finding::not_checked(CHECK, error.to_string()),
    }
}
