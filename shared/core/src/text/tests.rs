mod mistakes;

use proptest::prelude::*;

use super::*;
use crate::fields::Fields;
use crate::zone::Zone;

/// 2026-08-08 05:52:30 UTC.
const NOW_MS: i64 = 1_786_168_350_000;

fn lead() -> Fields {
    Fields::from_iter([
        ("FirstName", Some("MARIA DA SILVA")),
        ("LastName", None),
        ("City", Some("")),
        ("Source", Some("Site")),
        ("Score", Some("60")),
        ("DoNotCall", Some("0")),
        ("mx_Value", Some("1234.50")),
        ("CreatedOn", Some("2026-08-08 01:52:30.000")),
        ("mx_Birthday", Some("1990-05-01")),
        ("Phone", Some("+55-11999999999")),
    ])
}

fn context() -> Context {
    Context::new(&lead(), NOW_MS, &Zone::default())
}

fn render(source: &str) -> Result<String, TextError> {
    Template::compile(source).unwrap().render(&context())
}

fn eval(source: &str) -> Result<bool, TextError> {
    Condition::compile(source).unwrap().eval(&context())
}

#[test]
fn texts() {
    for (source, text) in [
        ("Olá {{ lead.FirstName | first_name }}!", "Olá Maria!"),
        ("{{ lead.FirstName | proper }}", "Maria da Silva"),
        ("[{{ lead.City }}]", "[]"),
        ("{{ lead.LastName or 'cliente' }}", "cliente"),
        ("{{ (lead.LastName | first_name) or 'cliente' }}", "cliente"),
        ("{{ lead.LastName | default('cliente') }}", "cliente"),
        ("{{ lead.City | d('aí') }}", "aí"),
        ("{{ lead.mx_Value | brl }}", "R$ 1.234,50"),
        ("{{ lead.CreatedOn | date }} {{ lead.CreatedOn | time }}", "07/08/2026 22:52"),
        ("{{ lead.CreatedOn | date('%d/%m', 'UTC') }}", "08/08"),
        ("{{ lead.mx_Birthday | date('%d/%m') }}", "01/05"),
        ("{{ now | date }}", "08/08/2026"),
        ("{{ lead.Phone | digits }}", "5511999999999"),
        ("{{ lead.Score | number }}", "60"),
        ("{{ (lead.mx_Value | number) / 2 }}", "617.25"),
        ("{% if lead.Source == 'Site' %}a{% else %}b{% endif %}", "a"),
        ("{% if lead.City is filled %}a{% elif lead.LastName is blank %}b{% endif %}", "b"),
        ("{# nota #}{{ lead.FirstName | truncate(6) }}", "MARIA…"),
        ("{{ lead.Source | replace('i', 'I') | upper | lower | trim }}", "site"),
        ("<b>&", "<b>&"),
    ] {
        assert_eq!(render(source).as_deref(), Ok(text), "{source}");
    }
}

/// A text to a person that consists of one value.
fn put(value: &str) -> Result<String, TextError> {
    let lead = Fields::from_iter([("X", Some(value))]);
    Template::compile("{{ lead.X }}").unwrap().render(&Context::new(&lead, NOW_MS, &Zone::default()))
}

#[test]
fn a_value_in_a_text_is_short_of_one_line_and_no_link() {
    assert_eq!(put("Rua das Flores, 10").as_deref(), Ok("Rua das Flores, 10"));
    assert_eq!(put("Ana\r\n").as_deref(), Ok("Ana"));
    assert_eq!(put(&"é".repeat(60)).map(|text| text.chars().count()), Ok(60));
    for (value, why) in [
        ("veja premio.example/gratis", "a web address"),
        ("PREMIO.SHOP", "a web address"),
        ("a\nb", "several lines"),
        ("\u{202e}abc", "invisible"),
        ("a\u{0}b", "invisible"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "more than 60"),
    ] {
        let error = put(value).unwrap_err().to_string();
        assert!(error.starts_with("`lead.X`: the value ") && error.contains(why), "{error}");
        let lead = Fields::from_iter([("X", Some(value))]);
        let context = Context::new(&lead, NOW_MS, &Zone::default());
        let trusted = Template::compile("{{ lead.X | trusted }}").unwrap();
        assert_eq!(trusted.render(&context).as_deref(), Ok(value), "who writes the rule may vouch for it");
        // The next filter makes another value of it, and nobody vouched for that one.
        let again = Template::compile("{{ lead.X | trusted | lower }}").unwrap();
        assert!(again.render(&context).is_err());
        assert_eq!(Template::compile("{{ lead.X }}").unwrap().render_label(&context).as_deref(), Ok(value));
    }
    assert_eq!(render("{{ lead.FirstName }} {{ 'aqui: https://loja.example' | trusted }}").unwrap().len(), 41);
}

