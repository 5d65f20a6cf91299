//! The source of an audience, read piece by piece: LeadSquared's search, or a file's lines.

use std::collections::{BTreeSet, HashMap};

use leadsquared::{
    CallError, Comparison as Wanted, Criterion, LEADS_PER_SEARCH_PAGE, LeadFields, MAX_LEADS_PER_READ, Page, Standard,
};
use recado_core::{
    config::{Comparison, Search},
    fields::Fields,
    identity::ListId,
    phone::{Phone, PhoneRules},
};

use super::{CampaignError, Campaigns};
use crate::crm::CrmError;

/// One line of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The person that it names.
    pub who: Who,
    /// Its columns that the campaign's text uses.
    pub row: Fields,
}

/// The person that a line names: a phone or a lead.
#[derive(Clone, PartialEq, Eq)]
pub enum Who {
    /// A phone, as written in the file.
    Phone(String),
    /// A lead's `ProspectID`.
    Lead(String),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.who {
            Who::Phone(_) => "Phone",
            Who::Lead(_) => "Lead",
        })
    }
}

impl Entry {
    /// The person's identity, however the file was saved. It is a phone's digits (or its text, if it is no phone) or a
    /// lead's id in lower case, and the columns.
    fn identity(&self, rules: PhoneRules) -> Vec<String> {
        let who = match &self.who {
            Who::Phone(text) => match Phone::read(text, rules).one() {
                Ok(phone) => phone.national(),
                Err(_) => text.clone(),
            },
            Who::Lead(id) => id.to_ascii_lowercase(),
        };
        let row = self.row.iter().map(|(_, value)| value.unwrap_or_default().to_owned());
        std::iter::once(who).chain(row).collect()
    }
}

/// Sorts a file's lines by identity, and returns the list's id. The same people in another encoding, order or layout
/// are the same list.
pub fn as_list(entries: &mut Vec<Entry>, rules: PhoneRules) -> ListId {
    let mut known: Vec<_> = entries.drain(..).map(|entry| (entry.identity(rules), entry)).collect();
    known.sort_by(|(one, _), (other, _)| one.cmp(other));
    let id = ListId::of(known.iter().flat_map(|(identity, _)| identity));
    entries.extend(known.into_iter().map(|(_, entry)| entry));
    id
}

/// The source of an audience.
#[derive(Debug, Clone)]
pub enum Source {
    /// LeadSquared's search.
    Search(Search),
    /// A file's lines.
    File(Vec<Entry>),
}

/// One member of an audience, as the source has it.
pub(super) enum Found {
    /// A lead with its fields, and the columns of the line that names it.
    Lead(String, Fields, Fields),
    /// A phone, and the columns of its line.
    Phone(String, Fields),
    /// A lead that LeadSquared does not know.
    NoLead,
}

impl Source {
    /// How many members are read at once.
    pub(super) fn step(&self) -> u64 {
        match self {
            Self::Search(_) => u64::from(LEADS_PER_SEARCH_PAGE),
            Self::File(_) => MAX_LEADS_PER_READ as u64,
        }
    }
}

impl Campaigns {
    /// The piece of an audience from place `cursor` on; empty at the audience's end.
    pub(super) async fn piece(
        &self,
        source: &Source,
        cursor: u64,
        columns: &BTreeSet<String>,
        until_ms: i64,
    ) -> Result<Vec<Found>, CampaignError> {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let (page, skip) = (cursor / source.step(), usize::try_from(cursor % source.step()).unwrap_or_default());
        match source {
            Source::Search(search) => {
                let index = u32::try_from(page + 1).unwrap_or(u32::MAX);
                let page = Page { index, size: LEADS_PER_SEARCH_PAGE };
                let criterion =
                    Criterion { field: search.field.as_str(), comparison: wanted(search.op), value: &search.value };
                let found = loop {
                    let permit = self.crm.permit::<Standard>(until_ms).await?.ok_or(CrmError::NoSlot)?;
                    match self.crm.with(permit).search_leads(criterion, &columns, page).await {
                        Err(error @ CallError::Throttled { .. }) => self.crm.heed::<Standard>(&error).await?,
                        done => break done.map_err(CrmError::from)?,
                    }
                };
                Ok(found.leads.into_iter().skip(skip).map(|lead| of_lead(&lead, &columns, Fields::new())).collect())
            }
            Source::File(entries) => {
                let start = usize::try_from(cursor).unwrap_or(usize::MAX);
                let left = usize::try_from(source.step()).unwrap_or_default() - skip;
                let some: Vec<Entry> = entries.iter().skip(start).take(left).cloned().collect();
                self.read(some, &columns, until_ms).await
            }
        }
    }

    async fn read(&self, entries: Vec<Entry>, columns: &[&str], until_ms: i64) -> Result<Vec<Found>, CampaignError> {
        let ids: BTreeSet<&str> = entries
            .iter()
            .filter_map(|entry| match &entry.who {
                Who::Lead(id) => Some(id.as_str()),
                Who::Phone(_) => None,
            })
            .collect();
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let mut leads: HashMap<String, LeadFields> = HashMap::new();
        if !ids.is_empty() {
            let rows = loop {
                let permit = self.crm.permit::<Standard>(until_ms).await?.ok_or(CrmError::NoSlot)?;
                match self.crm.with(permit).leads_by_ids(&ids, columns).await {
                    Err(error @ CallError::Throttled { .. }) => self.crm.heed::<Standard>(&error).await?,
                    done => break done.map_err(CrmError::from)?,
                }
            };
            for row in rows {
                if let Some(id) = row.get_any_case("ProspectID") {
                    leads.insert(id.to_ascii_lowercase(), row);
                }
            }
        }
        let found = entries.into_iter().map(|entry| match entry.who {
            Who::Phone(phone) => Found::Phone(phone, entry.row),
            Who::Lead(id) => match leads.get(&id.to_ascii_lowercase()) {
                Some(lead) => of_lead(lead, columns, entry.row),
                None => Found::NoLead,
            },
        });
        Ok(found.collect())
    }
}

/// A lead with the requested columns. A column missing in the answer is empty, and known to be empty.
fn of_lead(lead: &LeadFields, columns: &[&str], row: Fields) -> Found {
    let id = lead.get_any_case("ProspectID").unwrap_or_default().to_owned();
    Found::Lead(id, columns.iter().map(|name| (*name, lead.get(name))).collect(), row)
}

fn wanted(op: Comparison) -> Wanted {
    match op {
        Comparison::Equal => Wanted::Equal,
        Comparison::NotEqual => Wanted::NotEqual,
        Comparison::Like => Wanted::Like,
        Comparison::Greater => Wanted::More,
        Comparison::GreaterOrEqual => Wanted::AtLeast,
        Comparison::Less => Wanted::Less,
        Comparison::LessOrEqual => Wanted::AtMost,
    }
}
