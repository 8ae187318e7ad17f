//! On the local cloud: the deployed template with its real zips, by the stand-in's books, in real time.

mod books;
mod people;
mod plan;
mod report;

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use handover_core::registration::{earlier, later};
use handover_local::{
    demo::Teller,
    stage::{Settings, Stage},
};
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use books::{Anchor, Observed};
use people::Appointment;
use plan::Plan;

/// From the first consent to the beginning of the time in which registrations are due: far beyond the queue's reach, so
/// that it is the sweeper that finds them. The clock is moved over it.
const AHEAD: Duration = Duration::from_secs(24 * 3_600);
/// Customers who are on their way at once.
const AT_ONCE: usize = 6;
/// Between two looks at the books.
const EVERY: Duration = Duration::from_secs(1);
/// Between two lines about how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(30);
/// What is not registered so long after the last was due will not be.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Lets customers consent, moves the clock once, and lets real time pass. Answers whether none was early, lost or
/// doubled: a late one is told, and fails nothing.
///
/// # Errors
/// When a part does not come up, or a customer does not get through.
pub async fn run() -> Result<bool> {
    let plan = Plan::from_environment()?;
    let load_before = load();
    let teller = Teller::begin();
    let settings = Settings {
        stack: "handover-precision".into(),
        movable_clock: true,
        ..Settings::default()
    };
    let stage = Stage::start(&settings, |step| teller.tell(step)).await?;
    stage.add_samples(&settings.lifetimes).await?;
    let now = stage.standin.control().clock().await?.now;
    let first = later(Timestamp::from_second(now.as_second())?, AHEAD);
    let appointments = consents(&stage, &plan, first).await?;
    teller.tell(&format!("{} customers have consented", appointments.len()));

    let anchor = go_ahead(&stage, earlier(first, plan.lead())).await?;
    teller.tell(&format!(
        "the clock is moved to {} s before the first may be due; from here on it runs by itself",
        plan.lead().as_secs()
    ));
    until_registered(&stage, &plan, &teller).await?;
    let observed = Observed::gather(&stage, &appointments, &anchor);
    print!("\n{}", report::told(&plan, &observed, [&load_before, &load()]));
    stage.stop().await?;
    Ok(observed.wrong.is_empty() && observed.late.early() == 0)
}

async fn consents(stage: &Stage, plan: &Plan, first: Timestamp) -> Result<Vec<Appointment>> {
    let seconds = plan.seconds().into_iter().enumerate();
    let customers = seconds.map(|(number, second)| people::consented(stage, number, later(first, second)));
    stream::iter(customers).buffer_unordered(AT_ONCE).try_collect().await
}

/// Moves the clock to `moment`. It is the only time that it is moved.
async fn go_ahead(stage: &Stage, moment: Timestamp) -> Result<Anchor> {
    let now = stage.standin.control().clock().await?.now;
    let by = Duration::try_from(moment.duration_since(now)).context("the consents took longer than a day")?;
    stage.move_clock(Duration::from_secs(by.as_secs())).await?;
    let asked = std::time::Instant::now();
    let time = stage.standin.control().clock().await?.now;
    Ok(Anchor {
        // It was read on the way.
        instant: asked + asked.elapsed() / 2,
        time,
    })
}

async fn until_registered(stage: &Stage, plan: &Plan, teller: &Teller) -> Result<()> {
    let end = Instant::now() + plan.lead() + plan.within + PATIENCE;
    let mut told = Instant::now();
    loop {
        let databases = stage.standin.books().databases.len();
        if databases >= plan.connections || Instant::now() >= end {
            return Ok(());
        }
        if told.elapsed() >= TOLD_EVERY {
            teller.tell(&format!("{databases} are registered"));
            told = Instant::now();
        }
        sleep(EVERY).await;
    }
}

/// How many processes wanted a processor on average over the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
