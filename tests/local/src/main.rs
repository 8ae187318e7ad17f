//! `make run`: the main job, end to end, on this machine.

use std::{io::IsTerminal, process::ExitCode};

use handover_local::{
    cloud,
    demo::{SECOND_USER, Teller, walk},
    folder::from_here,
    stage::{APPLICATION, CHANNEL, PASSWORD, Stage},
};

#[tokio::main]
async fn main() -> ExitCode {
    let teller = Teller::begin();
    let walked = tokio::select! {
        walked = walk(&teller) => walked,
        _ = tokio::signal::ctrl_c() => {
            println!("\nstopped");
            return ExitCode::FAILURE;
        }
    };
    match walked {
        Ok((stage, line)) => {
            let by_hand = std::io::stdout().is_terminal() && std::env::var_os("ONCE").is_none();
            if by_hand {
                println!("{line}");
                stay(&stage).await;
            }
            let stopped = stage.stop().await;
            if let Err(error) = stopped {
                eprintln!("could not clean up: {error:#}");
                return ExitCode::FAILURE;
            }
            if !by_hand {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("make run failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn stay(stage: &Stage) {
    println!();
    println!("Everything stays up until Ctrl-C. To try by hand, in another terminal:");
    println!(
        "  export AWS_ENDPOINT_URL={} AWS_REGION=eu-central-1",
        stage.cloud.url()
    );
    println!(
        "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test HANDOVER_STACK={}",
        stage.handover.stack
    );
    let command = from_here(&cloud::command());
    let command = command.display();
    println!("  {command} list");
    println!("  {command} connect --app {APPLICATION} --channel {CHANNEL} --reference \"Second B.V.\" \\");
    println!("      --database second-bv --register-in 1m");
    println!("then open the link it prints in a browser and log on as {SECOND_USER} with password {PASSWORD}.");
    println!(
        "What Exact Online and Invantive Cloud saw: {}/__standin/books",
        stage.standin.url()
    );
    tokio::signal::ctrl_c().await.ok();
    println!("\ncleaning up");
}
