//! Recipients of one text, kept together: a campaign's audience in pages, and the rows that stand for many messages.
//!
//! A **page** is a part of a run's audience, written once and never changed: up to [`MAX_RECIPIENTS`] phones with their
//! leads, about 21 bytes each. A **block** is a message to many recipients. Its row is like any other message's, but
//! names a page and places on it. A block waits, is claimed, sent and recorded as one.
//!
//! A recipient that must be treated differently (suppressed, capped, refused) **leaves** the block. From then on it is
//! a message of its own, with the id that it would have had anyway. See `docs/adr/0021-campaigns-in-blocks.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    config::Tell,
    credits::{SmsText, correction},
    identity::{MessageId, RunId, recipient_id},
    phone::Phone,
    reason::Reason,
    state::{NotAWord, Report, State},
};

/// Recipients on one page: as many as LigueLead takes in one request.
pub const MAX_RECIPIENTS: usize = 10_000;
/// The largest page, in bytes. An item of the table may have 400 KB in all.
pub const MAX_PAGE_BYTES: usize = 350_000;
/// The longest id of a lead, in bytes.
pub const MAX_LEAD_BYTES: usize = 64;
/// Bytes of a phone. Eleven digits are below 2^37.
const PHONE_BYTES: usize = 5;
/// The forms of a lead's id on a page: none, or a GUID in 16 bytes. Any other number is the length of a text.
const NO_LEAD: u8 = 0;
const GUID: u8 = 255;
/// The most credits that the byte of a report can hold.
const MOST_CREDITS: u32 = 15;

/// One recipient of a run.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The phone.
    pub phone: Phone,
    /// The lead's `ProspectID`; none if a file named the phone alone.
    pub lead: Option<String>,
    /// The text or title of this recipient alone; none if the whole run shares them.
    pub own: Option<Own>,
}

/// The content for one recipient alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Own {
    /// The text; none for a voice call.
    pub text: Option<SmsText>,
    /// LigueLead's title.
    pub title: Option<String>,
}

/// The stored page cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page of recipients is damaged")]
pub struct DamagedPage;

impl Recipient {
    /// The id of the message that the run sends to this recipient.
    #[must_use]
    pub fn message_id(&self, run: RunId) -> MessageId {
        match &self.lead {
            Some(lead) => recipient_id(run, &lead.to_ascii_lowercase()),
            None => recipient_id(run, &self.phone.national()),
        }
    }

    /// Its size on a page, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lead = self.lead.as_ref().map_or(0, |lead| guid_bytes(lead).map_or(lead.len(), |guid| guid.len()));
        let own = self.own.as_ref().map_or(0, |own| {
            let text = own.text.as_ref().map_or(0, |text| text.expose().len());
            4 + text + own.title.as_ref().map_or(0, String::len)
        });
        PHONE_BYTES + 1 + lead + own
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({:?}, {})", self.phone, self.lead.as_deref().unwrap_or("no lead"))
    }
}

/// Encodes a page for storage. Area codes are kept together, so that the recipients of one time zone are neighbours.
#[must_use]
pub fn page_bytes(recipients: &[Recipient]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(recipients.iter().map(Recipient::bytes).sum());
    for recipient in recipients {
        put_recipient(&mut bytes, recipient);
    }
    bytes
}

/// Encodes a page some of whose recipients were erased. Their places stay, and are empty.
#[must_use]
pub fn places_bytes(places: &[Option<Recipient>], has_own: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for place in places {
        match place {
            Some(recipient) => put_recipient(&mut bytes, recipient),
            None => {
                // No phone is zero. The lead and the own texts of nobody are empty.
                bytes.extend([0; PHONE_BYTES]);
                bytes.push(NO_LEAD);
                bytes.extend(if has_own { [0; 4].as_slice() } else { &[] });
            }
        }
    }
    bytes
}

fn put_recipient(bytes: &mut Vec<u8>, recipient: &Recipient) {
    let national: u64 = recipient.phone.national().parse().unwrap_or_default();
    bytes.extend(national.to_be_bytes().iter().skip(8 - PHONE_BYTES));
    match recipient.lead.as_deref() {
        None => bytes.push(NO_LEAD),
        Some(lead) => match guid_bytes(lead) {
            Some(guid) => {
                bytes.push(GUID);
                bytes.extend(guid);
            }
            None => text_bytes(bytes, lead, 1),
        },
    }
    if let Some(own) = &recipient.own {
        text_bytes(bytes, own.text.as_ref().map_or("", SmsText::expose), 2);
        text_bytes(bytes, own.title.as_deref().unwrap_or_default(), 2);
    }
}

