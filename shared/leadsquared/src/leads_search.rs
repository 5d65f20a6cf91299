//! `LeadManagement.svc`, reading by a condition: leads by one field, and leads modified in a period.

use serde_json::{Value, json};

use crate::{
    Admitted, CallError, LeadFields, Standard,
    error::Repeat,
    json,
    leads::{leads, with_id},
    time::{format_time, format_time_after},
};

/// Most leads on one page of [`Admitted::leads_modified`]; more is refused (`MXInvalidInputException`). Source:
/// LeadSquared get-leads-by-date-range page.
pub const MAX_MODIFIED_PER_PAGE: u32 = 5_000;
/// Leads on a page of [`Admitted::search_leads`], as known clients use it; no maximum is documented.
pub const LEADS_PER_SEARCH_PAGE: u32 = 1_000;
/// A unique field to sort by: pages sorted by a field that is not unique overlap and leave leads out.
const PAGING_COLUMN: &str = "ProspectAutoId";
/// `Sorting.Direction` for ascending order; `1` is descending.
const ASCENDING: &str = "0";
/// A member of each row of a period, beside the lead's fields.
const TOTAL: &str = "Total";

/// A page of an answer. LeadSquared counts pages from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The page's number, from 1.
    pub index: u32,
    /// Rows on a page, at least 1; each method has its own maximum.
    pub size: u32,
}

impl Page {
    /// The first page, of `size` rows.
    #[must_use]
    pub const fn first(size: u32) -> Self {
        Self { index: 1, size }
    }

    /// The page after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { index: self.index.saturating_add(1), size: self.size }
    }

    /// No rows, if an answer without a list says that this page is after the last one. Nothing else shows the end if
    /// the last page is full.
    pub(crate) fn nothing_behind<T>(self, total: Option<u64>) -> Option<Vec<T>> {
        (self.index > 1 && total.is_some()).then(Vec::new)
    }

    pub(crate) fn json(self) -> Value {
        json!({ "PageIndex": self.index.max(1), "PageSize": self.size.max(1) })
    }
}

/// How a field is compared. Source: LeadSquared search-by-lead-criteria page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `LIKE`: the value may hold `%`.
    Like,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Comparison {
    const fn operator(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Like => "LIKE",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// The only condition of a search.
#[derive(Clone, Copy)]
pub struct Criterion<'a> {
    /// The field's schema name. **Case-sensitive**: in another case (`ProspectId`) nothing is found, and there is no
    /// error. So check it against [`Admitted::lead_fields`] first.
    pub field: &'a str,
    /// How it is compared.
    pub comparison: Comparison,
    /// The value to compare with. Times are UTC, as [`crate::format_time`] writes them; truth values are `1` and `0`,
    /// while `true` is refused.
    pub value: &'a str,
}

impl std::fmt::Debug for Criterion<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Criterion")
            .field("field", &self.field)
            .field("comparison", &self.comparison)
            .finish_non_exhaustive()
    }
}

/// One page of leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadPage {
    /// The page's leads.
    pub leads: Vec<LeadFields>,
    /// How many leads all pages hold together, if the answer says.
    pub total: Option<u64>,
}

impl LeadPage {
    /// Whether this is the last page, because it is not full. If the number of leads is a multiple of the page's size,
    /// an empty page ends the list.
    #[must_use]
    pub fn is_last(&self, page: Page) -> bool {
        u32::try_from(self.leads.len()).is_ok_and(|count| count < page.size)
    }
}

impl Admitted<'_, Standard> {
    /// Leads that meet a criterion, in the order of their `ProspectAutoId`: `Leads.Get`, one page, by custom at most
    /// [`LEADS_PER_SEARCH_PAGE`]. LeadSquared gives no total here. `ProspectID` is always among the columns (schema
    /// names, case-sensitive). Source: LeadSquared search-by-lead-criteria page.
    pub async fn search_leads(
        self,
        criterion: Criterion<'_>,
        columns: &[&str],
        page: Page,
    ) -> Result<LeadPage, CallError> {
        // LeadSquared ignores a condition under another name than `Parameter` and answers with the whole account.
        let body = json!({
            "Parameter": {
                "LookupName": criterion.field,
                "LookupValue": criterion.value,
                "SqlOperator": criterion.comparison.operator(),
            },
            "Columns": {"Include_CSV": with_id(columns)},
            "Sorting": {"ColumnName": PAGING_COLUMN, "Direction": ASCENDING},
            "Paging": page.json(),
        });
        let answer = self.client.post("LeadManagement.svc/Leads.Get", &[], &body, Repeat::Harmless).await?;
        let leads = leads(&answer).ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of leads"))?;
        Ok(LeadPage { leads, total: None })
    }

    /// Leads whose `LeadLastModifiedOn` is from `from_ms` to `to_ms` (ms since 1970), both included, in the order of
    /// their `ProspectAutoId`. Uses `Leads.RecentlyModified`, at most [`MAX_MODIFIED_PER_PAGE`] on a page. `ProspectID`
    /// is always among the columns (schema names, case-sensitive).
    ///
    /// LeadSquared reads whole UTC seconds but stores milliseconds, so the period is widened to whole seconds here. So
    /// **leads just outside of it may come too**, and adjacent periods should overlap by a second or more. If a lead is
    /// modified again while its pages are read, it leaves a period that has ended. The leads after it then move up by
    /// one place. Compare [`LeadPage::total`] of first and last page, or read the next period with an overlap.
    ///
    /// Source: LeadSquared get-leads-by-date-range page, and what was seen by public clients.
    pub async fn leads_modified(
        self,
        from_ms: i64,
        to_ms: i64,
        columns: &[&str],
        page: Page,
    ) -> Result<LeadPage, CallError> {
        CallError::at_most("leads on a page", page.size as usize, MAX_MODIFIED_PER_PAGE as usize)?;
        let body = json!({
            "Parameter": {"FromDate": format_time(from_ms), "ToDate": format_time_after(to_ms)},
            "Columns": {"Include_CSV": with_id(columns)},
            "Sorting": {"ColumnName": PAGING_COLUMN, "Direction": ASCENDING},
            "Paging": page.json(),
        });
        let answer =
            self.client.post("LeadManagement.svc/Leads.RecentlyModified", &[], &body, Repeat::Harmless).await?;
        let total = json::record_count(&answer);
        let mut leads = leads(&answer)
            .or_else(|| page.nothing_behind(total))
            .ok_or_else(|| Repeat::Harmless.failed("the answer holds no list of leads"))?;
        for lead in &mut leads {
            lead.remove(TOTAL);
        }
        Ok(LeadPage { leads, total })
    }
}
