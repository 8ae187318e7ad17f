use std::time::Duration;

use handover_cli::{failure::Failure, terminal::Left};
use handover_core::{
    connection::{Problem, Status},
    event::{Event, What},
    ids::{ConnectionId, EffectId},
    plaintext,
    ports::{Clock, DataKey, Place, Received, Sealed, Store, Vault},
    secret::{AccessToken, ClientSecret, RefreshToken},
};

use crate::setup::{PERSON, Paper, Person, SECRETS, World, at};

async fn take(world: &World, id: ConnectionId, answers: &[&'static str]) -> (serde_json::Value, Vec<String>) {
    let paper = Paper::of(*world);
    let taken = world
        .json_with(&format!("take {id}"), &mut Person::looking(&paper, answers))
        .await;
    let seen = paper.seen.borrow().clone();
    (taken, seen)
}

async fn status(world: &World, id: ConnectionId) -> Status {
    world.connection(id).await.state.status()
}

#[tokio::test]
async fn a_registration_is_taken_in_hand_shown_and_done() {
    let world = World::furnished().await;
    let id = world.due().await;
    let (taken, seen) = take(&world, id, &["d", ""]).await;
    assert_eq!(taken["outcome"], "registered");
    assert_eq!(taken["connection"]["registered"]["segment"], "jansen-bv");
    assert!(!world.holds_a_pair());

    // Secrets are shown only where they were asked for: each on exactly one page.
    for secret in &SECRETS[..3] {
        assert_eq!(seen.iter().filter(|page| page.contains(secret)).count(), 1, "{secret}");
    }
    let history = world.store.history(id).await.unwrap();
    let began = history
        .iter()
        .find(|record| matches!(record.what, What::AttemptBegan { .. }))
        .unwrap();
    assert_eq!(began.by.to_string(), PERSON);
}

#[tokio::test]
async fn the_person_says_how_it_ended() {
    for (answers, outcome, left, pair) in [
        (
            &["d", "Not A Segment", "other-bv"][..],
            "registered",
            Status::Registered,
            false,
        ),
        (&["x", "r", "", "itgenscr590", "y"], "refused", Status::Failed, false),
        (&["r", "itgenscr590", "n"], "refused", Status::Failed, true),
        (&["r", "itgenscr590", "perhaps", "?"], "refused", Status::Failed, false),
        (&["n", ""], "put_back", Status::Authorized, true),
        (&["l"], "open", Status::Registering, true),
        (&[], "open", Status::Registering, true),
        (&["d"], "open", Status::Registering, true),
    ] {
        let world = World::furnished().await;
        let id = world.due().await;
        let (taken, _) = take(&world, id, answers).await;
        assert_eq!(taken["outcome"], outcome, "{answers:?}");
        assert_eq!(status(&world, id).await, left, "{answers:?}");
        assert_eq!(world.holds_a_pair(), pair, "{answers:?}");
    }
}

#[tokio::test]
async fn what_is_left_open_becomes_a_doubt_and_can_still_be_told() {
    let world = World::furnished().await;
    let id = world.due().await;
    let (taken, _) = take(&world, id, &["l"]).await;
    let to_say = taken["to_say"].as_array().unwrap();
    let attempt = world.connection(id).await.open_attempt().unwrap();
    for (said, command) in to_say.iter().zip(["done", "refused", "put-back"]) {
        let begins = format!("handover {command} {id} --attempt {attempt} --");
        assert!(said.as_str().unwrap().starts_with(&begins), "{said}");
    }
    assert_eq!(
        taken["connection"]["under_way"]["lease_ends_at"],
        "2026-12-01T09:00:00Z"
    );
    world.clock.advance(Duration::from_secs(3_600));
    world.feed(id, Event::Woke).await;
    assert_eq!(status(&world, id).await, Status::InDoubt);
    let done = world.json(&format!("done {id} --segment jansen-bv")).await;
    assert_eq!(done["connection"]["status"], "registered");
}

#[tokio::test]
async fn the_other_ends_are_commands_too() {
    for (command, left, pair) in [
        ("refused ID --reason itgenscr590 --spent", Status::Failed, false),
        ("refused ID --reason itgenscr590 --unspent", Status::Failed, true),
        ("refused ID --reason itgenscr590 --unknown", Status::Failed, false),
        ("put-back ID --reason tea", Status::Authorized, true),
    ] {
        let world = World::furnished().await;
        let id = world.due().await;
        take(&world, id, &["l"]).await;
        world.run(&command.replace("ID", &id.to_string())).await.unwrap();
        assert_eq!(status(&world, id).await, left, "{command}");
        assert_eq!(world.holds_a_pair(), pair, "{command}");
        let failure = world.refusal(&command.replace("ID", &id.to_string())).await;
        assert!(
            failure.to_string().contains(&format!("handover take {id}")),
            "{failure}"
        );
    }
}

#[tokio::test]
async fn what_was_put_back_can_be_taken_again() {
    let world = World::furnished().await;
    let id = world.due().await;
    take(&world, id, &["n", "the form was down"]).await;
    world.clock.advance(Duration::from_secs(60));
    let (taken, _) = take(&world, id, &["d", ""]).await;
    assert_eq!(taken["outcome"], "registered");
    assert_eq!(taken["connection"]["attempts"], 2);
}

#[tokio::test]
async fn two_people_do_not_hold_the_same() {
    let world = World::furnished().await;
    let id = world.due().await;
    take(&world, id, &["l"]).await;
    let paper = Paper::of(world);
    let failure = world
        .run_with(&format!("take {id}"), &mut Person::looking(&paper, &[]))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("something is under way"), "{failure}");
    assert!(paper.seen.borrow().is_empty());
}

