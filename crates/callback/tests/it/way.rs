//! The way of a customer when all goes well.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use handover_core::{
    browser::{BrowserSecret, challenge_of},
    connection::{Problem, State},
    event::{Event, What},
    ports::{Clock, IdentityKey, Pointer, Store},
};
use handover_simulation::received;

use crate::{
    browser::{Browser, Gateway},
    world::{World, title},
};

const CODE: &str = "stampNL001.abcd!IAAAA";

async fn whole_way(gateway: Gateway) {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser {
        gateway,
        ..Browser::default()
    };
    let trip = browser.depart(&world, &token).await;
    let back = browser.come_back(&world, &trip, CODE).await;
    assert_eq!(
        (back.status_code, back.headers["location"].as_str()),
        (303, trip.outcome().as_str())
    );
    assert_eq!(world.codes(), [CODE]);

    let page = browser.look(&world, &trip).await;
    assert_eq!((page.status_code, title(&page)), (200, "Connected"));
    assert!(page.body.contains("Acme &amp; Sons &lt;Books&gt;"));
    assert!(
        page.body
            .contains("href=\"https://app.acme.example/connected?from=%22handover%22\""),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("content=\"5;url=https://app.acme.example/connected?from=%22handover%22\"")
    );

    let connection = world.connection(id).await;
    assert_eq!(connection.state, State::Authorized);
    assert!(connection.effect.is_none() && connection.link.is_none());
    assert_eq!(connection.identity.unwrap().name, "A. Customer");
    let pair = world.pair(&trip.id).await.unwrap();
    assert!(pair.refresh_token.same_as(&received(1).refresh_token));
    assert_eq!(world.pairs(), 1);
    let names: Vec<_> = world.history(id).await.into_iter().skip(2).collect();
    assert!(
        matches!(
            names.as_slice(),
            [
                What::ExchangeBegan { .. },
                What::Authorized { .. },
                What::Identified { .. }
            ]
        ),
        "{names:?}"
    );
    world.idle().await;
}

#[tokio::test(start_paused = true)]
async fn from_the_link_to_a_kept_pair_behind_api_gateway() {
    whole_way(Gateway::Aws).await;
}

#[tokio::test(start_paused = true)]
async fn from_the_link_to_a_kept_pair_behind_the_local_cloud() {
    whole_way(Gateway::Local).await;
}

#[tokio::test(start_paused = true)]
async fn the_consent_screen_gets_a_state_and_a_challenge_that_follow_from_the_cookie() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let answer = browser.get(&world, &format!("/connect/{token}"), "").await;
    let cookie = &answer.cookies[0];
    assert!(cookie.starts_with("__Host-handover-"));
    assert!(cookie.ends_with("; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"));
    let value = browser.cookies.values().next().unwrap();
    let (connection, secret) = value.split_once('.').unwrap();
    assert_eq!(connection, id.to_string());
    let secret = BrowserSecret::read(secret).unwrap();
    let location = &answer.headers["location"];
    assert!(location.starts_with("https://start.exactonline.nl/api/oauth2/auth?"));
    assert!(location.contains(&format!("state={}", secret.state().expose())));
    assert!(location.contains(&format!("code_challenge={}", challenge_of(&secret.verifier()))));
    assert!(!location.contains(secret.verifier().expose()) && !location.contains(&token));
}

