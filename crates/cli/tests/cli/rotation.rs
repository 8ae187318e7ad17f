//! Renewals and chains, as people see them.

use std::time::Duration;

use handover_cli::failure::Failure;
use handover_core::{
    connection::{PairKey, Problem},
    event::{Actor, Event},
    ids::{ConnectionId, EffectId},
    ports::RefreshRefusal,
};
use handover_simulation::received;

use crate::setup::{Paper, Person, World, at};

/// Due after 40 days, consented on the first, its renewal due now.
async fn to_be_renewed(world: &World) -> ConnectionId {
    let id = world.connect("--register-in 40d").await;
    let key = world.consent(id).await;
    world.identify(id, &key).await;
    world.clock.advance_to(at("2026-12-28T08:00:00Z"));
    world.feed(id, Event::Woke).await;
    id
}

async fn show(world: &World, id: ConnectionId) -> String {
    world.text(&format!("show {id}")).await
}

async fn renewed(world: &World, id: ConnectionId, effect: EffectId) {
    let pair = world.connection(id).await.pair.unwrap();
    let key = PairKey {
        generation: pair.key.generation + 1,
        ..pair.key
    };
    world.bring(id, effect, &key, &received(2), &Actor::Worker).await;
}

/// Two connections that the same user consented to, the second `later`.
async fn two_consents(world: &World, later: Duration) -> [(ConnectionId, PairKey); 2] {
    let first = world.connect("--register-now").await;
    let first = (first, world.consent(first).await);
    world.clock.advance(later);
    let line = "connect --app exact-nl --channel by-hand --reference De_Vries --database de-vries --register-now";
    let second: ConnectionId = world.json(line).await["connection"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let mut both = [first, (second, world.consent(second).await)];
    // Of the same moment, the one with the greater id counts as the later.
    both.sort_by_key(|(id, _)| *id);
    both
}

/// The same, identified in that order.
async fn two_of_one_user(world: &World, later: Duration) -> [ConnectionId; 2] {
    let both = two_consents(world, later).await;
    for (id, key) in &both {
        world.identify_as(1, *id, key).await;
    }
    both.map(|(id, _)| id)
}

async fn take(world: &World, id: ConnectionId) -> Result<String, Failure> {
    let paper = Paper::of(*world);
    let mut person = Person::looking(&paper, &["d", ""]);
    let taken = world.run_with(&format!("take {id}"), &mut person).await;
    assert_eq!(
        taken.is_err(),
        paper.seen.borrow().is_empty(),
        "what is refused is not shown"
    );
    taken.map(|printed| printed.text)
}

#[tokio::test]
async fn a_renewal_is_seen_from_afar_under_way_and_done() {
    let world = World::furnished().await;
    let id = to_be_renewed(&world).await;
    let text = show(&world, id).await;
    assert!(
        text.contains("next    Mon 2026-12-28 09:00 (08:00 UTC), now: the token pair is renewed"),
        "{text}"
    );
    assert!(text.contains("the token pair ends within 3 days, "), "{text}");

    let effect = world.rotate(id).await;
    let shown = world.json(&format!("show {id}")).await;
    let under_way = &shown["connection"]["under_way"];
    assert_eq!(
        (&under_way["what"], &under_way["by"]),
        (&"rotation".into(), &"worker".into())
    );
    assert_eq!(under_way["recovers"], serde_json::Value::Null);
    let text = show(&world, id).await;
    assert!(
        text.contains("authorized: the token pair is being renewed, until 09:03 at the latest"),
        "{text}"
    );
    assert!(
        text.contains("the token pair is being renewed, to generation 2"),
        "{text}"
    );

    renewed(&world, id, effect).await;
    let text = show(&world, id).await;
    assert!(text.contains("pair       generation 2 of auth_"), "{text}");
    assert!(
        text.contains("the token pair was renewed: generation 2, ends Wed 2027-01-27 09:00"),
        "{text}"
    );
    // The next renewal would come after the registration, which a person may be late for.
    assert!(
        text.contains("rotation   Sun 2027-01-24 09:00 (08:00 UTC), in 27 days: the token pair is renewed"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_asked_while_a_renewal_is_under_way_waits_or_is_told_until_when() {
    let world = World::furnished().await;
    let id = to_be_renewed(&world).await;
    world.rotate(id).await;
    let told = format!(
        "a renewal of the token pair of {id} is under way until Mon 2026-12-28 09:03 (08:03 UTC) at the latest; try again \
         then"
    );
    for line in ["link", "retry", "forget"] {
        let failure = world.refusal(&format!("{line} {id}")).await;
        assert!(matches!(failure, Failure::Refused(_)), "{line}: {failure:?}");
        assert!(failure.to_string().ends_with(&told), "{line}: {failure}");
    }
    let failure = take(&world, id).await.unwrap_err();
    assert!(failure.to_string().ends_with(&told), "{failure}");

    let begins = "A renewal is under way, until Mon 2026-12-28 09:03 (08:03 UTC) at the latest: when it has ended, ";
    let text = world.text(&format!("reschedule {id} --register-in 50d")).await;
    assert!(text.starts_with(&format!("{begins}the new time is set.")), "{text}");
    let text = world.text(&format!("cancel {id}")).await;
    assert!(text.starts_with(&format!("{begins}it is given up.")), "{text}");
}

#[tokio::test]
async fn an_open_intent_tells_when_it_is_recovered() {
    let world = World::furnished().await;
    let id = to_be_renewed(&world).await;
    let first = world.rotate(id).await;
    world.clock.advance(Duration::from_secs(180));
    world.feed(id, Event::Woke).await;
    let text = show(&world, id).await;
    for told in [
        "authorized: the token pair is held back: a renewal came to no clear end, which is settled from Mon 2026-12-28",
        "next    Mon 2026-12-28 09:18 (08:18 UTC), in 15 min: the old refresh token is presented once more",
        &format!("renewal    {first} to generation 2 came to no clear end"),
        "the renewal came to no clear end: the rotation never reported back",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let shown = world.json(&format!("show {id}")).await;
    assert_eq!(
        shown["connection"]["pair"]["open_intent"]["recover_at"],
        "2026-12-28T08:18:00Z"
    );
    assert_eq!(shown["connection"]["next"]["what"], "recover");

    world.run(&format!("reschedule {id} --register-now")).await.unwrap();
    let failure = take(&world, id).await.unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("settled from Mon 2026-12-28 09:18 (08:18 UTC) on"),
        "{failure}"
    );

    world.clock.advance(Duration::from_secs(900));
    let second = world.rotate(id).await;
    let text = show(&world, id).await;
    assert!(
        text.contains("the old refresh token is being presented once more, until 09:21"),
        "{text}"
    );
    let lost = Event::RotationFailed {
        effect: second,
        refusal: RefreshRefusal::Used,
        problem: Problem::PlatformUnavailable,
        reason: "Exact Online says that it was used".into(),
    };
    world.feed(id, lost).await;
    let text = show(&world, id).await;
    for told in [
        "reauthorize: needs a new consent: the token pair was lost; it goes on by itself if its answer is found after all",
        &format!("handover link {id}"),
        &format!("presented once more, to recover the renewal {first}; to generation 3"),
        "is of no use any more, and is destroyed: Exact Online says that it was used",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let shown = world.json(&format!("show {id}")).await;
    assert_eq!(
        shown["connection"]["reauthorize"],
        serde_json::json!({ "cause": "lost", "generation": 1 })
    );
}

#[tokio::test]
async fn a_chain_that_a_later_consent_has_ended_is_not_taken() {
    let world = World::furnished().await;
    let [first, second] = two_of_one_user(&world, Duration::from_secs(60)).await;
    // Nobody has told it yet.
    let failure = take(&world, first).await.unwrap_err();
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    let told = format!(
        "{first} needs a new consent: the same user consented to the same application again, as {second}; make a link with \
         `handover link {first}`"
    );
    assert!(failure.to_string().starts_with(&told), "{failure}");
    let text = show(&world, first).await;
    assert!(
        text.contains(&format!(
            "a later consent of the same user, as {second}, ended this chain"
        )),
        "{text}"
    );
    let text = show(&world, second).await;
    assert!(text.contains(&format!("to tell    {first}: superseded")), "{text}");
    assert!(
        text.contains(": another connection is told what became of its consent"),
        "{text}"
    );
    world.tell(second).await;
    take(&world, second).await.unwrap();
}

#[tokio::test]
async fn contested_chains_are_not_taken_until_it_is_settled() {
    let world = World::furnished().await;
    let [first, second] = two_of_one_user(&world, Duration::ZERO).await;
    let failure = take(&world, first).await.unwrap_err();
    let told = format!("the user who consented for {first} did so for {second} too, at the same time");
    assert!(failure.to_string().starts_with(&told), "{failure}");
    world.tell(second).await;
    let failure = take(&world, second).await.unwrap_err();
    assert!(
        failure
            .to_string()
            .contains(&format!("{second} did so for {first} too")),
        "{failure}"
    );
    for (id, other) in [(first, second), (second, first)] {
        let text = show(&world, id).await;
        assert!(
            text.contains(&format!(
                "held back: the same user consented at the same time, as {other}"
            )),
            "{text}"
        );
        assert!(text.contains(&format!("contested  with {other}: ")), "{text}");
        assert!(!text.contains("handover take"), "{text}");
    }
    let shown = world.json(&format!("show {second}")).await;
    assert_eq!(shown["connection"]["contests"][0]["ours_is_later"], true);
    assert_eq!(shown["connection"]["rotation"]["what"], "settle");

    world.clock.advance(Duration::from_secs(600));
    let effect = world.rotate(second).await;
    renewed(&world, second, effect).await;
    world.tell(second).await;
    take(&world, second).await.unwrap();
    let failure = take(&world, first).await.unwrap_err();
    assert!(failure.to_string().contains("needs a new consent"), "{failure}");
}

#[tokio::test]
async fn a_registered_database_that_lost_its_authorisation_is_told_loudly() {
    let world = World::furnished().await;
    let first = world.connect("--register-now").await;
    let key = world.consent(first).await;
    world.identify_as(1, first, &key).await;
    take(&world, first).await.unwrap();
    let line = "connect --app exact-nl --channel by-hand --reference De_Vries --database de-vries --register-now";
    let second: ConnectionId = world.json(line).await["connection"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let key = world.consent(second).await;
    world.identify_as(1, second, &key).await;
    world.tell(second).await;

    let text = show(&world, first).await;
    for told in [
        format!("status  registered: the database is jansen-bv, but its authorisation was lost to {second}\n"),
        "\nauthorisation lost: the database `jansen-bv` has lost its authorisation".into(),
        format!("the database jansen-bv has lost its authorisation: the same user consented again, as {second}"),
        ": the alarm is raised that the database has lost its authorisation".into(),
    ] {
        assert!(text.contains(&told), "{told}: {text}");
    }
    let shown = world.json(&format!("show {first}")).await;
    assert_eq!(shown["connection"]["registered"]["superseded_by"], second.to_string());
    let last = shown["history"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["what"], &last["by"]),
        (&"authorisation_lost".into(), &"worker".into())
    );
    assert_eq!(last["superseded_by"], second.to_string());
    let text = show(&world, second).await;
    assert!(
        text.contains(&format!("this consent ended the chain of {first}")),
        "{text}"
    );

    // Who forgets the customer does not forget that.
    world.run(&format!("forget {first} --yes")).await.unwrap();
    let text = show(&world, first).await;
    let told = format!("\nauthorisation lost: registered, but its authorisation was lost to {second}\n");
    assert!(text.contains(&told), "{text}");
}

#[tokio::test]
async fn a_registered_database_that_may_have_lost_its_authorisation_is_told_loudly() {
    let world = World::furnished().await;
    let [(earlier, earlier_key), (later, later_key)] = two_consents(&world, Duration::ZERO).await;
    world.identify_as(1, later, &later_key).await;
    take(&world, later).await.unwrap();
    world.identify_as(1, earlier, &earlier_key).await;
    world.tell(earlier).await;

    let text = show(&world, later).await;
    for told in [
        "but its authorisation may have been lost to another consent\n",
        "still gets data from Exact Online; if not, connect the customer anew",
        "\nauthorisation lost: the database `",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let shown = world.json(&format!("show {later}")).await;
    assert_eq!(shown["connection"]["registered"]["authorisation_uncertain"], true);

    world.run(&format!("forget {later} --yes")).await.unwrap();
    let text = show(&world, later).await;
    let told = "\nauthorisation lost: registered, but its authorisation may have been lost to another consent";
    assert!(text.contains(told), "{text}");
}

#[tokio::test]
async fn a_finished_connection_tells_when_it_goes() {
    let world = World::furnished().await;
    let id = world.connect("--register-now").await;
    let text = world.text(&format!("cancel {id}")).await;
    assert!(
        text.contains("next    Sun 2027-05-30 10:00 (08:00 UTC), in 180 days: it is removed, with its history"),
        "{text}"
    );
}
