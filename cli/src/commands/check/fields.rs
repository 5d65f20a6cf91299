//! Compares the lead fields that a file names with the fields of LeadSquared.

use std::time::Duration;

use leadsquared::{Admitted, LeadField, Standard};
use recado_core::{
    config::{Checked, Config, NamedField},
    spelling::closest,
};
use recado_runtime::{
    environment::{leadsquared_base_url, leadsquared_client, leadsquared_credentials},
    installation::{crm, world},
};

use super::{ERROR, Finding, options};
use crate::data::Store;

/// How long the one request may wait for its permit, in ms.
const TURN_MS: i64 = 20_000;

/// Compares with one request, which stays inside the limits that all requests of the installation share. If LeadSquared
/// cannot be asked, the result is a warning, since the file may still be good.
pub(super) async fn compared(checked: &Checked, store: &Store) -> Vec<Finding> {
    match known(&checked.config, store).await {
        Ok(known) => {
            let mut findings = unknown(&checked.lead_fields, &known);
            findings.extend(options::unknown(&checked.lead_values, &known));
            findings
        }
        Err(error) => vec![Finding {
            severity: "warning",
            line: 1,
            column: 1,
            key: String::new(),
            message: format!("the fields were not compared with LeadSquared's: {error:#}"),
            suggestion: None,
        }],
    }
}

/// The lead fields of the account.
async fn known(config: &Config, store: &Store) -> anyhow::Result<Vec<LeadField>> {
    let timeout = Duration::from_millis(config.send.call_timeout_ms);
    let client = leadsquared_client(&leadsquared_base_url(), &leadsquared_credentials()?, timeout)?;
    let crm = crm(config, client, &store.ledger);
    let until_ms = world().now_ms() + TURN_MS;
    Ok(crm.call(until_ms, async |crm: Admitted<'_, Standard>| crm.lead_fields().await).await?)
}

fn unknown(named: &[NamedField], known: &[LeadField]) -> Vec<Finding> {
    let is_known = |name: &str| known.iter().any(|field| field.schema_name == name);
    named.iter().filter(|field| !is_known(&field.name)).map(|field| finding(field, known)).collect()
}

/// A missing custom field is an error. Two cases are warnings. A standard field may be in webhooks but not in the list,
/// and a field that Recado writes may be created later.
fn finding(field: &NamedField, known: &[LeadField]) -> Finding {
    let is_custom = field.name.starts_with("mx_");
    let is_to_be_made = is_custom && field.key.starts_with("leadsquared.");
    let suggestion = match nearest(&field.name, known) {
        Some(near) => near.to_owned(),
        None if is_to_be_made => "it as it is, and run recado setup leadsquared, which creates it".to_owned(),
        None => "the field's schema name as in LeadSquared; its case matters".to_owned(),
    };
    Finding {
        severity: if is_custom && !is_to_be_made { ERROR } else { "warning" },
        line: field.line,
        column: field.column,
        key: field.key.clone(),
        message: format!("LeadSquared has no field `{}` of leads", field.name),
        suggestion: Some(suggestion),
    }
}

/// The field that was probably meant, by its schema name or by its display name.
fn nearest<'k>(name: &str, known: &'k [LeadField]) -> Option<&'k str> {
    let bare = name.strip_prefix("mx_").unwrap_or(name).replace('_', " ");
    let is_shown = |field: &&LeadField| {
        field.display_name.as_ref().is_some_and(|shown| shown.to_lowercase() == bare.to_lowercase())
    };
    let names: Vec<&str> = known.iter().map(|field| field.schema_name.as_str()).collect();
    known.iter().find(is_shown).map(|field| field.schema_name.as_str()).or_else(|| closest(name, &names))
}

#[cfg(test)]
mod tests {
    use recado_core::config::Config as Parsed;

    use super::*;

    fn field(schema_name: &str, display_name: &str) -> LeadField {
        LeadField {
            schema_name: schema_name.to_owned(),
            display_name: Some(display_name.to_owned()),
            data_type: None,
            is_mandatory: false,
            max_chars: None,
            options: Vec::new(),
        }
    }

    #[test]
    fn each_unknown_field_is_named_where_it_stands() {
        let text = "version: 1
leadsquared:
  plan: lite
  opt_out: { voice: DoNotCal }
  write_back: { status: mx_Message_Status }
rules:
  - id: a
    on: lead.changed
    field: mx_Stufe
    when: before.mx_City == \"Recife\" and lead.mx_city == \"Olinda\"
    sms: >-
      Olá {{ lead.FirstName }},
      a parcela é {{ lead.mx_Valor_da_Parcela | brl }}.
campaigns:
  - id: b
    audience: { field: mx_Citty, op: \"=\", value: Recife }
    sms: Oi
";
        let known = [
            field("FirstName", "First Name"),
            field("DoNotCall", "Do Not Call"),
            field("mx_City", "City"),
            field("mx_Custom_7", "Valor da Parcela"),
        ];
        let named = Parsed::parse(text).unwrap().lead_fields;
        let found: Vec<String> = unknown(&named, &known).iter().map(|one| one.render("f")).collect();
        let no = |name: &str| format!("LeadSquared has no field `{name}` of leads; write ");
        let expected = [
            format!("f:4:21: warning: {}DoNotCall", no("DoNotCal")),
            format!(
                "f:5:25: warning: {}it as it is, and run recado setup leadsquared, which creates it",
                no("mx_Message_Status")
            ),
            format!("f:9:12: {}the field's schema name as in LeadSquared; its case matters", no("mx_Stufe")),
            format!("f:10:42: {}mx_City", no("mx_city")),
            format!("f:13:22: {}mx_Custom_7", no("mx_Valor_da_Parcela")),
            format!("f:16:24: {}mx_City", no("mx_Citty")),
        ];
        assert_eq!(found, expected);
    }
}
