//! The lead's id in a body that could not be read: the person who corrects the body needs to know which lead it is.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{body::inner_json, words::letters};
use crate::json;

/// Names of a lead's id, in letters; `RelatedProspectId` ends like the first.
const NAMES: [&str; 3] = ["prospectid", "leadid", "relatedprospectid"];
/// Text allowed between a name and its value, in the forms in which bodies come.
const BETWEEN: [&str; 15] =
    ["\"", "'", ":", "=", ",", " ", "\\", "\t", "\r", "\n", "%22", "%3a", "%3d", "%20", "value"];
/// The longest stretch between a name and its value, in parts of [`BETWEEN`].
const MAX_BETWEEN: usize = 16;
/// The length of a GUID, in bytes, and the places of its hyphens.
const GUID_BYTES: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// The only lead that bytes name by a GUID, whatever is wrong with them. `None`: they name none, or several.
pub(super) fn in_bytes(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body).to_ascii_lowercase();
    let named = NAMES.iter().flat_map(|name| text.match_indices(name).map(|(at, name)| at + name.len()));
    only(named.filter_map(|at| guid_behind(text.get(at..)?)))
}

/// The only lead that an element names, at any depth: by a GUID, or else by any other text.
pub(super) fn in_value(element: &Value) -> Option<String> {
    let mut ids = BTreeSet::new();
    collect(element, &mut ids);
    let guids = ids.iter().filter(|id| is_guid(id)).map(|id| id.to_ascii_lowercase());
    only(guids)
        .or_else(|| only(ids.iter().filter(|id| !is_guid(id)).cloned()).filter(|_| !ids.iter().any(|id| is_guid(id))))
}

/// Whether a text has the form of LeadSquared's ids.
pub(super) fn is_guid(text: &str) -> bool {
    let is_right =
        |(at, sign): (usize, u8)| if HYPHENS.contains(&at) { sign == b'-' } else { sign.is_ascii_hexdigit() };
    text.len() == GUID_BYTES && text.bytes().enumerate().all(is_right)
}

fn only(mut ids: impl Iterator<Item = String>) -> Option<String> {
    let first = ids.next()?;
    ids.all(|id| id == first).then_some(first)
}

fn guid_behind(mut text: &str) -> Option<String> {
    for _ in 0..MAX_BETWEEN {
        match BETWEEN.iter().find_map(|part| text.strip_prefix(part)) {
            Some(rest) => text = rest,
            None => break,
        }
    }
    text.get(..GUID_BYTES).filter(|id| is_guid(id)).map(str::to_owned)
}

fn collect(value: &Value, ids: &mut BTreeSet<String>) {
    let decoded = inner_json(value);
    match decoded.as_ref().unwrap_or(value) {
        Value::Array(list) => list.iter().for_each(|element| collect(element, ids)),
        Value::Object(object) => {
            let is_id = |name: &str| NAMES.contains(&letters(name).as_str());
            // In a pair, a value holds the field's name.
            let pair = json::text_of(object, &["Attribute", "Key", "SchemaName"]).filter(|name| is_id(name));
            ids.extend(pair.and_then(|_| json::text_of(object, &["Value"])));
            for (name, value) in object {
                if is_id(name) {
                    ids.extend(json::text(value));
                }
                collect(value, ids);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{in_bytes, in_value, is_guid};

    const ID: &str = "00000000-0000-4000-8000-00000000002a";
    const OTHER: &str = "00000000-0000-4000-8000-00000000002b";

    #[test]
    fn a_lead_is_found_in_bytes_that_are_no_body() {
        for text in [
            format!(r#"{{"ProspectID": "{ID}", "FirstName": "An"#),
            format!(r#"{{"relatedprospectid":"{}""#, ID.to_uppercase()),
            format!("leadId={ID}&FirstName=%"),
            format!("data=%7B%22ProspectID%22%3A%22{ID}%22"),
            format!(r#"[{{"Attribute":"ProspectID","Value":"{ID}"}},{{"Attri"#),
            format!(r#"{{"Lead":"{{\"ProspectID\":\"{ID}\",\"#),
            format!(r#"{{"Before":{{"ProspectID":"{ID}"}},"After":{{"ProspectID":"{ID}","#),
        ] {
            assert_eq!(in_bytes(text.as_bytes()).as_deref(), Some(ID), "{text}");
        }
        assert_eq!(in_bytes(&[b"\xff\xfe\"ProspectID\":\"", ID.as_bytes()].concat()).as_deref(), Some(ID));
        for text in [
            String::new(),
            format!(r#"{{"ProspectID":null,"CreatedBy":"{ID}""#),
            format!(r#"[{{"ProspectID":"{ID}"}},{{"ProspectID":"{OTHER}"}}"#),
            format!(r#"{{"ProspectID":"{}"#, &ID[..30]),
        ] {
            assert_eq!(in_bytes(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_lead_is_found_in_an_element_of_any_shape() {
        for element in [
            json!({"Data": 7, "RelatedProspectId": ID}),
            json!({"Lead": [1, {"prospect_id": ID}]}),
            json!([[{"Attribute": "LeadId", "Value": ID}, 5]]),
            json!({"After": format!("{{\"ProspectID\":\"{ID}\"}}"), "LeadId": 3142}),
        ] {
            assert_eq!(in_value(&element).as_deref(), Some(ID), "{element}");
        }
        assert_eq!(in_value(&json!({"LeadId": 3142})).as_deref(), Some("3142"));
        assert_eq!(in_value(&json!({"ProspectID": ID, "LeadId": OTHER})), None);
        assert_eq!(in_value(&json!([null, 5])), None);
    }

    #[test]
    fn a_guid_is_told_from_what_is_as_long() {
        assert!(is_guid(ID) && is_guid(&ID.to_uppercase()));
        for text in ["", &ID[1..], &ID.replace('-', "0"), &format!("{}g", &ID[..35]), "éééééééééééééééééé"]
        {
            assert!(!is_guid(text), "{text}");
        }
    }
}
