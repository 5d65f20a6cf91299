//! How `serve` starts and ends.

use super::WELCOME;
use crate::support::{CALLBACK_SECRET, Installation, Lead, Setup, credentials, recado};

/// A good configuration in a directory, and arguments that name it.
fn arguments(directory: &std::path::Path, config: &str) -> Vec<String> {
    let file = directory.join("recado.yaml");
    std::fs::write(&file, config).unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", "memory", "--config", &file.display().to_string()];
    arguments.map(str::to_owned).to_vec()
}

async fn refused(arguments: &[String], environment: &[(String, String)]) -> String {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let finished = recado(&arguments, environment).await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "");
    finished.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_credential_is_one_line_that_names_its_variable() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(WELCOME);
    let arguments = arguments(directory.path(), &setup.config);
    let all = credentials("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", &setup);
    for name in [
        "LIGUELEAD_API_TOKEN",
        "LIGUELEAD_APP_ID",
        "LEADSQUARED_ACCESS_KEY",
        "LEADSQUARED_SECRET_KEY",
        "RECADO_WEBHOOK_SECRET",
        "RECADO_CALLBACK_SECRET",
    ] {
        for value in [None, Some(" ")] {
            let others = all.iter().filter(|(one, _)| one != name).cloned();
            let environment: Vec<_> = others.chain(value.map(|value| (name.to_owned(), value.to_owned()))).collect();
            let said = refused(&arguments, &environment).await;
            assert_eq!(said.lines().count(), 1, "{said}");
            assert!(said.contains(name), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_can_be_guessed_or_opens_two_doors_is_refused_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(WELCOME);
    let arguments = arguments(directory.path(), &setup.config);
    let all = credentials("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", &setup);
    for name in ["RECADO_WEBHOOK_SECRET", "RECADO_CALLBACK_SECRET", "RECADO_PANEL_SECRET"] {
        for value in ["x", "a-secret-of-31-characters-which", "the-new-value-is-long-enough-here,short-old-one"] {
            let mut environment = all.clone();
            environment.push((name.to_owned(), value.to_owned()));
            let said = refused(&arguments, &environment).await;
            assert_eq!(said.lines().count(), 1, "{said}");
            assert!(said.contains(name) && said.contains("too short to be safe"), "{said}");
            assert!(value.len() == 1 || !said.contains(value), "{said}");
            assert!(value.contains(',') || said.contains("openssl rand -hex 24"), "{said}");
        }
    }
    let mut environment = all.clone();
    environment.push(("RECADO_PANEL_SECRET".to_owned(), CALLBACK_SECRET.to_owned()));
    let said = refused(&arguments, &environment).await;
    assert!(said.contains("RECADO_PANEL_SECRET must not be RECADO_CALLBACK_SECRET"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_missing_credentials_are_named_at_once_and_a_file_beside_the_configuration_has_them() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(WELCOME);
    let mut arguments = arguments(directory.path(), &setup.config);
    let said = refused(&arguments, &[]).await;
    assert!(said.contains("6 variables are not set"), "{said}");
    let all = credentials("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", &setup);
    assert!(all.iter().filter(|(name, _)| !name.ends_with("_URL")).all(|(name, _)| said.contains(name)), "{said}");

    let lines: Vec<String> = all.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
    std::fs::write(directory.path().join(".env"), lines.concat()).unwrap();
    // It starts until it tries to listen at the address.
    arguments[2] = "203.0.113.1:1".to_owned();
    let said = refused(&arguments, &[]).await;
    assert!(said.contains("--listen 203.0.113.1:1"), "{said}");
    let other = refused(&arguments, &[("LIGUELEAD_BASE_URL".to_owned(), "http://127.0.0.1:9/api".to_owned())]).await;
    assert!(other.contains("LIGUELEAD_BASE_URL must end in /v1"), "what is set already stays: {other}");
    std::fs::write(directory.path().join(".env"), "no line of a secret-thing").unwrap();
    let bad = refused(&arguments, &[]).await;
    assert!(bad.contains(".env") && !bad.contains("secret-thing"), "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_is_one_line_that_names_its_variable() {
    let installation = Installation::start(Setup::new(WELCOME)).await;
    let directory = tempfile::tempdir().unwrap();
    // A vendor that does not answer in time would not prevent the start.
    let arguments = arguments(directory.path(), &Setup::new(WELCOME).call_timeout("9s").config);
    for name in ["LIGUELEAD_API_TOKEN", "LIGUELEAD_APP_ID", "LEADSQUARED_ACCESS_KEY", "LEADSQUARED_SECRET_KEY"] {
        let mut environment = installation.environment.clone();
        environment.push((name.to_owned(), "a-wrong-value".to_owned()));
        let said = refused(&arguments, &environment).await;
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(name) && said.contains("refused"), "{said}");
        assert!(!said.contains("a-wrong-value"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_makes_no_sense_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(WELCOME);
    let arguments = arguments(directory.path(), &setup.config);
    let all = credentials("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", &setup);
    for (name, value) in [
        ("RECADO_PUBLIC_URL", "not an address"),
        ("RECADO_PUBLIC_URL", "ftp://recado.example"),
        ("RECADO_PUBLIC_URL", "https://my_host.example"),
        ("LIGUELEAD_BASE_URL", "not an address"),
        ("LEADSQUARED_BASE_URL", "not an address"),
    ] {
        let mut environment = all.clone();
        environment.push((name.to_owned(), value.to_owned()));
        let said = refused(&arguments, &environment).await;
        assert!(said.contains(name), "{name}={value}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_while_the_vendors_are_out_of_reach_and_an_address_in_use_is_named() {
    let mut installation = Installation::start(Setup::new(WELCOME)).await;
    let address = installation.address.to_string();
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = arguments(directory.path(), &Setup::new(WELCOME).config);
    arguments[2].clone_from(&address);
    let said = refused(&arguments, &installation.environment).await;
    assert!(said.lines().last().is_some_and(|line| line.contains("--listen") && line.contains(&address)), "{said}");

    assert_eq!(installation.stop().await, 0);
    for (name, path) in [("LIGUELEAD_BASE_URL", "v1"), ("LEADSQUARED_BASE_URL", "v2")] {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        installation.environment.push((name.to_owned(), format!("http://{gone}/{path}")));
    }
    installation.restart().await;
    installation.take(&Lead::new(1).created()).await;
    assert_eq!(installation.messages().await.total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_finishes_what_is_under_way_and_the_next_start_goes_on() {
    let mut setup = Setup::new(WELCOME);
    setup.liguelead.faults.latency_ms = 1_000;
    let mut installation = Installation::start(setup).await;
    let leads: Vec<Lead> = (1..=3).map(Lead::new).collect();
    installation.take(&leads[0].created()).await;
    crate::support::wait_until("a request is under way", async || {
        let calls = installation.liguelead.received().calls;
        calls.iter().any(|call| call.path.ends_with("/sms") && call.status.is_none()).then_some(())
    })
    .await;
    installation.take(&leads[1].created()).await;
    assert_eq!(installation.stop().await, 0);
    let state = installation.messages().await.of(&leads[0].id)[0].state.clone();
    assert!(["accepted", "delivered"].contains(&state.as_str()), "the answer was waited for: {state}");
    installation.restart().await;
    installation.take(&leads[2].created()).await;
    for lead in &leads[1..] {
        installation.comes_to(&lead.id, "delivered").await;
    }
    assert!(installation.liguelead.received().messages().into_values().all(|times| times == 1));
}

/// A DynamoDB that answers every request with this error.
async fn refusing(code: &'static str) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = axum::Router::new().fallback(async move || {
        let body = serde_json::json!({ "__type": format!("com.amazon.coral.service#{code}"), "message": "no" });
        (axum::http::StatusCode::BAD_REQUEST, axum::Json(body))
    });
    (url, tokio::spawn(async move { axum::serve(listener, answer).await.unwrap() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_lacks_is_one_line_that_names_the_variable() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().display().to_string();
    let said = async |more: &[(&str, &str)]| {
        let always = [("HOME", home.as_str()), ("AWS_EC2_METADATA_DISABLED", "true")];
        let variables = always.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<(String, String)> = variables.collect();
        let mut all = Vec::new();
        for place in [["--data", "dynamodb:shop"], ["--stack", "shop"]] {
            let finished = recado(&["usage", place[0], place[1]], &environment).await;
            assert!(finished.code == Some(1) && finished.stderr.lines().count() == 1, "{finished:?}");
            all.push(finished.stderr);
        }
        all
    };
    let region = ("AWS_REGION", "sa-east-1");
    let keys = [region, ("AWS_ACCESS_KEY_ID", "anybody"), ("AWS_SECRET_ACCESS_KEY", "a-secret-key-of-the-test")];
    let at = |url: &'static str| [&keys[..], &[("AWS_ENDPOINT_URL_DYNAMODB", url)]].concat();
    let mut table = vec![
        (vec![], "AWS_REGION"),
        (vec![region], "AWS_ACCESS_KEY_ID"),
        (vec![region, ("AWS_PROFILE", "shop")], "AWS profile shop"),
        (at("http://127.0.0.1:9"), "cannot be reached"),
    ];
    let mut servers = Vec::new();
    for (code, part) in [
        ("ExpiredTokenException", "have expired"),
        ("UnrecognizedClientException", "AWS_ACCESS_KEY_ID"),
        ("InvalidSignatureException", "AWS_SECRET_ACCESS_KEY"),
        ("AccessDeniedException", "dynamodb:DescribeTable"),
        ("ResourceNotFoundException", "there is no table shop here"),
    ] {
        let (url, server) = refusing(code).await;
        servers.push(server);
        table.push((at(url.leak()), part));
    }
    for (variables, part) in table {
        for line in said(&variables).await {
            assert!(line.contains(part), "{part}: {line}");
            assert!(!line.contains("a-secret-key"), "{line}");
        }
    }
    servers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_aws_the_history_names_whom_the_credentials_belong_to() {
    const ARN: &str = "arn:aws:sts::111122223333:assumed-role/Publisher/ana";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sts = format!("http://{}", listener.local_addr().unwrap());
    // As STS answers. Source: AWS STS API reference, GetCallerIdentity.
    let answer = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{ARN}</Arn><UserId>AROA:ana</UserId><Account>111122223333</Account></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    );
    let says =
        axum::Router::new().fallback(move || std::future::ready(([("content-type", "text/xml")], answer.clone())));
    let server = tokio::spawn(async move { axum::serve(listener, says).await.unwrap() });
    let setup =
        Setup::new(WELCOME).in_memory().await.variable("AWS_ENDPOINT_URL_STS", &sts).variable("USER", "mallory");
    let mut installation = Installation::start(setup).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("next.yaml").display().to_string();
    for (place, more) in [(1, vec![]), (2, vec!["--author", "bia"])] {
        std::fs::write(&file, format!("{}# {place}\n", Setup::new(WELCOME).config)).unwrap();
        let data = installation.data().to_owned();
        let arguments = [vec!["push", &file, "--data", &data], more].concat();
        let pushed = recado(&arguments, &installation.environment).await;
        assert_eq!(pushed.code, Some(0), "{pushed:?}");
    }
    // Nobody answers there: the push is made, and the history says that nobody was asked.
    installation.environment.push(("AWS_ENDPOINT_URL_STS".to_owned(), "http://127.0.0.1:9".to_owned()));
    std::fs::write(&file, format!("{}# 3\n", Setup::new(WELCOME).config)).unwrap();
    let data = installation.data().to_owned();
    let pushed = recado(&["push", &file, "--data", &data], &installation.environment).await;
    assert!(pushed.code == Some(0) && pushed.stderr.contains("did not say whose credentials"), "{pushed:?}");
    let history = recado(&["history", "--json", "--data", &data], &installation.environment).await.json();
    let authors: Vec<&str> =
        history["versions"].as_array().unwrap().iter().map(|one| one["author"].as_str().unwrap()).collect();
    assert_eq!(authors, ["mallory (not checked)", &format!("bia ({ARN})"), ARN, ARN], "{history}");
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_directory_is_said_once() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(WELCOME);
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut arguments = arguments(directory.path(), &setup.config);
    arguments[4] = file.display().to_string();
    let said = refused(&arguments, &credentials("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v2", &setup)).await;
    assert_eq!(said, format!("recado: {} cannot be used: File exists (os error 17)\n", file.display()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_utf_8_is_refused_with_the_place_and_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let setup = Setup::new(WELCOME);
    let arguments = arguments(directory.path(), &setup.config);
    let windows_1252 = [b"version: 1\n# Configura\xe7\xe3o\n".as_slice(), setup.config.as_bytes()].concat();
    let utf_16: Vec<u8> = "\u{feff}version: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = "# á\nversion: 1 # ol\u{e9}ol\u{e9}".as_bytes();
    let cut = &long[..long.len() - 1];
    for (bytes, place) in [(windows_1252.as_slice(), "2:12"), (utf_16.as_slice(), "1:1"), (cut, "2:19")] {
        std::fs::write(&arguments[6], bytes).unwrap();
        for words in [&["check", &arguments[6]][..], &["plan", "event.json", "--config", &arguments[6]]] {
            let finished = recado(words, &[]).await;
            let expected = format!("recado: {}:{place}: this byte is not UTF-8; ", arguments[6]);
            assert!(finished.code == Some(1) && finished.stderr.starts_with(&expected), "{place}: {finished:?}");
            assert!(finished.stderr.ends_with("save it as UTF-8\n"), "{finished:?}");
        }
    }
}
