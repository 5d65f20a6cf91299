//! The action of a rule or a campaign: an SMS, a Flash, or a voice call.

use std::collections::BTreeSet;
use std::path::Path;

use super::MINUTE_MS;
use super::diagnostic::Problems;
use super::key::{Key, Keys, Kind};
use super::section::{Item, Section};
use crate::credits::MAX_SMS_CHARS;
use crate::flash::contains_url;
use crate::kind::{EventKind, ITEM_NAMES};
use crate::text::{Template, names_written};

/// The longest title, by [`title_length`]. Source: LigueLead's SMS and voice pages.
pub const MAX_TITLE_LENGTH: usize = 255;
/// The longest name of a recording, in characters. The upload's title holds the name and the content's hash.
pub const MAX_AUDIO_NAME_CHARS: usize = 200;

/// The three keys; a rule has one of them.
const ACTIONS: [&str; 3] = ["sms", "flash", "voice"];

/// `sms`, of a rule, a campaign or a fallback.
pub(super) const SMS: Key = Key::one_of("sms", Kind::Template, "The text of an SMS.")
    .example("\"Olá {{ lead.FirstName | first_name | default('cliente') }}, recebemos o seu contato.\"");
/// `flash`, of a rule, a campaign or a fallback.
pub(super) const FLASH: Key =
    Key::one_of("flash", Kind::Template, "The text of a Flash, an SMS that pops up on the screen.")
        .limit("no web address")
        .example("\"Tentamos falar com você. Responda quando puder.\"");
/// `voice`, of a rule, a campaign or a fallback.
pub(super) const VOICE: Key = Key::one_of("voice", Kind::Section(&CALL), "A voice call that plays a recording.");
/// `title`, of a rule, a campaign or a fallback.
pub(super) const TITLE: Key = Key::optional(
    "title",
    Kind::Title(MAX_TITLE_LENGTH as u64),
    "none",
    "The title in LigueLead's reports, for `sms` and `flash`.",
)
.more(
    "It may hold the same expressions as a text. Each different title needs a request of its own. Recado leaves out a \
     title that is empty once filled in.",
)
.example("Boas-vindas");

/// The inside of `voice`.
const CALL: Keys = Keys::new(
    "`voice`",
    &[
        Key::required(
            "audio",
            Kind::Audio(MAX_AUDIO_NAME_CHARS as u64),
            "welcome.mp3",
            "The file name of the recording, as it was [added](operations.md#recordings-for-calls).",
        ),
        Key::required(
            "title",
            Kind::Title(MAX_TITLE_LENGTH as u64),
            "\"Welcome\"",
            "The title in LigueLead's reports, with expressions as in a rule's `title`.",
        ),
        Key::with_default("redials", Kind::Whole(1, 3), "1", "How often LigueLead redials a call that nobody answers.")
            .more("LigueLead documents no way to ask for no redial. Its own default is three."),
        Key::with_default("every", Kind::Duration(5 * MINUTE_MS, 180 * MINUTE_MS), "15m", "The time between redials.")
            .limit("whole minutes"),
    ],
);

/// What is sent: exactly one of the three.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// An SMS.
    Sms {
        /// Its text for one recipient.
        text: Template,
        /// LigueLead's title for one recipient, at most [`MAX_TITLE_LENGTH`].
        title: Option<Template>,
    },
    /// An SMS that pops up on the screen. Its rendered text must be checked for web addresses once more.
    Flash {
        /// Its text for one recipient.
        text: Template,
        /// LigueLead's title for one recipient, at most [`MAX_TITLE_LENGTH`].
        title: Option<Template>,
    },
    /// A voice call that plays a recording.
    Voice(Voice),
}

