use std::time::Duration;

use handover_cli::failure::Failure;
use handover_core::{
    browser,
    ports::{Clock, Pointer, Store},
    secret::LinkToken,
};
use serde_json::json;

use crate::setup::{START, World, at};

const CONNECT: &str = "connect --app exact-nl --channel by-hand --reference Jansen_BV --database jansen-bv";

#[tokio::test]
async fn a_connection_is_made_with_a_link_that_is_shown_once() {
    let world = World::furnished().await;
    let made = world
        .json(&format!(
            "{CONNECT} --register-in 3d --return-url https://app.acme.example/done?x=1"
        ))
        .await;
    let id = made["connection"]["id"].as_str().unwrap();
    let link = made["link"].as_str().unwrap();
    let token = link.strip_prefix("https://connect.acme.example/connect/").unwrap();
    assert_eq!(made["link_expires_at"], "2026-12-08T08:00:00Z");
    assert_eq!(
        made["connection"],
        json!({
            "id": id,
            "reference": "Jansen BV",
            "status": "invited",
            "application": "exact-nl",
            "channel": "by-hand",
            "channel_kind": "assisted",
            "database": "jansen-bv",
            "due": { "at": null, "after_consent_seconds": 259_200 },
            "due_at": null,
            "consented_at": null,
            "identity": null,
            "chain": null,
            "pair": null,
            "contests": [],
            "to_tell": [],
            "link_expires_at": "2026-12-08T08:00:00Z",
            "return_url": "https://app.acme.example/done?x=1",
            "under_way": null,
            "wishes": { "cancel": false, "reschedule": null, "superseded_by": null, "unsettled": false },
            "next": { "at": "2026-12-08T08:00:00Z", "what": "link_lapses" },
            "rotation": null,
            "attention": null,
            "attempts": 0,
            "retry_at": null,
            "doubt": null,
            "failure": null,
            "reauthorize": null,
            "registered": null,
            "upkeep": { "warn_days": [7, 3, 1], "renew_days": 3, "retention_days": 180 },
            "forgotten": null,
            "created_at": START,
            "updated_at": START,
            "revision": 1,
        })
    );
    let stored = world
        .store
        .link(&browser::hash_of(&LinkToken::new(token)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.connection.to_string(), id);
    // It is not in anything that is shown later.
    let shown = world.run(&format!("show {id} --json")).await.unwrap();
    assert!(!shown.text.contains(token));
    assert!(world.queue.waiting().is_empty(), "a wake-up in a week is the sweeper's");
}

#[tokio::test]
async fn people_are_told_what_to_send_and_when_it_happens() {
    let world = World::furnished().await;
    let text = world.text(&format!("{CONNECT} --register-in 3d")).await;
    let id = world.store.connections()[0].id;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "The connection is made; it waits for the customer to open the link."
    );
    assert_eq!(lines[1], format!("id        {id}"));
    assert_eq!(lines[4], "due       3 days after the consent");
    assert!(
        lines[5].starts_with("link      https://connect.acme.example/connect/"),
        "{text}"
    );
    assert_eq!(lines[6], "lapses    Tue 2026-12-08 09:00 (08:00 UTC)");
    assert!(lines[7].contains("shown this once"), "{text}");
}

