//! LigueLead: its simulator, in process below the client, and everything that can go wrong between them.

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use liguelead::{Answered, Fault, Transport};
use recado_simulators::liguelead::Reply;
use reqwest::{Request, Response};
use serde_json::Value;
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use super::{
    log::Call,
    scenario::content,
    universe::{Event, Process, Universe},
};

/// The timeout of a request. The configuration of every scenario has the same value.
const CALL_TIMEOUT_MS: u64 = 20_000;
const HTML: &str = "<html><head><title>Bad Gateway</title></head><body>nginx</body></html>";

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// LigueLead answers it.
    Answered,
    NotReached,
    /// LigueLead answers with this status and did nothing.
    TurnedAway(u16),
    /// LigueLead answers with this status but carried the request out. 202 has an invalid body.
    Misreported(u16),
    /// The request was carried out or not, and the connection is lost.
    Lost {
        done: bool,
    },
    /// The request was carried out or not, or will be, and no response comes in time.
    Silent {
        done: bool,
    },
}

/// One process's connection to LigueLead.
pub(super) struct Line {
    pub(super) universe: Arc<Universe>,
    pub(super) process: Process,
}

impl Transport for Line {
    fn call(&self, request: Request) -> Answered<'_> {
        Box::pin(async move {
            let (universe, process) = (&self.universe, self.process);
            let fate = fate(universe);
            let call = noted(universe, &request);
            universe.tell(format_args!("process {}: call {call}: {fate:?}", process.slot));
            let answer = answer(universe, process, call, request, &fate).await;
            // The process may die right after it got the response.
            universe.step(process, 5).await;
            answer
        })
    }
}

async fn answer(
    universe: &Arc<Universe>,
    process: Process,
    call: usize,
    request: Request,
    fate: &Fate,
) -> Result<Response, Fault> {
    let way_ms = universe.draw(|rng| rng.u64(1..=300));
    match *fate {
        Fate::NotReached => {
            universe.step(process, 5_000).await;
            Err(Fault::Connect)
        }
        Fate::TurnedAway(status) => {
            sleep(Duration::from_millis(way_ms)).await;
            Ok(refusal(status))
        }
        Fate::Lost { done } => {
            if done {
                arrives(universe, call, request, way_ms);
            }
            sleep(Duration::from_millis(2 * way_ms)).await;
            Err(Fault::Lost)
        }
        Fate::Silent { done } => {
            if done {
                // The request may wait in a queue beyond every timeout.
                let late_ms = universe.draw(|rng| rng.u64(0..=2 * CALL_TIMEOUT_MS));
                arrives(universe, call, request, late_ms);
            }
            sleep(Duration::from_millis(CALL_TIMEOUT_MS)).await;
            Err(Fault::Timeout)
        }
        Fate::Answered | Fate::Misreported(_) => {
            let reply = arrives(universe, call, request, way_ms);
            let slow_ms = if universe.happens(|weather| weather.vendor_slow) {
                universe.draw(|rng| rng.u64(0..=CALL_TIMEOUT_MS * 3 / 2))
            } else {
                way_ms
            };
            let answered = timeout(Duration::from_millis(CALL_TIMEOUT_MS), async {
                let reply = reply.await;
                sleep(Duration::from_millis(slow_ms)).await;
                reply
            });
            match (answered.await, fate) {
                (Err(_), _) => Err(Fault::Timeout),
                (Ok(Err(_)), _) => Err(Fault::Lost),
                (Ok(Ok(reply)), Fate::Misreported(status)) if reply.status.is_success() => {
                    Ok(response(*status, HeaderMap::new(), HTML.to_owned()))
                }
                (Ok(Ok(reply)), _) => Ok(response(reply.status.as_u16(), reply.headers, reply.body)),
            }
        }
    }
}

