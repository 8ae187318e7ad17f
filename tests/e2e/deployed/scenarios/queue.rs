//! Bad messages.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use handover_local::wait;

use crate::{evidence::Evidence, world::World};

pub async fn bad_messages_do_not_stop_the_others(evidence: Arc<Evidence>) -> Result<()> {
    let world = World::start().await?;
    let queue = world.output("QueueUrl")?.to_owned();
    let journey = world.authorised(Duration::from_secs(3)).await?;
    let unknown_connection = r#"{"v":"1","connection":"conn_01ARZ3NDEKTSV4RRFFQ69G5FAV"}"#;
    let stale = format!(r#"{{"v":"1","connection":"{}"}}"#, journey.connection);
    let bad = [
        "this is no JSON",
        r#"{"v":"99","connection":"conn_x"}"#,
        r#"{"v":"1","connection":"nonsense"}"#,
    ];
    for body in bad.iter().copied().chain([unknown_connection, &stale]) {
        world.stage.aws.send(&queue, body).await?;
    }
    world.until(&journey.connection, "registered").await?;
    // Long after: stale again.
    world.stage.aws.send(&queue, &stale).await?;
    wait::until(
        "each bad message to have its line in the log",
        Duration::from_secs(60),
        || async {
            let logs = world.stage.aws.logs().await?;
            let lines = logs.iter().filter(|line| line.contains("handover.message_refused"));
            Ok((lines.count() >= bad.len()).then_some(()))
        },
    )
    .await?;
    ensure!(
        world.submissions(&journey) == 1,
        "submitted {} times",
        world.submissions(&journey)
    );
    world.leave(&evidence).await
}