#[tokio::test]
async fn nothing_is_claimed_where_nothing_can_be_shown() {
    let world = World::furnished().await;
    let id = world.due().await;
    let failure = world
        .run_with(&format!("take {id}"), &mut Person::piping(""))
        .await
        .unwrap_err();
    assert!(matches!(failure, Failure::Usage(_)), "{failure:?}");
    assert_eq!(status(&world, id).await, Status::AwaitingOperator);
    assert_eq!(world.connection(id).await.attempts, 0);
}

#[tokio::test]
async fn an_unknown_identity_needs_a_word() {
    let world = World::furnished().await;
    let id = world.connect("--register-now").await;
    world.consent(id).await;
    let paper = Paper::of(world);
    let line = format!("take {id}");
    let failure = world
        .run_with(&line, &mut Person::looking(&paper, &[]))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("--accept-unknown-identity"), "{failure}");
    assert!(paper.seen.borrow().is_empty());
    let line = format!("take {id} --accept-unknown-identity");
    world
        .run_with(&line, &mut Person::looking(&paper, &["d", ""]))
        .await
        .unwrap();
    assert_eq!(status(&world, id).await, Status::Registered);
    assert!(paper.seen.borrow()[0].contains("who consented is not known"));
}

#[tokio::test]
async fn what_is_not_due_or_not_for_a_person_is_not_taken() {
    let world = World::furnished().await;
    let early = world.connect("--register-in 3d").await;
    let paper = Paper::of(world);
    let failure = world
        .run_with(&format!("take {early}"), &mut Person::looking(&paper, &[]))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("handover link"), "{failure}");
    world.consent(early).await;
    let failure = world
        .run_with(&format!("take {early}"), &mut Person::looking(&paper, &[]))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("not due before 2026-12-04"), "{failure}");

    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/../invantive/profiles/example.json");
    let add = format!("channel add direct --profile {profile}");
    world
        .run_with(&add, &mut Person::piping("api_key=api-key-hush"))
        .await
        .unwrap();
    let http = world.connect_over("direct", "--register-now").await;
    let key = world.consent(http).await;
    world.identify(http, &key).await;
    let failure = world
        .run_with(&format!("take {http}"), &mut Person::looking(&paper, &[]))
        .await
        .unwrap_err();
    assert!(failure.to_string().contains("assisted channel"), "{failure}");
    assert!(paper.seen.borrow().is_empty());
}

