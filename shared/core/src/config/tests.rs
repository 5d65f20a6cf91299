use proptest::prelude::*;

use super::*;
use crate::hours::Hours;
use crate::kind::EventKind;

/// The configuration of the design.
const EXAMPLE: &str = r#"
version: 1
timezone: America/Manaus               # the calendar day of quotas
leadsquared:
  plan: standard                       # lite | pro | super | basic | standard | enterprise
  reserve: 20%
  integration_user: 5c0e…
  opt_out: { sms: mx_SMS_Opt_Out, voice: DoNotCall }
  write_back: { status: mx_Message_Status, at: mx_Message_At }
quotas: { messages_per_day: 50000, credits_per_day: 60000 }
hours:  { sms: "08:00-20:00 mon-sat", voice: "09:00-18:00 mon-fri" }
caps:   [ { max: 1, every: 24h }, { max: 3, every: 7d } ]
rules:
  - id: welcome
    on: lead.created
    when: lead.Source == "Site"
    sms: "Olá {{ lead.FirstName }}, recebemos o seu contato."
    expires: 6h
  - id: qualified
    on: lead.changed
    field: ProspectStage
    when: lead.ProspectStage == "Qualified"
    voice: { audio: qualified.mp3, title: "Qualified lead", redials: 2, every: 15m }
campaigns:
  - id: newsletter
    schedule: "cron(0 13 1 * ? *)"
    audience: { field: ProspectStage, op: "=", value: "Customer" }
    sms: "Confira as novidades deste mês."
"#;

fn config(text: &str) -> Config {
    Config::parse(text).unwrap().config
}

fn with_rule(lines: &str) -> Config {
    let head = "version: 1\nleadsquared: { plan: standard }\nrules:\n  - id: r\n";
    let body = lines.replace('\n', "\n    ");
    config(&format!("{head}    {body}\n"))
}

#[test]
fn the_designs_example_is_read_whole() {
    let config = config(EXAMPLE);
    assert_eq!(config.timezone.name(), "America/Manaus");
    let account = &config.leadsquared;
    assert_eq!(account.plan, Some(Plan::Standard));
    assert_eq!((account.calls_per_5s, account.own_calls_per_5s()), (15, 12));
    assert_eq!((account.calls_per_day, account.own_calls_per_day()), (259_200, 207_360));
    assert_eq!(account.integration_user.as_deref(), Some("5c0e…"));
    assert_eq!(account.opt_out.sms.as_ref().map(FieldName::as_str), Some("mx_SMS_Opt_Out"));
    assert_eq!(account.write_back.at.as_ref().map(FieldName::as_str), Some("mx_Message_At"));
    assert_eq!(account.activity, "Recado message");
    assert_eq!(config.quotas.credits_per_day, Some(60_000));
    assert_eq!(config.hours.sms, Hours::parse("08:00-20:00 mon-sat").unwrap());
    assert_eq!(config.caps.len(), 2);
    assert_eq!((config.caps[1].max, config.caps[1].every_ms), (3, 7 * DAY_MS));

    let welcome = config.rule("welcome").unwrap();
    assert_eq!(welcome.trigger, Trigger::LeadCreated);
    assert_eq!(welcome.when.as_ref().unwrap().source(), "lead.Source == \"Site\"");
    assert!(welcome.action.text().unwrap().references().contains("lead.FirstName"));
    assert_eq!(welcome.expires_ms, Some(6 * 3_600_000));
    let Action::Voice(voice) = &config.rules[1].action else { panic!("not a call") };
    assert_eq!((voice.redials, voice.every_min, voice.audio.as_str()), (2, 15, "qualified.mp3"));
    let Audience::Search(search) = &config.campaigns[0].audience else { panic!("a search") };
    assert_eq!(search.op.as_str(), "=");
    assert_eq!(config.campaigns[0].schedule.as_ref().unwrap().as_str(), "cron(0 13 1 * ? *)");
}

#[test]
fn defaults_are_the_seeds() {
    let config = with_rule("on: lead.created\nsms: Oi");
    assert_eq!(config.timezone.name(), "America/Sao_Paulo");
    assert_eq!(config.leadsquared.bulk_calls_per_5s, 1);
    assert_eq!(config.leadsquared.bulk_create_or_update_max, 25);
    assert!(config.leadsquared.bulk_counts_in_window);
    assert_eq!(config.leadsquared.reserve_per_mille, 200);
    let gateway = &config.liguelead;
    assert_eq!((gateway.requests_per_minute, gateway.phones_per_request), (600_000, 10_000));
    assert_eq!((gateway.in_flight, gateway.environments), (50, 10));
    assert_eq!((gateway.campaign_share_per_mille, gateway.folds_text), (800, true));
    let by_day = Hours::parse("08:00-22:00 daily").unwrap();
    assert_eq!((&config.hours.sms, &config.hours.voice), (&by_day, &by_day));
    assert_eq!(config.quotas, Quotas::default());
    let send = config.send;
    assert_eq!((send.stale_after_ms, send.call_timeout_ms), (180_000, 30_000));
    assert_eq!((send.unknown_after_ms, send.linger_ms), (DAY_MS, 0));
    assert_eq!(config.retention_ms, 90 * DAY_MS);
    assert_eq!(config.rules[0].expires_ms, None);
}

