//! LeadSquared, as far as the send path uses it: who a lead is, and whether the lead has opted out since.

use std::{collections::BTreeMap, sync::Arc};

use fastrand::Rng;
use leadsquared::{Answered, Fault, Transport};
use recado_core::opt_out::{DO_NOT_CALL, DO_NOT_SMS};
use reqwest::{Request, header::HeaderMap};
use serde_json::{Map, Value, json};

use super::{
    limits::MINUTE_MS,
    log::Call,
    operator::Reach,
    oracle::SLOW_MS,
    scenario::{Change, is_call, one_in},
    universe::{Invariant, Process, Universe},
    vendor::{bytes, response},
};

/// The first name of every lead.
pub(super) const FIRST_NAME: &str = "Ana";
/// The fields for opt-outs of texts and of voice calls. Their names come from the configuration, or are LeadSquared's
/// own, which no configuration needs to name.
const NAMED: [&str; 2] = ["mx_Out", DO_NOT_CALL];
const OWN: [&str; 2] = [DO_NOT_SMS, DO_NOT_CALL];
/// The maximum age of a field's value when a message is sent, in minutes.
const FRESH_MIN: i64 = 10;

/// A lead that opts out.
#[derive(Debug, Clone)]
struct OptOut {
    phone: String,
    /// When it opts out, in ms since the epoch.
    at_ms: i64,
    of: Reach,
}

impl OptOut {
    fn forbids(&self, calls: bool) -> bool {
        matches!((self.of, calls), (Reach::All, _) | (Reach::Texts, false) | (Reach::Calls, true))
    }
}

/// All leads that LeadSquared knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Leads {
    phones: BTreeMap<String, String>,
    /// The leads that opt out, by their ids; `None` if the configuration names no field for opt-outs.
    opt_outs: Option<BTreeMap<String, OptOut>>,
    /// Whether changes carry the fields.
    told: bool,
    /// Whether the fields are LeadSquared's own, which only its metadata show.
    own: bool,
}

impl Leads {
    /// These leads with their phones. Some opt out between `from_ms` and `until_ms`, in ms since the epoch.
    pub(super) fn draw(
        rng: &mut Rng,
        leads: impl Iterator<Item = (String, String)>,
        (from_ms, until_ms): (i64, i64),
    ) -> Self {
        let phones: BTreeMap<String, String> = leads.collect();
        let opt_outs = one_in(rng, 4).then(|| {
            let some = phones.iter().filter(|_| one_in(rng, 2)).collect::<Vec<_>>();
            let out = |(lead, phone): (&String, &String)| {
                let (at_ms, of) = (rng.i64(from_ms..until_ms), Reach::draw(rng));
                (lead.clone(), OptOut { phone: phone.clone(), at_ms, of })
            };
            some.into_iter().map(out).collect()
        });
        Self { phones, opt_outs, told: one_in(rng, 2), own: one_in(rng, 2) }
    }

    pub(super) const fn opt_out(&self) -> bool {
        self.opt_outs.is_some()
    }

    /// The configuration's lines on the fields.
    pub(super) fn yaml(&self) -> String {
        let says = match (self.opt_out(), self.own) {
            (false, _) => "system: false".to_owned(),
            (true, true) => format!("fresh: {FRESH_MIN}m"),
            (true, false) => {
                let [sms, voice] = NAMED;
                format!("sms: {sms}, voice: {voice}, fresh: {FRESH_MIN}m")
            }
        };
        format!("leadsquared: {{ plan: pro, opt_out: {{ {says} }} }}")
    }

    const fn names(&self) -> [&'static str; 2] {
        if self.own { OWN } else { NAMED }
    }

    /// The response of `LeadsMetaData.Get`.
    fn metadata(&self) -> Value {
        let names = ["ProspectID", "FirstName", "Phone"].into_iter().chain(self.names());
        names.map(|name| json!({ "SchemaName": name })).collect()
    }

