//! A cache of leads that were read lately, so that LeadSquared is not asked again for fresh values.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use recado_core::fields::Fields;

/// Leads that were read lately, and the times in ms since the epoch. Clones share it. `Debug` shows no value.
#[derive(Debug, Clone, Default)]
pub struct LeadCache(Arc<Mutex<HashMap<String, (i64, Fields)>>>);

impl LeadCache {
    /// The fields of `leads` that were read less than `for_ms` ago. The keys are lead ids in lower case, because the
    /// case of an id means nothing to LeadSquared.
    pub(crate) fn get<'l>(
        &self,
        leads: impl Iterator<Item = &'l str>,
        now_ms: i64,
        for_ms: i64,
    ) -> BTreeMap<String, Fields> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let young = |lead: &str| {
            let lead = lead.to_ascii_lowercase();
            let (read_ms, fields) = kept.get(&lead)?;
            (now_ms - read_ms < for_ms).then(|| (lead, fields.clone()))
        };
        leads.filter_map(young).collect()
    }

    /// Keeps what was read at `now_ms`, for `for_ms` and for at most `most` leads. Beyond that number the whole cache
    /// is dropped, and leads are read again when needed.
    pub(crate) fn keep(&self, read: &BTreeMap<String, Fields>, now_ms: i64, for_ms: i64, most: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (read_ms, _)| now_ms - *read_ms < for_ms);
        if kept.len() + read.len() > most {
            kept.clear();
        }
        if read.len() <= most {
            kept.extend(read.iter().map(|(lead, fields)| (lead.clone(), (now_ms, fields.clone()))));
        }
    }
}
