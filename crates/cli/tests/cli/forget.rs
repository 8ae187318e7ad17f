use std::time::Duration;

use handover_cli::failure::Failure;
use handover_core::{
    connection::{Attempter, Status},
    event::{Event, Outcome},
    ids::{ConnectionId, EffectId},
    ports::{Clock, Store},
    registration::later,
};

use crate::setup::{Paper, Person, World};

const CUSTOMER: &str = "Jansen_BV";

async fn registered(world: &World) -> ConnectionId {
    let id = world.due().await;
    let paper = Paper::of(*world);
    world
        .run_with(&format!("take {id}"), &mut Person::looking(&paper, &["d", ""]))
        .await
        .unwrap();
    id
}

/// A second connection of the same customer; `connect` mentions the first.
async fn another(world: &World) -> ConnectionId {
    let line = format!(
        "connect --app exact-nl --channel by-hand --reference {CUSTOMER} --database jansen-2 --register-in 3d \
         --return-url https://app.acme.example/done --json"
    );
    let made: serde_json::Value = serde_json::from_str(&world.run(&line).await.unwrap().text).unwrap();
    let id = made["connection"]["id"].as_str().unwrap().parse().unwrap();
    let key = world.consent(id).await;
    world.identify(id, &key).await;
    id
}

async fn attempted(world: &World, id: ConnectionId) -> EffectId {
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
    effect
}

/// Nothing of the customer is left in what is stored or shown.
async fn nothing_is_left(world: &World, id: ConnectionId) {
    let shown = world.json(&format!("show {id}")).await;
    let stored = format!("{shown}{:?}", world.connection(id).await);
    for name in ["Jansen", "jansen", "A. Customer", "app.acme.example"] {
        assert!(!stored.contains(name), "{name} in {stored}");
    }
    let history = world.store.history(id).await.unwrap();
    assert_eq!(history.len(), 1, "{history:?}");
}

#[tokio::test]
async fn a_customer_is_forgotten_in_all_connections() {
    let world = World::furnished().await;
    let done = registered(&world).await;
    let open = another(&world).await;
    let forgot = world.json(&format!("forget {CUSTOMER} --yes")).await;
    assert_eq!(forgot["message"], "2 connections are forgotten.");
    let left = forgot["connections"].as_array().unwrap();
    assert_eq!(left.len(), 2);
    for connection in left {
        assert_eq!(connection["reference"], "forgotten");
        assert_eq!(connection["forgotten"]["history_erased"], true);
    }
    assert_eq!(world.connection(done).await.state.status(), Status::Registered);
    assert_eq!(world.connection(open).await.state.status(), Status::Cancelled);
    assert!(!world.holds_a_pair());
    // Whose chain a later consent ends stays known.
    assert!(world.connection(done).await.chain.is_some());
    for id in [done, open] {
        nothing_is_left(&world, id).await;
    }
    let text = world.text(&format!("show {done}")).await;
    assert!(
        text.contains("forgotten  Tue 2026-12-01 09:01 (08:01 UTC): names and addresses are erased\n"),
        "{text}"
    );
    assert!(text.contains("it is removed, with its history"), "{text}");
}

#[tokio::test]
async fn it_may_be_said_again() {
    let world = World::furnished().await;
    let id = registered(&world).await;
    world.run(&format!("forget {id} --yes")).await.unwrap();
    let before = world.connection(id).await;
    for (line, told) in [
        (format!("forget {id}"), format!("{id} is forgotten already.")),
        (
            format!("forget {CUSTOMER}"),
            "Nothing is known of a customer Jansen BV".into(),
        ),
    ] {
        let text = world.text(&line).await;
        assert!(text.starts_with(&told), "{text}");
    }
    assert_eq!(world.connection(id).await, before);
    let unknown = world.refusal("forget conn_01JD0000000000000000000000").await;
    assert!(matches!(unknown, Failure::NotFound(_)), "{unknown:?}");
}

#[tokio::test]
async fn what_was_begun_is_ended_when_it_is_said_again() {
    let world = World::furnished().await;
    let id = registered(&world).await;
    world.feed(id, Event::ForgetAsked).await;
    let text = world.text(&format!("show {id}")).await;
    assert!(text.contains("; the history is about to be erased"), "{text}");
    assert!(text.contains("now: the history is erased"), "{text}");
    world.run(&format!("forget {id}")).await.unwrap();
    nothing_is_left(&world, id).await;
}

#[tokio::test]
async fn it_needs_a_yes_that_says_what_goes() {
    let world = World::furnished().await;
    let done = registered(&world).await;
    let open = another(&world).await;
    let before = (world.connection(done).await, world.connection(open).await);
    let line = format!("forget {CUSTOMER}");
    let failure = world.refusal(&line).await;
    assert!(matches!(failure, Failure::Usage(_)), "{failure:?}");
    for told in [
        format!("{done} (registered as jansen-bv, where the database stays)"),
        format!("{open} (authorized: given up, its token pair destroyed)"),
        "--yes".into(),
    ] {
        assert!(failure.to_string().contains(&told), "{failure}");
    }
    let failure = world
        .run_with(&line, &mut Person::typing(&[], &["n"]))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("nothing was changed"), "{failure}");
    assert_eq!((world.connection(done).await, world.connection(open).await), before);
    world.run_with(&line, &mut Person::typing(&[], &["y"])).await.unwrap();
    nothing_is_left(&world, done).await;
}

#[tokio::test]
async fn one_connection_is_forgotten_and_the_others_are_named() {
    let world = World::furnished().await;
    let done = registered(&world).await;
    let open = another(&world).await;
    let forgot = world.run(&format!("forget {done} --yes")).await.unwrap();
    assert!(
        forgot.text.starts_with("1 connection is forgotten.\n"),
        "{}",
        forgot.text
    );
    assert!(
        forgot.warnings[0].contains(&format!("the same customer has {open}")),
        "{:?}",
        forgot.warnings
    );
    assert_eq!(world.connection(open).await.reference.as_str(), "Jansen BV");
}

#[tokio::test]
async fn nothing_is_forgotten_while_something_is_under_way_or_in_doubt() {
    let world = World::furnished().await;
    let first = world.due().await;
    let second = another(&world).await;
    let before = world.connection(second).await;
    let effect = attempted(&world, first).await;
    let line = format!("forget {CUSTOMER} --yes");
    let failure = world.refusal(&line).await;
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    let told = format!("something is under way on {first} until Tue 2026-12-01 10:00 (09:00 UTC)");
    assert!(failure.to_string().contains(&told), "{failure}");

    let outcome = Outcome::Unanswered {
        reason: "silence".into(),
    };
    world.feed(first, Event::AttemptEnded { effect, outcome }).await;
    let failure = world.refusal(&line).await;
    assert!(
        failure.to_string().contains(&format!("handover resolve {first}")),
        "{failure}"
    );
    assert_eq!(world.connection(second).await, before, "all of them or none");

    world.run(&format!("resolve {first} --not-registered")).await.unwrap();
    world.run(&line).await.unwrap();
    nothing_is_left(&world, first).await;
}