#[tokio::test]
async fn a_worker_s_attempt_is_not_a_person_s_to_end() {
    let world = World::furnished().await;
    let profile = concat!(env!("CARGO_MANIFEST_DIR"), "/../invantive/profiles/example.json");
    let add = format!("channel add direct --profile {profile}");
    world
        .run_with(&add, &mut Person::piping("api_key=api-key-hush"))
        .await
        .unwrap();
    let id = world.connect_over("direct", "--register-now").await;
    let key = world.consent(id).await;
    world.identify(id, &key).await;
    let begun = Event::AttemptBegun {
        effect: EffectId::new(at(crate::setup::START), 1),
        by: handover_core::connection::Attempter::Worker,
        lease_ends_at: at("2026-12-01T08:03:00Z"),
        look_up: None,
        accept_unknown_identity: false,
    };
    world.feed(id, begun).await;
    let failure = world.refusal(&format!("done {id} --segment jansen-bv")).await;
    assert!(
        failure.to_string().contains(&format!("handover resolve {id}")),
        "{failure}"
    );
    assert_eq!(status(&world, id).await, Status::Registering);
}

#[tokio::test]
async fn a_moved_or_missing_value_is_told_on_the_connection_and_nothing_is_shown() {
    let world = World::furnished().await;
    let id = world.due().await;
    let place = Place::Pair(world.connection(id).await.pair.unwrap().key);
    for (tampered, told) in [
        (Some(Sealed(b"moved".to_vec())), "sealed for another place"),
        (None, "not in the vault"),
    ] {
        world.store.tamper(&place, tampered);
        let paper = Paper::of(world);
        let failure = world
            .run_with(&format!("take {id}"), &mut Person::looking(&paper, &[]))
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Unusable(_)) && failure.to_string().contains(told),
            "{failure}"
        );
        assert!(paper.seen.borrow().is_empty());
    }
    let connection = world.connection(id).await;
    assert_eq!(connection.state.status(), Status::AwaitingOperator);
    assert_eq!(connection.attention.unwrap().problem, Problem::Tampered);
}

