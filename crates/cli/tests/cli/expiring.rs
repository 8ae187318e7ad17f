use std::time::Duration;

use handover_core::{
    event::{Actor, Event},
    ids::ConnectionId,
};
use handover_simulation::received;

use crate::setup::World;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// One customer's connection, consented now, due long after its pair's end.
async fn of(world: &World, customer: &str) -> ConnectionId {
    let line = format!(
        "connect --app exact-nl --channel by-hand --reference {customer} --database {customer} --register-in 60d"
    );
    let made = world.json(&line).await;
    let id = made["connection"]["id"].as_str().unwrap().parse().unwrap();
    let key = world.consent(id).await;
    world.identify(id, &key).await;
    id
}

async fn ids(world: &World, line: &str) -> Vec<String> {
    let listed = world.json(line).await;
    let lines = listed["connections"].as_array().unwrap();
    lines
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Pairs that end on days 30, 31 and 40; the first two were warned of on day 25.
async fn three(world: &World) -> [ConnectionId; 3] {
    let first = of(world, "first").await;
    world.clock.advance(DAY);
    let second = of(world, "second").await;
    world.clock.advance(9 * DAY);
    let third = of(world, "third").await;
    world.clock.advance(15 * DAY);
    // The later one was changed last: the order is that of the ends.
    for id in [first, second] {
        world.feed(id, Event::Woke).await;
    }
    [first, second, third]
}

#[tokio::test]
async fn pairs_that_end_soon_are_listed_soonest_first() {
    let world = World::furnished().await;
    let [first, second, _] = three(&world).await;
    let both = [first.to_string(), second.to_string()];
    assert_eq!(ids(&world, "list --expiring 7d").await, both);
    assert_eq!(ids(&world, "list --expiring 5d1h").await, both[..1]);
    // Nobody was warned of the third.
    assert_eq!(ids(&world, "list --expiring 30d").await, both);
    assert_eq!(ids(&world, "list --expiring 12h").await, [""; 0]);

    let listed = world.json("list --expiring 7d --limit 1").await;
    assert_eq!(listed["connections"][0]["id"], first.to_string());
    assert_eq!(listed["connections"][0]["days_left"], 5);
    assert_eq!(listed["more"], true);

    let text = world.text("list --expiring 7d").await;
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].ends_with("due               pair ends         days left  problem"),
        "{text}"
    );
    assert!(lines[1].ends_with("2027-01-30 09:00  2026-12-31 09:00  5"), "{text}");
}

#[tokio::test]
async fn they_are_narrowed_further() {
    let world = World::furnished().await;
    let [first, second, _] = three(&world).await;
    assert_eq!(
        ids(&world, "list --expiring 7d --status authorized").await,
        [first.to_string(), second.to_string()]
    );
    assert_eq!(ids(&world, "list --expiring 7d --status failed").await, [""; 0]);
    assert_eq!(
        ids(&world, "list --expiring 7d --reference second").await,
        [second.to_string()]
    );
    assert_eq!(ids(&world, "list --expiring 7d --reference third").await, [""; 0]);
}

#[tokio::test]
async fn what_was_renewed_ends_no_longer_soon() {
    let world = World::furnished().await;
    let [first, second, _] = three(&world).await;
    world.clock.advance(2 * DAY);
    world.feed(first, Event::Woke).await;
    let into = world.connection(first).await.next_pair().unwrap();
    let effect = world.rotate(first).await;
    world.bring(first, effect, &into, &received(2), &Actor::Worker).await;
    assert_eq!(ids(&world, "list --expiring 7d").await, [second.to_string()]);
}
