use proptest::prelude::*;

use super::*;

const NONE: Named = Named { phone: None, lead: None };

fn list(bytes: &[u8]) -> List {
    List::parse(bytes, &NONE, PhoneRules::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str, named: &Named) -> ListError {
    List::parse(text.as_bytes(), named, PhoneRules::default()).err().expect("it is refused")
}

/// The phones of all lines, as written.
fn phones(bytes: &[u8]) -> Vec<String> {
    list(bytes).lines.into_iter().flat_map(|line| line.phones).collect()
}

fn bad(text: &str) -> Vec<u64> {
    list(text.as_bytes()).bad.iter().map(|bad| bad.number).collect()
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn the_usual_encodings_are_read() {
    let text = "Nome;Telefone\nJosé;11 99999–0401\nBia;11999990402\n";
    let expected = ["11 99999–0401", "11999990402"];
    let windows = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    for (name, bytes) in [
        ("UTF-8", text.as_bytes().to_vec()),
        ("UTF-8 with a mark", format!("\u{feff}{text}").into_bytes()),
        ("Windows-1252", windows),
        ("UTF-16, little", utf_16(text, u16::to_le_bytes)),
        ("UTF-16, big", utf_16(text, u16::to_be_bytes)),
        ("UTF-16, little, with a mark", utf_16(&format!("\u{feff}{text}"), u16::to_le_bytes)),
        ("UTF-16, big, with a mark", utf_16(&format!("\u{feff}{text}"), u16::to_be_bytes)),
        ("line ends of Windows", text.replace('\n', "\r\n").into_bytes()),
        ("line ends of old Macs", text.replace('\n', "\r").into_bytes()),
    ] {
        let list = list(&bytes);
        let columns = list.row_columns(&BTreeSet::from(["nome".to_owned()])).unwrap();
        assert_eq!(list.row(&list.lines[0], &columns).get("nome"), Some("José"), "{name}");
        assert_eq!(phones(&bytes), expected, "{name}");
    }
}

#[test]
fn a_broken_line_does_not_change_the_encoding_of_the_others() {
    let list = list(b"nome,telefone\nJos\xc3\xa9,11999990001\nJo\xe3o,11999990002\nZo\xc3\xab,11999990003\n");
    let columns = list.row_columns(&BTreeSet::from(["nome".to_owned()])).unwrap();
    let names: Vec<Fields> = list.lines.iter().map(|line| list.row(line, &columns)).collect();
    assert_eq!([&names[0], &names[2]].map(|name| name.get("nome")), [Some("José"), Some("Zoë")]);
}

#[test]
fn delimiters_quotes_and_what_spreadsheets_add_are_read() {
    for (text, expected) in [
        ("Nome,Telefone\n\"Silva, Ana\",11999990201\n\"Lima, Bia\",11999990202\nCaio,11999990203\n", 3),
        ("sep=;\nNome;Telefone\nAna;11999990301\nBia;11999990302\n", 2),
        ("\"sep=,\"\nNome,Telefone\nAna,11999990301\n", 1),
        ("Nome\tTelefone\nAna\t11999990501\nBia\t11999990502\n", 2),
        ("Nome|Telefone\nAna|11999990501\n", 1),
        ("telefone;valor\n11999990501;10,50\n11999990502;\"1.234,00\"\n", 2),
        ("Nome;Telefone\n\"Ana \"\"Nina\"\"\nSilva\";11999990501\nBia;11999990502\n", 2),
        ("Telefone\n'11999990501\n=\"11999990502\"\n", 2),
        ("DDD;Telefone\n11;99999-0501\n21;99999-0502\n", 2),
        ("Telefone;Nome\n11999990501;Tela 5\"\n11999990502;Bia\n", 2),
    ] {
        let phones: BTreeSet<String> = phones(text.as_bytes())
            .iter()
            .map(|phone| Phone::parse(phone).unwrap_or_else(|error| panic!("{text}: {error}")).national())
            .collect();
        assert_eq!(phones.len(), expected, "{text}");
        assert!(bad(text).is_empty(), "{text}");
    }
}

#[test]
fn columns_are_known_by_their_headings() {
    for heading in [
        "phone",
        "Phone Number",
        "PhoneNumber",
        "Mobile",
        "MobileNumber",
        "mobile_phone",
        "Telefone",
        "TELEFONE 1",
        "Fone",
        "Tel.",
        "Celular",
        "Celular/WhatsApp",
        "Número de telefone",
        "Nº de celular",
        "Telefone (com DDD)",
        "Telefone do cliente",
        "Telefone comercial",
        "WhatsApp",
        "Telefone fixo",
    ] {
        let text = format!("CPF;Nome;{heading}\n11987654321;Ana;(21) 99999-0001\n");
        assert_eq!(phones(text.as_bytes()), ["(21) 99999-0001"], "{heading}");
    }
    for heading in ["lead", "ProspectID", "Prospect Id", "Lead ID", "lead_id", "Id do lead"] {
        let text = format!("Nome,{heading}\nAna,L-1\n");
        assert_eq!(list(text.as_bytes()).lines[0].lead.as_deref(), Some("L-1"), "{heading}");
    }
    // It is not known whose phone it is, or it is no phone.
    for heading in ["Telefone do pai", "Owner Phone", "Lead Number", "Número", "Contato", "E-mail", "Home"] {
        let found = error(&format!("CPF;Nome;{heading}\n11987654321;Ana;(21) 99999-0001\n"), &NONE);
        assert!(matches!(&found, ListError::NoHeading { headings } if headings[2] == heading), "{heading}: {found}");
    }
}

#[test]
fn a_mobile_goes_before_a_phone_and_a_landline_comes_last() {
    assert_eq!(
        phones(b"Telefone fixo;Telefone;Celular\n1133334444;1133335555;11999990001\n;1133335555;\n"),
        ["11999990001", "1133335555", "1133334444", "1133335555"]
    );
}

#[test]
fn what_the_caller_names_decides() {
    let text = "CPF;Fone;Responsável\n11987654321;(21) 99999-0001;(21) 99999-0002\n";
    let named = |phone: &str| Named { phone: Some(phone.to_owned()), lead: None };
    for name in ["responsavel", "Responsável", "3"] {
        let list =
            List::parse(text.as_bytes(), &named(name), PhoneRules::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(list.lines[0].phones, ["(21) 99999-0002"], "{name}");
    }
    assert!(matches!(error(text, &named("Celular")), ListError::NotThere { .. }));
    assert!(matches!(error(text, &named("4")), ListError::NotThere { .. }));
    assert!(matches!(error("fone;fone\n1;2\n", &named("fone")), ListError::TwoColumns { .. }));
    let leads = Named { lead: Some("codigo".to_owned()), phone: None };
    let list = List::parse(b"Codigo,Phone\nL-1,11999990001\n", &leads, PhoneRules::default()).ok().unwrap();
    assert_eq!((list.lines[0].lead.as_deref(), list.lines[0].phones.len()), (Some("L-1"), 0));
}

#[test]
fn without_headings_one_column_alone_may_hold_phones() {
    assert_eq!(phones(b"11999999999\n\nabc\n11888\n11977777777,Caio\n").len(), 4);
    assert_eq!(phones("Ana;(21) 99999-0001\nBia;(21) 99999-0002\n".as_bytes()).len(), 2);
    assert_eq!(list(b"00000000-0000-4000-8000-000000000031\n").lines[0].phones.len(), 0);
    // A CPF may read as a phone, so it is not known which column is meant.
    for text in ["11987654321;Ana;(21) 99999-0001\n", "11999990001;11999990002\n"] {
        assert_eq!(error(text, &NONE), ListError::NoHeadings { columns: 2 }, "{text}");
    }
    assert_eq!(error("Ana;10\nBia;11\n", &NONE), ListError::NoHeadings { columns: 0 });
    assert_eq!(error("\n \n", &NONE), ListError::Empty);
}

#[test]
fn a_line_whose_values_may_have_moved_is_bad_and_stops_no_other() {
    // The unquoted comma moves the CPF below the phone's heading.
    assert_eq!(bad("Nome,CPF,Telefone\nSilva, Ana,11987654321,21999990001\nBia,11987654322,21999990002\n"), [2]);
    assert_eq!(bad("Ana;(21) 99999-0001\nBia;(21) 99999-0002;Lima\n"), [2]);
    assert_eq!(bad("Nome;Telefone\n\"Ana;11999990001\nBia;11999990002\n"), [2]);
    assert_eq!(bad("Nome;Telefone\nAna;\nBia;11999990002\n"), [2]);
    // What a spreadsheet leaves out at the end of a line has not moved.
    assert_eq!(bad("Telefone;Nome;Cidade\n11999990001;Ana\n11999990002\n"), [] as [u64; 0]);
}

#[test]
fn a_row_is_looked_up_by_names_without_accents_and_signs() {
    let list = list("Telefone;Valor da dívida;Vence em\n11999990001;R$ 10,50;\n".as_bytes());
    let columns = |names: &[&str]| list.row_columns(&names.iter().map(|name| (*name).to_owned()).collect());
    let row = list.row(&list.lines[0], &columns(&["valor_da_divida", "Vence_Em"]).ok().unwrap());
    assert_eq!(
        (row.get("valor_da_divida"), row.contains("Vence_Em"), row.get("Vence_Em")),
        (Some("R$ 10,50"), true, None)
    );
    let missing = columns(&["valor_da_dvida"]).err().unwrap();
    assert!(matches!(&missing, ListError::NoColumn { near: Some(near), .. } if near == "valor_da_divida"), "{missing}");
}

#[test]
fn bad_lines_are_a_file_that_can_be_read_again() {
    let list = list("Nome;Telefone\n\"Ana\";\nBia;11999990002\n;\nCaio;1199\n".as_bytes());
    let mut all = list.bad.clone();
    all.push(list.reject(&list.lines[1], "the phone has a \"wrong\" number of digits".to_owned()));
    let file = list.rejected(&all);
    assert_eq!(
        file,
        "\u{feff}line;reason;\"Nome\";\"Telefone\"\n2;\"it names neither a phone nor a lead\";\"Ana\";\n5;\"the phone has a \"\"wrong\"\" number of digits\";Caio;1199\n"
    );
    let mended = file.replace("\"Ana\";", "\"Ana\";11999990001").replace("1199\n", "11999990003\n");
    assert_eq!(phones(mended.as_bytes()), ["11999990001", "11999990003"]);
    let headless = List::parse(b"11999990001\n11\n", &NONE, PhoneRules::default()).ok().unwrap();
    let file = headless.rejected(&[headless.reject(&headless.lines[1], "x".to_owned())]);
    assert_eq!(phones(file.as_bytes()), ["11"]);
}

/// A file as a program might write it.
fn written(rows: &[(String, String)], delimiter: char, quote: bool, is_reversed: bool) -> String {
    let is_quoted = |text: &str| quote || text.contains([delimiter, '"', '\n']);
    let cell = |text: &str| if is_quoted(text) { quoted(text) } else { text.to_owned() };
    let line = |(name, phone): &(String, String)| {
        let (name, phone) = (cell(name), cell(phone));
        if is_reversed { format!("{phone}{delimiter}{name}\n") } else { format!("{name}{delimiter}{phone}\n") }
    };
    let heading = line(&("Nome".to_owned(), "Telefone".to_owned()));
    heading + &rows.iter().map(line).collect::<String>()
}

proptest! {
    /// The same people are in a list, however it is saved.
    #[test]
    fn a_list_is_the_same_in_each_form(
        rows in prop::collection::vec(("[A-Za-z;,\"é ]{1,12}", 0..1_000_u32), 1..30),
        delimiter in prop::sample::select(vec![',', ';', '\t', '|']),
        (quote, is_reversed, encoding) in (any::<bool>(), any::<bool>(), 0..4_u8),
    ) {
        let rows: Vec<(String, String)> =
            rows.into_iter().map(|(name, number)| (name, format!("(11) 99999-{number:04}"))).collect();
        let text = written(&rows, delimiter, quote, is_reversed);
        let bytes = match encoding {
            0 => text.into_bytes(),
            1 => format!("\u{feff}{text}").into_bytes(),
            2 => encoding_rs::WINDOWS_1252.encode(&text).0.into_owned(),
            _ => utf_16(&text, u16::to_le_bytes),
        };
        let found = phones(&bytes);
        let wanted: Vec<String> = rows.into_iter().map(|(_, phone)| phone).collect();
        prop_assert_eq!(found, wanted);
    }

    /// Any bytes are read or refused.
    #[test]
    fn no_file_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(list) = List::parse(&bytes, &NONE, PhoneRules::default()) {
            let again = list.rejected(&list.bad);
            prop_assert!(again.lines().count() > list.bad.len());
        }
    }
}