#[test]
fn nobody_is_greeted_by_nothing() {
    let empty = |expression: &str| Err(TextError::Empty { expression: expression.to_owned() });
    let of = |name: Option<&str>, source: &str| {
        let lead = Fields::from_iter([("FirstName", name), ("mx_Apelido", name)]);
        Template::compile(source).unwrap().render(&Context::new(&lead, NOW_MS, &Zone::default()))
    };
    for name in [None, Some(""), Some("  "), Some("http://premio.example"), Some("R$ 500"), Some("🌸")] {
        let greeting = "Olá {{ lead.FirstName | first_name }}, recebemos";
        assert_eq!(of(name, greeting), empty("lead.FirstName | first_name"), "{name:?}");
        let with_default = "Olá {{ lead.FirstName | first_name | default('cliente') }}, recebemos";
        assert_eq!(of(name, with_default).as_deref(), Ok("Olá cliente, recebemos"), "{name:?}");
        let with_or = "Olá {{ lead.FirstName | first_name or 'cliente' }}, recebemos";
        assert_eq!(of(name, with_or).as_deref(), Ok("Olá cliente, recebemos"), "{name:?}");
        let with_branch =
            "Olá{% if lead.FirstName | first_name is filled %} {{ lead.FirstName | first_name }}{% endif %}!";
        assert_eq!(of(name, with_branch).as_deref(), Ok("Olá!"), "{name:?}");
    }
    for source in
        ["Olá {{ lead.mx_Apelido }}!", "Prezado(a) {{ lead.mx_Apelido | upper }}!", "{{ lead.FirstName }}, oi"]
    {
        assert!(matches!(of(Some(" "), source), Err(TextError::Empty { .. })), "{source}");
        assert!(of(Some("Ana"), source).is_ok(), "{source}");
    }
    // Without a greeting, an empty field is empty.
    assert_eq!(of(Some(""), "Ref.: [{{ lead.mx_Apelido }}]").as_deref(), Ok("Ref.: []"));
}

#[test]
fn a_field_set_is_reached_by_member_and_not_printed() {
    let set =
        r#"{"mx_CustomObject_1": "104", "mx_CustomObject_2": 2.5, "mx_CustomObject_3": "", "a": {"b": "c"}, "l": [1]}"#;
    let activity = Fields::from_iter([("mx_Custom_4", Some(set)), ("none", Some("{}")), ("text", Some("{oi}"))]);
    let context = context().with_activity(&activity);
    let of = |source: &str| Template::compile(source).unwrap().render(&context);
    let member = "{{ activity.mx_Custom_4.mx_CustomObject_1 }} {{ activity.mx_Custom_4.mx_CustomObject_2 }}";
    assert_eq!(of(member).as_deref(), Ok("104 2.5"));
    assert_eq!(of("[{{ activity.mx_Custom_4.mx_CustomObject_3 | d('-') }}]").as_deref(), Ok("[-]"));
    assert_eq!(of("{{ activity.mx_Custom_4.a.b }}{{ activity.text }}").as_deref(), Ok("c{oi}"));
    for whole in ["{{ activity.mx_Custom_4 }}", "{{ activity.mx_Custom_4 | upper }}", "{{ activity.mx_Custom_4.l }}"] {
        assert!(matches!(of(whole), Err(TextError::NotText { .. })), "{whole}");
    }
    let missing = TextError::Undefined { name: "activity.mx_Custom_4.mx_CustomObject_9".to_owned() };
    assert_eq!(of("{{ activity.mx_Custom_4.mx_CustomObject_9 }}"), Err(missing));
    let holds = |source: &str| Condition::compile(source).unwrap().eval(&context).unwrap();
    assert!(holds("activity.mx_Custom_4.mx_CustomObject_1 == \"104\" and activity.mx_Custom_4 is filled"));
    assert!(holds("activity.none is blank"));
}