/// A voice call. Redials are always sent explicitly, because LigueLead's default is three.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Voice {
    /// The recording's file name; MP3 or WAV.
    pub audio: String,
    /// LigueLead's title for one recipient, 1 to [`MAX_TITLE_LENGTH`].
    pub title: Template,
    /// Redials after an unanswered voice call, 1 to 3; LigueLead documents no way to ask for none. Default 1.
    pub redials: u8,
    /// Minutes between redials, 5 to 180. Default 15.
    pub every_min: u16,
}

impl Action {
    /// The text; none for a voice call.
    #[must_use]
    pub fn text(&self) -> Option<&Template> {
        match self {
            Self::Sms { text, .. } | Self::Flash { text, .. } => Some(text),
            Self::Voice(_) => None,
        }
    }

    /// The title in LigueLead's reports, if there is one.
    #[must_use]
    pub fn title(&self) -> Option<&Template> {
        match self {
            Self::Sms { title, .. } | Self::Flash { title, .. } => title.as_ref(),
            Self::Voice(voice) => Some(&voice.title),
        }
    }

    /// The text and the title, if they exist.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.text().into_iter().chain(self.title())
    }

    /// Whether it is a Flash.
    #[must_use]
    pub fn is_flash(&self) -> bool {
        matches!(self, Self::Flash { .. })
    }
}

/// A title's length as LigueLead counts it. Its pages say "characters" without saying of which kind. Its own client
/// counts UTF-16 units, which are never fewer than characters. So a title that passes here also passes there.
#[must_use]
pub fn title_length(title: &str) -> usize {
    title.encode_utf16().count()
}

/// Reads the one action of a rule (with its kind of event) or of a campaign (without one).
pub(super) fn read(section: &Section<'_>, kind: Option<EventKind>, problems: &mut Problems) -> Option<Action> {
    let given: Vec<&str> = ACTIONS.into_iter().filter(|key| section.has(key)).collect();
    for extra in given.iter().skip(1) {
        let message = format!("`{extra}` and `{}` cannot be together", given.first().unwrap_or(extra));
        section.error(extra, message, "only one of sms, flash and voice, and a second rule for the other", problems);
    }
    let title = section.get("title", problems).and_then(|item| title(&item, kind, problems));
    match given.first().copied() {
        None => {
            section.error("", "nothing is sent: there is no sms, flash or voice", "sms: \"…\"", problems);
            None
        }
        Some("voice") => {
            if section.has("title") {
                let message = "a call has its title inside `voice`";
                section.error("title", message, "voice: { audio: …, title: … }", problems);
            }
            voice(section, kind, problems).map(Action::Voice)
        }
        Some(key) => {
            let item = section.get(key, problems)?;
            let text = text(&item, kind, problems)?;
            if key == "sms" {
                return Some(Action::Sms { text, title });
            }
            refuse_address(&item, &text, problems);
            Some(Action::Flash { text, title })
        }
    }
}

fn text(item: &Item<'_>, kind: Option<EventKind>, problems: &mut Problems) -> Option<Template> {
    let source = item.text(problems)?;
    let template = match Template::compile(&source) {
        Ok(template) => template,
        Err(error) => {
            item.snippet_error(&error, problems);
            check_names(item, &names_written(&source), kind, problems);
            return None;
        }
    };
    template.warnings().iter().for_each(|warning| item.snippet_warning(warning, problems));
    template.greeting_warnings().for_each(|warning| item.snippet_warning(&warning, problems));
    item.note_lead_fields(&template.names(), problems);
    item.note_lead_values(&template.compared(), problems);
    check_names(item, template.references(), kind, problems);
    let least = template.least_chars();
    if least > MAX_SMS_CHARS {
        let message = format!("the text has at least {least} characters; LigueLead takes at most {MAX_SMS_CHARS}");
        item.error(message, format!("a text with {} characters less", least - MAX_SMS_CHARS), problems);
    }
    Some(template)
}