#[test]
fn the_plan_fills_in_what_is_not_given() {
    let account = |line: &str| config(&format!("version: 1\nleadsquared: {{ {line} }}\n")).leadsquared;
    for (plan, calls, per_day) in [
        ("lite", 2, 34_560),
        ("pro", 5, 86_400),
        ("super", 10, 172_800),
        ("basic", 10, 172_800),
        ("standard", 15, 259_200),
        ("enterprise", 25, 432_000),
    ] {
        let account = account(&format!("plan: {plan}"));
        assert_eq!((account.calls_per_5s, account.calls_per_day), (calls, per_day), "{plan}");
    }
    // More requests in a window were bought: nothing says that the day's limit grew too.
    let bought = account("plan: pro, calls_per_5s: 20");
    assert_eq!((bought.calls_per_5s, bought.calls_per_day), (20, 86_400));
    let fewer = account("plan: enterprise, calls_per_5s: 10");
    assert_eq!((fewer.calls_per_5s, fewer.calls_per_day), (10, 172_800));
    let custom = account("calls_per_5s: 72, calls_per_day: 10000, reserve: 12.5%");
    assert_eq!((custom.own_calls_per_5s(), custom.own_calls_per_day()), (63, 8_750));
    // One request always remains.
    assert_eq!(account("plan: lite, reserve: 90%").own_calls_per_5s(), 1);
}

#[test]
fn triggers_of_every_kind() {
    let trigger = |lines: &str| with_rule(&format!("{lines}\nsms: Oi")).rules[0].trigger.clone();
    let change = |name: &str, from: Option<&str>, to: Option<&str>| Trigger::LeadChanged {
        field: Some(FieldChange {
            name: FieldName::parse(name).unwrap(),
            from: from.map(ToOwned::to_owned),
            to: to.map(ToOwned::to_owned),
        }),
    };
    assert_eq!(trigger("on: lead.changed"), Trigger::LeadChanged { field: None });
    assert_eq!(trigger("on: lead.changed\nfield: mx_City"), change("mx_City", None, None));
    assert_eq!(
        trigger("on: lead.stage\nfrom: New\nto: Qualified"),
        change("ProspectStage", Some("New"), Some("Qualified"))
    );
    assert_eq!(trigger("on: lead.owner"), change("OwnerId", None, None));
    assert_eq!(trigger("on: lead.score"), change("Score", None, None));
    assert_eq!(trigger("on: activity.created\nactivity: 22"), Trigger::ActivityCreated { code: Some(22) });
    assert_eq!(trigger("on: activity.updated").kind(), EventKind::ActivityUpdated);
    assert_eq!(trigger("on: task.completed"), Trigger::Item { kind: EventKind::TaskCompleted });
    assert_eq!(trigger("on: opportunity.changed").kind(), EventKind::OpportunityChanged);
}

#[test]
fn a_flash_and_its_title() {
    let config = with_rule("on: lead.created\nflash: Oi\ntitle: Aviso\ngroup_id: g1");
    let rule = &config.rules[0];
    assert!(rule.action.is_flash());
    assert!(matches!(&rule.action, Action::Flash { title: Some(title), .. } if title.source() == "Aviso"));
    assert_eq!(rule.group_id.as_deref(), Some("g1"));
}

#[test]
fn a_bom_and_windows_lines_are_read_alike() {
    let windows = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(config(&windows), config(EXAMPLE));
}

#[test]
fn a_file_without_end_is_refused() {
    let huge = "#".repeat(MAX_CONFIG_BYTES + 1);
    let problems = Config::parse(&huge).unwrap_err();
    assert_eq!(problems.len(), 1);
    let rule = "  - id: a\n    on: x\n";
    let many = format!("version: 1\nrules:\n{}", rule.repeat(1_000));
    let problems = Config::parse(&many).unwrap_err();
    assert!(problems.len() <= 400);
}

#[test]
fn warnings_cannot_push_an_error_out() {
    let warned = |index| {
        format!("  - id: r{index}\n    on: lead.created\n    when: lead.B == \"x\" and not lead.A\n    sms: Oi\n")
    };
    let rules: Vec<String> = (0..400).map(warned).collect();
    let head = "version: 1\nleadsquared: { plan: lite }\nrules:\n";
    let last = "  - id: last\n    on: nothing\n    sms: Oi\n";
    let text = format!("{head}{}{last}", rules.concat());
    let problems = Config::parse(&text).unwrap_err();
    assert!(problems.iter().filter(|problem| problem.severity == Severity::Warning).count() >= 100);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", like in "([a-z]+: |- |\\[|\\]|\\{|\\}|\"|'|\\||>|\n| {1,4}|&a|\\*a|!x|#|%|[a-z0-9é]+){0,40}") {
        for text in [text, like.clone(), format!("version: 1\nrules:\n  - id: x\n    sms: {like}")] {
            if let Err(problems) = Config::parse(&text) {
                prop_assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
                prop_assert!(problems.iter().all(|problem| problem.line >= 1 && problem.column >= 1));
            }
        }
    }

    #[test]
    fn no_edit_of_the_example_panics(at in 0_usize..1_500, cut in 0_usize..40, put in "[ -~é\n]{0,12}") {
        let chars: Vec<char> = EXAMPLE.chars().collect();
        let at = at.min(chars.len());
        let end = (at + cut).min(chars.len());
        let edited: String = chars[..at].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&chars[end..]).collect();
        let lines = edited.lines().count();
        let found = match Config::parse(&edited) {
            Ok(checked) => checked.warnings,
            Err(problems) => problems,
        };
        prop_assert!(found.iter().all(|problem| problem.line <= lines + 1));
    }
}

#[test]
fn a_value_with_a_decomposed_accent_is_the_composed_one() {
    let rules = "rules: [ { id: a, on: lead.changed, field: mx_A, to: \"Indicac\u{327}a\u{303}o\", sms: oi } ]";
    let config = Config::parse(&format!("version: 1\nleadsquared: {{ plan: pro }}\n{rules}\n")).unwrap().config;
    assert_eq!(config.rules[0].trigger.change().unwrap().to.as_deref(), Some("Indica\u{e7}\u{e3}o"));
}
