//! What a refusal blames: the phones, or something that the whole request shares.
//!
//! Only a caller that knows this can save the good phones of a refused request. The vendor has no error codes. So the
//! blame is read from parts with a fixed form: the status, the field's name, the place in a list, a quoted phone. Words
//! decide only that a refusal is *not* about phones, and only if nothing else is said. A wrong guess there would fail
//! good phones, so anything that is not clear stays [`Blame::Untold`].

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::{json, reason::Reason};

/// What a refusal blames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The phones.
    Phones {
        /// The phones that it names, by their places in the request; none if it does not say.
        named: Vec<usize>,
    },
    /// The size of the request (413): fewer phones may pass.
    Size,
    /// Something that all phones share: the text, the title, an id. No part of the request would do better.
    Shared,
    /// The refusal does not say.
    Untold,
}

/// Members of an error that name its field.
const FIELD: [&str; 6] = ["field", "path", "param", "property", "loc", "pointer"];
/// Beginnings of words, in fields and in prose, that mean the phones.
const PHONE_WORDS: [&str; 12] = [
    "phone",
    "telefone",
    "celular",
    "numero",
    "número",
    "number",
    "recipient",
    "destinat",
    "contact",
    "contato",
    "msisdn",
    "fone",
];
/// Beginnings of words that mean something all phones share.
const SHARED_WORDS: [&str; 22] = [
    "title", "titulo", "título", "message", "mensagem", "text", "url", "link", "flash", "group", "grupo", "audio",
    "áudio", "voice", "voz", "upload", "retry", "webhook", "json", "body", "campaign", "campanha",
];
/// Levels of a body that are searched.
const MAX_DEPTH: usize = 6;

impl Blame {
    /// The blame in an answer of `status` with `body` to a request for `phones`.
    pub(crate) fn of(status: u16, body: &[u8], phones: &[SecretString]) -> Self {
        match status {
            413 => return Self::Size,
            400 | 422 => {}
            _ => return Self::Shared,
        }
        let mut found = Found::default();
        let text = String::from_utf8_lossy(body);
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => found.walk(&value, 0),
            // A page, or a list so long that it was cut off.
            Err(_) => found.places_in(&text),
        }
        found.quoted(&text, phones);
        found.places.retain(|place| *place < phones.len());
        found.places.sort_unstable();
        found.places.dedup();
        if found.phones || !found.places.is_empty() {
            return Self::Phones { named: found.places };
        }
        if found.others {
            return Self::Shared;
        }
        let reason = Reason::from_body(body).as_str().to_lowercase();
        let words = || reason.split(|sign: char| !sign.is_alphanumeric());
        let has = |starts: &[&str]| words().any(|word| starts.iter().any(|start| word.starts_with(start)));
        if has(&SHARED_WORDS) && !has(&PHONE_WORDS) { Self::Shared } else { Self::Untold }
    }
}

/// The things that a body names.
#[derive(Default)]
struct Found {
    phones: bool,
    others: bool,
    places: Vec<usize>,
}

impl Found {
    fn walk(&mut self, value: &Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.walk(value, depth + 1)),
            Value::Object(object) => self.object(object, depth),
            Value::String(text) => self.places_in(text),
            _ => {}
        }
    }

    fn object(&mut self, object: &Map<String, Value>, depth: usize) {
        for (name, value) in object {
            let names_field = FIELD.contains(&name.as_str());
            if names_field {
                self.field(&path(value));
            } else if is_phone(name) || (depth > 0 && value.is_array()) {
                // Errors keyed by their field: {"phones.3": ["text"]}.
                self.field(name);
            }
            if !names_field {
                self.walk(value, depth + 1);
            }
        }
    }

    /// A field: `phones`, `phones.3`, `phones[3]`, `/phones/3`, `body.phones.3`.
    fn field(&mut self, name: &str) {
        let name = name.trim_start_matches(['/', '.', '$', '#']);
        let name = name.strip_prefix("body").map_or(name, |rest| rest.trim_start_matches(['/', '.']));
        if name.is_empty() || json_container(name) {
            return;
        }
        if is_phone(name) {
            self.phones = true;
            self.places_in(name);
        } else {
            self.others = true;
        }
    }

    /// Places such as `phones[3]` in a text.
    fn places_in(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find("phones") {
            rest = rest.get(at + "phones".len()..).unwrap_or_default();
            let mut signs = rest.chars();
            if signs.next().is_some_and(|sign| matches!(sign, '[' | '.' | '/')) {
                let digits: String = signs.take_while(char::is_ascii_digit).collect();
                self.places.extend(digits.parse::<usize>());
            }
        }
    }

    /// Phones of the request that a text quotes, in any of the forms that the vendor takes.
    fn quoted(&mut self, text: &str, phones: &[SecretString]) {
        let runs = text.split(|sign: char| !sign.is_ascii_digit()).filter(|run| matches!(run.len(), 11 | 13));
        let quoted: std::collections::HashSet<&str> =
            runs.map(|run| if run.len() == 13 { run.strip_prefix("55").unwrap_or(run) } else { run }).collect();
        if !quoted.is_empty() {
            let places = phones.iter().enumerate().filter(|(_, phone)| quoted.contains(phone.expose_secret()));
            self.places.extend(places.map(|(place, _)| place));
        }
    }
}

