//! The content of a schedule, drawn from its seed: one or two configurations, leads, their changes, and the weather.

use fastrand::Rng;
use serde_json::{Value, json};

use super::{
    campaign::{Campaign, Sends},
    crm::{FIRST_NAME, Leads},
    operator::{self, Order},
    recording::Recording,
    sketch::{Setting, Sketch, Way},
    weather::Weather,
};

/// 10:00 in São Paulo on a Tuesday, in ms since the epoch. Schedules begin up to a day later.
const BEGIN_MS: i64 = 1_773_147_600_000;
pub(super) const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long the sweep waits for reports, in hours.
pub(super) const UNKNOWN_AFTER_H: i64 = 6;
/// Area codes in three of Brazil's time zones, with their offsets from UTC in hours.
const AREAS: [(&str, i64); 3] = [("11", -3), ("92", -4), ("68", -5)];
/// The ending of a phone that LigueLead refuses, together with the whole request that contains it.
const REFUSED_ENDING: &str = "666";
/// The ending of a phone whose owner answers the first redial, but not the first voice call.
pub(super) const REDIAL_ENDING: &str = "222";

/// One change of one lead, which leads to one message.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) at_ms: i64,
    pub(super) phone: String,
    /// The content of its first message, in the form of [`content`].
    pub(super) content: String,
    pub(super) body: Value,
    /// Whether it says that the lead has opted out of this message.
    pub(super) forbidden: bool,
}

/// LigueLead's prices, compared with Recado's estimates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prices {
    /// The same prices.
    AsExpected,
    /// Lower prices. A text costs what the table of LigueLead's page says instead of its example; a voice call costs
    /// one credit.
    Lower,
    /// Higher prices: two credits for a voice call.
    Higher,
}

/// The content of a schedule.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) begin_ms: i64,
    /// The configuration at the beginning, and the one after the change, if there is a change.
    pub(super) settings: Vec<Setting>,
    /// When the configuration changes, in ms since the beginning.
    pub(super) reconfigured_after_ms: Option<i64>,
    pub(super) changes: Vec<Change>,
    /// Two phones of one lead.
    pub(super) phones_of_one: Option<[String; 2]>,
    /// An operator's commands, and their times in ms since the beginning.
    pub(super) orders: Vec<(i64, Order)>,
    pub(super) processes: usize,
    pub(super) weather: Weather,
    /// How long the weather lasts, in ms since the beginning.
    pub(super) storm_ms: i64,
    pub(super) reject_phones: Vec<String>,
    /// LigueLead's own limit, which may be below the configured one: others use the token.
    pub(super) vendor_per_minute: u64,
    pub(super) prices: Prices,
    /// How messages about a stage are sent.
    way: Way,
    pub(super) campaign: Option<Campaign>,
    /// All leads that LeadSquared knows.
    pub(super) leads: Leads,
    /// The recording that voice calls play.
    pub(super) recording: Recording,
}

/// The subject of a mistake. Only schedules with this subject can notice the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Anything,
    /// Rules with voice calls.
    Calls,
    /// Rules with an `else`.
    Following,
    Campaigns,
    /// Campaigns with one text for all.
    Blocks,
    /// LeadSquared's opt-out fields.
    OptOuts,
}

/// Whether the schedule of a seed has this subject.
pub(super) fn is_about(seed: u64, about: About) -> bool {
    if about == About::Anything {
        return true;
    }
    let scenario = Scenario::draw(&mut Rng::with_seed(seed));
    match about {
        About::Anything => true,
        About::Calls => scenario.way != Way::Text,
        About::Following => matches!(scenario.way, Way::TextElseCall | Way::CallElseText),
        About::OptOuts => scenario.leads.opt_out(),
        About::Campaigns => scenario.campaign.is_some(),
        About::Blocks => scenario.campaign.is_some_and(|campaign| campaign.sends == Sends::OneText),
    }
}

