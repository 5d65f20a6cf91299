//! `recado`: an installation on one machine, with dry runs and reports.

mod commands;
mod data;
mod env_file;
mod output;
mod serve;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use recado_runtime::{environment, installation, logging};

/// Turns LeadSquared changes into LigueLead messages, inside every limit.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Recado {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show Recado at work on this machine, with both vendors simulated.
    Demo(commands::demo::Demo),
    /// Run an installation on this machine: webhooks in, messages out, outcomes back.
    Serve(commands::serve::Serve),
    /// Write a first configuration, its tests and a template for `.env`.
    Init(commands::init::Init),
    /// Try rules on this machine with both vendors simulated. Nobody gets a message.
    Dev(commands::dev::Dev),
    /// Post an event to a running `recado dev`, as LeadSquared would.
    Trigger(commands::trigger::Trigger),
    /// Show events and messages line by line, as they happen.
    Listen(commands::listen::Listen),
    /// Run the simulator of one vendor, or an embedded table.
    #[command(subcommand)]
    Simulate(Box<commands::simulate::Simulate>),
    /// Check a configuration. Show each mistake with its line and a correction.
    Check(commands::check::Check),
    /// Print a JSON Schema of the configuration, for editors.
    Schema,
    /// Run your test cases: each has an event and the messages that it must make.
    Test(commands::test::Test),
    /// Show the messages of an event or a campaign without sending them.
    Plan(commands::plan::Plan),
    /// Show which phone number a text contains, or why it contains none.
    Phone(commands::phone::Phone),
    /// Add recordings for voice calls, and list them.
    #[command(subcommand)]
    Audio(commands::audio::Audio),
    /// Start campaigns, show their progress, pause and cancel them.
    #[command(subcommand)]
    Campaign(commands::campaign::Campaign),
    /// Show what a file changes, ask, and put it in force.
    Apply(commands::apply::Apply),
    /// Put a file in force without asking, for scripts.
    Push(commands::versions::Push),
    /// Show the versions of the configuration that were pushed.
    History(commands::versions::History),
    /// Show the differences between two versions, or between the version in force and a file.
    Diff(commands::versions::Diff),
    /// Put an earlier version in force again.
    Rollback(commands::versions::Rollback),
    /// Show messages, and events that made no message.
    Messages(commands::messages::Messages),
    /// Send refused or expired messages again. A flag adds messages that may have been sent.
    Retry(commands::operate::Retry),
    /// Cancel waiting messages.
    Cancel(commands::operate::Cancel),
    /// Check now whether waiting messages may go.
    Release(commands::operate::Release),
    /// Stop sending: everything, a rule or a channel.
    Pause(commands::pause::Pause),
    /// End a pause.
    Resume(commands::pause::Resume),
    /// Keep phones and leads from getting messages.
    #[command(subcommand)]
    Suppress(commands::suppress::Suppress),
    /// Write messages, failures or events to a file, for a spreadsheet or a script.
    #[command(subcommand)]
    Export(commands::export::Export),
    /// Show, write or remove everything that is kept of one person.
    #[command(subcommand)]
    Person(commands::person::PersonVerb),
    /// Show what operators did: who, what, when and about what.
    Audit(commands::audit::Audit),
    /// Show how much of each quota and limit is used.
    Usage(commands::usage::Usage),
    /// Create what Recado needs at a vendor.
    #[command(subcommand)]
    Setup(commands::setup::Setup),
    /// Check an installation, and say how to repair it.
    Doctor(commands::doctor::Doctor),
    /// Write a file for a vendor's support, without private data.
    SupportBundle(commands::support_bundle::SupportBundle),
    /// Print the completions for a shell.
    Completions(commands::pages::Completions),
    /// Write a manual page for each command into a directory.
    Man(commands::pages::Man),
    /// Forget the limits that Recado learnt from refusals.
    ForgetLimit(commands::forget_limit::ForgetLimit),
}

/// Exit codes: 0 success, 1 refused with a clear reason, 2 wrong use (clap reports this itself).
fn main() -> ExitCode {
    // Read `.env` before the arguments, because variables can supply some of the arguments.
    if let Err(error) = env_file::read(std::env::args_os()) {
        output::complain(&format!("{} {error:#}", output::Mood::Bad.paint("recado:")));
        return ExitCode::from(1);
    }
    let recado = Recado::from_arg_matches(&with_examples(Recado::command()).get_matches());
    let recado = recado.unwrap_or_else(|error| error.exit());
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(recado.command)));
    match done {
        Ok(code) => code,
        Err(error) => {
            output::complain(&format!("{} {error:#}", output::Mood::Bad.paint("recado:")));
            ExitCode::from(1)
        }
    }
}