/// Refuses names that the rule's events never have.
pub(super) fn check_names(
    place: &Item<'_>,
    names: &BTreeSet<String>,
    kind: Option<EventKind>,
    problems: &mut Problems,
) {
    let uses = |root: &'static str| names.iter().filter(move |name| name.split('.').next() == Some(root));
    let mut refuse = |name: &str, of: &str, instead: &str| {
        place.error(format!("`{name}` exists only {of}"), instead, problems);
    };
    for name in uses("before").filter(|_| !kind.is_some_and(EventKind::has_before)) {
        refuse(name, "for lead.changed", &name.replacen("before", "lead", 1));
    }
    for name in uses("activity").filter(|_| !kind.is_some_and(EventKind::has_activity)) {
        refuse(name, "for activity events", "a field of lead");
    }
    for item in ITEM_NAMES {
        for name in uses(item).filter(|_| kind.and_then(EventKind::item) != Some(item)) {
            refuse(name, &format!("for {item} events"), "a field of lead");
        }
    }
    for name in uses("row").filter(|_| kind.is_some()) {
        refuse(name, "in campaigns with `audience: csv`", "a field of lead");
    }
    for name in uses("event").filter(|_| kind.is_none()) {
        refuse(name, "in rules", "a field of lead");
    }
}

fn refuse_address(item: &Item<'_>, text: &Template, problems: &mut Problems) {
    if text.literals().any(contains_url) {
        let message = "a Flash must not contain a web address";
        item.error(message, "the text without it, or sms: instead of flash:", problems);
    }
}

fn title(item: &Item<'_>, kind: Option<EventKind>, problems: &mut Problems) -> Option<Template> {
    let source = item.text(problems)?;
    let template = match Template::compile(source.trim()) {
        Ok(template) => template,
        Err(error) => {
            item.snippet_error(&error, problems);
            check_names(item, &names_written(&source), kind, problems);
            return None;
        }
    };
    template.warnings().iter().for_each(|warning| item.snippet_warning(warning, problems));
    item.note_lead_fields(&template.names(), problems);
    item.note_lead_values(&template.compared(), problems);
    check_names(item, template.references(), kind, problems);
    let least = template.least(title_length);
    if least > MAX_TITLE_LENGTH {
        let message = format!("the title has at least {least} characters");
        item.error(message, format!("at most {MAX_TITLE_LENGTH} characters"), problems);
    }
    Some(template)
}

fn voice(section: &Section<'_>, kind: Option<EventKind>, problems: &mut Problems) -> Option<Voice> {
    let section = section.section("voice", problems)?;
    let audio = section.required("audio", problems);
    let audio = audio.and_then(|item| item.parsed(problems, audio_name));
    let title_item = section.required("title", problems);
    let title = title_item.and_then(|item| title(&item, kind, problems));
    let redials = section.whole("redials", problems);
    let every_ms = section.duration_ms("every", problems);
    if every_ms % MINUTE_MS != 0 {
        section.error("every", "LigueLead counts redials in whole minutes", "every: 15m", problems);
    }
    let every_min = u16::try_from(every_ms / MINUTE_MS).ok()?;
    Some(Voice { audio: audio?, title: title?, redials, every_min })
}

/// LigueLead takes MP3 and WAV, and checks the extension. The rule gives only the file's name: it does not depend on
/// where the file is.
fn audio_name(text: &str) -> Result<String, (String, String)> {
    if text.contains(['/', '\\']) {
        let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
        return Err((format!("\"{text}\" is a path"), format!("only the file's name, {name}")));
    }
    if text.chars().count() > MAX_AUDIO_NAME_CHARS {
        let message = format!("the file's name has more than {MAX_AUDIO_NAME_CHARS} characters");
        return Err((message, "a shorter name".to_owned()));
    }
    let extension = Path::new(text).extension();
    if extension.is_some_and(|ext| ext.eq_ignore_ascii_case("mp3") || ext.eq_ignore_ascii_case("wav")) {
        return Ok(text.to_owned());
    }
    Err((format!("\"{text}\" is neither an MP3 nor a WAV file"), "a name that ends in .mp3 or .wav".to_owned()))
}
