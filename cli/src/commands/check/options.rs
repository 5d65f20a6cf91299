//! Compares the values that a file compares lead fields with against the options of LeadSquared's dropdowns.
//!
//! A value that is no option is only a warning, since the API stores such values all the same. But people, forms and
//! automations choose from the options. A rule on `Invalid/Junk` never fires if the option is `Invalid/ Junk`.

use leadsquared::LeadField;
use recado_core::{config::NamedValue, spelling::closest};

use super::Finding;

/// How many options are listed if none is similar.
const MOST_LISTED: usize = 10;

pub(super) fn unknown(named: &[NamedValue], known: &[LeadField]) -> Vec<Finding> {
    let finding = |value: &NamedValue| {
        let field = known.iter().find(|field| field.schema_name == value.field)?;
        let is_known = field.options.is_empty() || field.options.contains(&value.value);
        (!is_known).then(|| finding(value, &field.options))
    };
    named.iter().filter_map(finding).collect()
}

fn finding(value: &NamedValue, options: &[String]) -> Finding {
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let suggestion = match nearest(&value.value, &options) {
        Some(near) => format!("\"{near}\""),
        None => {
            let some: Vec<String> = options.iter().take(MOST_LISTED).map(|option| format!("\"{option}\"")).collect();
            let more = if options.len() > some.len() { ", …" } else { "" };
            format!("one of {}{more}", some.join(", "))
        }
    };
    Finding {
        severity: "warning",
        line: value.line,
        column: value.column,
        key: value.key.clone(),
        message: format!(
            "\"{}\" is not an option of {} in LeadSquared, and Recado compares exactly",
            value.value, value.field
        ),
        suggestion: Some(suggestion),
    }
}

/// The option that was probably meant: equal except for case and blanks, or similar.
fn nearest<'o>(value: &str, options: &[&'o str]) -> Option<&'o str> {
    let bare = |text: &str| text.split_whitespace().collect::<String>().to_lowercase();
    options.iter().copied().find(|option| bare(option) == bare(value)).or_else(|| closest(value, options))
}

#[cfg(test)]
mod tests {
    use recado_core::config::Config;

    use super::*;

    #[test]
    fn each_value_that_no_dropdown_offers_is_named_where_it_stands() {
        let text = "version: 1
leadsquared: { plan: lite }
rules:
  - { id: a, on: lead.stage, from: Prospect, to: Invalid/Junk, sms: Oi }
  - id: b
    on: lead.created
    when: >-
      lead.mx_City in [\"Recife\", \"Olimda\"]
      and \"prospect\" != lead.ProspectStage and lead.Source == \"Site\"
    sms: \"{% if lead.mx_City == 'Natal' %}Oi{% else %}Olá{% endif %}\"
  - { id: c, on: lead.changed, field: mx_City, to: recife, when: before.mx_City | lower == \"olinda\", sms: Oi }
campaigns:
  - { id: d, audience: { field: ProspectStage, op: \"=\", value: Costumer }, sms: Oi }
  - { id: e, audience: { field: ProspectStage, op: LIKE, value: \"Inv%\" }, sms: Oi }
";
        let field = |name: &str, options: &[&str]| LeadField {
            schema_name: name.to_owned(),
            display_name: None,
            data_type: None,
            is_mandatory: false,
            max_chars: None,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
        };
        let stages = ["Prospect", "Customer", "Invalid/ Junk"];
        let known = [field("ProspectStage", &stages), field("mx_City", &["Recife", "Olinda"]), field("Source", &[])];
        let named = Config::parse(text).unwrap().lead_values;
        let found: Vec<String> = unknown(&named, &known).iter().map(|one| one.render("f")).collect();
        let line = |at: &str, value: &str, field: &str, instead: &str| {
            format!(
                "f:{at}: warning: \"{value}\" is not an option of {field} in LeadSquared, and Recado compares exactly; write {instead}"
            )
        };
        let expected = [
            line("4:50", "Invalid/Junk", "ProspectStage", "\"Invalid/ Junk\""),
            line("8:34", "Olimda", "mx_City", "\"Olinda\""),
            line("9:11", "prospect", "ProspectStage", "\"Prospect\""),
            line("10:33", "Natal", "mx_City", "one of \"Recife\", \"Olinda\""),
            line("11:52", "recife", "mx_City", "\"Recife\""),
            line("13:64", "Costumer", "ProspectStage", "\"Customer\""),
        ];
        assert_eq!(found, expected);
    }
}