#[tokio::test]
async fn a_time_that_has_passed_means_at_once_and_is_said() {
    let world = World::furnished().await;
    let text = world
        .text(&format!("{CONNECT} --register-at 2026-11-30T00:00:00+01:00"))
        .await;
    assert!(
        text.contains("that has passed, so as soon as the customer has consented"),
        "{text}"
    );
    let text = world.text(&format!("{CONNECT} --register-now")).await;
    assert!(
        text.contains("due       as soon as the customer has consented"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_when_asked_for() {
    let world = World::furnished().await;
    world.app("exact-never", "--renew never").await;
    for (line, told) in [
        (
            CONNECT.replace("exact-nl", "exact-never") + " --register-in 30d",
            "exact-never has its token pairs not renewed",
        ),
        (
            CONNECT.replace("exact-nl", "exact-be") + " --register-now",
            "handover app add exact-be",
        ),
        (
            CONNECT.replace("by-hand", "else") + " --register-now",
            "handover channel add else --assisted",
        ),
        (
            format!("{CONNECT} --register-now --return-url https://evil.example/"),
            "may be sent to https://app.acme.example only",
        ),
        (
            format!("{CONNECT} --register-now --return-url http://app.acme.example/"),
            "--return-url is http://app.acme.example/",
        ),
    ] {
        let failure = world.refusal(&line).await;
        assert!(failure.to_string().contains(told), "{failure}");
    }
    assert!(world.store.connections().is_empty());
}

#[tokio::test]
async fn a_second_connection_of_a_customer_is_made_but_mentioned() {
    let world = World::furnished().await;
    let first = world.connect("--register-now").await;
    let second = world.run(&format!("{CONNECT} --register-now")).await.unwrap();
    assert_eq!(
        second.warnings,
        [format!("Jansen BV has a connection already: {first}, invited")]
    );
    assert_eq!(world.store.connections().len(), 2);
}

#[tokio::test]
async fn a_new_link_ends_the_older_one() {
    let world = World::furnished().await;
    let id = world.connect("--register-in 3d").await;
    let first = world.connection(id).await.link.unwrap();
    let made = world.json(&format!("link {id} --link-days 2")).await;
    assert_eq!(made["link_expires_at"], "2026-12-03T08:00:00Z");
    assert_eq!(made["connection"]["id"], id.to_string());
    let now = world.clock.now();
    let connection = world.connection(id).await;
    assert!(!connection.accepts_consent(&first.hash, now));
    let token = made["link"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(connection.accepts_consent(&browser::hash_of(&LinkToken::new(token)), now));

    world.consent(id).await;
    let text = world.text(&format!("link {id}")).await;
    assert!(text.contains("replaces the token pair that is kept"), "{text}");
    world.run(&format!("cancel {id}")).await.unwrap();
    let failure = world.refusal(&format!("link {id}")).await;
    assert!(
        matches!(failure, Failure::Refused(_)) && failure.to_string().contains("finished"),
        "{failure}"
    );
}

#[tokio::test]
async fn what_is_near_is_pointed_at_right_away() {
    let world = World::furnished().await;
    let id = world.due().await;
    world
        .run(&format!("reschedule {id} --register-at 2026-12-01T08:10:00Z"))
        .await
        .unwrap();
    assert!(
        world
            .queue
            .waiting()
            .contains(&(at("2026-12-01T08:10:00Z"), Pointer::Wake { connection: id }))
    );
    world.clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn a_time_that_only_a_later_consent_reaches_is_pointed_out() {
    let world = World::furnished().await;
    world.app("exact-never", "--renew never").await;
    let unrenewed = CONNECT.replace("exact-nl", "exact-never");
    // 30 days from now at the earliest consent; the link lapses after 7.
    let made = world
        .run(&format!("{unrenewed} --register-at 2027-01-02T08:00:00Z"))
        .await
        .unwrap();
    let [warning] = &made.warnings[..] else {
        panic!("{:?}", made.warnings)
    };
    assert!(
        warning.contains("must consent after Thu 2026-12-03 09:00 (08:00 UTC)"),
        "{warning}"
    );
    let id = world.store.connections()[0].id;
    let link = world.run(&format!("link {id}")).await.unwrap();
    assert!(link.warnings[0].contains("must consent after"), "{:?}", link.warnings);

    let world = World::furnished().await;
    world.app("exact-never", "--renew never").await;
    world
        .json(&format!("{unrenewed} --register-at 2026-12-31T07:59:59Z"))
        .await;
}

#[tokio::test]
async fn a_pair_that_is_renewed_reaches_every_time() {
    for due in ["--register-in 100d", "--register-at 2027-06-01T08:00:00Z"] {
        let world = World::furnished().await;
        let made = world.json(&format!("{CONNECT} {due}")).await;
        assert_eq!(made["warnings"], json!([]), "{due}");
    }
}
