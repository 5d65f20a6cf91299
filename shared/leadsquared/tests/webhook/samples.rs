//! The documented bodies, and short ways to read one.

use leadsquared::webhook::{self, Change, ElementError, Lead};

/// 2026-11-20 12:00:30, the time at which every sample comes.
pub(crate) const NOW_MS: i64 = 1_795_176_030_000;

pub(crate) fn parse(query: &[(&str, &str)], body: &str) -> Vec<Result<Change, ElementError>> {
    let query: Vec<_> = query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    webhook::parse(None, &query, body.as_bytes(), NOW_MS).unwrap()
}

pub(crate) fn one(query: &[(&str, &str)], body: &str) -> Change {
    let mut changes = parse(query, body);
    assert_eq!(changes.len(), 1, "{changes:?}");
    changes.remove(0).unwrap()
}

pub(crate) fn created(change: Change) -> Lead {
    match change {
        Change::LeadCreated { lead } => lead,
        other => panic!("{other:?}"),
    }
}

pub(crate) const CREATED: &str = r#"{"ProspectID":"a311","ProspectAutoId":"3142","FirstName":"Sachin","Phone":null,
    "DoNotCall":"0","ProspectStage":"Initial","Score":"0","mx_City":""}"#;
pub(crate) const CHANGED: &str = r#"{"Before":{"ProspectID":"a1","ProspectStage":"Fresh","ModifiedOn":"2026-08-08 09:02:18"},
    "After":{"ProspectID":"a1","ProspectStage":"Engaged","ModifiedBy":"u1","ModifiedOn":"2026-08-08 09:02:30"}}"#;
pub(crate) const ACTIVITY: &str = r#"[{"ProspectActivityId":"292b","RelatedProspectId":"48ad","ActivityEvent":"22",
    "ActivityEventName":"Outbound Phone Call Activity","ActivityType":"3","CreatedBy":"7fb8",
    "CreatedOn":"2026-08-08 05:52:30","Score":0.0,"Data":{"Status":"Answered","mx_Custom_1":"","mx_Custom_3":"73"},
    "Attachments":null,"Current":{"ProspectID":"48ad","FirstName":"Ana","Phone":"+55-11988887777"},
    "RelatedOpportunityId":null,"AdditionalData":{"ProcessFormId":""}}]"#;
