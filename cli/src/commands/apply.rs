//! `recado apply`: shows what a file would change in the configuration in force, and puts it in force.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};

use recado_core::{
    audit::{About, Act},
    config::{Campaign, Checked, Config, Rule},
};
use recado_ledger::Ledger;
use serde::Serialize;

use super::{
    At, audited, checked,
    configs::{put_in_force, renamed},
    read,
};
use crate::{
    data::Store,
    output::{self, Mood},
};

/// Put a file in force. It acts within a second on one machine, within a minute on AWS.
///
/// It shows the differences from the version in force, and asks. A file with a mistake changes nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    at: At,
    /// The file.
    #[arg(value_name = "FILE", default_value = "recado.yaml")]
    file: PathBuf,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// The author in the history; by default the user of this machine. On AWS, the identity of the credentials is added.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Print JSON. Without --yes it changes nothing.
    #[arg(long)]
    json: bool,
}

/// The changes of a file.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Difference {
    /// New rules and campaigns.
    added: Vec<String>,
    /// Rules and campaigns that differ now.
    changed: Vec<String>,
    /// Rules and campaigns that no longer exist.
    gone: Vec<String>,
    /// Waiting messages of rules and campaigns that changed or no longer exist.
    waiting: BTreeMap<String, u64>,
    /// Whether anything else differs: hours, quotas, accounts.
    rest: bool,
    /// Whether both texts are the same.
    is_same: bool,
}

#[derive(Serialize)]
struct Report {
    /// The version in force afterwards.
    version: Option<u64>,
    applied: bool,
    difference: Difference,
}

impl Apply {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let (text, file) = (read(&self.file)?, self.file.display().to_string());
        let checked = checked(&text, &file)?;
        let (name, store) = self.at.table().await?;
        self.apply(&store, &name, (&checked, &text)).await
    }

    async fn apply(&self, store: &Store, name: &str, (checked, text): (&Checked, &str)) -> anyhow::Result<ExitCode> {
        let file = self.file.display().to_string();
        for warning in &checked.undecided {
            output::complain(&warning.render(&file));
        }
        let author = store.author(self.author.as_deref()).await;
        let proposal = Proposal { act: Act::Apply, of: &file, checked, text, author: &author };
        proposal.put_in_force(&store.ledger, name, self.yes, self.json).await
    }
}

/// A text to put in force, after its changes are shown.
pub(super) struct Proposal<'t> {
    /// The command that puts it in force.
    pub(super) act: Act,
    /// The source of the text, such as the name of the file.
    pub(super) of: &'t str,
    pub(super) checked: &'t Checked,
    pub(super) text: &'t str,
    /// The person who puts it in force.
    pub(super) author: &'t str,
}

