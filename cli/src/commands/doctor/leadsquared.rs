//! Checks of LeadSquared: credentials, region, clock, rate, activity type, fields, webhooks.

use std::{collections::BTreeSet, time::Duration};

use leadsquared::{Admitted, CallError, Standard, User};
use recado_core::config::Config;
use recado_pipeline::{
    crm::CrmError,
    setup::{Account, HookTarget, Setup, Standing, Wanted, fields_used},
};
use recado_runtime::environment::{
    leadsquared_base_url, leadsquared_client, leadsquared_credentials, public_url, webhook_secret,
};

use super::{Finding, TURN_MS, clock};
use crate::{
    commands::usage,
    data::Store,
    installation::{self, world},
};

const CREDENTIALS: &str = "LeadSquared credentials";
const REGION: &str = "LeadSquared region";
const RATE: &str = "LeadSquared rate";
const FIELDS: &str = "LeadSquared fields";
const WEBHOOKS: &str = "LeadSquared webhooks";

pub(super) async fn all(config: &Config, store: &Store) -> Vec<Finding> {
    let mut findings = vec![rate(config, store).await];
    let client = leadsquared_credentials().and_then(|credentials| {
        let timeout = Duration::from_millis(config.send.call_timeout_ms);
        leadsquared_client(&leadsquared_base_url(), &credentials, timeout)
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            findings.push(Finding::wrong(CREDENTIALS, format!("{error:#}"), "set the variable"));
            return findings;
        }
    };
    let crm = installation::crm(config, client, &store.ledger);
    let setup = Setup { crm, ledger: store.ledger.clone() };
    let asked = setup.crm.call(until_ms(), async |crm: Admitted<'_, Standard>| crm.who_am_i().await).await;
    let user = match asked {
        Ok(user) => user,
        Err(error) => {
            findings.push(no_user(&error));
            for check in [REGION, FIELDS, WEBHOOKS] {
                findings.push(Finding::not_checked(check, "LeadSquared did not name the user of the keys"));
            }
            return findings;
        }
    };
    findings.push(Finding::good(CREDENTIALS, "LeadSquared knows them"));
    findings.push(clock("LeadSquared", user.server_ms, world().now_ms()));
    findings.push(author(config, &user));
    let region = region(&user);
    let is_here = region.state == super::State::Good;
    findings.push(region);
    match setup.account(&config.leadsquared.activity, until_ms()).await {
        Ok(account) => findings.extend(of_account(config, &account)),
        Err(error) => {
            let why = if is_here { error.to_string() } else { "another region's host answers nothing else".to_owned() };
            findings.push(Finding::not_checked(FIELDS, why.clone()));
            findings.push(Finding::not_checked(WEBHOOKS, why));
        }
    }
    findings
}

fn no_user(error: &CrmError) -> Finding {
    match error {
        CrmError::Call(CallError::Credentials { .. }) => Finding::wrong(
            CREDENTIALS,
            error.to_string(),
            "compare LEADSQUARED_ACCESS_KEY (it may hold a literal $) and LEADSQUARED_SECRET_KEY with Settings > API and \
             Webhooks; the keys' user must be active",
        ),
        CrmError::Call(_) => Finding::wrong(
            CREDENTIALS,
            format!("LeadSquared cannot be reached: {error}"),
            "check LEADSQUARED_BASE_URL and this machine's network; outcomes wait meanwhile",
        ),
        _ => Finding::not_checked(CREDENTIALS, error.to_string()),
    }
}

/// Compares the rate that refusals of the account taught with the configured rate.
async fn rate(config: &Config, store: &Store) -> Finding {
    let report = match usage::report(config, store).await {
        Ok(report) => report,
        Err(error) => return Finding::not_checked(RATE, format!("{error:#}")),
    };
    let told = report.limits.iter().filter(|limit| limit.name.starts_with("LeadSquared"));
    let notes: Vec<&str> = told.flat_map(|limit| limit.notes.iter().map(String::as_str)).collect();
    if notes.iter().any(|note| note.starts_with("learnt")) {
        return Finding::wrong(
            RATE,
            format!("{}; the configuration allows {} calls in 5 s", notes.join(", "), config.leadsquared.calls_per_5s),
            "write the true number as leadsquared.calls_per_5s (or bulk_calls_per_5s), then `recado forget-limit`",
        );
    }
    match notes.first() {
        Some(note) => Finding::warning(RATE, *note, "wait; every function waits"),
        None => {
            Finding::good(RATE, format!("no refusal has contradicted {} calls in 5 s", config.leadsquared.calls_per_5s))
        }
    }
}

/// Whether the configuration ignores the edits of the keys' user.
fn author(config: &Config, user: &User) -> Finding {
    const CHECK: &str = "integration user";
    match (&config.leadsquared.integration_user, &user.id) {
        (_, None) => Finding::not_checked(CHECK, "LeadSquared does not name the user of the keys"),
        (Some(configured), Some(id)) if configured.eq_ignore_ascii_case(id) => {
            Finding::good(CHECK, "the keys belong to the integration user, whose edits start no rule")
        }
        (Some(_), Some(id)) => Finding::wrong(
            CHECK,
            "the keys belong to another user: Recado's own edits would start rules",
            format!("leadsquared.integration_user: {id}"),
        ),
        (None, Some(id)) => Finding::warning(
            CHECK,
            "none is configured: edits by the keys' user count as a person's, and so do Recado's own",
            format!("leadsquared.integration_user: {id}"),
        ),
    }
}

fn region(user: &User) -> Finding {
    let base_url = leadsquared_base_url();
    match &user.api_host {
        None => Finding::not_checked(REGION, "LeadSquared does not name the account's host"),
        Some(host) if base_url.contains(host.as_str()) => {
            Finding::good(REGION, format!("{host} is the account's host"))
        }
        Some(host) => Finding::wrong(
            REGION,
            format!("the account is served by {host}"),
            format!("LEADSQUARED_BASE_URL=https://{host}/v2"),
        ),
    }
}

/// Checks the activity type, the fields and the webhooks.
fn of_account(config: &Config, account: &Account) -> Vec<Finding> {
    let target = public_url()
        .ok()
        .flatten()
        .zip(webhook_secret().ok())
        .map(|(public_url, secret)| HookTarget { public_url, secret: secret.newest() });
    let items = Wanted::of(config, target.as_ref()).against(account);
    let mut findings: Vec<Finding> = items
        .iter()
        .map(|item| {
            let check = match item.kind {
                "activity type" => "LeadSquared activity type",
                "lead field" => FIELDS,
                _ => WEBHOOKS,
            };
            match &item.standing {
                Standing::Found => Finding::good(check, format!("{} is there", item.name)),
                Standing::Missing => {
                    Finding::wrong(check, format!("{} is missing", item.name), "recado setup leadsquared")
                }
                Standing::Differs(why) => {
                    Finding::wrong(check, format!("{}: {why}", item.name), "recado setup leadsquared --update")
                }
                Standing::ByHand(why) => Finding::wrong(
                    check,
                    format!("{}: {why}", item.name),
                    "repair it in LeadSquared or in the configuration",
                ),
            }
        })
        .collect();
    if target.is_none() {
        findings.push(Finding::not_checked(WEBHOOKS, "RECADO_PUBLIC_URL or RECADO_WEBHOOK_SECRET is not set"));
    }
    findings.push(fields_of_rules(config, account));
    findings
}

/// Whether the account knows every field that rules and campaigns read.
fn fields_of_rules(config: &Config, account: &Account) -> Finding {
    let known: BTreeSet<&str> = account.fields.iter().map(|field| field.schema_name.as_str()).collect();
    let used = fields_used(config);
    let unknown: Vec<String> = used
        .iter()
        .filter(|(field, _)| !known.contains(field.as_str()))
        .map(|(field, rules)| format!("{field} ({})", rules.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    if unknown.is_empty() {
        return Finding::good(FIELDS, format!("LeadSquared knows all {} that rules and campaigns read", used.len()));
    }
    Finding::wrong(
        FIELDS,
        format!("the account does not know {}", unknown.join("; ")),
        "write the field's schema name as in LeadSquared; its case matters",
    )
}

fn until_ms() -> i64 {
    world().now_ms() + TURN_MS
}
