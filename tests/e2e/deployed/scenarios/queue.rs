//! Bad messages.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use handover_local::wait;

use crate::{
    evidence::Evidence,
    world::{SOON, World},
};

/// Nobody's.
const UNKNOWN: &str = "conn_01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// What nobody can read.
const UNREADABLE: [&str; 3] = [
    "this is no JSON",
    r#"{"v":"99","connection":"conn_x"}"#,
    r#"{"v":"1","connection":"nonsense"}"#,
];

fn pointer(connection: &str) -> String {
    format!(r#"{{"v":"1","connection":"{connection}"}}"#)
}

pub async fn bad_messages_do_not_stop_the_others(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let queue = world.output("QueueUrl")?.to_owned();
    // What comes back does so at once, instead of after the template's twelve minutes.
    world.stage.aws.set_visibility(&queue, 1).await?;
    let journey = world.authorised(Duration::from_secs(3)).await?;
    let stale = pointer(&journey.connection);
    for body in UNREADABLE.iter().copied().chain([pointer(UNKNOWN).as_str(), &stale]) {
        world.stage.aws.send(&queue, body).await?;
    }
    world.until(&journey.connection, "registered").await?;

    wait::until("each bad message to have its line in the log", SOON, || async {
        let logs = world.stage.aws.logs().await?;
        let refused = logs.iter().filter(|line| line.contains("handover.message_refused"));
        let unknown = logs.iter().filter(|line| line.contains("handover.connection_unknown"));
        let unknown = unknown.filter(|line| line.contains(UNKNOWN)).count();
        Ok((refused.count() >= UNREADABLE.len() && unknown == 1).then_some(()))
    })
    .await?;
    // What nobody can read is kept, and nothing else.
    let dead = world.output("DeadLetterQueueUrl")?.to_owned();
    wait::until("the unreadable ones to be dead letters", SOON, || async {
        let (left, kept) = (
            world.stage.aws.messages(&queue).await?,
            world.stage.aws.messages(&dead).await?,
        );
        Ok((left == 0 && kept == 3).then_some(()))
    })
    .await?;

    just_the_bad_ones_come_back(&world, &stale).await?;
    ensure!(
        world.submissions(&journey) == 1,
        "submitted {} times",
        world.submissions(&journey)
    );
    world.leave(&evidence).await
}

/// One batch with all kinds, and one that is long done.
async fn just_the_bad_ones_come_back(world: &World, stale: &str) -> Result<()> {
    let unknown = pointer(UNKNOWN);
    let [no_json, version, nonsense] = UNREADABLE;
    let batch = [
        ("stale", stale),
        ("no-json", no_json),
        ("unknown", unknown.as_str()),
        ("version", version),
        ("nonsense", nonsense),
        ("stale-again", stale),
    ];
    let back = world.stage.aws.work(&batch).await?;
    ensure!(
        back == ["no-json", "version", "nonsense"],
        "of one batch come back: {back:?}"
    );
    Ok(())
}
