//! A file with the audience of a campaign.

use std::path::Path;

use recado_core::{
    campaign::{Judge, row_columns},
    config::{Campaign, Config},
    fields::Fields,
    identity::ListId,
    list::{BadLine, Line, List},
    phone::{Line as Kind, Phone, PhoneRules},
};
use recado_pipeline::campaigns::{Entry, Who, as_list};

use crate::commands::list::{self, Columns};

/// The content of a file.
pub(crate) struct Audience {
    /// The leads and phones of the audience, in a fixed order of their own.
    pub(crate) entries: Vec<Entry>,
    /// The identity of the list: the same people have the same id.
    pub(crate) id: ListId,
    /// Lines that get no message, as far as this is known before leads are read.
    pub(crate) bad: Vec<BadLine>,
    /// How many of the bad lines name no lead and no phone.
    pub(crate) empty: u64,
    pub(crate) list: List,
    /// The columns of the first line that is not bad.
    first_row: Fields,
    rules: PhoneRules,
}

impl Audience {
    /// Keeps the values of the first line alone, with this phone as the recipient.
    pub(crate) fn keep_for(&mut self, phone: &str) -> anyhow::Result<()> {
        let row = self.first_row.clone();
        self.entries = vec![Entry { who: Who::Phone(phone.to_owned()), row }];
        self.bad.clear();
        self.empty = 0;
        self.id = as_list(&mut self.entries, self.rules);
        match Phone::read(phone, self.rules).one() {
            Ok(phone) if phone.line() == Kind::Mobile => Ok(()),
            Ok(_) => anyhow::bail!("--test-phone: the phone is a landline"),
            Err(error) => anyhow::bail!("--test-phone: {error}"),
        }
    }
}

/// Reads the audience from a file, for a campaign that starts at `now_ms`, in ms since the epoch.
pub(crate) fn read(
    path: &Path,
    columns: &Columns,
    config: &Config,
    campaign: &Campaign,
    now_ms: i64,
) -> anyhow::Result<Audience> {
    let list = list::read(path, columns, config.phones)?;
    let row_columns = list.row_columns(&row_columns(campaign))?;
    if list.lines.is_empty() {
        anyhow::bail!("{}: the file names nobody", path.display());
    }
    let judge = Judge::new(config, campaign, now_ms);
    let empty = list.bad.len() as u64;
    let (mut entries, mut bad) = (Vec::with_capacity(list.lines.len()), list.bad.clone());
    let mut first_row = None;
    for line in &list.lines {
        let entry = entry(line, list.row(line, &row_columns), config.phones);
        match judged(&judge, &entry) {
            Ok(()) => drop(first_row.get_or_insert_with(|| entry.row.clone())),
            Err(why) => bad.push(list.reject(line, why)),
        }
        entries.push(entry);
    }
    bad.sort_by_key(|bad| bad.number);
    let (rules, id) = (config.phones, as_list(&mut entries, config.phones));
    Ok(Audience { entries, id, bad, empty, list, first_row: first_row.unwrap_or_default(), rules })
}

/// The recipient that a line names. A lead comes first, since more is known about it; otherwise it is the first mobile
/// phone.
fn entry(line: &Line, row: Fields, rules: PhoneRules) -> Entry {
    let is_mobile = |text: &&String| Phone::read(text, rules).one().is_ok_and(|phone| phone.line() == Kind::Mobile);
    let phone = || line.phones.iter().find(is_mobile).or(line.phones.first()).cloned().unwrap_or_default();
    let who = line.lead.clone().map_or_else(|| Who::Phone(phone()), Who::Lead);
    Entry { who, row }
}

fn judged(judge: &Judge<'_>, entry: &Entry) -> Result<(), String> {
    let phone = match &entry.who {
        Who::Phone(phone) => Some(phone.as_str()),
        Who::Lead(_) => None,
    };
    judge.line(phone, &entry.row)
}
