//! `recado audio add` and `recado audio list`, as an operator uses them.

use recado_simulators::faults::Faults;
use serde_json::{Value, json};

use super::{CALL, Files, add, mp3, setup, wav};
use crate::support::{Installation, Lead, Setup, fault, recado, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_checked_by_its_content_and_what_does_not_fit_is_refused_with_the_way_out() {
    let installation = Installation::start(setup()).await;
    let files = Files::new();
    let m4a = [b"\0\0\0\x20ftypM4A \0\0\0\0".as_slice(), &[0; 500]].concat();
    let options = "-ar 16000 -ac 1 -b:a 128k -f mp3";
    let refused = async |name: &str, bytes: &[u8]| {
        let path = files.write(name, bytes);
        let finished = add(&installation, &path).await;
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(1), ""), "{finished:?}");
        (finished.stderr, path.display().to_string())
    };
    let (said, path) = refused("oi.mp3", &m4a).await;
    let new = path.replace("oi.mp3", "oi.new.mp3");
    assert!(said.contains("its content is M4A (MPEG-4), but LigueLead takes only MP3 and WAV"), "{said}");
    assert!(said.contains(&format!("ffmpeg -i {path} {options} {new} && mv {new} {path}")), "{said}");
    let (said, path) = refused("boas vindas.wav", &[0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC].repeat(99)).await;
    let mp3_path = path.replace(".wav", ".mp3");
    assert!(said.contains("AAC") && said.contains(&format!("ffmpeg -i '{path}' {options} '{mp3_path}'")), "{said}");
    let (said, _) = refused("oi.m4a", &mp3(2, 1)).await;
    assert!(said.contains("must end in .mp3 or .wav"), "{said}");
    let (said, _) = refused("large.wav", &wav(6_250)).await;
    assert!(said.contains("LigueLead takes at most 50000000"), "{said}");
    let (said, _) = refused("empty.mp3", b"").await;
    assert!(said.contains("the file is empty"), "{said}");
    let missing = add(&installation, std::path::Path::new("/nowhere/a.mp3")).await;
    assert!(missing.code == Some(1) && missing.stderr.contains("/nowhere/a.mp3"), "{missing:?}");
    assert!(installation.liguelead.received().uploads.is_empty());

    // A WAV file with an MP3 name is treated as a WAV file.
    let added = add(&installation, &files.write("call.mp3", &wav(125))).await;
    let upload = installation.liguelead.received().uploads[0].clone();
    assert_eq!(upload.media_type, "audio/wav");
    assert_eq!(
        std::path::Path::new(&upload.file_name).extension().and_then(|extension| extension.to_str()),
        Some("wav")
    );
    let report = added.json();
    assert_eq!((&report["audio"]["length_ms"], &report["audio"]["rules"]), (&json!(125_000), &json!(["call"])));
    assert!(report["advice"][0].as_str().is_some_and(|advice| advice.contains("125 s")), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_content_is_one_upload_and_the_list_shows_what_there_is() {
    let installation = Installation::start(setup()).await;
    let files = Files::new();
    let listed = async || installation.command_of(&["audio", "list"], &["--json"]).await.json();
    let before = listed().await;
    assert_eq!((&before["audios"], &before["not_added"]), (&json!([]), &json!({ "call.mp3": ["call"] })));

    assert_eq!(add(&installation, &files.write("call.mp3", &mp3(12, 1))).await.json()["made"], "uploaded");
    assert_eq!(add(&installation, &files.write("call.mp3", &mp3(12, 1))).await.json()["made"], "before");
    let other = files.write("Outra gravação.mp3", &mp3(12, 1)).display().to_string();
    let other = installation.command_of(&["audio", "add"], &[&other]).await;
    assert!(other.code == Some(0) && other.stdout.contains("known: uploaded before"), "{other:?}");
    assert!(other.stderr.contains("no rule names Outra gravação.mp3"), "{other:?}");
    let received = installation.liguelead.received();
    let [upload] = received.uploads.as_slice() else { panic!("{:?}", received.uploads) };
    let after = listed().await;
    let line = |at: usize| &after["audios"][at];
    assert_eq!((&line(0)["name"], &line(1)["name"]), (&json!("Outra gravação.mp3"), &json!("call.mp3")));
    assert_eq!((&line(0)["upload_id"], &line(1)["upload_id"]), (&json!(upload.id), &json!(upload.id)));
    assert_eq!((&line(1)["upload"], &line(1)["rules"]), (&json!("there"), &json!(["call"])));
    assert!(line(1)["used_ms"].is_i64() && line(1)["bytes"] == json!(mp3(12, 1).len()));
    assert_eq!(after["not_added"], json!({}));
    let table = installation.command_of(&["audio", "list"], &[]).await;
    for shown in ["call.mp3", "Outra gravação.mp3", "12 s", &upload.id.to_string()] {
        assert!(table.stdout.contains(shown), "{shown}: {table:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_plan_say_that_a_recording_is_missing_where_a_table_is_at_hand() {
    let installation = Installation::start(setup()).await;
    let files = Files::new();
    let text = setup().and("caps: []\n").config;
    let config = files.write("recado.yaml", text.as_bytes()).display().to_string();
    let event = files.write("event.json", Lead::new(1).created().to_string().as_bytes()).display().to_string();
    let check = async |more: &[&str]| recado(&[&["check", &config, "--json"], more].concat(), &[]).await.json();
    let plan = async |more: &[&str]| {
        let planned =
            recado(&[&["plan", "--config", &config, "--kind", "3", &event, "--json"], more].concat(), &[]).await.json();
        planned["events"][0]["rules"][0]["message"].clone()
    };
    let data = installation.data().to_owned();
    let with_table = ["--data", data.as_str()];
    assert_eq!(check(&[]).await["diagnostics"], json!([]));
    let found = check(&with_table).await;
    let line = text.lines().position(|line| line.contains("call.mp3")).unwrap() + 1;
    assert_eq!((found["good"].as_bool(), found["diagnostics"][0]["line"].as_u64()), (Some(true), Some(line as u64)));
    assert_eq!(found["diagnostics"][0]["suggestion"], "recado audio add call.mp3");
    assert_eq!((&plan(&[]).await["state"], &plan(&[]).await["credits"]), (&json!("pending"), &json!(2)));
    let held = plan(&with_table).await;
    assert_eq!(held["state"], "held");
    assert_eq!(held["why"], "its audio has not been added: recado audio add call.mp3");

    add(&installation, &files.write("call.mp3", &mp3(12, 1))).await.json();
    assert_eq!(check(&with_table).await["diagnostics"], json!([]));
    let ready = plan(&with_table).await;
    assert_eq!(
        (&ready["state"], &ready["credits"], &ready["call"]["redials"]),
        (&json!("pending"), &json!(1), &json!(2))
    );
    assert!(ready["call"]["length_ms"].as_u64().is_some_and(|ms| (11_900..12_100).contains(&ms)), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_answer_was_lost_is_found_in_the_list() {
    let installation = Installation::start(setup()).await;
    let files = Files::new();
    let file = files.write("call.mp3", &mp3(12, 1));
    // The first request reads the list, the second uploads.
    installation.liguelead.set_faults(Faults::of([fault("lose-answer@nth=2@/voice/uploads")]));
    let added = add(&installation, &file).await;
    assert_eq!(added.code, Some(1), "{added:?}");
    let report: Value = serde_json::from_str(&added.stdout).unwrap();
    assert_eq!(report["made"], "not_yet");
    wait_until("the schedule finds the upload", async || {
        let list = installation.command_of(&["audio", "list"], &["--json"]).await.json();
        (list["audios"][0]["upload"] == "there").then_some(())
    })
    .await;
    assert_eq!(installation.liguelead.received().uploads.len(), 1);
    let lead = Lead::new(1);
    installation.take(&lead.created()).await;
    installation.comes_to(&lead.id, "answered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_add_the_same_file_upload_it_once() {
    let installation = Installation::start(setup().in_memory().await).await;
    let files = Files::new();
    let file = files.write("call.mp3", &mp3(12, 1));
    let (one, two) = tokio::join!(add(&installation, &file), add(&installation, &file));
    for finished in [&one, &two] {
        assert!(finished.code == Some(0) || finished.stdout.contains("not_yet"), "{finished:?}");
    }
    assert!(one.code == Some(0) || two.code == Some(0), "{one:?} {two:?}");
    assert_eq!(installation.liguelead.received().uploads.len(), 1);
    assert_eq!(add(&installation, &file).await.json()["made"], "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_or_credentials_nothing_is_added() {
    let files = Files::new();
    let file = files.write("call.mp3", &mp3(2, 1)).display().to_string();
    let config = files.write("recado.yaml", Setup::new(CALL).config.as_bytes()).display().to_string();
    let nowhere = files.0.path().join("data").display().to_string();
    let installation = Installation::start(setup()).await;
    for (data, said) in [
        ("memory", "no other process can see it"),
        (nowhere.as_str(), "there is no installation in"),
        (installation.data(), "LIGUELEAD_API_TOKEN"),
    ] {
        let finished = recado(&["audio", "add", &file, "--config", &config, "--data", data], &[]).await;
        assert!(finished.code == Some(1) && finished.stderr.contains(said), "{finished:?}");
    }
    assert_eq!(recado(&["audio"], &[]).await.code, Some(2));
    assert_eq!(recado(&["audio", "add"], &[]).await.code, Some(2));
}
