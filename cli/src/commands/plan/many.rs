//! `recado plan --events FILE`: plans a file of many deliveries, and shows the plan.

use std::path::Path;

use anyhow::{Context as _, bail};
use recado_core::config::Config;
use recado_pipeline::plan::{Delivery, Followed, Going, ManyPlan, plan_many};
use recado_runtime::installation::crm_account;
use serde_json::{Map, Value};

use crate::{
    commands::planned::{priced, show_arrival},
    data::{Location, Store},
    output,
};

/// How many different texts are shown, and how many reasons of one rule; `--json` has all.
const SHOWN: usize = 20;

/// Plans the deliveries of a file. Without `data` it assumes that nothing was sent before and that nobody is
/// suppressed.
pub(super) async fn planned(
    config: &Config,
    file: &Path,
    kind: Option<&str>,
    data: Option<&Location>,
    now_ms: i64,
    each: bool,
) -> anyhow::Result<ManyPlan> {
    let name = file.display().to_string();
    let text = super::super::read(file)?;
    let deliveries = deliveries(&text, kind).with_context(|| name)?;
    let store = match data.filter(|data| **data != Location::Memory) {
        Some(data) => Store::open(data).await?,
        None => Store::empty(config.retention_ms).await?,
    };
    in_table(config, &store, &deliveries, data.is_some(), now_ms, each).await
}

async fn in_table(
    config: &Config,
    store: &Store,
    deliveries: &[Delivery],
    looks_at_audios: bool,
    now_ms: i64,
    each: bool,
) -> anyhow::Result<ManyPlan> {
    let audios = if looks_at_audios { Some(store.ledger.audios().await?.audios) } else { None };
    let account = crm_account(config, &store.ledger);
    Ok(plan_many(config, (&store.ledger, &account), deliveries, now_ms, audios.as_deref(), each).await?)
}

/// Reads the deliveries of a file. The file holds JSON values one after another, on any lines, or one list of them.
/// Each value is the body of a webhook, or `{"kind": …, "event": BODY}`.
fn deliveries(text: &str, kind: Option<&str>) -> anyhow::Result<Vec<Delivery>> {
    let mut values: Vec<Value> = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        values.push(value.context("the events must be JSON: one after another, or a list")?);
    }
    if let [Value::Array(list)] = values.as_mut_slice() {
        values = std::mem::take(list);
    }
    let read = values
        .into_iter()
        .enumerate()
        .map(|(place, value)| delivery(value, kind).with_context(|| format!("event {}", place + 1)));
    read.collect()
}

fn delivery(mut value: Value, kind: Option<&str>) -> anyhow::Result<Delivery> {
    let mut kind = kind.map(str::to_owned);
    if let Some(wrap) = value.as_object_mut().filter(|object| is_wrap(object)) {
        match wrap.remove("kind") {
            Some(Value::String(own)) => kind = Some(own),
            Some(_) => bail!("`kind` must be a text, such as \"lead.created\""),
            None => {}
        }
        value = wrap.remove("event").unwrap_or_default();
    }
    Ok(Delivery { kind, body: serde_json::to_vec(&value)? })
}

/// Whether an object is a body together with its kind. No body from LeadSquared has an object or list in `event`.
fn is_wrap(object: &Map<String, Value>) -> bool {
    let is_body = object.get("event").is_some_and(|event| event.is_object() || event.is_array());
    is_body && object.keys().all(|key| key == "kind" || key == "event")
}

