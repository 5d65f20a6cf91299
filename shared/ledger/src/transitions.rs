//! Writes transitions: the one way in which a message's row changes.

use recado_core::{
    message::State,
    transition::{Due, Needs, Set, Transition},
};

use crate::{
    Ledger, LedgerError,
    codec::{self, Key, due_shard, message_shard, n, s},
    judged::Judgement,
    update::{Update, When},
};

impl Ledger {
    /// Makes transitions, each under its own condition. Returns for each whether this write certainly made it.
    pub async fn apply(&self, transitions: Vec<Transition>) -> Result<Vec<bool>, LedgerError> {
        let statements = transitions.iter().map(|transition| update_of(transition).build(&self.table)).collect();
        let judged = self.judge(statements).await?;
        let made: Vec<bool> = judged.into_iter().map(|judgement| judgement == Judgement::Written).collect();
        self.tell_moved(&transitions, made.iter().copied());
        Ok(made)
    }

    /// Reports transitions to whoever waits for their effects, given which of them were made.
    pub(crate) fn tell_moved(&self, transitions: &[Transition], made: impl Iterator<Item = bool> + Clone) {
        if let Some(listener) = &self.listener {
            let made = transitions.iter().zip(made).filter(|(_, made)| *made);
            listener.moved(made.map(|(transition, _)| transition));
        }
    }
}

/// The write of a transition.
pub(crate) fn update_of(transition: &Transition) -> Update {
    let mut update = Update::of(Key::message(transition.id()));
    for set in transition.sets() {
        put(&mut update, set, transition);
    }
    require(&mut update, transition.needs());
    update
}

/// Sets or removes the attributes of one change.
fn put(update: &mut Update, set: &Set, transition: &Transition) {
    let id = transition.id();
    match set {
        Set::State(state) => update.set("state", s(state.as_str())),
        Set::ChangedMs(changed_ms) => update.set("changed_ms", n(changed_ms)),
        Set::Why(Some(why)) => update.set("why", s(why.to_string())).set("reason", s(why.code())),
        Set::Why(None) => update.remove("why").remove("reason"),
        Set::Due(Due::Wait(due_ms, priority)) => {
            update.set("due_shard", due_shard(*priority, id)).set("due_ms", n(due_ms))
        }
        Set::Due(Due::Look(due_ms)) => update.set("due_shard", message_shard(id)).set("due_ms", n(due_ms)),
        Set::Due(Due::Never) => update.remove("due_shard").remove("due_ms"),
        Set::Batch(Some(batch)) => update.set("batch", s(batch.to_string())),
        Set::Batch(None) => update.remove("batch"),
        Set::CampaignId(Some(campaign_id)) => update.set("campaign", s(campaign_id)),
        Set::CampaignId(None) => update.remove("campaign"),
        Set::Attempts(attempts) => update.set("attempts", n(attempts)),
        Set::Part(part) => update.set("part", s(part)),
        Set::Credits(credits) => update.set("credits", n(credits)),
        Set::NotCharged => update.remove("charged"),
        Set::ExpiresMs(expires_ms) => update.set("expires_ms", n(expires_ms)),
        Set::Earlier(earlier) => update.set("earlier", s(codec::ids(earlier))),
        Set::NoCallbackMs(Some(at_ms)) => update.set("no_callback_ms", n(at_ms)),
        Set::NoCallbackMs(None) => update.remove("no_callback_ms"),
        Set::CrmDueMs(Some(due_ms)) => update.set("crm_shard", message_shard(id)).set("crm_due_ms", n(due_ms)),
        Set::CrmDueMs(None) => update.remove("crm_shard").remove("crm_due_ms"),
        Set::CrmPostedMs(Some(at_ms)) => update.set("crm_posted_ms", n(at_ms)),
        Set::CrmPostedMs(None) => update.remove("crm_posted_ms"),
        Set::CrmActivityId(activity_id) => update.set("crm_activity", s(activity_id)),
        Set::CrmActivityState(Some(state)) => update.set("crm_activity_state", s(state.as_str())),
        Set::CrmActivityState(None) => update.remove("crm_activity_state"),
        Set::CrmLeadState(state) => update.set("crm_lead_state", s(state.as_str())),
        Set::CrmAttempts(attempts) => update.set("crm_attempts", n(attempts)),
        Set::CrmWhy(why) => update.set("crm_why", s(why)),
        Set::CrmToldMs(told_ms) => update.set("crm_told_ms", n(told_ms)),
        Set::Forgotten => {
            for name in codec::OF_A_PERSON {
                update.remove(name);
            }
            // Each message has this attribute. It is empty for a message without a lead.
            update.set("lead", s(""))
        }
    };
}

/// Adds the conditions.
fn require(update: &mut Update, needs: &Needs) {
    let is_in = |state: &State| When::Is("state", s(state.as_str()));
    match &needs.states {
        None => update.only_if(When::Has("state")),
        Some(states) => {
            let mut any: Vec<When> = states.iter().map(is_in).collect();
            if let Some(batch) = needs.or_claimed_by {
                any.push(When::All(vec![is_in(&State::Sending), When::Is("batch", s(batch.to_string()))]));
            }
            update.only_if(When::Any(any))
        }
    };
    match needs.batch {
        Some(Some(batch)) => update.only_if(When::Is("batch", s(batch.to_string()))),
        Some(None) => update.only_if(When::Lacks("batch")),
        None => update,
    };
    if let Some(version) = needs.version {
        update.only_if(When::Is("version", n(version)));
    }
    if needs.no_report_yet {
        update.only_if(When::Lacks("no_callback_ms"));
    }
    if needs.unposted {
        update.only_if(When::Lacks("crm_posted_ms")).only_if(When::Lacks("crm_activity"));
    }
}