fn fate(universe: &Universe) -> Fate {
    let one_of = |statuses: &[u16]| universe.draw(|rng| super::scenario::pick(rng, statuses));
    let done = |universe: &Universe| universe.draw(|rng| rng.bool());
    if universe.happens(|weather| weather.vendor_not_reached) {
        Fate::NotReached
    } else if universe.happens(|weather| weather.vendor_turns_away) {
        Fate::TurnedAway(one_of(&[429, 503]))
    } else if universe.happens(|weather| weather.vendor_refuses) {
        Fate::TurnedAway(one_of(&[400, 401, 402, 403, 413, 415]))
    } else if universe.happens(|weather| weather.vendor_loses_answer) {
        let done = done(universe);
        if universe.draw(|rng| rng.bool()) { Fate::Lost { done } } else { Fate::Silent { done } }
    } else if universe.happens(|weather| weather.vendor_fails_after) {
        Fate::Misreported(one_of(&[202, 302, 408, 500, 502, 504]))
    } else {
        Fate::Answered
    }
}

/// Notes a request as it leaves.
fn noted(universe: &Universe, request: &Request) -> usize {
    let body: Value = serde_json::from_slice(bytes(request)).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let url: Option<url::Url> = body["webhook_url"].as_str().and_then(|url| url.parse().ok());
    let batch = url.and_then(|url| url.query_pairs().find(|(name, _)| name == "batch").map(|(_, id)| id.into_owned()));
    let is_call = request.url().path().ends_with("/voice");
    let call = Call {
        at_ms: universe.now_ms(),
        phones: body["phones"].as_array().map(|phones| phones.iter().map(text).collect()).unwrap_or_default(),
        content: content(is_call, &text(&body["title"]), &text(&body["message"])),
        dials: is_call,
        redials_until_min: body["retry_end_time"].as_str().and_then(minutes),
        accepted: false,
        batch: batch.unwrap_or_default(),
        credits_each: 0,
    };
    let mut state = universe.state();
    state.log.calls.push(call);
    state.log.calls.len() - 1
}

/// The minute of the day for `HH:MM`.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?)
}

pub(super) fn bytes(request: &Request) -> &[u8] {
    request.body().and_then(|body| body.as_bytes()).unwrap_or_default()
}

/// Delivers the request. The bytes arrive whatever happens to their sender.
fn arrives(universe: &Arc<Universe>, call: usize, request: Request, after_ms: u64) -> oneshot::Receiver<Reply> {
    let (tell, told) = oneshot::channel();
    let universe = Arc::clone(universe);
    tokio::spawn(async move {
        sleep(Duration::from_millis(after_ms)).await;
        // The receiver of the reply may be gone.
        let _ = tell.send(work(&universe, call, &request));
    });
    told
}

fn work(universe: &Universe, call: usize, request: &Request) -> Reply {
    let now_ms = universe.now_ms();
    let (method, path, headers) =
        (request.method().clone(), request.url().path().to_owned(), request.headers().clone());
    let mut reply = {
        let mut state = universe.state();
        let at_ms = u64::try_from(now_ms).unwrap_or_default();
        let reply = state.vendor.call(at_ms, &method, &path, headers, bytes(request).to_vec());
        let campaign = state.vendor.received().campaigns.pop().filter(|_| reply.status.is_success());
        if let (Some(campaign), Some(call)) = (campaign, state.log.calls.get_mut(call)) {
            call.accepted = true;
            call.credits_each = i64::try_from(campaign.credits_each).unwrap_or(i64::MAX);
            let about = (call.content.clone(), call.batch.clone());
            state.log.campaigns.insert(campaign.id, about);
        }
        reply
    };
    universe.tell(format_args!("LigueLead answers call {call}: {}", reply.status));
    super::oracle::at_call(universe, call);
    for callback in std::mem::take(&mut reply.callbacks) {
        let after_ms = i64::try_from(callback.after_ms).unwrap_or(i64::MAX);
        if universe.happens(|weather| weather.report_lost) {
            continue;
        }
        if universe.happens(|weather| weather.twice) {
            let later_ms = universe.draw(|rng| rng.i64(0..=3_600_000));
            universe.after(after_ms + later_ms, Event::Report(Box::new(callback.clone())));
        }
        universe.after(after_ms, Event::Report(Box::new(callback)));
    }
    reply
}

fn refusal(status: u16) -> Response {
    let mut headers = HeaderMap::new();
    if status == 429 {
        headers.insert("retry-after", http::HeaderValue::from_static("7"));
    }
    response(status, headers, r#"{"error":"simulated"}"#.to_owned())
}

pub(super) fn response(status: u16, headers: HeaderMap, body: String) -> Response {
    let mut response = http::Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    *response.headers_mut() = headers;
    response.into()
}
