//! The event's name in the words of LeadSquared, of automations and of the people who compose them.
//!
//! One event has many spellings: `Lead_Post_Stage_Change`, `Stage Change`, `StageChange`, `lead.stage`, `Mudança de
//! etapa`. So separators, case and accents are left out. The remaining name must consist of known words alone, in any
//! order.

use icu_normalizer::DecomposingNormalizerBorrowed;

use super::change::{ActivityChange, ChangeKind, OpportunityChange, TaskChange};

/// The longest name that is read, in letters: LeadSquared's own have up to 28.
const MAX_LETTERS: usize = 60;

/// The event that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hint {
    LeadCreated,
    LeadChanged(ChangeKind),
    Activity(ActivityChange),
    Opportunity(OpportunityChange),
    Task(TaskChange),
    LandingPage,
    /// A named event that is not supported, such as a lead's deletion. It must not pass for a new lead because it looks
    /// like one.
    Unknown(String),
    /// The body names it in unknown words, which say nothing and may hold anything.
    Unclear,
}

/// The meaning of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    /// The object of the event.
    Lead,
    Stage,
    Owner,
    Score,
    Field,
    Opportunity,
    Task,
    LandingPage,
    /// The change of that object.
    New,
    Changed,
    Gone,
    Completed,
    Due,
    Submitted,
    /// No meaning.
    Filler,
}

use Sense::{
    Changed, Completed, Due, Field, Filler, Gone, LandingPage, Lead, New, Opportunity, Owner, Score, Stage, Submitted,
    Task,
};

/// The words, in ASCII: LeadSquared's, other programs', Portuguese ones.
const WORDS: [(&str, Sense); 93] = [
    ("lead", Lead),
    ("leads", Lead),
    ("prospect", Lead),
    ("stage", Stage),
    ("etapa", Stage),
    ("estagio", Stage),
    ("owner", Owner),
    ("proprietario", Owner),
    ("responsavel", Owner),
    ("score", Score),
    ("pontuacao", Score),
    ("field", Field),
    ("campo", Field),
    ("opportunity", Opportunity),
    ("oportunidade", Opportunity),
    ("task", Task),
    ("tarefa", Task),
    ("landingpage", LandingPage),
    ("create", New),
    ("created", New),
    ("creation", New),
    ("creating", New),
    ("new", New),
    ("add", New),
    ("added", New),
    ("posted", New),
    ("inserted", New),
    ("novo", New),
    ("nova", New),
    ("criado", New),
    ("criada", New),
    ("criacao", New),
    ("update", Changed),
    ("updated", Changed),
    ("updates", Changed),
    ("updation", Changed),
    ("change", Changed),
    ("changed", Changed),
    ("changes", Changed),
    ("modify", Changed),
    ("modified", Changed),
    ("modification", Changed),
    ("edit", Changed),
    ("edited", Changed),
    ("moved", Changed),
    ("mudou", Changed),
    ("mudanca", Changed),
    ("alterado", Changed),
    ("alterada", Changed),
    ("alteracao", Changed),
    ("atualizado", Changed),
    ("atualizada", Changed),
    ("atualizacao", Changed),
    ("delete", Gone),
    ("deleted", Gone),
    ("deletion", Gone),
    ("remove", Gone),
    ("removed", Gone),
    ("merge", Gone),
    ("merged", Gone),
    ("cancelled", Gone),
    ("canceled", Gone),
    ("excluido", Gone),
    ("excluida", Gone),
    ("exclusao", Gone),
    ("complete", Completed),
    ("completed", Completed),
    ("completion", Completed),
    ("concluido", Completed),
    ("concluida", Completed),
    ("conclusao", Completed),
    ("reminder", Due),
    ("remind", Due),
    ("due", Due),
    ("lembrete", Due),
    ("submission", Submitted),
    ("submitted", Submitted),
    ("submit", Submitted),
    ("post", Filler),
    ("event", Filler),
    ("evento", Filler),
    ("on", Filler),
    ("of", Filler),
    ("the", Filler),
    ("has", Filler),
    ("been", Filler),
    ("was", Filler),
    ("is", Filler),
    ("foi", Filler),
    ("de", Filler),
    ("do", Filler),
    ("da", Filler),
    ("em", Filler),
];

/// The event with this name or number, if it is a known one.
pub(super) fn event(name: &str) -> Option<Hint> {
    let name = letters(name);
    if !name.is_empty() && name.bytes().all(|sign| sign.is_ascii_digit()) {
        return numbered(&name);
    }
    if let Some((kind, verb)) = name.rsplit_once("activity").or_else(|| name.rsplit_once("atividade")) {
        return of_activity(kind, verb);
    }
    let known = senses(&name).and_then(|senses| of_senses(&senses));
    known.or_else(|| {
        // The object is known, but not what happened to it.
        let about = |words: [&str; 2]| words.iter().any(|word| name.starts_with(word));
        match () {
            () if about(["opportunity", "oportunidade"]) => Some(Hint::Opportunity(OpportunityChange::Unstated)),
            () if about(["task", "tarefa"]) => Some(Hint::Task(TaskChange::Unstated)),
            () => None,
        }
    })
}

/// Whether a name that [`event`] does not know says that something was removed.
pub(super) fn is_end(name: &str) -> bool {
    let name = letters(name);
    ["delet", "remov", "merg", "cancel", "exclu"].iter().any(|stem| name.contains(stem))
}

