//! What is turned away, and what is left untouched by it.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use handover_core::{
    application::PlatformKind,
    authorisation::LIVE_AUTHORISATIONS,
    connection::{Problem, State},
    event::{Event, What},
    ports::{Place, Sealed},
};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    browser::{Browser, Trip},
    world::{World, application_id, title},
};

async fn departed() -> (World, handover_core::ids::ConnectionId, String, Browser, Trip) {
    let world = World::new().await;
    let (id, token) = world.invite().await;
    let mut browser = Browser::default();
    let trip = browser.depart(&world, &token).await;
    (world, id, token, browser, trip)
}

/// Until the application that was opened for `/connect` is not kept any more.
async fn a_while() {
    tokio::time::advance(Duration::from_secs(301)).await;
}

#[tokio::test(start_paused = true)]
async fn links_that_lead_nowhere_say_what_to_do() {
    let (world, id, token, mut browser, trip) = departed().await;
    let too_long = "x".repeat(200);
    for unknown in ["", "nonsense", "a%20b", too_long.as_str()] {
        let answer = browser.get(&world, &format!("/connect/{unknown}"), "").await;
        assert_eq!(
            (answer.status_code, title(&answer)),
            (404, "This link does not work"),
            "{unknown}"
        );
        assert!(answer.cookies.is_empty());
    }
    // Used.
    browser.come_back(&world, &trip, "code").await;
    let used = browser.get(&world, &format!("/connect/{token}"), "").await;
    assert_eq!(
        (used.status_code, title(&used)),
        (410, "This link can no longer be used")
    );
    // Replaced.
    let newer = world.renew_link(id).await;
    let newest = world.renew_link(id).await;
    assert_eq!(
        browser.get(&world, &format!("/connect/{newer}"), "").await.status_code,
        410
    );
    // Lapsed.
    tokio::time::advance(Duration::from_secs(8 * 24 * 3_600)).await;
    assert_eq!(
        browser.get(&world, &format!("/connect/{newest}"), "").await.status_code,
        410
    );
    // Cancelled.
    let (id, token) = world.invite().await;
    world.ask(id, Event::CancelAsked).await;
    assert_eq!(
        browser.get(&world, &format!("/connect/{token}"), "").await.status_code,
        410
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_opens_so_many_trips_at_once() {
    let world = World::new().await;
    let (_, token) = world.invite().await;
    let mut browser = Browser::default();
    for _ in 0..LIVE_AUTHORISATIONS {
        browser.depart(&world, &token).await;
    }
    tokio::time::advance(Duration::from_secs(3_000)).await;
    let refused = browser.get(&world, &format!("/connect/{token}"), "").await;
    assert_eq!(
        (refused.status_code, refused.headers["retry-after"].as_str()),
        (429, "600")
    );
    assert!(refused.body.contains("in 10 minutes."), "{}", refused.body);
    tokio::time::advance(Duration::from_secs(600)).await;
    browser.depart(&world, &token).await;
}

#[tokio::test(start_paused = true)]
async fn a_state_that_fits_no_cookie_reaches_neither_aws_nor_the_platform() {
    let (world, _, token, mut browser, trip) = departed().await;
    let mut stranger = Browser::default();
    let other = stranger.depart(&world, &token).await;
    let calls = world.calls_to_aws();
    let unknown = Trip {
        state: "A".repeat(43),
        ..trip.clone()
    };

    // Another browser; one that has only a cookie of another trip; an unknown state; one cut short; no state at all.
    let mut empty = Browser::default();
    for (browser, query) in [
        (&empty, trip.query("code")),
        (&stranger, trip.query("code")),
        (&browser, other.query("code")),
        (&browser, unknown.query("code")),
        (&browser, format!("code=code&state={}", &trip.state[..20])),
    ] {
        let answer = world.answer(browser.event("/callback/exact-nl", &query)).await;
        assert_eq!(
            (answer.status_code, title(&answer)),
            (403, "This page does not belong to this browser")
        );
    }
    // The error answer of a stranger, too.
    let query = format!("error=access_denied&state={}", trip.state);
    assert_eq!(empty.get(&world, "/callback/exact-nl", &query).await.status_code, 403);

    // The cookie of this trip under the name of another.
    let mut forger = Browser::default();
    let name = browser.cookies.keys().next().unwrap().clone();
    forger
        .cookies
        .insert(name, stranger.cookies.values().next().unwrap().clone());
    assert_eq!(forger.come_back(&world, &trip, "code").await.status_code, 403);

    assert_eq!(world.calls_to_aws(), calls, "nothing was read");
    assert!(world.codes().is_empty());
    assert!(!world.is_used(&trip.id).await && !world.is_used(&other.id).await);
    // The right browser is not the worse for it.
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    assert_eq!(title(&browser.look(&world, &trip).await), "Connected");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_is_no_answer_is_turned_away_unread() {
    let (world, _, _, mut browser, trip) = departed().await;
    let calls = world.calls_to_aws();
    let huge = format!("{}&x={}", trip.query("code"), "x".repeat(64 * 1024));
    let long_code = trip.query(&"c".repeat(5_000));
    let twice = format!("{}&code=other", trip.query("code"));
    for (query, status) in [
        (String::new(), 400),
        ("code=code".into(), 400),
        (format!("state={}", trip.state), 400),
        (format!("error=x&code=y&state={}", trip.state), 400),
        (twice, 400),
        (long_code, 400),
        (huge, 414),
    ] {
        assert_eq!(
            browser.get(&world, "/callback/exact-nl", &query).await.status_code,
            status
        );
    }
    assert_eq!(world.calls_to_aws(), calls);
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_comes_to_another_applications_address_is_not_exchanged() {
    let (world, _, _, mut browser, trip) = departed().await;
    world.add_application("exact-be").await;
    for (path, status) in [
        ("/callback/exact-be", 403),
        ("/callback/unknown", 403),
        ("/callback/No_Name", 404),
    ] {
        assert_eq!(
            browser.get(&world, path, &trip.query("code")).await.status_code,
            status,
            "{path}"
        );
        let refused = format!("error=access_denied&state={}", trip.state);
        assert_eq!(browser.get(&world, path, &refused).await.status_code, status, "{path}");
    }
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    assert_eq!(world.pairs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cookie_that_names_another_connection_opens_nothing() {
    let (world, id, _, mut browser, trip) = departed().await;
    let (other, _) = world.invite().await;
    let value = browser.cookies.values_mut().next().unwrap();
    *value = value.replace(&id.to_string(), &other.to_string());
    for answer in [
        browser.come_back(&world, &trip, "code").await,
        browser
            .get(
                &world,
                "/callback/exact-nl",
                &format!("error=access_denied&state={}", trip.state),
            )
            .await,
        browser.look(&world, &trip).await,
    ] {
        assert_eq!(answer.status_code, 403);
    }
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
    assert_eq!(world.history(other).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_trip_that_took_too_long_is_not_exchanged() {
    let (world, _, _, mut browser, trip) = departed().await;
    tokio::time::advance(Duration::from_secs(3_600)).await;
    let answer = browser.come_back(&world, &trip, "code").await;
    assert_eq!((answer.status_code, title(&answer)), (410, "Too much time has passed"));
    assert_eq!(browser.look(&world, &trip).await.status_code, 410);
    assert!(world.codes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_consent_is_recorded_once_and_the_link_stays_open() {
    let (world, id, token, mut browser, trip) = departed().await;
    let query = format!("error=access_denied&state={}", trip.state);
    let answer = browser.get(&world, "/callback/exact-nl", &query).await;
    assert_eq!((answer.status_code, title(&answer)), (200, "Not connected"));
    assert!(answer.body.contains("Acme &amp; Sons"));
    let refused = |what: &&What| matches!(what, What::ConsentRefused { error } if error == "access_denied");
    assert_eq!(world.history(id).await.iter().filter(refused).count(), 1);

    let reload = browser.get(&world, "/callback/exact-nl", &query).await;
    assert_eq!(
        (reload.status_code, reload.headers["location"].as_str()),
        (303, trip.outcome().as_str())
    );
    assert_eq!(world.history(id).await.iter().filter(refused).count(), 1);
    assert_eq!(title(&browser.look(&world, &trip).await), "That did not work");

    let again = browser.depart(&world, &token).await;
    assert_eq!(browser.come_back(&world, &again, "code").await.status_code, 303);
    assert_eq!(world.connection(id).await.state, State::Authorized);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_cancelled_meanwhile_takes_no_consent() {
    let (world, id, _, mut browser, trip) = departed().await;
    world.ask(id, Event::CancelAsked).await;
    let answer = browser.come_back(&world, &trip, "code").await;
    assert_eq!(
        (answer.status_code, title(&answer)),
        (410, "This link can no longer be used")
    );
    let refusal = browser
        .get(
            &world,
            "/callback/exact-nl",
            &format!("error=access_denied&state={}", trip.state),
        )
        .await;
    assert_eq!(refusal.status_code, 200);
    assert!(world.codes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_not_ready_is_recorded_and_nothing_is_spent() {
    let place = Place::Application(application_id());
    let moved = Sealed(b"sealed for another place".to_vec());
    for (sealed, problem) in [(None, Problem::Configuration), (Some(moved), Problem::Tampered)] {
        let (world, id, _, mut browser, trip) = departed().await;
        a_while().await;
        world.ports().store.inner.tamper(&place, sealed);
        for _ in 0..3 {
            let answer = browser.come_back(&world, &trip, "code").await;
            assert_eq!((answer.status_code, title(&answer)), (409, "Please contact us"));
            assert!(answer.body.contains("Please contact Acme &amp; Sons"));
        }
        assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
        let connection = world.connection(id).await;
        assert_eq!(connection.attention.unwrap().problem, problem);
        assert!(connection.effect.is_none() && connection.link.is_some());
        let told = world
            .history(id)
            .await
            .into_iter()
            .filter(|what| matches!(what, What::NotReady { .. }))
            .count();
        assert_eq!(told, 1, "once, not with every reload");
        // Mended within the code's three minutes: the same trip goes on.
        world.add_application("exact-nl").await;
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
        assert_eq!(world.codes(), ["code"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_sealed_in_an_unknown_form_is_not_used() {
    use handover_core::{
        ports::{DataKey, Vault},
        secret::Plaintext,
    };
    let (world, id, _, mut browser, trip) = departed().await;
    a_while().await;
    let place = Place::Application(application_id());
    let key = world.ports().vault.inner.data_key(&place).await.unwrap();
    let later = key.seal(&Plaintext::new(br#"{"v":9}"#.to_vec())).unwrap();
    world.ports().store.inner.tamper(&place, Some(later));
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 409);
    assert_eq!(world.connection(id).await.attention.unwrap().problem, Problem::Tampered);
    assert_eq!(PlatformKind::ExactOnline.to_string(), "exact-online");
}

#[tokio::test(start_paused = true)]
async fn details_are_for_the_browser_that_holds_the_cookie() {
    let (world, _, token, mut browser, trip) = departed().await;
    browser.come_back(&world, &trip, "code").await;
    let mut stranger = Browser::default();
    stranger
        .cookies
        .insert("__Host-handover-AAAAAAAAAAAA".into(), "x".into());
    let calls = world.calls_to_aws();
    let answer = stranger.look(&world, &trip).await;
    assert_eq!(answer.status_code, 403);
    assert!(!answer.body.contains("Acme") && !answer.body.contains("Bakery"));
    assert_eq!(world.calls_to_aws(), calls);
    for path in [
        "/connected/",
        "/connected/auth_x",
        &format!("/connected/{token}"),
        "/connected",
        "/connected/a/b",
    ] {
        assert_eq!(stranger.get(&world, path, "").await.status_code, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_addresses_and_methods_find_nothing() {
    let (world, _, token, mut browser, trip) = departed().await;
    for path in [
        "/",
        "",
        "/favicon.ico",
        "/connect",
        "/callback",
        "/connect/a/b",
        "//connect/x",
        "/Connect/x",
    ] {
        assert_eq!(browser.get(&world, path, "").await.status_code, 404, "{path}");
    }
    let calls = world.calls_to_aws();
    for method in ["HEAD", "POST", "get", ""] {
        for (path, query) in [
            (format!("/connect/{token}"), String::new()),
            ("/callback/exact-nl".into(), trip.query("code")),
        ] {
            let mut event = browser.event(&path, &query);
            event["requestContext"]["http"]["method"] = json!(method);
            assert_eq!(world.answer(event).await.status_code, 404, "{method} {path}");
        }
    }
    assert_eq!(world.calls_to_aws(), calls, "a link's preview opens nothing");
    assert!(!world.is_used(&trip.id).await);
}

#[tokio::test(start_paused = true)]
async fn an_outage_before_the_claim_spends_nothing() {
    let (world, id, token, mut browser, trip) = departed().await;
    a_while().await;
    let ports = world.ports();
    ports.store.reads_fail.store(true, Relaxed);
    let refusal = format!("error=access_denied&state={}", trip.state);
    for answer in [
        browser.come_back(&world, &trip, "code").await,
        browser.get(&world, &format!("/connect/{token}"), "").await,
        browser.get(&world, "/callback/exact-nl", &refusal).await,
        browser.look(&world, &trip).await,
    ] {
        assert_eq!(
            (answer.status_code, answer.headers["retry-after"].as_str()),
            (503, "60")
        );
    }
    ports.store.reads_fail.store(false, Relaxed);
    // Opening first: what was opened once is kept for a while.
    for flag in [&ports.vault.no_opening, &ports.vault.no_keys] {
        flag.store(true, Relaxed);
        assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 503);
        flag.store(false, Relaxed);
    }
    ports.store.writes_fail.store(true, Relaxed);
    assert_eq!(
        browser.get(&world, &format!("/connect/{token}"), "").await.status_code,
        503
    );
    ports.store.writes_fail.store(false, Relaxed);
    assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
    assert!(world.connection(id).await.attention.is_none());
    // A reload within the code's life does it.
    assert_eq!(browser.come_back(&world, &trip, "code").await.status_code, 303);
    assert_eq!(world.codes(), ["code"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_browser_sends_is_answered_and_never_exchanged(
        place in 0_usize..6,
        segment in "(\\PC|[a-z0-9-]){0,60}",
        query in prop_oneof!["\\PC{0,200}", "code=[!-~]{0,80}&state=[A-Za-z0-9_-]{0,60}", "error=\\PC{0,30}&state=\\PC{0,50}"],
        cookie in prop_oneof!["\\PC{0,120}", "__Host-handover-[A-Za-z0-9_-]{12}=conn_[0-9A-Z]{26}\\.[A-Za-z0-9_-]{43}"],
        own_value in "\\PC{0,100}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (world, _, _, mut browser, trip) = departed().await;
            // The right name with a wrong value, and something else beside it.
            let name = browser.cookies.keys().next().unwrap().clone();
            browser.cookies.insert(name, own_value);
            browser.cookies.insert(cookie.clone(), cookie);
            let path = match place {
                0 => "/callback/exact-nl".to_owned(),
                1 => format!("/callback/{segment}"),
                2 => format!("/connect/{segment}"),
                3 => format!("/connected/{segment}"),
                4 => trip.outcome(),
                _ => segment,
            };
            for query in [query.as_str(), &format!("{query}&state={}", trip.state), &trip.query(&query)] {
                let answer = browser.get(&world, &path, query).await;
                assert!((400..500).contains(&answer.status_code), "{} for {path}", answer.status_code);
            }
            world.idle().await;
            assert!(world.codes().is_empty() && !world.is_used(&trip.id).await);
        });
    }
}
