//! `make chaos`: kills functions of the deployed template, and judges what is left.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use handover_chaos::{
    director::Director, evidence::Evidence, files, judge::judge, killer::Killer, people::Journey, plan::Plan, report,
    wire::Wire,
};
use handover_local::{
    demo::Teller,
    folder::from_here,
    stage::{API_KEY, APPLICATION, CHANNEL, CLIENT_ID, Settings, Stage, profile},
};
use handover_standin::{App, InvantiveSettings, settings::OldTokenDies};

/// Invitations at once.
const AT_ONCE: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    let judged = tokio::select! {
        judged = run() => judged,
        // What was started ends with what is dropped.
        _ = tokio::signal::ctrl_c() => Ok(false),
    };
    match judged {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("make chaos failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was found.
async fn run() -> Result<bool> {
    let plan = Plan::from_environment()?;
    println!(
        "SEED={} CONNECTIONS={} KILLS={}",
        plan.seed, plan.connections, plan.kills
    );
    let teller = Teller::begin();
    let settings = Settings {
        stack: "handover-chaos".into(),
        // The schedule would run in real time: the director says when it is due.
        parameters: vec![("Sweeping".into(), "DISABLED".into())],
        movable_clock: true,
        ..Settings::default()
    };
    let stage = Arc::new(Stage::start(&settings, |step| teller.tell(step)).await?);
    let wire = Arc::new(Wire::start(&stage, plan.chance(1)).await?);
    // Most reports say the one, Invantive says the other: a recovery brings a pair only where Invantive is right.
    let (dies, words) = if plan.chance(3).bool() {
        (OldTokenDies::AtExchange, "at its exchange")
    } else {
        (OldTokenDies::WhenNewIsUsed, "when the new one is used")
    };
    furnish(&stage, &wire, &settings, dies).await?;
    teller.tell(&format!("a refresh token of Exact Online dies {words}"));
    let invited = stream::iter(0..plan.connections)
        .map(|number| Journey::begin(&stage, number, plan.chance(1_000 + u64::from(number))));
    let journeys: Vec<_> = invited.buffered(AT_ONCE).try_collect().await?;
    teller.tell(&format!("{} customers are invited; killing begins", journeys.len()));

    let supervisor = stage.cloud.supervisor().context("the local cloud has ended")?;
    let killer = Killer::start(supervisor, Arc::clone(&wire), plan.kills, plan.chance(2));
    let director = Director::new(Arc::clone(&stage), Arc::clone(&wire), journeys, plan.limit).await?;
    let so_far = |over| {
        teller.tell(&format!(
            "{over} are at their end, after {} kills",
            killer.kills().len()
        ))
    };
    let (journeys, course, board) = director.run(so_far).await?;
    let kills = killer.kills();
    drop(killer);
    teller.tell("every connection is at its end, or the time is over");

    let evidence = Evidence::gather(&stage, &board, journeys, wire.asked(), &kills).await?;
    let verdict = judge(&evidence);
    if !verdict.is_clean() {
        let folder = files::leave(&stage, &evidence, &kills, plan.seed).await?;
        println!("what it is judged by: {}", from_here(&folder).display());
    }
    print!("{}", report::figures(&evidence, &kills, &course, &verdict));
    Ok(verdict.is_clean())
}

/// The sample application and channel, which functions reach over the wire.
async fn furnish(stage: &Stage, wire: &Wire, settings: &Settings, old_token_dies: OldTokenDies) -> Result<()> {
    stage
        .add_application_behind(
            APPLICATION,
            &stage.standin,
            wire.url(),
            &settings.lifetimes,
            // The books are compared at the end, however far the clock has been moved by then.
            &["--retention", "3650d"],
        )
        .await?;
    let app = App {
        old_token_dies,
        ..stage.app(APPLICATION, &settings.lifetimes)
    };
    stage.standin.control().put_app(CLIENT_ID, &app).await?;
    let invantive = InvantiveSettings {
        api_key: API_KEY.into(),
        ..InvantiveSettings::default()
    };
    stage.standin.control().put_invantive(&invantive).await?;
    stage.add_channel(CHANNEL, &profile(wire.url())?, API_KEY).await
}