    /// The values of a lead's fields at an instant.
    fn fields(&self, lead: &str, at_ms: i64) -> [(&'static str, bool); 2] {
        let out = self.opt_outs.iter().find_map(|leads| leads.get(lead)).filter(|out| out.at_ms <= at_ms);
        let [sms, voice] = self.names();
        [(sms, out.is_some_and(|out| out.forbids(false))), (voice, out.is_some_and(|out| out.forbids(true)))]
    }

    /// Whether the owner of this phone ever opts out of voice calls, or of texts.
    pub(super) fn opts_out(&self, phone: &str, of_calls: bool) -> bool {
        let mut outs = self.opt_outs.iter().flat_map(BTreeMap::values);
        outs.any(|out| out.phone == phone && out.forbids(of_calls))
    }

    /// Writes the fields' values at the time of a change into the change.
    pub(super) fn tell(&self, change: &mut Change) {
        if !self.told || self.opt_outs.is_none() {
            return;
        }
        let body = match change.body.get_mut("After") {
            Some(after) => after,
            None => &mut change.body,
        };
        let lead = body["ProspectID"].as_str().unwrap_or_default().to_owned();
        let fields = self.fields(&lead, change.at_ms);
        for (name, is_out) in fields {
            body[name] = json!(if is_out { "1" } else { "0" });
        }
        let [(_, no_texts), (_, no_calls)] = fields;
        change.forbidden = if is_call(&change.content) { no_calls } else { no_texts };
    }

    /// The rows of these leads.
    fn found(&self, wanted: &[Value], at_ms: i64) -> Vec<Value> {
        let row = |id: &Value| {
            let id = id.as_str()?.to_ascii_lowercase();
            let phone = self.phones.get(&id)?;
            let known = json!({ "ProspectID": id, "FirstName": FIRST_NAME, "Phone": format!("+55-{phone}") });
            let mut row: Map<String, Value> = known.as_object()?.clone();
            row.extend(
                self.fields(&id, at_ms).map(|(name, is_out)| (name.to_owned(), json!(u8::from(is_out).to_string()))),
            );
            Some(Value::Object(row))
        };
        wanted.iter().filter_map(row).collect()
    }

    /// Judges a schedule that has come to rest: nothing was sent long enough after an opt-out.
    pub(super) fn judge(&self, calls: &[Call]) -> Vec<(Invariant, String)> {
        let of = |out: &OptOut| {
            let until_ms = out.at_ms + FRESH_MIN * MINUTE_MS + SLOW_MS;
            let late =
                |call: &&Call| call.at_ms > until_ms && out.of.is_about(call) && call.phones.contains(&out.phone);
            let call = calls.iter().find(late)?;
            Some((Invariant::Heeded, format!("{out:?}, and a call left at {}", call.at_ms)))
        };
        self.opt_outs.iter().flat_map(BTreeMap::values).filter_map(of).collect()
    }
}

/// One process's connection to LeadSquared.
pub(super) struct Crm {
    pub(super) universe: Arc<Universe>,
    pub(super) process: Process,
}

impl Transport for Crm {
    fn call(&self, request: Request) -> Answered<'_> {
        Box::pin(async move {
            self.universe.step(self.process, 300).await;
            if self.universe.happens(|weather| weather.vendor_not_reached) {
                return Err(Fault::Connect);
            }
            if self.universe.happens(|weather| weather.vendor_loses_answer) {
                return Err(Fault::Lost);
            }
            let leads = Arc::clone(&self.universe.state().leads);
            if request.url().path().ends_with("LeadsMetaData.Get") {
                return Ok(response(200, HeaderMap::new(), leads.metadata().to_string()));
            }
            let body: Value = serde_json::from_slice(bytes(&request)).unwrap_or_default();
            let wanted = body["SearchParameters"]["LeadIds"].as_array().cloned().unwrap_or_default();
            let found = Value::from(leads.found(&wanted, self.universe.now_ms()));
            Ok(response(200, HeaderMap::new(), found.to_string()))
        })
    }
}