/// Decodes the recipients of a page from which nobody was erased, in their order.
pub fn page_from(bytes: &[u8], has_own: bool) -> Result<Vec<Recipient>, DamagedPage> {
    places_from(bytes, has_own)?.into_iter().collect::<Option<_>>().ok_or(DamagedPage)
}

/// Decodes the recipients of a page, in their order. `None`: that recipient was erased. `has_own`: whether each has a
/// text or title of its own.
pub fn places_from(mut bytes: &[u8], has_own: bool) -> Result<Vec<Option<Recipient>>, DamagedPage> {
    let mut recipients = Vec::new();
    while !bytes.is_empty() {
        let number = take(&mut bytes, PHONE_BYTES)?.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        let lead = match take(&mut bytes, 1)?.first().copied().unwrap_or(NO_LEAD) {
            NO_LEAD => None,
            GUID => Some(guid_text(take(&mut bytes, 16)?)),
            length => Some(text_of(take(&mut bytes, length.into())?)?),
        };
        let own = if has_own {
            let (text, title) = (long_text(&mut bytes)?, long_text(&mut bytes)?);
            let text = text.map(|text| SmsText::parse(&text).map_err(|_| DamagedPage)).transpose()?;
            Some(Own { text, title })
        } else {
            None
        };
        recipients.push(match number {
            0 => None,
            number => {
                let phone = Phone::parse(&number.to_string()).map_err(|_| DamagedPage)?;
                Some(Recipient { phone, lead, own })
            }
        });
    }
    Ok(recipients)
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], DamagedPage> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(DamagedPage)?;
    *bytes = rest;
    Ok(taken)
}

fn text_of(bytes: &[u8]) -> Result<String, DamagedPage> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DamagedPage)
}

fn long_text(bytes: &mut &[u8]) -> Result<Option<String>, DamagedPage> {
    let length = take(bytes, 2)?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let text = text_of(take(bytes, length)?)?;
    Ok((!text.is_empty()).then_some(text))
}

/// Writes a text after its length, which takes one byte or two. Texts are short enough: [`MAX_LEAD_BYTES`], and
/// LigueLead's longest text.
fn text_bytes(bytes: &mut Vec<u8>, text: &str, length_bytes: usize) {
    let length = u64::try_from(text.len()).unwrap_or_default();
    bytes.extend(length.to_be_bytes().iter().skip(8 - length_bytes));
    bytes.extend(text.as_bytes());
}

/// The 16 bytes of a lead's id, if it is a GUID as LeadSquared writes them.
pub(crate) fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut guid = [0; 16];
    hex::decode_to_slice(text.replace('-', ""), &mut guid).ok()?;
    (guid_text(&guid) == text).then_some(guid)
}

fn guid_text(bytes: &[u8]) -> String {
    let mut text = hex::encode(bytes);
    for place in [20, 16, 12, 8] {
        if text.is_char_boundary(place) && place < text.len() {
            text.insert(place, '-');
        }
    }
    text
}

/// A set of places on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places(Vec<u8>);

impl Places {
    /// From the bytes of [`Self::bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// One bit for each place, up to the last place in the set.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Whether the set has this place.
    #[must_use]
    pub fn contains(&self, place: u16) -> bool {
        self.0.get(usize::from(place / 8)).is_some_and(|byte| byte & (1 << (place % 8)) != 0)
    }

    /// Adds a place.
    pub fn insert(&mut self, place: u16) {
        let at = usize::from(place / 8);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        if let Some(byte) = self.0.get_mut(at) {
            *byte |= 1 << (place % 8);
        }
    }
}

/// A message to many recipients: places on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The run.
    pub run: RunId,
    /// The page of its audience, by its key.
    pub page: u64,
    /// The first place.
    pub from: u16,
    /// The place after the last one.
    pub to: u16,
    /// The places of recipients that have left and are messages of their own.
    pub gone: Places,
    /// The recipients that are leaving: their own rows may not be written yet. Their places are in `gone` too.
    pub leaving: Vec<Leaving>,
    /// Which outcomes are told to LeadSquared.
    pub tell: Tell,
    /// How often its recipients have changed. Each change is conditional on this number being as it was read.
    pub version: u64,
}

