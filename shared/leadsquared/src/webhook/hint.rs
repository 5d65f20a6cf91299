//! What the address's query says about the event. Source: LeadSquared create-a-webhook and retrieve-a-webhook pages.

use super::change::{ActivityChange, ChangeKind, OpportunityChange, TaskChange};

/// Longest name of an unknown event that is passed on, in characters.
const MAX_NAME_CHARS: usize = 40;

/// What the query says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    LeadCreated,
    LeadChanged(ChangeKind),
    Activity(ActivityChange),
    Opportunity(OpportunityChange),
    Task(TaskChange),
    LandingPage,
    /// Named, and none of ours, such as a lead's deletion: it must not pass for a new lead because it looks like one.
    Unknown(String),
}

impl Hint {
    /// From `event`, which the receiver chose, else from `eventType`, which LeadSquared appends.
    pub(super) fn of(query: &[(String, String)]) -> Option<Self> {
        let named = |name: &str| {
            query
                .iter()
                .filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.trim().is_empty())
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
        };
        let words = [named("event"), named("eventType")].concat();
        let known = words.iter().find_map(|word| Self::known(word));
        known.or_else(|| words.first().map(|word| Self::Unknown(shown(word))))
    }

    fn known(word: &str) -> Option<Self> {
        let word = plain(word);
        let hint = match word.as_str() {
            "3" | "leadcreate" => Self::LeadCreated,
            "6" | "leadupdate" | "leadchange" => Self::LeadChanged(ChangeKind::Updated),
            "5" | "leadstage" | "leadstagechange" => Self::LeadChanged(ChangeKind::Stage),
            "4" | "leadowner" | "leadownerchange" => Self::LeadChanged(ChangeKind::Owner),
            "9" | "leadscore" | "leadscorechange" => Self::LeadChanged(ChangeKind::Score),
            "26" | "leadfield" | "leadfieldchange" | "leadfieldupdate" => Self::LeadChanged(ChangeKind::Field),
            "2" | "activitycreate" => Self::Activity(ActivityChange::Created),
            "15" | "activityupdate" | "activitychange" => Self::Activity(ActivityChange::Updated),
            "31" | "opportunitycreate" => Self::Opportunity(OpportunityChange::Created),
            "32" | "opportunityupdate" | "opportunitychange" => Self::Opportunity(OpportunityChange::Updated),
            "33" | "opportunityfieldupdate" => Self::Opportunity(OpportunityChange::Field),
            "34" | "opportunitystageupdate" => Self::Opportunity(OpportunityChange::Stage),
            "35" | "opportunitydelete" => Self::Opportunity(OpportunityChange::Deleted),
            "7" | "taskcreate" => Self::Task(TaskChange::Created),
            "8" | "taskreminder" => Self::Task(TaskChange::Reminder),
            "16" | "taskcomplete" => Self::Task(TaskChange::Completed),
            "17" | "taskupdate" => Self::Task(TaskChange::Updated),
            "1" => Self::LandingPage,
            // The part before the verb names the kind of activity, and accounts name their own.
            other if is_activity(other) && other.ends_with("create") => Self::Activity(ActivityChange::Created),
            other if is_activity(other) && other.ends_with("update") => Self::Activity(ActivityChange::Updated),
            other if other.starts_with("landingpage") => Self::LandingPage,
            other if other.starts_with("opportunity") => Self::Opportunity(OpportunityChange::Unstated),
            other if other.starts_with("task") => Self::Task(TaskChange::Unstated),
            _ => return None,
        };
        Some(hint)
    }
}

/// Of a lead, not of an account as such.
fn is_activity(word: &str) -> bool {
    word.contains("activity") && !word.starts_with("account")
}