impl Scenario {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let begin_ms = BEGIN_MS + rng.i64(0..DAY_MS);
        let (first, is_changed) = (Sketch::draw(rng), one_in(rng, 3));
        let second = first.changed(rng);
        let mut sketches = vec![first];
        sketches.extend(is_changed.then_some(second));
        // Long enough that a message sent again meets the same weather.
        let is_long = sketches.iter().any(|sketch| sketch.resends) && one_in(rng, 2);
        let storm_ms = if is_long { 2 * UNKNOWN_AFTER_H + 2 } else { rng.i64(1..=4) } * HOUR_MS;
        let leads = rng.usize(2..=4);
        let phones: Vec<(String, String)> = (0..leads).map(|lead| (lead_id(lead), phone(rng, lead))).collect();
        let reconfigured_after_ms = is_changed.then(|| rng.i64(0..storm_ms));
        let per_minute = sketches.iter().map(|sketch| sketch.requests_per_minute).min().unwrap_or(1);
        let sends = sketches.first().and_then(|sketch| sketch.campaign).map(|(sends, ..)| sends);
        let campaign = sends.map(|sends| Campaign::draw(rng, sends, &phones, storm_ms));
        let mut everybody: Vec<String> = phones.iter().map(|(_, phone)| phone.clone()).collect();
        everybody.extend(campaign.iter().flat_map(Campaign::recipients).cloned());
        everybody.sort();
        everybody.dedup();
        let reject_phones = everybody.iter().filter(|phone| phone.ends_with(REFUSED_ENDING)).cloned().collect();
        let way = sketches.first().map_or(Way::Text, |sketch| sketch.way);
        // From a generator of its own, so that the rest of a seed's schedule stays the same.
        let own = &mut Rng::with_seed(begin_ms.unsigned_abs());
        let known = phones.iter().chain(campaign.iter().flat_map(|campaign| &campaign.leads)).cloned();
        let leads = Leads::draw(own, known, (begin_ms, begin_ms + storm_ms));
        let mut changes = changes(rng, &phones, way, begin_ms, storm_ms / 2);
        for change in &mut changes {
            leads.tell(change);
        }
        let is_capped = sketches.iter().any(|sketch| sketch.cap.is_some()) && !leads.opt_out();
        let first = phones.first().filter(|_| is_capped && one_in(own, 2));
        let other = first.map(|first| other_half(own, first, way, begin_ms, storm_ms / 2));
        let phones_of_one = first
            .zip(other.as_ref())
            .filter(|((_, phone), other)| *phone != other.phone)
            .map(|((_, phone), other)| [phone.clone(), other.phone.clone()]);
        changes.extend(other);
        Self {
            begin_ms,
            settings: sketches.iter().map(|sketch| sketch.setting(&leads)).collect(),
            reconfigured_after_ms,
            changes,
            phones_of_one,
            orders: operator::draw(rng, &everybody, campaign.as_ref(), storm_ms),
            way,
            campaign,
            leads,
            processes: rng.usize(1..=3),
            weather: if is_long {
                Weather { vendor_loses_answer: 0.4, ..Weather::draw(rng, storm_ms) }
            } else {
                Weather::draw(rng, storm_ms)
            },
            storm_ms,
            reject_phones,
            vendor_per_minute: if one_in(rng, 4) { u64::from(per_minute).div_ceil(2) } else { 600_000 },
            prices: pick(rng, &[Prices::AsExpected, Prices::AsExpected, Prices::Lower, Prices::Higher]),
            recording: Recording::draw(rng, storm_ms),
        }
    }
}

/// The rule about stages.
pub(super) const STAGE_RULE: &str = "stage";
pub(super) const WELCOME: &str = "Recebemos o seu contato";
/// With the stage at its end, it is as long as a text whose price the vendor's page states in two ways.
pub(super) const STAGE: &str = "A sua proposta andou mais um passo, e queremos que o caminho seja claro para quem \
     confia em nós desde o primeiro dia. Não é preciso fazer nada agora: quem cuida dela escreve assim que \
     houver uma resposta, e o prazo combinado continua a valer para todos. Qualquer dúvida, responda quando puder. \
     Etapa: ";
/// The title of voice calls about a stage, with the stage at its end.
pub(super) const TITLE: &str = "Etapa ";

/// The content that tells a message from others to the same phone: a text's words, a voice call's title.
pub(super) fn content(is_call: bool, title: &str, text: &str) -> String {
    if is_call { format!("call {title}") } else { text.to_owned() }
}

