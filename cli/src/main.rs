//! `recado`: one machine's installation, its dry runs and its reports.

mod commands;
mod data;
mod env_file;
mod output;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
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
    /// Watch it work: both vendors simulated, the fixtures replayed, everything on this machine.
    Demo(commands::demo::Demo),
    /// Run an installation on this machine: webhooks in, messages out, outcomes back.
    Serve(commands::serve::Serve),
    /// Write a first configuration, its test and what the environment must hold.
    Init(commands::init::Init),
    /// Try rules on this machine: both vendors simulated, nothing is sent to anybody.
    Dev(commands::dev::Dev),
    /// Post what LeadSquared would to a running `recado dev`.
    Trigger(commands::trigger::Trigger),
    /// Run one of the vendors' simulators alone, or an embedded table.
    #[command(subcommand)]
    Simulate(Box<commands::simulate::Simulate>),
    /// Check a configuration: every mistake with its line and what to write instead.
    Check(commands::check::Check),
    /// Print a JSON Schema of the configuration, for editors.
    Schema,
    /// Run the cases kept beside the rules: an event in, messages or silence out.
    Test(commands::test::Test),
    /// Show what an event would become, or a campaign, without doing it.
    Plan(commands::plan::Plan),
    /// Explain which number a text means, or why none.
    Phone(commands::phone::Phone),
    /// Add recordings for calls, and list them.
    #[command(subcommand)]
    Audio(commands::audio::Audio),
    /// Start campaigns, see how far they are, hold and cancel them.
    #[command(subcommand)]
    Campaign(commands::campaign::Campaign),
    /// Put a file in force, after a look at what it changes.
    Apply(commands::apply::Apply),
    /// Put a file in force without a question, for scripts.
    Push(commands::versions::Push),
    /// Show the versions of the configuration that were pushed.
    History(commands::versions::History),
    /// Show what differs between versions, or between the one in force and a file.
    Diff(commands::versions::Diff),
    /// Put an earlier version in force again.
    Rollback(commands::versions::Rollback),
    /// Show messages, and events that became none.
    Messages(commands::messages::Messages),
    /// Send messages again: those refused or expired, and with a flag those that may have been sent.
    Retry(commands::operate::Retry),
    /// Cancel messages that wait.
    Cancel(commands::operate::Cancel),
    /// Look at messages now that wait.
    Release(commands::operate::Release),
    /// Stop sending: everything, a rule or a channel.
    Pause(commands::pause::Pause),
    /// Go on sending what was paused.
    Resume(commands::pause::Resume),
    /// Keep phones and leads from getting messages.
    #[command(subcommand)]
    Suppress(commands::suppress::Suppress),
    /// Show what was spent of each quota and limit.
    Usage(commands::usage::Usage),
    /// Prepare what Recado needs at a vendor.
    #[command(subcommand)]
    Setup(commands::setup::Setup),
    /// Look for what is wrong, and say what to do about it.
    Doctor(commands::doctor::Doctor),
    /// Write what a vendor's support asks for into one file, with nothing private in it.
    SupportBundle(commands::support_bundle::SupportBundle),
    /// Print the completions of a shell.
    Completions(commands::pages::Completions),
    /// Write a manual page for each command into a directory.
    Man(commands::pages::Man),
    /// Forget the limit that LeadSquared's refusals taught.
    ForgetLimit(commands::forget_limit::ForgetLimit),
}

/// Exit codes: 0 done, 1 refused with a clear reason, 2 wrong use (which clap reports itself).
fn main() -> ExitCode {
    // Before the arguments are read: some of them may be variables.
    if let Err(error) = env_file::read(std::env::args_os()) {
        output::complain(&format!("recado: {error:#}"));
        return ExitCode::from(1);
    }
    let recado = Recado::parse();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(recado.command)));
    match done {
        Ok(code) => code,
        Err(error) => {
            output::complain(&format!("recado: {error:#}"));
            ExitCode::from(1)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::Init(init) => init.run(),
        Command::Dev(dev) => dev.run().await,
        Command::Trigger(trigger) => trigger.run().await,
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
        Command::Usage(usage) => usage.run().await,
        Command::Completions(completions) => Ok(completions.run::<Recado>()),
        Command::Man(man) => man.run::<Recado>(),
        Command::ForgetLimit(forget) => forget.run().await,
    }
}