impl Proposal<'_> {
    /// Shows the changes in the installation `name`, asks unless `yes` is set, and puts the text in force.
    pub(super) async fn put_in_force(
        &self,
        ledger: &Ledger,
        name: &str,
        yes: bool,
        json: bool,
    ) -> anyhow::Result<ExitCode> {
        let Self { checked, text, .. } = self;
        for warning in renamed(checked, ledger).await? {
            output::complain(&warning.render(self.of));
        }
        let before = ledger.config_version().await?;
        let row = match before {
            Some(version) => ledger.config(version).await?,
            None => None,
        };
        let earlier = row.as_ref().and_then(|row| Config::parse(&row.text).ok()).map(|checked| checked.config);
        let mut difference = Difference::of(earlier.as_ref(), &checked.config);
        difference.is_same = row.as_ref().is_some_and(|row| row.text == *text);
        difference.count_waiting(ledger).await?;
        if !json {
            output::say(&format!("recado at {name}{}", before.map(|it| format!(", version {it}")).unwrap_or_default()));
            difference.show(self.of);
        }
        let yes = !difference.is_same && (yes || !json && output::confirmed("put it in force")?);
        let version = if yes { Some(put_in_force(ledger, text, self.author).await?) } else { before };
        if yes && version != before {
            let about = About::scope(self.of).of_version(version.unwrap_or_default());
            audited::record_by(ledger, self.author, self.act, about).await;
        }
        if json {
            output::json(self.act.as_str(), &Report { version, applied: yes, difference })?;
        } else if yes {
            let version = version.unwrap_or_default();
            output::say(&format!(
                "version {version} is in force: within a second on one machine, within a minute on AWS"
            ));
        } else {
            output::say("nothing changed");
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Difference {
    /// The changes from `before` to `new`; everything is new if there was nothing before.
    fn of(before: Option<&Config>, new: &Config) -> Self {
        let (old_rules, new_rules) = (before.map(by_id).unwrap_or_default(), by_id(new));
        let mut difference = Self::default();
        for (id, one) in &new_rules {
            match old_rules.get(id) {
                None => difference.added.push((*id).to_owned()),
                Some(old) if old != one => difference.changed.push((*id).to_owned()),
                Some(_) => {}
            }
        }
        difference.gone =
            old_rules.keys().filter(|id| !new_rules.contains_key(*id)).map(|id| (*id).to_owned()).collect();
        let rest = |config: &Config| {
            let mut rest = config.clone();
            rest.rules.clear();
            rest.campaigns.clear();
            rest
        };
        difference.rest = before.is_none_or(|before| rest(before) != rest(new));
        difference
    }

    /// Counts the waiting messages of the rules and campaigns that changed or are gone.
    async fn count_waiting(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        let concerned: BTreeSet<&String> = self.changed.iter().chain(&self.gone).collect();
        if concerned.is_empty() {
            return Ok(());
        }
        let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
        ledger
            .each_message(|message| {
                if message.state.is_waiting() && concerned.contains(&message.rule) {
                    *waiting.entry(message.rule.clone()).or_default() += message.recipients();
                }
                true
            })
            .await?;
        self.waiting = waiting;
        Ok(())
    }

    fn show(&self, of: &str) {
        if self.is_same {
            output::say(&format!("{of} is the same as the version in force"));
            return;
        }
        let waiting = |id: &String| match self.waiting.get(id) {
            Some(count) => format!(": {count} of its messages wait"),
            None => String::new(),
        };
        for (mark, mood, ids) in
            [("+", Mood::Good, &self.added), ("~", Mood::Look, &self.changed), ("-", Mood::Bad, &self.gone)]
        {
            for id in ids {
                output::say(&format!("  {} {id}{}", mood.paint(mark), waiting(id)));
            }
        }
        if self.rest {
            output::say(&format!("  {} hours, quotas, accounts or other settings", Mood::Look.paint("~")));
        }
        if self.added.is_empty() && self.changed.is_empty() && self.gone.is_empty() && !self.rest {
            output::say("  only comments or layout differ");
        }
    }
}

/// A rule or a campaign, for comparison.
#[derive(PartialEq)]
enum Either<'c> {
    Rule(&'c Rule),
    Campaign(&'c Campaign),
}

fn by_id(config: &Config) -> BTreeMap<&str, Either<'_>> {
    let rules = config.rules.iter().map(|rule| (rule.id.as_str(), Either::Rule(rule)));
    rules.chain(config.campaigns.iter().map(|campaign| (campaign.id.as_str(), Either::Campaign(campaign)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(&format!("version: 1\n{text}")).unwrap().config
    }

    #[test]
    fn rules_are_told_as_new_other_and_gone_and_the_rest_together() {
        let rule = |id: &str, sms: &str| format!("  - {{ id: {id}, on: lead.created, sms: \"{sms}\" }}\n");
        let old = config(&format!("rules:\n{}{}", rule("a", "Oi."), rule("b", "Oi.")));
        let new = config(&format!("timezone: America/Recife\nrules:\n{}{}", rule("a", "Olá."), rule("c", "Oi.")));
        let found = Difference::of(Some(&old), &new);
        assert_eq!((found.added, found.changed, found.gone), (vec!["c".into()], vec!["a".into()], vec!["b".into()]));
        assert!(found.rest);
        assert!(!Difference::of(Some(&old), &old).rest);
        assert_eq!(Difference::of(None, &old).added, ["a", "b"]);
    }
}