#[tokio::test(start_paused = true)]
async fn several_customers_connect_in_several_tabs() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (first, first_token) = world.invite().await;
    let (second, second_token) = world.invite().await;
    let first_trip = browser.depart(&world, &first_token).await;
    let second_trip = browser.depart(&world, &second_token).await;
    assert_eq!(browser.cookies.len(), 2);
    for (trip, code) in [(&first_trip, "code-1"), (&second_trip, "code-2")] {
        assert_eq!(browser.come_back(&world, trip, code).await.status_code, 303);
        assert_eq!(title(&browser.look(&world, trip).await), "Connected");
    }
    for id in [first, second] {
        assert_eq!(world.connection(id).await.state, State::Authorized);
    }
    assert_eq!(world.codes(), ["code-1", "code-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_is_near_sends_a_pointer_with_the_delay() {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let due = handover_core::registration::Due::AfterConsent { seconds: 600 };
    world.ask(id, Event::RescheduleAsked(due)).await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    browser.come_back(&world, &trip, CODE).await;
    let sent = world.ports().queue.sent.lock().unwrap().clone();
    assert_eq!(sent, [(Pointer::Wake { connection: id }, Duration::from_secs(600))]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_away_costs_nothing() {
    let world = World::new().await;
    world.ports().queue.away.store(true, Relaxed);
    let (id, token) = world.invite().await;
    world
        .ask(
            id,
            Event::RescheduleAsked(handover_core::registration::Due::AfterConsent { seconds: 60 }),
        )
        .await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    assert_eq!(browser.come_back(&world, &trip, CODE).await.status_code, 303);
    assert!(world.pair(&trip.id).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_new_consent_replaces_the_pair_and_takes_over_the_chain() {
    let world = World::new().await;
    let (first, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    browser.come_back(&world, &trip, "code-1").await;

    // The same connection once more, over a new link.
    let again = world.renew_link(first).await;
    let second_trip = browser.depart(&world, &again).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    browser.come_back(&world, &second_trip, "code-2").await;
    assert!(
        world.pair(&trip.id).await.is_none(),
        "the pair before it goes with the same write"
    );
    assert!(world.pair(&second_trip.id).await.is_some());
    assert!(
        world.connection(first).await.attention.is_none(),
        "its own chain is nobody else's"
    );

    // Another connection of the same user.
    let (other, token) = world.invite().await;
    let third_trip = browser.depart(&world, &token).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    browser.come_back(&world, &third_trip, "code-3").await;
    let attention = world.connection(other).await.attention.unwrap();
    assert_eq!(attention.problem, Problem::ChainReplaced);
    assert!(attention.text.contains(&first.to_string()), "{}", attention.text);
    let key = IdentityKey {
        platform: handover_core::application::PlatformKind::ExactOnline,
        client_id: "client-1".parse().unwrap(),
        user: world.connection(other).await.identity.unwrap().user,
    };
    let holder = world.ports().store.inner.identity(&key).await.unwrap().unwrap();
    assert_eq!((holder.connection, holder.authorisation), (other, third_trip.id));
}

#[tokio::test(start_paused = true)]
async fn an_application_is_opened_once_in_five_minutes() {
    let world = World::new().await;
    for (wait, opened) in [(0, 1), (240, 1), (61, 2)] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let (_, token) = world.invite().await;
        let mut browser = Browser::default();
        let trip = browser.depart(&world, &token).await;
        browser.come_back(&world, &trip, CODE).await;
        assert_eq!(
            world.ports().vault.opened.lock().unwrap().len(),
            opened,
            "after {wait} s more"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_nowhere_to_go_on_to_is_told_to_close_the_window() {
    for return_url in [None, Some("https://elsewhere.example/")] {
        let world = World::new().await;
        let (_, token) = world.invite_to(return_url).await;
        let mut browser = Browser::default();
        let trip = browser.depart(&world, &token).await;
        browser.come_back(&world, &trip, CODE).await;
        let page = browser.look(&world, &trip).await;
        assert_eq!(title(&page), "Connected");
        assert!(
            page.body.contains("close this window") && !page.body.contains("refresh"),
            "{}",
            page.body
        );
        assert!(!page.body.contains("elsewhere"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_counts_from_before_it_was_sent_and_after_it_was_answered() {
    let world = World::new().await;
    *world.ports().platform.takes.lock().unwrap() = Duration::from_secs(10);
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    let before = world.ports().clock.now();
    browser.come_back(&world, &trip, CODE).await;
    let pair = world.connection(id).await.pair.unwrap();
    assert_eq!(pair.sent_at, before);
    assert_eq!(pair.answered_at.duration_since(before).as_secs(), 10);
    assert_eq!(
        *world.ports().platform.limits.lock().unwrap(),
        [Duration::from_secs(75)]
    );
}