/// A field's path: a text, or its parts in a list, as `["body", "phones", 3]`.
fn path(value: &Value) -> String {
    match value {
        Value::Array(parts) => parts.iter().filter_map(json::text).collect::<Vec<_>>().join("."),
        scalar => json::text(scalar).unwrap_or_default(),
    }
}

fn is_phone(name: &str) -> bool {
    let name = name.to_lowercase();
    let name = name.trim_start_matches("invalid").trim_start_matches(['_', ' ']);
    PHONE_WORDS.iter().any(|start| name.starts_with(start))
}

/// Members that hold errors and are not fields themselves.
fn json_container(name: &str) -> bool {
    matches!(name, "error" | "errors" | "detail" | "details" | "issues" | "violations" | "data" | "messages")
}

#[cfg(test)]
mod tests {
    use super::Blame;
    use secrecy::SecretString;

    fn blame(status: u16, body: &str) -> Blame {
        let phones: Vec<SecretString> =
            ["11988887777", "21977776666", "31966665555", "55955554444"].map(SecretString::from).into();
        Blame::of(status, body.as_bytes(), &phones)
    }

    fn phones(named: &[usize]) -> Blame {
        Blame::Phones { named: named.to_vec() }
    }

    #[test]
    fn phones_are_named_by_place_or_quoted() {
        for (body, named) in [
            (r#"{"error":[{"field":"phones","message":"phones[0] is not a valid phone"}]}"#, vec![0]),
            (
                r#"{"error":[{"field":"phones[2]","message":"invalid"},{"field":"phones[3]","message":"x"}]}"#,
                vec![2, 3],
            ),
            (r#"{"errors":{"phones.1":["inválido"]}}"#, vec![1]),
            (r#"{"detail":[{"loc":["body","phones",2],"msg":"bad"}]}"#, vec![2]),
            (r#"{"error":[{"pointer":"/phones/3","message":"bad"}]}"#, vec![3]),
            (r#"{"error":"Número inválido: +55 11988887777"}"#, vec![0]),
            (r#"{"error":"telefones 5521977776666, 55955554444"}"#, vec![1, 3]),
            (r#"{"error":{"invalid_phones":["31966665555"]}}"#, vec![2]),
            ("<html><body>bad phone 31966665555</body></html>", vec![2]),
            (r#"{"error":[{"field":"phones","message":"phones[9] is not a valid phone"}]}"#, vec![]),
            (r#"{"error":[{"field":"phones","message":"must be valid"}]}"#, vec![]),
            (r#"{"errors":{"phones":["too many"]}}"#, vec![]),
        ] {
            assert_eq!(blame(422, body), phones(&named), "{body}");
        }
    }

    #[test]
    fn what_all_phones_share_is_told_apart() {
        for body in [
            r#"{"error":[{"field":"title","message":"must not be longer than 255 characters"}]}"#,
            r#"{"error":[{"field":"message","message":"must not contain a URL when is_flash is true"}]}"#,
            r#"{"errors":{"retry_end_time":["invalid"]}}"#,
            r#"{"error":"Malformed JSON"}"#,
            r#"{"message":"O título é longo demais"}"#,
            r#"{"detail":"links are not allowed in flash"}"#,
            r#"{"error":"group_id not found"}"#,
        ] {
            assert_eq!(blame(400, body), Blame::Shared, "{body}");
        }
        assert_eq!(blame(404, r#"{"error":[{"field":"phones"}]}"#), Blame::Shared, "an id is unknown");
        assert_eq!(blame(415, ""), Blame::Shared);
        assert_eq!(blame(413, ""), Blame::Size);
    }

    #[test]
    fn what_is_not_plain_stays_untold() {
        for body in [
            "",
            "{}",
            r#"{"error":"Validation failed"}"#,
            r#"{"message":"Bad Request"}"#,
            r#"{"error":"the message could not go to one of the recipients"}"#,
            r#"{"error":"número de telefone inválido"}"#,
            "<html><title>400 Bad Request</title></html>",
        ] {
            assert_eq!(blame(422, body), Blame::Untold, "{body}");
        }
    }
}