/// Recipients that leave a block for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "StoredLeaving", into = "StoredLeaving")]
pub struct Leaving {
    /// The state in which their own rows begin. None: each row gets what the block and its reports say.
    pub state: Option<State>,
    /// Why they leave.
    pub why: Option<Reason>,
    /// Until when their messages are held, in ms since the epoch.
    pub until_ms: Option<i64>,
    /// Their places.
    pub places: Vec<u16>,
}

/// The stored form of [`Leaving`]. Earlier versions stored the reason in words.
#[derive(Serialize, Deserialize)]
struct StoredLeaving {
    state: Option<String>,
    why: Option<String>,
    #[serde(default)]
    reason: Option<Reason>,
    until_ms: Option<i64>,
    places: Vec<u16>,
}

impl TryFrom<StoredLeaving> for Leaving {
    type Error = NotAWord;

    fn try_from(stored: StoredLeaving) -> Result<Self, NotAWord> {
        let StoredLeaving { state, why, reason, until_ms, places } = stored;
        let state = state.map(|state| state.parse()).transpose()?;
        Ok(Self { state, why: reason.or_else(|| why.as_deref().map(Reason::of_earlier)), until_ms, places })
    }
}

impl From<Leaving> for StoredLeaving {
    fn from(leaving: Leaving) -> Self {
        let Leaving { state, why, until_ms, places } = leaving;
        let words = why.as_ref().map(ToString::to_string);
        Self { state: state.map(|state| state.as_str().to_owned()), why: words, reason: why, until_ms, places }
    }
}

impl Block {
    /// The places of the recipients still in the block.
    pub fn places(&self) -> impl Iterator<Item = u16> + '_ {
        (self.from..self.to).filter(|place| !self.gone.contains(*place))
    }

    /// How many recipients are still in the block.
    #[must_use]
    pub fn recipients(&self) -> u32 {
        u32::try_from(self.places().count()).unwrap_or(u32::MAX)
    }

    /// Removes these recipients from the block.
    #[must_use]
    pub fn without(mut self, leaving: Vec<Leaving>) -> Self {
        for place in leaving.iter().flat_map(|one| &one.places) {
            self.gone.insert(*place);
        }
        self.leaving.extend(leaving);
        self.version += 1;
        self
    }

    /// Splits the block: the places before `place`, and a new block from there on.
    #[must_use]
    pub fn split_at(self, place: u16) -> (Self, Self) {
        let place = place.clamp(self.from, self.to);
        let rest = Self { from: place, version: 0, leaving: Vec::new(), ..self.clone() };
        (Self { to: place, version: self.version + 1, ..self }, rest)
    }
}

/// What delivery reports say of a page's recipients, in one byte for each place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes(Vec<u8>);

/// The states that a note can hold, by number; 0 is none.
const NOTED: [State; 3] = [State::Accepted, State::Undelivered, State::Delivered];

