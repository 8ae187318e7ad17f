use handover_cli::failure::Failure;
use handover_core::{
    connection::{PairFate, Problem},
    event::{Event, Outcome},
};
use serde_json::json;

use crate::setup::{PERSON, World};

#[tokio::test]
async fn a_timeline_can_be_read() {
    let world = World::furnished().await;
    let id = world.connect("--register-in 3d").await;
    let key = world.consent(id).await;
    world.identify(id, &key).await;
    let text = world.text(&format!("show {id}")).await;
    let expected = format!(
        "\
Jansen BV  {id}
status  authorized: the token pair is kept until the registration is due
next    Fri 2026-12-04 09:00 (08:00 UTC), in 3 days: it is handed to a person

database   jansen-bv
app        exact-nl
channel    by-hand
due        Fri 2026-12-04 09:00 (08:00 UTC), in 3 days (3 days after the consent)
consent    Tue 2026-12-01 09:00 (08:00 UTC), now
consented  A. Customer (0a1b2c3d-0000-4000-8000-000000000001)
pair       generation 1 of {}
pair ends  Thu 2026-12-31 09:00 (08:00 UTC), in 30 days
rotation   Mon 2026-12-28 09:00 (08:00 UTC), in 27 days: the token pair is renewed

when                                who                  what
2026-12-01 09:00:00 (08:00:00 UTC)  {PERSON}  made; to be registered 3 days after the consent
2026-12-01 09:00:00 (08:00:00 UTC)  {PERSON}  a link was made; it lapses Tue 2026-12-08 09:00 (08:00 UTC)
2026-12-01 09:00:00 (08:00:00 UTC)  callback             the customer consented; the code is being exchanged
2026-12-01 09:00:00 (08:00:00 UTC)  callback             authorised; due Fri 2026-12-04 09:00 (08:00 UTC), the token pair ends Thu 2026-12-31 09:00 (08:00 UTC)
2026-12-01 09:00:00 (08:00:00 UTC)  worker               Exact Online says who consented: A. Customer (0a1b2c3d-0000-4000-8000-000000000001)
",
        key.authorisation
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_history_is_there_for_scripts_too() {
    let world = World::furnished().await;
    let id = world.connect("--register-in 3d").await;
    let key = world.consent(id).await;
    let shown = world.json(&format!("show {id}")).await;
    assert_eq!(shown["connection"]["status"], "authorized");
    assert_eq!(shown["connection"]["due_at"], "2026-12-04T08:00:00Z");
    assert_eq!(
        shown["connection"]["pair"],
        json!({
            "authorisation": key.authorisation,
            "generation": 1,
            "access_ends_at": "2026-12-01T08:10:00Z",
            "ends_at": "2026-12-31T08:00:00Z",
            "warned_days": null,
            "open_intent": null,
        })
    );
    assert_eq!(
        shown["history"][0],
        json!({
            "number": 1,
            "at": "2026-12-01T08:00:00Z",
            "by": PERSON,
            "text": "made; to be registered 3 days after the consent",
            "what": "created",
            "due": { "after_consent": { "seconds": 259_200 } },
        })
    );
    assert_eq!(shown["history"][3]["what"], "authorized");
    assert_eq!(shown["history"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_state_says_what_to_do() {
    let world = World::furnished().await;
    let id = world.connect("--register-now").await;
    let key = world.consent(id).await;
    let reason = "the platform was busy".to_owned();
    let not_ready = Event::NotReady {
        of: None,
        problem: Problem::Configuration,
        reason,
    };
    world.feed(id, not_ready).await;
    let text = world.text(&format!("show {id}")).await;
    assert!(text.contains("\nconfiguration: the platform was busy\n"), "{text}");
    world.identify(id, &key).await;
    world
        .feed(
            id,
            Event::RescheduleAsked(handover_core::registration::Due::AfterConsent { seconds: 0 }),
        )
        .await;
    world.clock.advance(std::time::Duration::from_secs(60));
    world.feed(id, Event::Woke).await;
    let text = world.text(&format!("show {id}")).await;
    assert!(
        text.contains(&format!("to do   take it in hand: handover take {id}")),
        "{text}"
    );
    let effect = handover_core::ids::EffectId::new(handover_core::ports::Clock::now(world.clock), 9);
    let begun = Event::AttemptBegun {
        effect,
        by: handover_core::connection::Attempter::Person("kim".into()),
        lease_ends_at: crate::setup::at("2026-12-01T09:00:00Z"),
        look_up: None,
        accept_unknown_identity: false,
    };
    world.feed(id, begun).await;
    let text = world.text(&format!("show {id}")).await;
    assert!(
        text.contains("registering: an attempt by kim is under way, until 10:00 at the latest"),
        "{text}"
    );
    let unanswered = Outcome::Unanswered {
        reason: "the line went dead".into(),
    };
    world
        .feed(
            id,
            Event::AttemptEnded {
                effect,
                outcome: unanswered,
            },
        )
        .await;
    let text = world.text(&format!("show {id}")).await;
    assert!(
        text.contains("in_doubt: an attempt may have succeeded: the line went dead"),
        "{text}"
    );
    assert!(
        text.contains(&format!("handover resolve {id} --registered jansen-bv")),
        "{text}"
    );
    let refused = Outcome::Refused {
        reason: "itgenscr590".into(),
        pair: PairFate::Spent,
    };
    world
        .feed(
            id,
            Event::AttemptEnded {
                effect,
                outcome: refused,
            },
        )
        .await;
    let text = world.text(&format!("show {id}")).await;
    assert!(text.contains("failed: refused for good: itgenscr590"), "{text}");
    assert!(text.contains(&format!("make a new link: handover link {id}")), "{text}");
}

#[tokio::test]
async fn a_terminal_obeys_no_text_from_elsewhere() {
    let world = World::furnished().await;
    let id = world.connect("--register-now").await;
    let evil = Event::ConsentRefused {
        error: "\u{1b}]0;owned\u{7}\u{1b}[2J".into(),
    };
    world.feed(id, evil).await;
    let text = world.text(&format!("show {id}")).await;
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
}

#[tokio::test]
async fn a_connection_that_is_not_there_is_named() {
    let world = World::furnished().await;
    let failure = world.refusal("show conn_01JD0000000000000000000000").await;
    assert!(matches!(failure, Failure::NotFound(_)), "{failure:?}");
    assert!(failure.to_string().contains("handover list"), "{failure}");
}

#[tokio::test]
async fn lists_are_filtered_and_say_when_there_is_more() {
    let world = World::furnished().await;
    assert_eq!(world.text("list").await, "There is no such connection.\n");
    let id = world.due().await;
    world.clock.advance(std::time::Duration::from_secs(1));
    let line = "connect --app exact-nl --channel by-hand --reference De_Vries --database de-vries --register-in 2w";
    let other = world.json(line).await["connection"]["id"].as_str().unwrap().to_owned();

    let listed = world.json("list").await;
    assert_eq!(listed["connections"][0]["id"], other);
    assert_eq!(
        listed["connections"][1],
        json!({
            "id": id.to_string(),
            "reference": "Jansen BV",
            "status": "authorized",
            "database": "jansen-bv",
            "application": "exact-nl",
            "due_at": "2026-12-01T08:00:00Z",
            "pair_ends_at": "2026-12-31T08:00:00Z",
            "days_left": 30,
            "problem": null,
            "updated_at": "2026-12-01T08:00:00Z",
        })
    );
    assert_eq!(listed["more"], false);
    let one = world.json("list --status authorized").await;
    assert_eq!(one["connections"].as_array().unwrap().len(), 1);
    let none = world.json("list --status authorized --reference De_Vries").await;
    assert_eq!(none, json!({ "connections": [], "more": false }));

    let text = world.text("list --status authorized").await;
    assert_eq!(
        text,
        format!(
            "\
id                               customer   status      database   due               pair ends         problem
{id}  Jansen BV  authorized  jansen-bv  2026-12-01 09:00  2026-12-31 09:00
Times are local.
"
        )
    );
}
