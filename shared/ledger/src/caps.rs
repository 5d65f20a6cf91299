//! The recent messages of leads and phones, for the caps. Read together; written by one conditional write per row.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use recado_core::{
    caps::Sent,
    identity::{MessageId, RuleTag},
    subject::Subject,
};

use crate::{
    Ledger, LedgerError,
    codec::{Key, Reader, n, s},
    judged::{Judgement, insert},
    update::{Update, When},
};

/// Bytes of one entry: eight for the instant, sixteen for the id.
const ENTRY_BYTES: usize = 24;
/// Bytes of one entry's rule. Rules are stored apart, because rows from before rules had caps have none.
const RULE_BYTES: usize = 4;

/// The recent messages of a lead or a phone as read, and the version that a write must still find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CapsRow {
    /// The messages, oldest first.
    pub sent: Vec<Sent>,
    /// The version; none if there is no row yet.
    version: Option<u64>,
}

impl Ledger {
    /// The recent messages of each of `subjects`, which must not repeat. Subjects without a row are left out.
    pub async fn caps(&self, subjects: &[Subject]) -> Result<HashMap<Subject, CapsRow>, LedgerError> {
        let mut of_key: HashMap<String, &Subject> = HashMap::with_capacity(subjects.len());
        let mut keys = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let key = Key::caps(subject);
            of_key.insert(key.pk.clone(), subject);
            keys.push(key);
        }
        let mut found = HashMap::with_capacity(subjects.len());
        for item in self.get_items(keys).await? {
            let read = Reader::new(&item);
            let subject = of_key.get(&read.text("pk")?).copied().ok_or_else(|| read.unreadable("pk"))?.clone();
            let bytes =
                |name: &str| item.get(name).and_then(|value| value.as_b().ok()).map(Blob::as_ref).unwrap_or_default();
            let sent = decode(bytes("sent"), bytes("rules"));
            found.insert(subject, CapsRow { sent, version: Some(read.number("version")?) });
        }
        Ok(found)
    }

    /// Writes the recent messages of leads and phones, unless somebody wrote them since they were read. Returns for
    /// each row whether it was certainly written. DynamoDB removes the rows some time after `keep_until_ms`.
    pub async fn write_caps(
        &self,
        changes: Vec<(Subject, CapsRow, Vec<Sent>)>,
        keep_until_ms: i64,
    ) -> Result<Vec<bool>, LedgerError> {
        let statements = changes
            .into_iter()
            .map(|(subject, seen, sent)| {
                let key = Key::caps(&subject);
                let ttl = n(keep_until_ms / 1000);
                match seen.version {
                    None => {
                        let mut item = key.into_item();
                        item.insert("sent".to_owned(), encode(&sent));
                        item.insert("rules".to_owned(), encode_rules(&sent));
                        item.insert("version".to_owned(), n(1));
                        item.insert("ttl".to_owned(), ttl);
                        insert(&self.table, item)
                    }
                    Some(version) => {
                        let mut update = Update::of(key);
                        update.set("sent", encode(&sent)).set("rules", encode_rules(&sent));
                        update.set("version", n(version + 1)).set("ttl", ttl);
                        update.only_if(When::Is("version", n(version)));
                        update.build(&self.table)
                    }
                }
            })
            .collect();
        let judged = self.judge(statements).await?;
        Ok(judged.into_iter().map(|judgement| judgement == Judgement::Written).collect())
    }

    /// Writes a row that marks `what` as done, once for all functions. `false`: it was done before.
    pub async fn once(&self, what: &str, now_ms: i64) -> Result<bool, LedgerError> {
        let mut item = Key { pk: format!("O#{what}"), sk: "O".to_owned() }.into_item();
        item.insert("at_ms".to_owned(), n(now_ms));
        item.insert("ttl".to_owned(), n(self.ttl_s(now_ms)));
        item.insert("what".to_owned(), s(what));
        let judged = self.judge(vec![insert(&self.table, item)]).await?;
        Ok(judged == [Judgement::Written])
    }
}

fn encode(sent: &[Sent]) -> AttributeValue {
    let bytes = sent.iter().flat_map(|sent| sent.at_ms.to_be_bytes().into_iter().chain(*sent.id.as_bytes()));
    AttributeValue::B(Blob::new(bytes.collect::<Vec<u8>>()))
}

fn encode_rules(sent: &[Sent]) -> AttributeValue {
    AttributeValue::B(Blob::new(sent.iter().flat_map(|sent| sent.rule.0.to_be_bytes()).collect::<Vec<u8>>()))
}

fn decode(sent: &[u8], rules: &[u8]) -> Vec<Sent> {
    let ((entries, _), (rules, _)) = (sent.as_chunks::<ENTRY_BYTES>(), rules.as_chunks::<RULE_BYTES>());
    let rules =
        rules.iter().map(|rule| RuleTag(u32::from_be_bytes(*rule))).chain(std::iter::repeat(RuleTag::default()));
    let entry = |(entry, rule): (&[u8; ENTRY_BYTES], RuleTag)| {
        let (at_ms, id) = entry.split_first_chunk::<8>()?;
        Some(Sent { at_ms: i64::from_be_bytes(*at_ms), id: MessageId::from_bytes(id.try_into().ok()?), rule })
    };
    entries.iter().zip(rules).filter_map(entry).collect()
}
