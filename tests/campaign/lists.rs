//! Files of people as spreadsheets really save them: encodings, delimiters and headings. Also columns in the text, and
//! the same list again.

use std::{collections::BTreeSet, os::unix::fs::PermissionsExt as _, path::PathBuf};

use super::{comes_to, status};
use crate::support::{Finished, Installation, Setup, head, wait_until};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/field");

struct Desk {
    installation: Installation,
    directory: tempfile::TempDir,
}

impl Desk {
    async fn of(campaign: &str) -> Self {
        Self::with(campaign, |_| {}).await
    }

    async fn with(campaign: &str, more: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::new("");
        setup.config =
            format!("{}campaigns:\n  - {{ id: news, audience: csv, write_back: none, {campaign} }}\n", head(""));
        setup.data = Some("memory".to_owned());
        more(&mut setup);
        let installation = Installation::start(setup.in_memory().await).await;
        Self { installation, directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn start(&self, content: &[u8], more: &[&str]) -> Finished {
        let path = self.path("list.csv");
        std::fs::write(&path, content).unwrap();
        let path = path.display().to_string();
        let arguments = [&["news", "--csv", path.as_str()], more].concat();
        self.installation.command_of(&["campaign", "start"], &arguments).await
    }

    async fn begin(&self, content: &[u8], more: &[&str]) -> Finished {
        let done = self.start(content, &[more, &["--yes"]].concat()).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    }

    /// The phones and texts that were sent, once there are `count` of them.
    async fn sent(&self, count: usize) -> BTreeSet<(String, String)> {
        let sent = || -> Vec<(String, String)> {
            let received = self.installation.liguelead.received();
            let one = |phones: &[String], text: &str| -> Vec<(String, String)> {
                phones.iter().map(|phone| (phone.clone(), text.to_owned())).collect()
            };
            received.campaigns.iter().flat_map(|request| one(&request.phones, &request.message)).collect()
        };
        wait_until("all are sent", async || (sent().len() >= count).then_some(())).await;
        comes_to("all have come to an end", &self.installation, |status| status.waiting == 0).await;
        let all = sent();
        assert_eq!(all.len(), count, "nobody has it twice");
        all.into_iter().collect()
    }
}

fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|c| if c == '\u{2013}' { 0x96 } else { u8::try_from(u32::from(c)).unwrap() }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_reach_those_who_are_in_them_however_they_were_saved() {
    let desk = Desk::of("sms: \"Novidades.\"").await;
    let mut count = 0;
    for (content, wanted) in [
        (
            "CPF;Nome;Fone\n11987654321;Ana;(21) 99999-0001\n98912345678;Bia;(21) 99999-0002\n".into(),
            ["21999990001", "21999990002"],
        ),
        (
            "Nome,Telefone\n\"Silva, Ana\",11999990201\n\"Lima, Bia\",11999990202\n".into(),
            ["11999990201", "11999990202"],
        ),
        ("sep=;\nNome;Telefone\nAna;11999990301\nBia;11999990302\n".into(), ["11999990301", "11999990302"]),
        (windows_1252("Nome;Telefone\nJosé;11 99999–0401\nBia;11999990402\n"), ["11999990401", "11999990402"]),
        ("Nome\tTelefone\nAna\t11999990501\nBia\t11999990502\n".into(), ["11999990501", "11999990502"]),
    ] {
        desk.begin(&content, &[]).await;
        count += wanted.len();
        let sent: BTreeSet<String> = desk.sent(count).await.into_iter().map(|(phone, _)| phone).collect();
        assert!(wanted.iter().all(|phone| sent.contains(*phone)), "{wanted:?} of {sent:?}");
    }
    // A file that cannot be read with certainty reaches nobody.
    for (content, said) in [
        ("CPF;Nome;Responsável\n11987654321;Ana;(21) 99999-0001\n", "the headings are: CPF, Nome, Responsável"),
        ("11987654321;Ana;(21) 99999-0001\n", "2 of its columns may hold phones"),
    ] {
        let refused = desk.start(content.as_bytes(), &[]).await;
        assert!(refused.code == Some(1) && refused.stderr.contains(said), "{refused:?}");
        assert!(!refused.stderr.contains("11987654321"));
    }
    desk.begin("11987654321;Ana;(21) 99999-0003\n".as_bytes(), &["--phone-column", "3"]).await;
    let sent = desk.sent(count + 1).await;
    assert!(sent.iter().all(|(phone, _)| !phone.contains("98765")), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_stand_in_the_text_and_bad_lines_have_a_file_of_their_own() {
    let desk = Desk::of("sms: \"{{ row.nome | first_name | default('Olá') }}, vence em {{ row.Vencimento | date }}: {{ row.valor | brl }}\"").await;
    let list = "Nome;Telefone;Valor;Vencimento\nANA SILVA;11999990601;R$ 1.500;2026-11-30\nBia;11999990602;;2026-12-01\n;1199;10,00;2026-12-02\n;11999990604;9,90;2026-12-03\nCaio;11999990605;http://x.example;2026-12-03\n";
    let done = desk.begin(list.as_bytes(), &[]).await;
    let expected = [
        ("11999990601", "Ana, vence em 30/11/2026: R$ 1.500,00"),
        ("11999990604", "Olá, vence em 03/12/2026: R$ 9,90"),
    ];
    let expected = expected.map(|(phone, text)| (phone.to_owned(), text.to_owned()));
    assert_eq!(desk.sent(2).await, BTreeSet::from(expected));
    for said in ["list.csv:3:", "list.csv:4:", "list.csv:6:", "3 bad line(s) were left out", "list.bad-lines.csv"] {
        assert!(done.stderr.contains(said), "{said}: {done:?}");
    }
    let kept = desk.path("list.bad-lines.csv");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&kept).unwrap();
    assert!(kept.contains("\nBia;11999990602;;") || kept.contains(";Bia;11999990602;;2026-12-01"), "{kept}");
    assert_eq!(kept.lines().count(), 4);
    // The bad lines are a list again, once they are corrected.
    let mended = kept.replace(";Bia;11999990602;;", ";Bia;11999990602;20,00;").replace(";1199;", ";;");
    desk.begin(mended.as_bytes(), &[]).await;
    assert_eq!(desk.sent(3).await.len(), 3);
    // A missing column is reported before any message is sent.
    let refused = desk.start("Telefone;Valro\n11999990699;1,00\n".as_bytes(), &[]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("row.Vencimento") || refused.stderr.contains("row.valor"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_people_are_the_same_run_and_most_of_them_are_asked_about() {
    let desk = Desk::of("sms: \"Novidades.\"").await;
    let first = desk.begin("Nome;Telefone\nAna;11999990701\nBia;11999990702\nCaio;11999990703\n".as_bytes(), &[]).await;
    assert!(first.stdout.contains("started") && !first.stdout.contains("before"), "{first:?}");
    desk.sent(3).await;
    // Another encoding, order and layout.
    let again: Vec<u8> =
        "\u{feff}celular\tnome\r\n(11) 99999-0703\tCaio\r\n+55 11 99999-0701\tAna\r\n011 99999-0702\tBia\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
    let again = desk.begin(&again, &[]).await;
    assert!(again.stdout.contains("was started before"), "{again:?}");
    let more = "Telefone\n11999990701\n11999990702\n11999990704\n";
    let asked = desk.start(more.as_bytes(), &[]).await;
    assert!(asked.code == Some(1) && asked.stderr.contains("2 of 3 line(s) name people"), "{asked:?}");
    assert!(asked.stderr.contains("--yes"));
    desk.sent(3).await;
    assert!(asked.stdout.contains("3 looked at, 3 get a message") && asked.stdout.contains("Novidades."), "{asked:?}");
    // Half of the people is not more than half.
    let half = "Telefone\n11999990701\n11999990705\n".as_bytes();
    let asked = desk.start(half, &["--credit-price", "0.09"]).await;
    assert!(asked.code == Some(1) && !asked.stderr.contains("name people"), "{asked:?}");
    assert!(asked.stdout.contains("R$ 0.18"), "{asked:?}");
    desk.begin(half, &[]).await;
    assert_eq!(desk.sent(5).await.len(), 4, "one of them gets both");
    desk.begin(more.as_bytes(), &[]).await;
    desk.sent(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_tried_on_one_number_and_each_of_its_people_is_found() {
    let desk = Desk::of("sms: \"Vence: {{ row.valor | brl }}.\"").await;
    let list = "Telefone;Valor\n123;1,00\n11999990801;2,00\n11999990802;3,00\n";
    let tried = desk.start(list.as_bytes(), &["--test-phone", "(11) 97777-0001"]).await;
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert_eq!(desk.sent(1).await, BTreeSet::from([("11977770001".to_owned(), "Vence: R$ 2,00.".to_owned())]));
    let wrong = desk.start(list.as_bytes(), &["--test-phone", "1133334444"]).await;
    assert!(wrong.code == Some(1) && wrong.stderr.contains("landline"), "{wrong:?}");

    let all = Desk::of("sms: \"Novidades.\"").await;
    all.begin("Telefone\n11999990901\n11999990902\n".as_bytes(), &[]).await;
    all.sent(2).await;
    comes_to("both have it", &all.installation, |status| status.in_state("delivered") == 2).await;
    let found =
        async |words: &[&str]| all.installation.command("messages", &[words, &["--json"]].concat()).await.json();
    assert_eq!(found(&[]).await["total"], 1, "a message to many is one line");
    assert_eq!(found(&["--state", "delivered"]).await["total"], 2);
    let one = found(&["--phone", "11999990902"]).await;
    assert_eq!((&one["total"], &one["messages"][0]["state"]), (&1.into(), &"delivered".into()), "{one}");
    let story = found(&[one["messages"][0]["id"].as_str().unwrap()]).await;
    let reports = story["attempts"][0]["callbacks"].as_array().unwrap();
    assert!(reports.iter().any(|report| report["status"] == "delivered"), "{story}");
    assert_eq!(found(&["--phone", "11999990999"]).await["total"], 0);
    let held = all.installation.command_of(&["campaign", "pause"], &["news", "--why", "errado"]).await;
    assert_eq!(held.code, Some(0), "{held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_without_a_report_are_counted_and_listed() {
    let desk = Desk::with("sms: \"Novidades.\"", |setup| setup.liguelead.callbacks.lost_callbacks_share = 1.0).await;
    let list = std::fs::read(PathBuf::from(FIXTURES).join("never-reported.csv")).unwrap();
    desk.begin(&list, &[]).await;
    desk.sent(5).await;
    let found = comes_to("all are accepted", &desk.installation, |status| status.in_state("accepted") == 5).await;
    assert_eq!(found.without_report, 5);
    assert_eq!(status(&desk.installation).await.waiting, 0);
    let said = desk.installation.command_of(&["campaign", "status"], &["news"]).await.stdout;
    assert!(said.contains("5 have no report yet"), "{said}");
    let listed =
        desk.installation.command_of(&["campaign", "status"], &["news", "--unreported", "--json"]).await.json();
    let phones: Vec<&str> =
        listed["messages"].as_array().unwrap().iter().map(|one| one["phone"].as_str().unwrap()).collect();
    assert_eq!(phones, ["1199…01", "1199…02", "1199…03", "1199…04", "1199…05"]);
}