/// A name's letters and digits in lower case, without accents. Empty if the name is too long.
pub(super) fn letters(name: &str) -> String {
    if name.len() > 8 * MAX_LETTERS {
        return String::new();
    }
    let name = DecomposingNormalizerBorrowed::new_nfd().normalize(name);
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|sign| sign.to_ascii_lowercase()).collect();
    if letters.len() > MAX_LETTERS { String::new() } else { letters }
}

/// LeadSquared's numbers. Source: LeadSquared create-a-webhook page.
fn numbered(number: &str) -> Option<Hint> {
    Some(match number {
        "1" => Hint::LandingPage,
        "2" => Hint::Activity(ActivityChange::Created),
        "3" => Hint::LeadCreated,
        "4" => Hint::LeadChanged(ChangeKind::Owner),
        "5" => Hint::LeadChanged(ChangeKind::Stage),
        "6" => Hint::LeadChanged(ChangeKind::Updated),
        "7" => Hint::Task(TaskChange::Created),
        "8" => Hint::Task(TaskChange::Reminder),
        "9" => Hint::LeadChanged(ChangeKind::Score),
        "15" => Hint::Activity(ActivityChange::Updated),
        "16" => Hint::Task(TaskChange::Completed),
        "17" => Hint::Task(TaskChange::Updated),
        "26" => Hint::LeadChanged(ChangeKind::Field),
        "31" => Hint::Opportunity(OpportunityChange::Created),
        "32" => Hint::Opportunity(OpportunityChange::Updated),
        "33" => Hint::Opportunity(OpportunityChange::Field),
        "34" => Hint::Opportunity(OpportunityChange::Stage),
        "35" => Hint::Opportunity(OpportunityChange::Deleted),
        _ => return None,
    })
}

/// `LeadActivity_Post_Create`, `SalesActivity_…`, `New activity`: accounts name their own kinds, so any word may come
/// before. The exception is "account": the activities of an account itself are not a known event.
fn of_activity(kind: &str, verb: &str) -> Option<Hint> {
    if kind.starts_with("account") {
        return None;
    }
    let behind = senses(verb)?;
    let before = senses(kind).unwrap_or_default();
    let told = if behind.iter().copied().any(is_verb) { behind } else { before };
    match verbs(&told)[..] {
        [New] => Some(Hint::Activity(ActivityChange::Created)),
        [Changed] => Some(Hint::Activity(ActivityChange::Updated)),
        _ => None,
    }
}

fn of_senses(senses: &[Sense]) -> Option<Hint> {
    let verb = match verbs(senses)[..] {
        [] => None,
        [verb] => Some(verb),
        // As in "created or updated".
        _ => return None,
    };
    let has = |sense: Sense| senses.contains(&sense);
    if has(Task) {
        return Some(Hint::Task(match verb {
            Some(New) => TaskChange::Created,
            Some(Changed) => TaskChange::Updated,
            Some(Completed) => TaskChange::Completed,
            Some(Due) => TaskChange::Reminder,
            _ => TaskChange::Unstated,
        }));
    }
    if has(Opportunity) {
        return Some(Hint::Opportunity(match verb {
            Some(New) => OpportunityChange::Created,
            Some(Gone) => OpportunityChange::Deleted,
            Some(Changed) | None if has(Stage) => OpportunityChange::Stage,
            Some(Changed) | None if has(Field) => OpportunityChange::Field,
            Some(Changed) => OpportunityChange::Updated,
            _ => OpportunityChange::Unstated,
        }));
    }
    if has(LandingPage) {
        return matches!(verb, None | Some(New | Submitted)).then_some(Hint::LandingPage);
    }
    of_lead(senses, verb)
}

fn of_lead(senses: &[Sense], verb: Option<Sense>) -> Option<Hint> {
    let mut parts = senses.iter().filter(|sense| matches!(sense, Stage | Owner | Score | Field));
    let (part, other) = (parts.next(), parts.next());
    let is_lead = senses.contains(&Lead);
    match (part, verb) {
        _ if other.is_some() => None,
        (None, Some(New)) if is_lead => Some(Hint::LeadCreated),
        (None, Some(Changed)) if is_lead => Some(Hint::LeadChanged(ChangeKind::Updated)),
        // The name of a part without the lead's may mean anything.
        (Some(part), Some(Changed)) => Some(Hint::LeadChanged(kind(*part))),
        (Some(part), None) if is_lead => Some(Hint::LeadChanged(kind(*part))),
        _ => None,
    }
}

fn kind(part: Sense) -> ChangeKind {
    match part {
        Stage => ChangeKind::Stage,
        Owner => ChangeKind::Owner,
        Score => ChangeKind::Score,
        _ => ChangeKind::Field,
    }
}

fn is_verb(sense: Sense) -> bool {
    matches!(sense, New | Changed | Gone | Completed | Due | Submitted)
}

/// The verbs, each once.
fn verbs(senses: &[Sense]) -> Vec<Sense> {
    let mut verbs: Vec<Sense> = senses.iter().copied().filter(|sense| is_verb(*sense)).collect();
    verbs.dedup();
    verbs
}

/// The words of a name, without those that have no meaning. `None`: it has other parts.
fn senses(name: &str) -> Option<Vec<Sense>> {
    if name.is_empty() {
        return Some(Vec::new());
    }
    let mut words: Vec<_> = WORDS.iter().filter(|(word, _)| name.starts_with(word)).collect();
    words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    words.into_iter().find_map(|(word, sense)| {
        let mut rest = senses(name.get(word.len()..)?)?;
        if *sense != Filler {
            rest.insert(0, *sense);
        }
        Some(rest)
    })
}