#[test]
fn midnight_is_a_day_but_where_the_field_holds_instants() {
    let lead = Fields::from_iter([("mx_Due", Some("2026-11-30 00:00:00")), ("CreatedOn", Some("2026-12-01 00:00:00"))]);
    let task = Fields::from_iter([("DueDate", Some("2026-11-25 00:00:00"))]);
    // 2026-11-24 00:00:00 UTC.
    let context = Context::new(&lead, 1_795_478_400_000, &Zone::default()).with_item("task", &task);
    let of = |source: &str| Template::compile(source).unwrap().render(&context);
    assert_eq!(of("{{ lead.mx_Due | date }}").as_deref(), Ok("30/11/2026"));
    assert!(of("{{ lead.mx_Due | time }}").is_err(), "a day has no time");
    let instants = "{{ lead.CreatedOn | date }} {{ task.DueDate | date }} {{ task.DueDate | time }} {{ now | time }}";
    assert_eq!(of(instants).as_deref(), Ok("30/11/2026 24/11/2026 21:00 21:00"));
}

#[test]
fn conditions() {
    for (source, holds) in [
        ("lead.Source == \"Site\"", true),
        ("lead.Source in [\"Ads\", \"Site\"]", true),
        ("lead.Source != 'Site'", false),
        ("lead.LastName == 'x'", false),
        ("lead.LastName is none and lead.City is blank", true),
        ("lead.Score | number > 50", true),
        ("50 > lead.Score | number", false),
        ("lead.LastName | number(0) < 10", true),
        ("lead.DoNotCall", false),
        ("lead.DoNotCall is yes", false),
        ("not (lead.DoNotCall is yes)", true),
        ("lead.Source is startingwith('Si') and not lead.Source is endingwith('x')", true),
        ("lead.Nope is defined", false),
        ("lead.City", false),
        ("true", true),
        ("'Site' == lead.Source", true),
    ] {
        assert_eq!(eval(source), Ok(holds), "{source}");
    }
}

#[test]
fn a_missing_name_is_named() {
    let undefined = |name: &str| TextError::Undefined { name: name.to_owned() };
    assert_eq!(render("Olá {{ lead.Nope }}"), Err(undefined("lead.Nope")));
    assert_eq!(render("{{ lead.Nope | first_name }}"), Err(undefined("lead.Nope")));
    assert_eq!(render("{{ lead.Nope | number(0) }}"), Err(undefined("lead.Nope")));
    assert_eq!(render("{{ lead.Nope | length }}"), Err(undefined("lead.Nope")));
    assert_eq!(eval("lead.Nope == 'a'"), Err(undefined("lead.Nope")));
    assert_eq!(eval("lead.Nope"), Err(undefined("lead.Nope")));
    assert_eq!(eval("lead.Source == 'x' or lead.Nope == 'a'"), Err(undefined("lead.Nope")));
    assert_eq!(eval("before.Source == 'a'"), Err(undefined("before.Source")));
    // Two names are missing: the error has the first one that is looked up.
    assert_eq!(eval("lead.Zzz == 'a' and lead.Aaa == 'b'"), Err(undefined("lead.Zzz")));
    // A name that is not looked up is not missed.
    assert_eq!(eval("lead.Source == 'Site' or lead.Nope == 'a'"), Ok(true));
    assert_eq!(undefined("lead.Nope").to_string(), "this event has no `lead.Nope`");
}

#[test]
fn an_empty_field_never_prints_none() {
    let empty = |expression: &str| TextError::Empty { expression: expression.to_owned() };
    assert_eq!(render("Olá {{ lead.LastName }}"), Err(empty("lead.LastName")));
    assert_eq!(render("{{ lead.LastName | upper }}"), Err(empty("lead.LastName | upper")));
    assert_eq!(render("{{ lead.LastName | date }}"), Err(empty("lead.LastName | date")));
    assert_eq!(render("{{ lead.LastName | brl }}"), Err(empty("lead.LastName | brl")));
    assert_eq!(eval("lead.LastName | number > 3"), Err(empty("lead.LastName | number")));
    for filter in filters::NAMES {
        let source = format!("{{{{ lead.LastName | {filter} }}}}");
        if let Ok(text) = Template::compile(&source).unwrap().render(&context()) {
            assert_eq!(text, "", "{filter}");
        }
    }
}

#[test]
fn a_whole_lead_is_not_a_text() {
    for source in ["{{ lead }}", "{{ event }}", "{{ [lead.Source] }}"] {
        assert!(matches!(render(source), Err(TextError::NotText { .. })), "{source}");
    }
}

