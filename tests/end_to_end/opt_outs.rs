//! Leads that get no messages: by command, by file, and by the field in the CRM, read just before the message is sent.

use serde_json::{Value, json};

use super::WELCOME;
use crate::support::{Installation, Lead, Setup, fault, wait_until};

async fn suppress(installation: &Installation, more: &[&str]) -> Value {
    let mut arguments = more[1..].to_vec();
    arguments.push("--json");
    installation.command_of(&["suppress", more[0]], &arguments).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suppressed_by_command_or_file_gets_nothing_and_everybody_else_does() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let leads: Vec<Lead> = (1..=6).map(Lead::new).collect();
    let phone = |at: usize| leads[at].phone.as_str();
    assert_eq!(suppress(&installation, &["add", "--phone", phone(0)]).await["suppressed"], 2);
    assert_eq!(suppress(&installation, &["add", "--phone", phone(0)]).await["suppressed"], 0, "it is already");
    assert_eq!(suppress(&installation, &["add", "--lead", &leads[1].id, "--channel", "sms"]).await["suppressed"], 1);
    suppress(&installation, &["add", "--lead", &leads[2].id, "--channel", "voice"]).await;
    suppress(&installation, &["add", "--lead", &leads[3].id]).await;
    assert_eq!(suppress(&installation, &["remove", "--lead", &leads[3].id]).await["lifted"], 2);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("list.csv");
    std::fs::write(&file, format!("phone;channel\n{};sms\nnobody;sms\n+55 {};\n", phone(4), "11 98765-4321")).unwrap();
    let path = file.display().to_string();
    let imported = installation.command_of(&["suppress", "import"], &[&path]).await;
    assert_eq!(imported.code, Some(1), "one line is bad: {imported:?}");
    assert!(imported.stderr.contains("list.csv:3:") && imported.stdout.contains("2 of 3"), "{imported:?}");
    assert!(!imported.stderr.contains("nobody"));

    installation.take(&leads.iter().map(Lead::created).collect()).await;
    let report = wait_until("all have come to an end", async || {
        let report = installation.messages().await;
        (report.in_state("delivered") + report.in_state("skipped") == 6).then_some(report)
    })
    .await;
    let states: Vec<&str> = leads.iter().map(|lead| report.of(&lead.id)[0].state.as_str()).collect();
    assert_eq!(states, ["skipped", "skipped", "delivered", "delivered", "skipped", "delivered"]);
    let why = report.of(&leads[0].id)[0].why.clone().unwrap();
    assert_eq!(why, "the phone is suppressed for sms (by an operator)");
    assert!(report.of(&leads[4].id)[0].why.as_ref().unwrap().contains("list.csv"));
    assert_eq!(installation.liguelead.received().messages().len(), 3);
    installation.told().await;
    let shown = installation.leadsquared.activities();
    assert_eq!(shown.iter().filter(|one| one.fields["mx_Custom_4"] == "skipped").count(), 3);

    let list = suppress(&installation, &["list"]).await;
    assert_eq!(list["suppressions"].as_array().unwrap().len(), 2 + 1 + 1 + 1 + 2);
    assert!(!list.to_string().contains(phone(0)), "phones are shortened");
    assert_eq!(
        suppress(&installation, &["list", "--phone", phone(0)]).await["suppressions"].as_array().unwrap().len(),
        2
    );
    let again = installation.command_of(&["suppress", "remove"], &["--phone", "11912345678"]).await;
    assert_eq!(again.code, Some(1), "nobody to lift");
    for wrong in [&["add"][..], &["add", "--phone", "12"], &["add", "--phone", phone(0), "--lead", "x"], &["import"]] {
        assert_eq!(installation.command_of(&["suppress", wrong[0]], &wrong[1..]).await.code, Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_opt_outs_suppress_those_who_are_in_them_and_nobody_else() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let directory = tempfile::tempdir().unwrap();
    for (name, phones, leads, said) in [
        ("cpf-before-phone.csv", vec!["21999990001"], vec![], "1 of 1 line(s) taken, 2 new"),
        (
            "lead-and-phone.csv",
            vec!["11999990031", "11999990032"],
            vec!["00000000-0000-4000-8000-000000000031", "00000000-0000-4000-8000-000000000032"],
            "2 of 2 line(s) taken, 8 new",
        ),
        ("leadsquared-export.csv", vec!["11999990001"], vec![], "1 of 1 line(s) taken, 2 new"),
    ] {
        let file = directory.path().join(name);
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/field");
        std::fs::copy(std::path::Path::new(fixture).join(name), &file).unwrap();
        let path = file.display().to_string();
        let done = installation.command_of(&["suppress", "import"], &[&path]).await;
        assert!(done.code == Some(0) && done.stdout.contains(said), "{done:?}");
        for (flag, subjects) in [("--phone", phones), ("--lead", leads)] {
            for subject in subjects {
                let rows = suppress(&installation, &["list", flag, subject]).await;
                assert_eq!(rows["suppressions"].as_array().unwrap().len(), 2, "{name}: {subject}");
            }
        }
    }
    // Values below another heading are not phones here.
    for phone in ["11987654321", "3001"] {
        let listed = installation.command_of(&["suppress", "list"], &["--phone", phone, "--json"]).await;
        assert!(listed.code == Some(2) || listed.json()["suppressions"].as_array().unwrap().is_empty(), "{listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_of_a_command_is_read_by_the_rules_of_the_configuration() {
    // A mobile from before the ninth digit. It is not a phone, unless the configuration adds the digit.
    const OLD: &str = "(11) 9999-8888";
    let strict = Installation::start(Setup::new(WELCOME)).await;
    assert_eq!(strict.command_of(&["suppress", "add"], &["--phone", OLD]).await.code, Some(2));
    let lenient = Installation::start(Setup::new(WELCOME).and("phones: { add_ninth_digit: true }\n")).await;
    assert_eq!(suppress(&lenient, &["add", "--phone", OLD]).await["suppressed"], 2);
    for written in [OLD, "11 99999-8888"] {
        assert_eq!(
            suppress(&lenient, &["list", "--phone", written]).await["suppressions"].as_array().unwrap().len(),
            2,
            "{written}"
        );
    }
    assert_eq!(suppress(&lenient, &["remove", "--phone", OLD]).await["lifted"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crms_field_is_asked_again_when_the_message_goes_and_messages_wait_while_it_cannot_be() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let (out, free, later) = (Lead::new(1), Lead::new(2), Lead::new(3));
    let asked = || installation.leadsquared.received().calls.iter().filter(|call| call.path.ends_with("ByIds")).count();
    // The sweep at the start of a process looks ahead, and may take one message of a delivery before the other. It is
    // over once a message has been sent.
    let first = Lead::new(9);
    installation.take(&first.created()).await;
    installation.comes_to(&first.id, "delivered").await;
    let before = asked();
    installation.leadsquared.put_lead(&out.id, [("mx_SMS_Opt_Out", "1")]);
    installation.leadsquared.put_lead(&free.id, [("mx_SMS_Opt_Out", "0")]);
    installation.leadsquared.put_lead(&later.id, [("FirstName", "x")]);
    // The webhooks do not carry the field.
    installation.take(&[out.created(), free.created()].into_iter().collect()).await;
    let skipped = installation.comes_to(&out.id, "skipped").await;
    assert_eq!(skipped.why.as_deref(), Some("the lead opted out (mx_SMS_Opt_Out)"));
    installation.comes_to(&free.id, "delivered").await;
    assert_eq!(asked() - before, 1, "one call for both");

    installation.leadsquared.set_faults(recado_simulators::faults::Faults::of([fault("before-500@every=1@ByIds")]));
    installation.take(&later.created()).await;
    let held = installation.comes_to(&later.id, "held").await;
    assert!(held.why.unwrap().starts_with("LeadSquared could not be asked whether the lead opted out"));
    assert_eq!(installation.liguelead.received().messages().len(), 2, "it was not sent blindly");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_field_forbids_where_the_tenant_says_so_and_a_fresh_one_is_not_asked_again() {
    let mut setup = Setup::new(WELCOME);
    setup.config = setup.config.replace("sms: mx_SMS_Opt_Out }", "sms: mx_SMS_Opt_Out, missing: skip }");
    let installation = Installation::start(setup).await;
    let with = |lead: &Lead, value: Value| {
        let mut body = lead.created();
        body["CreatedOn"] = json!(jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string());
        body["mx_SMS_Opt_Out"] = value;
        // LeadSquared's own field, which the account has as well.
        body["DoNotSMS"] = json!("0");
        body
    };
    let leads: Vec<Lead> = (1..=4).map(Lead::new).collect();
    installation.take(&with(&leads[0], json!("false"))).await;
    installation.take(&with(&leads[1], Value::Null)).await;
    installation.comes_to(&leads[0].id, "delivered").await;
    let asked = || installation.leadsquared.received().calls.iter().filter(|call| call.path.ends_with("ByIds")).count();
    assert_eq!(asked(), 0, "the webhook has just said it");
    installation.take(&leads[2].created()).await;
    for lead in &leads[1..3] {
        let skipped = installation.comes_to(&lead.id, "skipped").await;
        assert!(skipped.why.unwrap().contains("is empty, which forbids messages here"));
    }
    assert_eq!(asked(), 1, "the third's webhook does not carry it");
    // A delivery that took days tells an old value.
    installation.leadsquared.put_lead(&leads[3].id, [("mx_SMS_Opt_Out", "1")]);
    let mut late = with(&leads[3], json!("false"));
    late["CreatedOn"] = leads[3].created()["CreatedOn"].clone();
    installation.take(&late).await;
    let skipped = installation.comes_to(&leads[3].id, "skipped").await;
    assert_eq!(skipped.why.as_deref(), Some("the lead opted out (mx_SMS_Opt_Out)"));
    assert_eq!(asked(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn leadsquareds_own_field_is_obeyed_without_configuration_where_the_account_has_it() {
    for (do_not_sms, says, state) in
        [(true, "", "skipped"), (true, "system: false", "delivered"), (false, "", "delivered")]
    {
        let mut setup = Setup::new(WELCOME);
        setup.config = setup.config.replace("{ sms: mx_SMS_Opt_Out }", &format!("{{ {says} }}"));
        setup.leadsquared.do_not_sms = do_not_sms;
        let installation = Installation::start(setup).await;
        let (out, free) = (Lead::new(1), Lead::new(2));
        installation.leadsquared.put_lead(&out.id, [if do_not_sms { ("DoNotSMS", "1") } else { ("Notes", "x") }]);
        installation.leadsquared.put_lead(&free.id, [("FirstName", "x")]);
        installation.take(&[out.created(), free.created()].into_iter().collect()).await;
        let of_out = installation.comes_to(&out.id, state).await;
        assert_eq!(of_out.why.is_some_and(|why| why == "the lead opted out (DoNotSMS)"), state == "skipped");
        installation.comes_to(&free.id, "delivered").await;
        // A field in the webhook forbids the message, even if the list of fields lacks it. The exception is a field
        // that the file leaves out.
        let told = Lead::new(3);
        let mut body = told.created();
        body["DoNotSMS"] = json!("Sim");
        installation.take(&body).await;
        installation.comes_to(&told.id, if says.is_empty() { "skipped" } else { "delivered" }).await;
        let calls = installation.leadsquared.received().calls;
        let asked = |end: &str| calls.iter().filter(|call| call.path.ends_with(end)).count();
        assert_eq!(asked("LeadsMetaData.Get"), usize::from(says.is_empty()), "once a day");
        assert_eq!(asked("ByIds") > 0, do_not_sms && says.is_empty(), "only where there is something to ask");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_until_the_account_has_once_said_which_fields_it_has() {
    let mut setup = Setup::new(WELCOME);
    setup.leadsquared.faults = recado_simulators::faults::Faults::of([fault("before-500@every=1@LeadsMetaData")]);
    let installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    installation.leadsquared.put_lead(&lead.id, [("FirstName", "x")]);
    installation.take(&lead.created()).await;
    let held = installation.comes_to(&lead.id, "held").await;
    assert!(held.why.unwrap().starts_with("LeadSquared could not be asked which of its own fields forbid messages"));
    assert_eq!(installation.liguelead.received().messages().len(), 0, "it was not sent blindly");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_does_not_tell_its_fields_is_taken_as_the_pages_show_it() {
    for refusal in ["before-404@every=1@LeadsMetaData", "before-400@every=1@LeadsMetaData"] {
        let mut setup = Setup::new(WELCOME);
        setup.config = setup.config.replace("{ sms: mx_SMS_Opt_Out }", "{}");
        setup.leadsquared.faults = recado_simulators::faults::Faults::of([fault(refusal)]);
        let installation = Installation::start(setup).await;
        installation.take(&Lead::new(1).created()).await;
        installation.comes_to(&Lead::new(1).id, "delivered").await;
        // A value in the webhook itself still forbids the message.
        let out = Lead::new(2);
        let mut body = out.created();
        body["DoNotSMS"] = json!("1");
        installation.take(&body).await;
        installation.comes_to(&out.id, "skipped").await;
        let calls = installation.leadsquared.received().calls;
        assert_eq!(calls.iter().filter(|call| call.path.ends_with("LeadsMetaData.Get")).count(), 1, "{refusal}");
    }
}

/// Sends two messages to one lead, who opts out in between; the webhooks do not carry the field. Returns the outcome of
/// the second message, and whether LeadSquared was asked again.
async fn opted_out_in_between(fresh: &str) -> (String, bool) {
    let rules = format!("{WELCOME}  - {{ id: won, on: lead.stage, to: Customer, sms: \"Parabéns.\" }}\n");
    let mut setup = Setup::new(&rules);
    setup.config = setup.config.replace("sms: mx_SMS_Opt_Out }", &format!("sms: mx_SMS_Opt_Out, fresh: {fresh} }}"));
    let installation = Installation::start(setup).await;
    let lead = Lead::new(1);
    installation.leadsquared.put_lead(&lead.id, [("mx_SMS_Opt_Out", "0")]);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "delivered").await;
    let reads = || installation.leadsquared.received().calls.iter().filter(|call| call.path.ends_with("ByIds")).count();
    let before = reads();
    assert!(before > 0, "the first message's lead was read");
    installation.leadsquared.put_lead(&lead.id, [("mx_SMS_Opt_Out", "1")]);
    installation.take(&lead.staged("Prospect", "Customer", "2026-11-20 12:00:05")).await;
    let second = wait_until("the second comes to its end", async || {
        let report = installation.messages().await;
        let second = report.of(&lead.id).into_iter().find(|message| message.rule == "won")?.state.clone();
        ["delivered", "skipped"].contains(&second.as_str()).then_some(second)
    })
    .await;
    (second, reads() > before)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_of_a_lead_is_believed_for_as_long_as_the_configuration_says() {
    assert_eq!(opted_out_in_between("1h").await, ("delivered".to_owned(), false));
    assert_eq!(opted_out_in_between("0s").await, ("skipped".to_owned(), true));
}