/// Examples for the `--help` of each command.
const EXAMPLES: [(&str, &[&str]); 33] = [
    ("init", &["recado init", "recado init shop --plan pro --hours \"09:00-18:00 mon-fri\" --yes"]),
    ("dev", &["recado dev", "recado dev --config shop/recado.yaml --listen 127.0.0.1:3100"]),
    ("trigger", &["recado trigger lead.created --phone \"(11) 98765-4321\" --field Source=Site"]),
    ("listen", &["recado listen", "recado listen --rule welcome --json"]),
    ("demo", &["recado demo", "recado demo --stay"]),
    ("serve", &["recado serve", "recado serve --config recado.yaml --listen 0.0.0.0:3000 --data /var/lib/recado"]),
    ("simulate", &["recado simulate liguelead --fault lose-answer@nth=2", "recado simulate table"]),
    ("check", &["recado check", "recado check recado.yaml --data .recado --json"]),
    ("schema", &["recado schema > recado.schema.json"]),
    ("test", &["recado test", "recado test cases.yaml --config recado.yaml"]),
    ("plan", &["recado plan event.json --kind lead.created", "recado plan --events yesterday.ndjson --data .recado"]),
    ("phone", &["recado phone \"011 98765-4321\""]),
    ("audio", &["recado audio add welcome.mp3", "recado audio list"]),
    ("campaign", &["recado campaign start fair --csv visitors.csv", "recado campaign status fair --unreported"]),
    ("apply", &["recado apply recado.yaml", "recado apply recado.yaml --yes --author ana"]),
    ("push", &["recado push recado.yaml --stack recado", "recado push recado.yaml --json"]),
    ("history", &["recado history --limit 5"]),
    ("diff", &["recado diff", "recado diff 3 7"]),
    ("rollback", &["recado rollback 7", "recado rollback 7 --yes"]),
    (
        "messages",
        &[
            "recado messages --since 1h --state held,refused",
            "recado messages 3f9a1c22 --show-text",
            "recado messages --follow",
        ],
    ),
    ("retry", &["recado retry --state refused --rule welcome", "recado retry 3f9a1c22"]),
    ("cancel", &["recado cancel --rule welcome --yes"]),
    ("release", &["recado release --rule welcome"]),
    ("pause", &["recado pause --all --why \"wrong text\"", "recado pause --rule welcome"]),
    ("resume", &["recado resume --all"]),
    ("suppress", &["recado suppress add --phone \"(11) 99999-9999\"", "recado suppress import optouts.csv"]),
    ("export", &["recado export failures --since 7d --out failures.csv", "recado export messages --format jsonl"]),
    ("person", &["recado person show \"(11) 98765-4321\"", "recado person erase \"(11) 98765-4321\""]),
    ("audit", &["recado audit --since 7d", "recado audit --since 30d --json"]),
    ("usage", &["recado usage", "recado usage --json"]),
    ("setup", &["recado setup leadsquared", "recado setup leadsquared --yes"]),
    ("doctor", &["recado doctor"]),
    ("support-bundle", &["recado support-bundle", "recado support-bundle --out bundle.json"]),
];

fn with_examples(command: clap::Command) -> clap::Command {
    EXAMPLES.iter().fold(command, |command, (name, lines)| {
        let text = format!("Examples:\n  {}", lines.join("\n  "));
        command.mut_subcommand(name, |verb| verb.after_help(text))
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Init(init) => init.run(),
        Command::Dev(dev) => dev.run().await,
        Command::Trigger(trigger) => trigger.run().await,
        Command::Listen(listen) => listen.run().await,
        Command::Simulate(simulate) => simulate.run().await,
        Command::Check(check) => check.run().await,
        Command::Schema => Ok(commands::schema::run()),
        Command::Test(test) => test.run(),
        Command::Plan(plan) => plan.run().await,
        Command::Phone(phone) => phone.run(),
        Command::Audio(audio) => audio.run().await,
        Command::Campaign(campaign) => campaign.run().await,
        Command::Apply(apply) => apply.run().await,
        Command::Push(push) => push.run().await,
        Command::History(history) => history.run().await,
        Command::Diff(diff) => diff.run().await,
        Command::Rollback(rollback) => rollback.run().await,
        Command::Setup(setup) => setup.run().await,
        Command::Doctor(doctor) => doctor.run().await,
        Command::SupportBundle(bundle) => bundle.run().await,
        Command::Messages(messages) => messages.run().await,
        Command::Retry(retry) => retry.run().await,
        Command::Cancel(cancel) => cancel.run().await,
        Command::Release(release) => release.run().await,
        Command::Pause(pause) => pause.run().await,
        Command::Resume(resume) => resume.run().await,
        Command::Suppress(suppress) => suppress.run().await,
        Command::Export(export) => export.run().await,
        Command::Person(person) => person.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Usage(usage) => usage.run().await,
        Command::Completions(completions) => Ok(completions.run::<Recado>()),
        Command::Man(man) => man.run::<Recado>(),
        Command::ForgetLimit(forget) => forget.run().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_command_and_every_verb_has_one() {
        for (name, lines) in EXAMPLES {
            for line in lines {
                let words = line.split(" > ").next().unwrap_or(line);
                let mut quoted = false;
                let words: Vec<String> = words
                    .split(|c: char| {
                        quoted ^= c == '"';
                        c == ' ' && !quoted
                    })
                    .map(|word| word.replace('"', ""))
                    .collect();
                assert_eq!(words.get(1).map(String::as_str), Some(name), "{line}");
                let parsed = Recado::command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
        }
        let without: Vec<String> = Recado::command()
            .get_subcommands()
            .map(|verb| verb.get_name().to_owned())
            .filter(|verb| EXAMPLES.iter().all(|(name, _)| name != verb))
            .collect();
        assert_eq!(without, ["completions", "man", "forget-limit"]);
    }
}
