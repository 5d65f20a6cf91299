//! The event according to the address's query, or to the body itself. Source: LeadSquared create-a-webhook and
//! retrieve-a-webhook pages, and bodies composed in automations.

use std::mem::discriminant;

use super::words::{Hint, event, is_end, letters};

/// Longest name of an unknown event that is passed on, in characters.
const MAX_NAME_CHARS: usize = 40;

/// The word shown for a deletion or a merge that a body names.
const ENDED: &str = "deleted";
/// Names of a body's members that name the event, without separators and in lower case.
const NAMES: [&str; 4] = ["event", "eventname", "eventtype", "webhookevent"];

impl Hint {
    /// From the query: `event`, which the receiver chose, else `eventType`, which LeadSquared appends.
    pub(super) fn of(query: &[(String, String)]) -> Option<Self> {
        let named = |name: &str| {
            query
                .iter()
                .filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.trim().is_empty())
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
        };
        let words = [named("event"), named("eventType")].concat();
        let known = words.iter().find_map(|word| event(word));
        known.or_else(|| words.first().map(|word| Self::Unknown(shown(word))))
    }

    /// From the words in a body about itself, as in bodies composed in an automation.
    pub(super) fn of_body<'b>(members: impl Iterator<Item = (&'b str, Option<String>)>) -> Option<Self> {
        let words: Vec<String> = members
            .filter(|(name, _)| is_name(name))
            .filter_map(|(_, word)| word.filter(|word| !word.trim().is_empty()))
            .collect();
        words.first()?;
        let mut known = words.iter().filter_map(|word| event(word));
        match known.next() {
            // "Stage Change" and "Lead_Post_Update" are one edit. Two events of different objects are unclear.
            Some(hint) if known.all(|other| discriminant(&other) == discriminant(&hint)) => Some(hint),
            None if words.iter().any(|word| is_end(word)) => Some(Self::Unknown(ENDED.to_owned())),
            _ => Some(Self::Unclear),
        }
    }
}

/// Whether a member of a body names the event.
pub(super) fn is_name(member: &str) -> bool {
    NAMES.contains(&letters(member).as_str())
}

/// A name in a form that can be shown safely: it comes from an address that anybody can request.
fn shown(word: &str) -> String {
    let is_plain = |sign: &char| sign.is_ascii_alphabetic() || matches!(sign, '_' | '.' | '-');
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let name: String = word.chars().filter(|sign| is_plain(sign) || (digits < 8 && sign.is_ascii_digit())).collect();
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::Hint;
    use crate::webhook::{ActivityChange, ChangeKind, OpportunityChange, TaskChange};

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

    fn body(members: &[(&str, &str)]) -> Option<Hint> {
        Hint::of_body(members.iter().map(|(name, word)| (*name, Some((*word).to_owned()))))
    }

    #[test]
    fn a_body_names_its_event_in_many_spellings() {
        use Hint::{Activity, LeadChanged, LeadCreated, Opportunity, Task};
        for (word, expected) in [
            ("StageChange", LeadChanged(ChangeKind::Stage)),
            ("Stage Change", LeadChanged(ChangeKind::Stage)),
            ("stage_changed", LeadChanged(ChangeKind::Stage)),
            ("Lead Stage Updated", LeadChanged(ChangeKind::Stage)),
            ("ProspectStageChange", LeadChanged(ChangeKind::Stage)),
            ("Mudança de etapa", LeadChanged(ChangeKind::Stage)),
            ("Lead Created", LeadCreated),
            ("LeadCreation", LeadCreated),
            ("lead.created", LeadCreated),
            ("LEAD_CREATE", LeadCreated),
            ("New Lead", LeadCreated),
            ("Novo lead", LeadCreated),
            ("Criac\u{327}a\u{303}o de lead", LeadCreated),
            ("Lead Updated", LeadChanged(ChangeKind::Updated)),
            ("lead.score.changed", LeadChanged(ChangeKind::Score)),
            ("Owner Change", LeadChanged(ChangeKind::Owner)),
            ("Activity Created", Activity(ActivityChange::Created)),
            ("New Activity on Lead", Activity(ActivityChange::Created)),
            ("Phone Call Activity - Added", Activity(ActivityChange::Created)),
            ("activity_updated", Activity(ActivityChange::Updated)),
            ("Task Created", Task(TaskChange::Created)),
            ("Tarefa concluída", Task(TaskChange::Completed)),
            ("Task Due", Task(TaskChange::Reminder)),
            ("Task moved", Task(TaskChange::Updated)),
            ("Opportunity Created", Opportunity(OpportunityChange::Created)),
            ("Opportunity Stage Change", Opportunity(OpportunityChange::Stage)),
            ("Opportunity archived", Opportunity(OpportunityChange::Unstated)),
        ] {
            for name in ["Event", "EventName", "event", "eventType", "event_name", "EVENT-TYPE", "WebhookEvent"] {
                assert_eq!(
                    body(&[("FirstName", "Lead Created"), (name, word)]),
                    Some(expected.clone()),
                    "{name}: {word}"
                );
            }
        }
    }

    #[test]
    fn what_a_body_says_in_other_words_is_unclear_and_never_a_creation() {
        for word in
            ["Webinar", "Lead created or updated", "created", "Stage", "Stage Created", "22", "account activity added"]
        {
            assert_eq!(body(&[("Event", word)]), Some(Hint::Unclear), "{word}");
        }
        let two = [("Event", "StageChange"), ("eventType", "Lead_Post_Create")];
        assert_eq!(body(&two), Some(Hint::Unclear));
        let one = [("Event", "StageChange"), ("eventType", "Lead_Post_Update")];
        assert_eq!(body(&one), Some(Hint::LeadChanged(ChangeKind::Stage)));
        for word in ["Lead Deleted", "LeadActivity_Post_Delete", "Lead merge"] {
            assert!(matches!(body(&[("Event", word)]), Some(Hint::Unknown(_))), "{word}");
        }
        assert_eq!(body(&[("NotableEvent", "Modified"), ("ActivityEvent", "22"), ("Event", " ")]), None);
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
