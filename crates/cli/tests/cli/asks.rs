use std::time::Duration;

use handover_cli::failure::Failure;
use handover_core::{
    connection::{Attempter, Status},
    event::{Event, Outcome},
    ids::{ConnectionId, EffectId},
    ports::Clock,
    registration::later,
};

use crate::setup::{PERSON, World};

async fn in_doubt(world: &World) -> ConnectionId {
    let id = world.due().await;
    world.feed(id, Event::Woke).await;
    let effect = EffectId::new(world.clock.now(), 1);
    let begun = Event::AttemptBegun {
        effect,
        by: Attempter::Person("kim".into()),
        lease_ends_at: later(world.clock.now(), Duration::from_secs(3_600)),
        look_up: None,
        accept_unknown_identity: false,
    };
    world.feed(id, begun).await;
    let outcome = Outcome::Unanswered {
        reason: "silence".into(),
    };
    world.feed(id, Event::AttemptEnded { effect, outcome }).await;
    id
}

async fn status(world: &World, id: ConnectionId) -> Status {
    world.connection(id).await.state.status()
}

#[tokio::test]
async fn a_connection_is_given_up_with_its_pair() {
    let world = World::furnished().await;
    let id = world.due().await;
    assert!(world.holds_a_pair());
    let cancelled = world.json(&format!("cancel {id}")).await;
    assert_eq!(cancelled["connection"]["status"], "cancelled");
    assert!(cancelled["message"].as_str().unwrap().contains("destroyed"));
    assert!(!world.holds_a_pair());
    let failure = world.refusal(&format!("cancel {id}")).await;
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    let history = world.json(&format!("show {id}")).await["history"].clone();
    assert_eq!(history.as_array().unwrap().last().unwrap()["by"], PERSON);
}

#[tokio::test]
async fn what_is_asked_while_something_is_under_way_waits() {
    let world = World::furnished().await;
    let id = world.due().await;
    world.feed(id, Event::Woke).await;
    let begun = Event::AttemptBegun {
        effect: EffectId::new(world.clock.now(), 1),
        by: Attempter::Person("kim".into()),
        lease_ends_at: later(world.clock.now(), Duration::from_secs(3_600)),
        look_up: None,
        accept_unknown_identity: false,
    };
    world.feed(id, begun).await;
    let text = world.text(&format!("cancel {id}")).await;
    assert!(
        text.starts_with("Something is under way, until Tue 2026-12-01 10:00 (09:00 UTC) at the latest"),
        "{text}"
    );
    let text = world
        .text(&format!("reschedule {id} --register-at 2026-12-05T00:00:00Z"))
        .await;
    assert!(text.contains("the new time is set"), "{text}");
    let text = world.text(&format!("show {id}")).await;
    assert!(
        text.contains("asked for  to be given up, to be registered Sat 2026-12-05 01:00"),
        "{text}"
    );
}

#[tokio::test]
async fn another_time_is_told_as_a_moment() {
    let world = World::furnished().await;
    let id = world.connect("--register-now").await;
    let text = world.text(&format!("reschedule {id} --register-in 1d12h")).await;
    assert!(
        text.starts_with("It is registered 1 day 12 h after the consent."),
        "{text}"
    );
    world.consent(id).await;
    let text = world.text(&format!("reschedule {id} --register-in 2d")).await;
    assert!(
        text.starts_with("It is registered Thu 2026-12-03 09:00 (08:00 UTC), in 2 days."),
        "{text}"
    );
    let text = world
        .text(&format!("reschedule {id} --register-at 2026-11-01T00:00:00Z"))
        .await;
    assert!(
        text.starts_with("The time has passed: it is registered at once."),
        "{text}"
    );
    // Beyond the life of one pair, since pairs are renewed.
    let text = world.text(&format!("reschedule {id} --register-in 40d")).await;
    assert!(text.contains("in 40 days."), "{text}");
}

#[tokio::test]
async fn a_time_that_a_pair_which_is_not_renewed_cannot_reach_is_refused() {
    let world = World::furnished().await;
    world.app("exact-nl", "--replace --renew never").await;
    let id = world.connect("--register-in 3d").await;
    world.consent(id).await;
    let failure = world.refusal(&format!("reschedule {id} --register-in 31d")).await;
    assert!(failure.to_string().contains("choose an earlier time"), "{failure}");
}

#[tokio::test]
async fn in_counts_from_the_consent_and_never_means_at_once_by_surprise() {
    let world = World::furnished().await;
    let id = world.connect("--register-in 20d").await;
    world.consent(id).await;
    world.clock.advance(Duration::from_secs(5 * 24 * 3_600));
    let before = world.connection(id).await;
    let failure = world.refusal(&format!("reschedule {id} --register-in 3d")).await;
    assert!(failure.to_string().contains("--register-now"), "{failure}");
    assert_eq!(world.connection(id).await, before);
    let text = world.text(&format!("reschedule {id} --register-now")).await;
    assert!(text.contains("registered at once"), "{text}");
    assert!(!world.queue.waiting().is_empty());
}

#[tokio::test]
async fn a_doubt_is_settled_by_who_knows() {
    let world = World::furnished().await;
    let id = in_doubt(&world).await;
    let settled = world.json(&format!("resolve {id} --registered jansen-bv-2")).await;
    assert_eq!(settled["connection"]["registered"]["segment"], "jansen-bv-2");
    assert!(!world.holds_a_pair());

    let world = World::furnished().await;
    let id = in_doubt(&world).await;
    let failure = world.refusal(&format!("retry {id}")).await;
    assert!(failure.to_string().contains("handover resolve"), "{failure}");
    let text = world.text(&format!("resolve {id} --not-registered --unspent")).await;
    assert!(text.contains(&format!("handover retry {id}")), "{text}");
    assert!(world.holds_a_pair());
    let text = world.text(&format!("retry {id}")).await;
    assert!(text.starts_with("The registration is attempted again."), "{text}");
    assert_eq!(status(&world, id).await, Status::Authorized);

    let world = World::furnished().await;
    let id = in_doubt(&world).await;
    let text = world.text(&format!("resolve {id} --not-registered")).await;
    assert!(
        text.contains("is destroyed here") && text.contains(&format!("handover link {id}")),
        "{text}"
    );
    assert!(!world.holds_a_pair());
}

#[tokio::test]
async fn a_retry_that_makes_no_sense_is_refused_with_what_to_do() {
    let world = World::furnished().await;
    let id = world.connect("--register-in 3d").await;
    let failure = world.refusal(&format!("retry {id}")).await;
    assert!(failure.to_string().contains("handover link"), "{failure}");
    world.consent(id).await;
    let failure = world.refusal(&format!("retry {id}")).await;
    assert!(failure.to_string().contains("not due before"), "{failure}");
}