#[test]
fn no_error_quotes_a_value() {
    for source in [
        "{{ lead.FirstName | number }}",
        "{{ lead.FirstName | brl }}",
        "{{ lead.FirstName | date }}",
        "{{ lead.FirstName + 1 }}",
        "{{ lead.FirstName | round }}",
        "{{ lead.FirstName | truncate(lead.Phone) }}",
        "{{ lead.CreatedOn | date(lead.FirstName, lead.Phone) }}",
        "{{ lead[lead.FirstName] }}",
        "{{ lead.FirstName.X }}",
        "{{ 1 / lead.FirstName }}",
        "{{ -lead.FirstName }}",
        "{{ 'x' in lead.LastName }}",
        "{{ lead.FirstName[0:lead.Phone] }}",
    ] {
        let Ok(template) = Template::compile(source) else {
            continue;
        };
        let error = template.render(&context()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("MARIA") && !shown.contains("99999"), "{source}: {shown}");
    }
}

#[test]
fn an_evaluation_is_bounded() {
    let long = format!("{{{{ '{}' | trusted }}}}", "x".repeat(100));
    assert_eq!(render(&long.repeat(60)).map(|text| text.len()), Ok(6_000));
    let tripled = format!("{{{{ '{}' | replace('x', 'xxx') | trusted }}}}", "x".repeat(5_000));
    assert_eq!(render(&tripled), Err(TextError::TooLong));
    let nested = " | replace('x', 'xxxxxxxxxx')".repeat(30);
    let exploding = format!("{{{{ 'x'{nested} }}}}");
    assert!(matches!(render(&exploding), Err(TextError::Other { .. })));
    let error = Template::compile(&"x".repeat(MAX_SNIPPET_CHARS + 1)).unwrap_err();
    assert!(error.message.contains("longer"));
}

#[test]
fn references_and_literals_are_told() {
    let text = Template::compile("Olá {{ lead.FirstName | d(before.City) }}, {{ lead['X Y'] }}.").unwrap();
    let names: Vec<&str> = text.references().iter().map(String::as_str).collect();
    assert_eq!(names, ["before.City", "lead", "lead.FirstName"]);
    assert_eq!(text.literals().collect::<Vec<_>>(), ["Olá ", ", ", "."]);
    assert_eq!(text.least_chars(), 7);
    assert_eq!(Template::compile("{% if lead.X is yes %}abc{% endif %}").unwrap().least_chars(), 0);
    let condition = Condition::compile("lead.Source == 'Site' and event.kind == 'x'").unwrap();
    assert_eq!(condition.references().len(), 2);
}

#[test]
fn before_activity_and_event_are_seen() {
    let other = Fields::from_iter([("Source", Some("Ads")), ("kind", Some("lead.changed"))]);
    let context = context().with_before(&other).with_activity(&other).with_event(&other);
    let condition =
        Condition::compile("before.Source == 'Ads' and activity.Source == 'Ads' and event.kind == 'lead.changed'");
    assert_eq!(condition.unwrap().eval(&context), Ok(true));
}

#[test]
fn compiled_parts_cross_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    crosses::<Condition>();
    crosses::<Template>();
    crosses::<Context>();
}

proptest! {
    #[test]
    fn no_snippet_panics(
        source in "\\PC{0,60}",
        like in "([{}%|.()'\"=<>!~, ]|lead|before|FirstName|Score|if|endif|else|is|not|and|number|date|upper|12|\n|ã){0,25}",
    ) {
        let context = context();
        for source in [source, format!("{{{{ {like} }}}}"), like] {
            if let Ok(template) = Template::compile(&source) {
                let _ = template.render(&context);
            }
            match Condition::compile(&source) {
                Ok(condition) => drop(condition.eval(&context)),
                Err(error) => prop_assert!(error.line >= 1 && error.column >= 1),
            }
        }
    }

    #[test]
    fn no_value_panics_or_gets_into_an_error(
        value in "\\PC{8,30}",
        filter in prop::sample::select(filters::NAMES.to_vec()),
    ) {
        let lead = Fields::from_iter([("X", Some(value.clone()))]);
        let context = Context::new(&lead, NOW_MS, &Zone::default());
        let template = Template::compile(&format!("{{{{ lead.X | {filter} }}}}")).unwrap();
        if let Err(error) = template.render(&context) {
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&value));
        }
    }
}