#[tokio::test]
async fn a_terminal_that_goes_away_leaves_it_open_and_asks_nobody() {
    let world = World::furnished().await;
    let id = world.due().await;
    let paper = Paper {
        left: Left::Ended("hung up".into()),
        ..Paper::of(world)
    };
    let mut person = Person::looking(&paper, &["d"]);
    world.run_with(&format!("take {id}"), &mut person).await.unwrap();
    assert_eq!(status(&world, id).await, Status::Registering);
    assert_eq!(person.said, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_holds_a_pair_beyond_its_end() {
    let world = World::furnished().await;
    let id = world.due().await;
    world.clock.advance_to(at("2026-12-31T07:30:00Z"));
    let (taken, _) = take(&world, id, &["l"]).await;
    assert_eq!(
        taken["connection"]["under_way"]["lease_ends_at"],
        "2026-12-31T08:00:00Z"
    );
}

#[tokio::test]
async fn a_secret_is_not_taken_for_a_reason() {
    let world = World::furnished().await;
    let id = world.due().await;
    let (taken, _) = take(
        &world,
        id,
        &["r", "it said stampNL001.refresh-1 is bad", "it said no", "?"],
    )
    .await;
    assert_eq!(taken["connection"]["failure"], "it said no");
}

#[tokio::test]
async fn a_form_elsewhere_is_reached_over_tls() {
    let world = World::furnished().await;
    let id = world.due().await;
    let failure = world.refusal(&format!("take {id} --form http://form.example/")).await;
    assert!(failure.to_string().contains("--form"), "{failure}");
    let paper = Paper::of(world);
    let line = format!("take {id} --allow-http --form http://127.0.0.1:8450/form");
    world
        .run_with(&line, &mut Person::looking(&paper, &["d", ""]))
        .await
        .unwrap();
    assert!(paper.seen.borrow()[0].contains("http://127.0.0.1:8450/form"));
}

/// `kim` takes it and leaves without a word; says which attempt that was.
async fn taken_by_kim(world: &World, id: ConnectionId) -> EffectId {
    let paper = Paper::of(*world);
    let mut kim = Person {
        name: Some("kim"),
        ..Person::looking(&paper, &["l"])
    };
    world.run_with(&format!("take {id}"), &mut kim).await.unwrap();
    world.connection(id).await.open_attempt().unwrap()
}

async fn lease_ends(world: &World, id: ConnectionId) {
    world.clock.advance(Duration::from_secs(3_600));
    world.feed(id, Event::Woke).await;
    assert_eq!(status(world, id).await, Status::InDoubt);
}

#[tokio::test]
async fn an_older_attempt_s_word_does_not_end_somebody_else_s() {
    let world = World::furnished().await;
    let id = world.due().await;
    let (taken, _) = take(&world, id, &["l"]).await;
    let printed = taken["to_say"][2].as_str().unwrap().replace("TEXT", "tea");
    let printed = printed.strip_prefix("handover ").unwrap().to_owned();
    let first = world.connection(id).await.open_attempt().unwrap();
    lease_ends(&world, id).await;
    world
        .run_as("kim", &format!("resolve {id} --not-registered --unspent"))
        .await
        .unwrap();
    world.run_as("kim", &format!("retry {id}")).await.unwrap();
    let second = taken_by_kim(&world, id).await;

    let before = world.connection(id).await;
    let attempt = format!("--attempt {first}");
    for line in [
        printed,
        format!("put-back {id} --reason tea"),
        format!("done {id} --segment jansen-bv"),
        format!("done {id} --segment jansen-bv {attempt}"),
        format!("refused {id} --reason itgenscr590 --unspent"),
        format!("refused {id} --reason itgenscr590 --spent {attempt}"),
    ] {
        let failure = world.refusal(&line).await;
        assert!(matches!(failure, Failure::Refused(_)), "{line}: {failure:?}");
        let text = failure.to_string();
        assert!(
            text.contains(&format!("kim has {id} in hand, as attempt {second}")),
            "{text}"
        );
        assert!(text.contains("until Tue 2026-12-01 11:01 (10:01 UTC)"), "{text}");
        assert_eq!(world.connection(id).await, before, "{line}");
    }
    let own = world
        .run_as("kim", &format!("put-back {id} --reason tea {attempt}"))
        .await
        .unwrap_err();
    assert!(
        own.to_string().contains(&format!("say so with --attempt {second}")),
        "{own}"
    );
    // Who has it in hand needs no more than before.
    world
        .run_as("kim", &format!("put-back {id} --reason tea"))
        .await
        .unwrap();
    assert_eq!(status(&world, id).await, Status::Authorized);
    let failure = world
        .refusal(&format!("put-back {id} --reason tea --attempt {second}"))
        .await;
    assert!(
        failure.to_string().contains("neither under way nor in doubt"),
        "{failure}"
    );
}

#[tokio::test]
async fn whoever_names_the_attempt_may_say_how_it_ended() {
    for (command, left) in [
        ("done ID --segment jansen-bv", Status::Registered),
        ("refused ID --reason itgenscr590 --spent", Status::Failed),
        ("put-back ID --reason tea", Status::Authorized),
    ] {
        for doubtful in [false, true] {
            let world = World::furnished().await;
            let id = world.due().await;
            let attempt = taken_by_kim(&world, id).await;
            if doubtful {
                lease_ends(&world, id).await;
            }
            let line = command.replace("ID", &id.to_string());
            let text = world.refusal(&line).await.to_string();
            assert!(
                text.contains("kim") && text.contains(&format!("--attempt {attempt}")),
                "{text}"
            );
            assert_eq!(text.contains("handover resolve"), doubtful, "{text}");
            let shown = world.text(&format!("show {id}")).await;
            assert!(shown.contains(&format!("attempt    {attempt} by kim")), "{shown}");
            world.run(&format!("{line} --attempt {attempt}")).await.unwrap();
            assert_eq!(status(&world, id).await, left, "{line}");
        }
    }
}

#[tokio::test]
async fn a_doubt_is_its_own_person_s_to_settle_without_a_number() {
    let world = World::furnished().await;
    let id = world.due().await;
    taken_by_kim(&world, id).await;
    lease_ends(&world, id).await;
    world
        .run_as("kim", &format!("put-back {id} --reason tea"))
        .await
        .unwrap();
    assert_eq!(status(&world, id).await, Status::Authorized);
}

#[tokio::test]
async fn half_a_pair_is_refused_before_anything_is_claimed() {
    let half = Received {
        access_token: AccessToken::new(""),
        refresh_token: RefreshToken::new("stampNL001.refresh-1"),
        expires_in: None,
    };
    // Where the platform's answer was known to be half, a renewal completes it.
    let known = Received {
        expires_in: Some(0),
        ..half.clone()
    };
    for (half, told) in [
        (half, "handover link"),
        (known, "A renewal fetches the rest within minutes"),
    ] {
        let world = World::furnished().await;
        let id = world.connect("--register-now").await;
        let key = world.consent_with(id, &half).await;
        world.identify(id, &key).await;
        let paper = Paper::of(world);
        let mut person = Person::looking(&paper, &["r", "it said no", "?"]);
        let failure = world.run_with(&format!("take {id}"), &mut person).await.unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("only half a token pair was received"), "{text}");
        assert!(text.contains(told), "{text}");
        assert!(paper.seen.borrow().is_empty());
        assert_eq!(world.connection(id).await.attempts, 0);
    }
}

#[tokio::test]
async fn a_take_never_ends_a_pair_or_a_link() {
    for (at_that_time, link, told) in [
        ("2026-12-31T08:00:00Z", false, "there is no token pair any more"),
        ("2026-12-31T07:59:30Z", false, "the functions do within minutes"),
        ("2026-12-03T08:00:00Z", true, "the functions do within minutes"),
    ] {
        let world = World::furnished().await;
        let id = world.due().await;
        if link {
            world.run(&format!("link {id} --link-days 1")).await.unwrap();
        }
        world.clock.advance_to(at(at_that_time));
        let paper = Paper::of(world);
        let before = world.connection(id).await;
        let failure = world
            .run_with(&format!("take {id}"), &mut Person::looking(&paper, &[]))
            .await
            .unwrap_err();
        assert!(failure.to_string().contains(told), "{failure}");
        assert_eq!(world.connection(id).await, before, "{at_that_time}");
        assert!(world.holds_a_pair());
    }
    // What only tells somebody something may stand in front of it.
    let world = World::furnished().await;
    let id = world.due().await;
    world.clock.advance_to(at("2026-12-25T08:00:00Z"));
    let (taken, _) = take(&world, id, &["d", ""]).await;
    assert_eq!(taken["outcome"], "registered");
    assert_eq!(world.clock.now(), at("2026-12-25T08:01:00Z"));
}

#[tokio::test]
async fn a_pair_of_another_client_or_connection_is_not_shown() {
    let world = World::furnished().await;
    let id = world.due().await;
    let replaced = "app add exact-nl --country nl --client-id 4712 --display-name Acme --replace --yes";
    world
        .run_with(replaced, &mut Person::piping("client-secret-hush"))
        .await
        .unwrap();
    let paper = Paper::of(world);
    let failure = world
        .run_with(&format!("take {id}"), &mut Person::looking(&paper, &[]))
        .await
        .unwrap_err();
    assert!(
        failure.to_string().contains("issued to the client id `4711`"),
        "{failure}"
    );
    let problem = world.connection(id).await.attention.unwrap().problem;
    assert_eq!(problem, Problem::Configuration);
    assert!(paper.seen.borrow().is_empty());
}

#[tokio::test]
async fn an_empty_secret_is_in_no_reason() {
    let world = World::furnished().await;
    let id = world.due().await;
    let place = Place::Application("exact-nl".parse().unwrap());
    let sealed = world.store.sealed(&place).await.unwrap().unwrap();
    let opened = world.vault.open(&place, &sealed).await.unwrap();
    let mut secret = plaintext::read_application(&opened).unwrap();
    secret.client_secret = ClientSecret::new("");
    let key = world.vault.data_key(&place).await.unwrap();
    let sealed = key.seal(&plaintext::of_application(&secret)).unwrap();
    world.store.tamper(&place, Some(sealed));
    let (taken, _) = take(&world, id, &["r", "it said no", "?"]).await;
    assert_eq!(taken["connection"]["failure"], "it said no");
}
