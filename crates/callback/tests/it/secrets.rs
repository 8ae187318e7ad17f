//! Nothing secret in a log line or on a page.

use std::sync::atomic::Ordering::Relaxed;

use handover_core::{
    connection::Problem,
    ports::{ExchangeError, MeError},
};
use handover_simulation::{Lines, faulty::Fault};
use tracing::Level;

use crate::{
    browser::{Browser, Trip},
    world::World,
};

/// All that may go wrong, one after the other, on ways of their own.
async fn many_ways(secrets: &mut Vec<String>, pages: &mut String) {
    for mishap in 0..8 {
        let world = World::new().await;
        let (_, token) = world.invite().await;
        let mut browser = Browser::default();
        let trip = browser.depart(&world, &token).await;
        let ports = world.ports();
        let scripts = &ports.platform.inner;
        let refusal = |problem| ExchangeError {
            problem,
            reason: "the platform answered 400".into(),
            unclear: false,
        };
        match mishap {
            1 => scripts
                .exchanges
                .lock()
                .unwrap()
                .push_back(Err(refusal(Problem::Configuration))),
            2 => scripts
                .exchanges
                .lock()
                .unwrap()
                .push_back(Err(refusal(Problem::ConsentFailed))),
            3 => scripts
                .identities
                .lock()
                .unwrap()
                .push_back(Err(MeError { reason: "503".into() })),
            4 => ports
                .store
                .writes
                .lock()
                .unwrap()
                .extend([Fault::After, Fault::Conflict, Fault::Before]),
            5 => ports.vault.no_opening.store(true, Relaxed),
            6 => ports.queue.away.store(true, Relaxed),
            7 => ports.store.writes_fail.store(true, Relaxed),
            _ => {}
        }
        let foreign = Trip {
            state: "f".repeat(43),
            ..trip.clone()
        };
        for query in [
            trip.query("the-secret-code"),
            foreign.query("the-secret-code"),
            "state=&code=".into(),
        ] {
            pages.push_str(&browser.get(&world, "/callback/exact-nl", &query).await.body);
        }
        pages.push_str(&browser.look(&world, &trip).await.body);
        pages.push_str(&browser.get(&world, &format!("/connect/{token}"), "").await.body);
        world.idle().await;
        secrets.extend([token, trip.state, foreign.state]);
        let values = browser
            .cookies
            .values()
            .map(|value| value.split_once('.').unwrap().1.to_owned());
        secrets.extend(values);
    }
    secrets.extend(["the-secret-code", "stampNL001", "hush"].map(str::to_owned));
}

#[tokio::test(start_paused = true)]
async fn neither_lines_nor_pages_tell_a_secret() {
    // While there is one subscriber only, `tracing` asks no other than that of the thread which meets a line first: a
    // test beside this one, which has none, would switch the line off for both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let (mut secrets, mut pages) = (Vec::new(), String::new());
    many_ways(&mut secrets, &mut pages).await;
    drop(guard);
    let logged = lines.text();
    for expected in ["handover.pair_received", "handover.exchange_failed"] {
        assert!(logged.contains(expected), "{expected}: {logged}");
    }
    for secret in secrets {
        assert!(!logged.contains(&secret), "{secret} in {logged}");
        assert!(!pages.contains(&secret), "{secret} on a page");
    }
}