/// Whether this content belongs to a voice call.
pub(super) fn is_call(content: &str) -> bool {
    content.starts_with("call ")
}

/// Recado's estimate of a message's price, in credits.
pub(super) fn estimate(content: &str, recording: &Recording) -> i64 {
    let length = content.chars().count();
    if is_call(content) {
        recording.credits()
    } else if length > 160 {
        i64::try_from(length.div_ceil(152)).unwrap_or(i64::MAX)
    } else {
        1
    }
}

pub(super) fn lead_id(lead: usize) -> String {
    format!("00000000-0000-4000-8000-{lead:012}")
}

pub(super) fn phone(rng: &mut Rng, lead: usize) -> String {
    let (area, _) = pick(rng, &AREAS);
    let ending = if one_in(rng, 12) { REFUSED_ENDING } else { pick(rng, &["111", "111", REDIAL_ENDING]) };
    format!("{area}98{lead:04}{ending}")
}

/// The offset from UTC of this phone's area, in hours.
pub(super) fn hours_from_utc(phone: &str) -> i64 {
    AREAS.iter().find(|(area, _)| phone.starts_with(area)).map_or(-3, |(_, hours)| *hours)
}

fn changes(rng: &mut Rng, phones: &[(String, String)], way: Way, begin_ms: i64, within_ms: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    for (lead, phone) in phones {
        // Several changes at the same moment, so that requests have several phones.
        let moment = |rng: &mut Rng| if one_in(rng, 2) { rng.i64(0..within_ms) } else { within_ms / 2 };
        let at_ms = begin_ms + moment(rng);
        changes.push(Change {
            at_ms,
            phone: phone.clone(),
            content: WELCOME.to_owned(),
            body: fields(lead, phone, "Prospect", at_ms),
            forbidden: false,
        });
        for stage in 1..=rng.u8(0..=2) {
            let at_ms = begin_ms + moment(rng);
            let (from, to) = (format!("Stage{}", stage - 1), format!("Stage{stage}"));
            let body =
                json!({ "Before": fields(lead, phone, &from, begin_ms), "After": fields(lead, phone, &to, at_ms) });
            let content = content(way.calls_first(), &format!("{TITLE}{to}"), &format!("{STAGE}{to}"));
            changes.push(Change { at_ms, phone: phone.clone(), content, body, forbidden: false });
        }
    }
    changes
}

/// A change of another lead with this lead's phone, or of this lead with another phone.
fn other_half(rng: &mut Rng, (lead, phone): &(String, String), way: Way, begin_ms: i64, within_ms: i64) -> Change {
    let (lead, phone) =
        if one_in(rng, 2) { (lead_id(99), phone.clone()) } else { (lead.clone(), "11980099111".to_owned()) };
    let at_ms = begin_ms + if one_in(rng, 2) { rng.i64(0..within_ms) } else { within_ms / 2 };
    let (from, to) = ("Other0", "Other1");
    let body = json!({ "Before": fields(&lead, &phone, from, begin_ms), "After": fields(&lead, &phone, to, at_ms) });
    let content = content(way.calls_first(), &format!("{TITLE}{to}"), &format!("{STAGE}{to}"));
    Change { at_ms, phone, content, body, forbidden: false }
}

fn fields(lead: &str, phone: &str, stage: &str, modified_ms: i64) -> Value {
    let at = |ms| recado_core::writeback::crm_time(ms);
    json!({
        "ProspectID": lead,
        "ProspectAutoId": "1",
        "FirstName": FIRST_NAME,
        "Phone": format!("+55-{phone}"),
        "Source": "Site",
        "ProspectStage": stage,
        "CreatedBy": "9d1f6c50-0000-4000-8000-00000000000a",
        "CreatedOn": at(BEGIN_MS),
        "ModifiedBy": "9d1f6c50-0000-4000-8000-00000000000a",
        "ModifiedOn": at(modified_ms),
    })
}

pub(super) fn one_in(rng: &mut Rng, many: u32) -> bool {
    rng.u32(0..many) == 0
}

pub(super) fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())]
}
