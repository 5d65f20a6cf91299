//! Blocks, as the table shows them.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use recado_core::block::{Leaving, Places, page_from};
use serde_json::Value;

/// The phones of a page, in the order of their places.
pub(super) fn page(item: &Value) -> Vec<String> {
    let has_own = item["own"]["BOOL"].as_bool().unwrap_or_default();
    let recipients = page_from(&bytes(&item["recipients"]), has_own).unwrap_or_else(|error| panic!("{error}"));
    recipients.iter().map(|recipient| recipient.phone.national()).collect()
}

/// The bytes of a binary attribute.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    value["B"].as_str().and_then(|text| base64::decode(text).ok()).unwrap_or_default()
}

/// The people of a message.
pub(super) struct Members {
    /// Its recipients, each with its place in a block.
    pub(super) phones: Vec<(u16, String)>,
    /// The phones that are leaving it.
    pub(super) leaving: Vec<String>,
}

/// The people of a block; `None` if the row is not a block's.
pub(super) fn members(pages: &BTreeMap<String, Vec<String>>, item: &Value) -> Option<Members> {
    let page = pages.get(item["page"]["S"].as_str()?)?;
    let place = |name: &str| item[name]["N"].as_str().and_then(|place| place.parse::<u16>().ok()).unwrap_or_default();
    let gone = Places::from_bytes(&bytes(&item["gone"]));
    let phone = |place: u16| page.get(usize::from(place)).cloned();
    let inside = (place("place_from")..place("place_to")).filter(|place| !gone.contains(*place));
    let leaving: Vec<Leaving> =
        item["leaving"]["S"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let leaving = leaving.iter().flat_map(|one| &one.places).filter_map(|place| phone(*place)).collect();
    Some(Members { phones: inside.filter_map(|place| Some((place, phone(place)?))).collect(), leaving })
}
