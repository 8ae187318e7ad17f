#![doc = include_str!("../README.md")]

pub mod args;
pub mod commands;
pub mod console;
pub mod deployment;
pub mod failure;
pub mod output;
pub mod person;
pub mod skew;
pub mod terminal;
pub mod time;
pub mod view;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use handover_aws::{DynamoStore, KmsVault, SqsQueue, SystemClock, SystemRandomness, clients};
use handover_core::ports::Clock;

use crate::{
    args::{AppCommand, Arguments, ChannelCommand, Command, Common},
    commands::House,
    console::{Console, TerminalConsole},
    deployment::Deployment,
    failure::Failure,
    output::{Format, Look, Printed},
    skew::Skew,
    time::Zone,
};

/// The command: reads what was typed, does it, prints how it went.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(&error),
    };
    let format = if arguments.common.json {
        Format::Json
    } else {
        Format::People
    };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Unavailable(format!("the process cannot wait for the network: {error}")))
        .and_then(|runtime| runtime.block_on(run(arguments, &mut TerminalConsole, format)));
    match done {
        Ok(printed) => {
            for warning in &printed.warnings {
                put(&mut io::stderr(), &format!("warning: {}\n", output::plain(warning)));
            }
            put(&mut io::stdout(), &printed.text);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            put(&mut io::stderr(), &output::error(&failure, format));
            ExitCode::from(failure.exit_code())
        }
    }
}

async fn run(arguments: Arguments, console: &mut impl Console, format: Format) -> Result<Printed, Failure> {
    let Arguments { common, command } = arguments;
    let (clock, randomness, zone) = (SystemClock::new(), SystemRandomness, Zone::system());
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if let Command::Take(args) = &command
        && args.rehearse
    {
        let rehearsed = commands::rehearse(args, console, &zone, &clock, &randomness)?;
        let look = Look {
            colour,
            zone,
            now: clock.now(),
        };
        return output::print(&rehearsed, format, &look);
    }
    let Common { stack, allow_http, .. } = common;
    let stack = stack.filter(|stack| !stack.is_empty()).ok_or_else(|| {
        Failure::Usage("say which deployment: --stack NAME, or HANDOVER_STACK in the environment".into())
    })?;
    let config = clients::load().await;
    let skew = Skew::of(clock);
    let (deployment, person) = if changes(&command) {
        let found = tokio::try_join!(Deployment::find(&config, &stack, &skew), deployment::person(&config));
        // First: a wrong clock may be why nothing was found.
        skew.must_be_small()?;
        found?
    } else {
        // Nothing will bear a name, or a time.
        (Deployment::find(&config, &stack, &skew).await?, String::new())
    };
    let house = House {
        store: &DynamoStore::new(clients::dynamodb(&config), deployment.tables),
        vault: &KmsVault::new(clients::kms(&config), deployment.keys),
        queue: &SqsQueue::new(clients::sqs(&config), deployment.queue),
        clock: &clock,
        randomness: &randomness,
        person: &person,
        public_url: &deployment.public_url,
        link_days: deployment.link_days,
        allow_http,
        zone: &zone,
    };
    house.perform(command, console, format, colour).await
}

fn changes(command: &Command) -> bool {
    !matches!(
        command,
        Command::App(AppCommand::List | AppCommand::Show(_))
            | Command::Channel(ChannelCommand::List)
            | Command::List(_)
            | Command::Show(_)
    )
}

/// What was typed cannot be used, or asked for help.
fn not_understood(error: &clap::Error) -> ExitCode {
    // What was typed was not read, so this flag was not either.
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json && error.use_stderr() {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim().to_owned();
        put(&mut io::stderr(), &output::error(&Failure::Usage(text), Format::Json));
    } else {
        // A pipe that was closed wants no more.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Prints; a reader that has gone away is no failure.
fn put(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