/// One spelling for `Lead_Post_Create`, `lead.created` and `LeadCreate`; and for the activity's `LeadActivity_…`,
/// `SalesActivity_…` and `activity.…`.
fn plain(word: &str) -> String {
    let word: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    let word = word.to_ascii_lowercase().replace("post", "");
    let word = ["leadactivity", "salesactivity"]
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix))
        .map_or_else(|| word.clone(), |rest| format!("activity{rest}"));
    match word.strip_suffix('d') {
        Some(present) if present.ends_with('e') => present.to_owned(),
        _ => word,
    }
}

/// A name as it may be shown: it comes from an address that anybody can call.
fn shown(word: &str) -> String {
    let is_plain = |sign: &char| sign.is_ascii_alphabetic() || matches!(sign, '_' | '.' | '-');
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let name: String = word.chars().filter(|sign| is_plain(sign) || (digits < 8 && sign.is_ascii_digit())).collect();
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::{ActivityChange, ChangeKind, Hint, OpportunityChange, TaskChange};

    fn hint(query: &[(&str, &str)]) -> Option<Hint> {
        Hint::of(&query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn numbers_names_and_short_names_are_one() {
        for (words, expected) in [
            (["3", "Lead_Post_Create", "lead.created"], Hint::LeadCreated),
            (["6", "Lead_Post_Update", "lead.changed"], Hint::LeadChanged(ChangeKind::Updated)),
            (["5", "Lead_Post_Stage_Change", "lead.stage"], Hint::LeadChanged(ChangeKind::Stage)),
            (["4", "Lead_Owner_Change", "lead.owner"], Hint::LeadChanged(ChangeKind::Owner)),
            (["9", "Lead_Score_Change", "lead.score"], Hint::LeadChanged(ChangeKind::Score)),
            (["26", "Lead_Field_Change", "lead.field"], Hint::LeadChanged(ChangeKind::Field)),
            (["2", "LeadActivity_Post_Create", "activity.created"], Hint::Activity(ActivityChange::Created)),
            (["15", "SalesActivity_Post_Update", "activity.updated"], Hint::Activity(ActivityChange::Updated)),
            (["1", "Landing_Page_submission", "landing_page"], Hint::LandingPage),
            (["32", "Opportunity_Post_Update", "opportunity.changed"], Hint::Opportunity(OpportunityChange::Updated)),
            (["17", "Task_Update", "task.updated"], Hint::Task(TaskChange::Updated)),
            (["8", "Task_Reminder", "task.reminder"], Hint::Task(TaskChange::Reminder)),
            (["1", "Landing_Page_submission", "landing_page.submitted"], Hint::LandingPage),
            (["7", "Task_Create", "task.created"], Hint::Task(TaskChange::Created)),
            (["16", "Task_Complete", "task.completed"], Hint::Task(TaskChange::Completed)),
            (
                ["34", "OpportunityStage_Post_Update", "opportunity.stage.updated"],
                Hint::Opportunity(OpportunityChange::Stage),
            ),
            (["35", "Opportunity_Post_Delete", "opportunity.deleted"], Hint::Opportunity(OpportunityChange::Deleted)),
        ] {
            for word in words {
                assert_eq!(hint(&[("event", word)]).as_ref(), Some(&expected), "{word}");
                assert_eq!(hint(&[("EventType", word)]).as_ref(), Some(&expected), "{word}");
            }
        }
    }

    #[test]
    fn ours_comes_first_and_what_nobody_knows_is_unknown() {
        let both = [("eventType", "Lead_Post_Update"), ("event", "3")];
        assert_eq!(hint(&both), Some(Hint::LeadCreated));
        assert_eq!(hint(&[("event", "x"), ("eventType", "Lead_Post_Create")]), Some(Hint::LeadCreated));
        assert_eq!(hint(&[("event", "Lead_Post_Delete")]), Some(Hint::Unknown("Lead_Post_Delete".into())));
        assert_eq!(hint(&[("event", "99")]), Some(Hint::Unknown("99".into())));
        assert_eq!(hint(&[("event", "a\n<11988887777>")]), Some(Hint::Unknown("a".into())));
        assert_eq!(hint(&[("event", " "), ("secret", "s")]), None);
    }
}
