//! LeadSquared, as far as the send path asks it: who a lead is, and whether it has opted out since.

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

/// Everybody's name.
pub(super) const FIRST_NAME: &str = "Ana";
/// The fields that forbid texts and calls: as a configuration names them, or LeadSquared's own, which no configuration has
/// to name.
const NAMED: [&str; 2] = ["mx_Out", DO_NOT_CALL];
const OWN: [&str; 2] = [DO_NOT_SMS, DO_NOT_CALL];
/// How old a field's value may be when a message is sent, in minutes.
const FRESH_MIN: i64 = 10;

/// A lead that opts out.
#[derive(Debug, Clone)]
struct OptOut {
    phone: String,
    /// In ms since the epoch.
    at_ms: i64,
    of: Reach,
}

impl OptOut {
    fn forbids(&self, calls: bool) -> bool {
        matches!((self.of, calls), (Reach::All, _) | (Reach::Texts, false) | (Reach::Calls, true))
    }
}

/// Everybody whom LeadSquared knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Leads {
    phones: BTreeMap<String, String>,
    /// Those who opt out, by their ids; none where the configuration names no field for it.
    opt_outs: Option<BTreeMap<String, OptOut>>,
    /// Changes tell of the fields.
    told: bool,
    /// The fields are LeadSquared's own, and only its metadata say so.
    own: bool,
}

impl Leads {
    /// These leads, with their phones, some of whom opt out between `from_ms` and `until_ms`, in ms since the epoch.
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

    /// What the configuration says of the fields.
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

    /// What `LeadsMetaData.Get` answers.
    fn metadata(&self) -> Value {
        let names = ["ProspectID", "FirstName", "Phone"].into_iter().chain(self.names());
        names.map(|name| json!({ "SchemaName": name })).collect()
    }

    /// What the fields of a lead say at an instant.
    fn fields(&self, lead: &str, at_ms: i64) -> [(&'static str, bool); 2] {
        let out = self.opt_outs.iter().find_map(|leads| leads.get(lead)).filter(|out| out.at_ms <= at_ms);
        let [sms, voice] = self.names();
        [(sms, out.is_some_and(|out| out.forbids(false))), (voice, out.is_some_and(|out| out.forbids(true)))]
    }

    /// Whether who has this phone opts out of calls, or of texts, some time.
    pub(super) fn opts_out(&self, phone: &str, of_calls: bool) -> bool {
        let mut outs = self.opt_outs.iter().flat_map(BTreeMap::values);
        outs.any(|out| out.phone == phone && out.forbids(of_calls))
    }

    /// Writes into a change what LeadSquared knew of the fields when it told of it.
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

    /// Judges a schedule that has come to rest: nobody got what he had opted out of long enough before.
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

/// The way of one process to LeadSquared.
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