impl Notes {
    /// From the bytes of [`Self::bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// One byte for each place, up to the last place with a report.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn byte(&self, place: u16) -> u8 {
        self.0.get(usize::from(place)).copied().unwrap_or_default()
    }

    /// The state that reports give a recipient.
    #[must_use]
    pub fn state(&self, place: u16) -> Option<State> {
        let number = usize::from(self.byte(place) & 0x0f);
        NOTED.get(number.checked_sub(1)?).copied()
    }

    /// What LigueLead charged for a recipient, in credits, if that differs from the estimate.
    #[must_use]
    pub fn charged(&self, place: u16) -> Option<u32> {
        Some(u32::from(self.byte(place) >> 4)).filter(|credits| *credits > 0)
    }

    /// Records a report of a recipient, and returns the credits that correct the day's books. `None`: the report says
    /// nothing new. `estimate` is what was reserved for each recipient.
    pub fn hear(&mut self, place: u16, report: Option<Report>, credits: Option<u32>, estimate: u32) -> Option<i64> {
        let (old, charged) = (self.state(place), self.charged(place));
        // Without an earlier report, the request's own answer says that LigueLead took the message.
        let state = report.filter(|report| report.moves().contains(&old.unwrap_or(State::Sending))).map(Report::state);
        let state = state.filter(|state| NOTED.contains(state)).or(old);
        let actual = credits.map(|credits| credits.min(MOST_CREDITS));
        let correction = actual.and_then(|actual| correction(estimate, charged, false, actual));
        let charged = if correction.is_some() { actual } else { charged };
        let number = state.and_then(|state| NOTED.iter().position(|noted| *noted == state)).map_or(0, |at| at + 1);
        let byte =
            u8::try_from(number).unwrap_or_default() | u8::try_from(charged.unwrap_or(0) << 4).unwrap_or_default();
        if byte == self.byte(place) {
            return None;
        }
        let at = usize::from(place);
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        if let Some(slot) = self.0.get_mut(at) {
            *slot = byte;
        }
        Some(correction.map_or(0, |correction| correction.credits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recipient(number: u64, lead: Option<String>, text: Option<&str>) -> Recipient {
        let own = text.map(|text| Own { text: SmsText::parse(text).ok(), title: Some("T".to_owned()) });
        Recipient { phone: Phone::parse(&format!("119{number:08}")).unwrap(), lead, own }
    }

    proptest! {
        #[test]
        fn a_page_is_read_as_it_was_written(
            leads in prop::collection::vec((0_u64..100_000_000, prop::option::of("[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}|[A-Za-zé0-9-]{1,30}")), 0..50),
            own in any::<bool>(),
        ) {
            let text = own.then_some("Olá, até já");
            let page: Vec<Recipient> =
                leads.into_iter().map(|(number, lead)| recipient(number, lead, text)).collect();
            let bytes = page_bytes(&page);
            prop_assert_eq!(bytes.len(), page.iter().map(Recipient::bytes).sum::<usize>());
            prop_assert_eq!(page_from(&bytes, own).unwrap(), page.clone());
            // Without some of them, the others keep their places.
            let some: Vec<Option<Recipient>> =
                (0..).zip(page).map(|(place, one)| (place % 3 != 1).then_some(one)).collect();
            let bytes = places_bytes(&some, own);
            prop_assert_eq!(page_from(&bytes, own).is_ok(), some.iter().all(Option::is_some));
            prop_assert_eq!(places_from(&bytes, own).unwrap(), some);
        }

        #[test]
        fn damaged_pages_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), own in any::<bool>()) {
            let _ = page_from(&bytes, own);
        }
    }

    #[test]
    fn ten_thousand_leads_fit_a_page() {
        let lead = |number: u64| format!("00000000-0000-4000-8000-{number:012}");
        let page: Vec<Recipient> = (0..10_000).map(|number| recipient(number, Some(lead(number)), None)).collect();
        assert_eq!(page_bytes(&page).len(), 220_000);
        assert!(page_bytes(&page).len() < MAX_PAGE_BYTES);
    }

    fn block() -> Block {
        let run = RunId::of("newsletter", "1");
        let (gone, leaving) = (Places::default(), Vec::new());
        Block { run, page: 0, from: 0, to: 100, gone, leaving, tell: Tell::All, version: 0 }
    }

    #[test]
    fn who_leaves_is_in_it_no_more_also_after_a_split() {
        let leaving = Leaving { state: None, why: None, until_ms: None, places: vec![3, 99] };
        let (head, tail) = block().without(vec![leaving]).split_at(60);
        assert_eq!((head.recipients(), tail.recipients()), (59, 39));
        assert!(!head.places().any(|place| place == 3) && !tail.places().any(|place| place == 99 || place < 60));
        assert_eq!((head.leaving.len(), tail.leaving.len()), (1, 0));
        assert_eq!((head.version, tail.version), (2, 0));
    }

    #[test]
    fn reports_are_noted_once_and_in_any_order() {
        let mut notes = Notes::default();
        assert_eq!(notes.hear(7, Some(Report::Delivered), Some(1), 1), Some(0));
        assert_eq!(notes.hear(7, Some(Report::Sent), Some(1), 1), None);
        assert_eq!(notes.state(7), Some(State::Delivered));
        assert_eq!(notes.hear(2, Some(Report::Undelivered), Some(2), 1), Some(1));
        assert_eq!(notes.hear(2, Some(Report::Delivered), Some(2), 1), Some(0));
        assert_eq!((notes.state(2), notes.charged(2)), (Some(State::Delivered), Some(2)));
        assert_eq!((notes.state(3), notes.charged(3)), (None, None));
        assert_eq!(Notes::from_bytes(notes.bytes()), notes);
    }

    #[test]
    fn one_recipient_has_one_id_whatever_the_case_of_the_leads() {
        let run = RunId::of("newsletter", "1");
        let of = |lead: &str| recipient(1, Some(lead.to_owned()), None).message_id(run);
        assert_eq!(of("AB-1"), of("ab-1"));
        assert_ne!(of("AB-1"), recipient(1, None, None).message_id(run));
        assert_ne!(of("AB-1"), recipient(1, Some("AB-1".to_owned()), None).message_id(RunId::of("newsletter", "2")));
    }
}