pub(super) fn show(plan: &ManyPlan, credit_price: Option<f64>) {
    for event in &plan.each {
        super::show_event(event);
    }
    output::say(&format!("{} event(s), {} message(s)", plan.events, plan.messages));
    for (why, count) in &plan.not_asked {
        output::say(&format!("  {count:>9} no rule is asked: {why}"));
    }
    for (rule, tally) in &plan.rules {
        output::say(&format!("  {rule}: {} message(s)", tally.wants));
        let mut reasons: Vec<_> = tally.why_not.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (why, count) in reasons.into_iter().take(SHOWN) {
            output::say(&format!("    {count:>7} no message: {why}"));
        }
    }
    for (why, count) in &plan.skipped {
        output::say(&format!("  {count:>9} skipped: {why}"));
    }
    for text in plan.texts.iter().take(SHOWN) {
        let title = text.title.as_ref().map(|title| format!(" [{title}]")).unwrap_or_default();
        output::say(&format!(
            "  {:>9} x {}, {} characters, {} credit(s):{title} {}",
            text.recipients, text.channel, text.chars, text.credits, text.text
        ));
        show_arrival("            ", text.arrives.as_deref());
    }
    if plan.texts.len() > SHOWN {
        output::say(&format!("  {} different texts in all", plan.texts.len()));
    }
    output::say(&format!("  at once: {}", of(plan.now)));
    for (until_ms, going) in &plan.later {
        output::say(&format!("  from {}: {}", output::instant(*until_ms), of(*going)));
    }
    if plan.followed.messages > 0 {
        let Followed { messages, credits } = plan.followed;
        output::say(&format!("  at most {messages} more, {credits} credit(s), as fallbacks (else)"));
    }
    for (count, why) in [
        (plan.known, "are messages that were asked for before"),
        (plan.suppressed, "are suppressed"),
        (plan.capped, "are held by a cap"),
        (plan.over_quota, "wait for tomorrow's quota"),
        (plan.without_audio, "wait for their recording"),
    ] {
        if count > 0 {
            output::say(&format!("  {count} {why}"));
        }
    }
    show_books(plan, credit_price);
}

fn show_books(plan: &ManyPlan, credit_price: Option<f64>) {
    for budget in &plan.budgets {
        let of = |limit: Option<u64>| limit.map(|limit| format!(" of {limit}")).unwrap_or_default();
        output::say(&format!(
            "  {}: the budget of {}: {}{} message(s), {}{} credit(s) spent then",
            budget.day,
            budget.rule.as_deref().unwrap_or("the account"),
            budget.messages,
            of(budget.messages_per_day),
            budget.credits,
            of(budget.credits_per_day),
        ));
    }
    let credits = plan.now.credits + plan.later.values().map(|going| going.credits).sum::<u64>();
    output::say(&format!("  {credits} credit(s) by estimate, now and later{}", priced(credits, credit_price)));
    let crm = &plan.crm;
    if crm.incomplete_events > 0 {
        output::say(&format!(
            "  {} event(s) carry too little of their lead: it is read first, and was judged without that here",
            crm.incomplete_events
        ));
    }
    output::say(&format!(
        "  LeadSquared: {} call(s) to read, {} bulk and {} single calls to tell {} outcome(s), the last {} after it is there",
        crm.calls_to_read,
        crm.bulk_calls,
        crm.single_calls,
        crm.told,
        output::duration(crm.lasts_ms)
    ));
}

fn of(going: Going) -> String {
    format!("{} message(s) in {} request(s), {} credit(s)", going.messages, going.requests, going.credits)
}

#[cfg(test)]
mod tests {
    use super::deliveries;

    fn read(text: &str) -> Vec<(Option<String>, String)> {
        let all = deliveries(text, Some("6")).unwrap();
        all.into_iter().map(|one| (one.kind, String::from_utf8(one.body).unwrap())).collect()
    }

    #[test]
    fn lines_lists_and_kinds_are_read_alike() {
        let six = |body: &str| (Some("6".to_owned()), body.to_owned());
        let three = (Some("3".to_owned()), r#"{"a":1}"#.to_owned());
        assert_eq!(read("{\"a\":1}\n\n{\"b\":2}\n"), [six(r#"{"a":1}"#), six(r#"{"b":2}"#)]);
        assert_eq!(read("[{\"a\":1}, {\"kind\": \"3\", \"event\": {\"a\":1}}]"), [six(r#"{"a":1}"#), three.clone()]);
        assert_eq!(read("{\n  \"kind\": \"3\",\n  \"event\": {\"a\":1}\n}"), [three]);
        // A text in `event` belongs to a body.
        assert_eq!(read("{\"event\":\"x\"}"), [six(r#"{"event":"x"}"#)]);
        assert!(read("").is_empty());
        let error = deliveries("{\"a\":1}\n{\"b\":\n", None).map(drop).unwrap_err();
        assert!(format!("{error:#}").contains("line 3"), "{error:#}");
        assert!(deliveries("{\"kind\": 3, \"event\": {}}", None).is_err());
    }
}
