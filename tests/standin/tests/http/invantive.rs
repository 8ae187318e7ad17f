//! Invantive Cloud: registration, look-up, and what a registered database does.

use handover_standin::{
    InvantiveSettings, Lifetimes, Opened,
    books::{Channel, Peer},
};
use serde_json::json;

use crate::setup::*;

#[tokio::test]
async fn a_registration_is_found_again_and_made_once() {
    let scene = Scene::new().await;
    let body = scene.submission(&scene.pair().await);
    assert_eq!(
        read(scene.look_up("idempotency_key=k1").await).await,
        (404, json!({"status": "absent"}))
    );
    assert_eq!(
        read(scene.register(&body, "k1").await).await,
        (201, json!({"status": "created", "segment": "acme"}))
    );
    let exists = json!({"status": "exists", "segment": "acme", "idempotency_key": "k1"});
    assert_eq!(read(scene.register(&body, "k1").await).await, (409, exists));
    let found = (200, json!({"status": "found", "segment": "acme"}));
    assert_eq!(read(scene.look_up("idempotency_key=k1").await).await, found);
    assert_eq!(read(scene.look_up("reference=customer-1").await).await, found);
    let books = scene.books().await;
    let outcomes: Vec<_> = books.submissions.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!((outcomes, books.databases.len()), (vec!["created", "exists"], 1));
}

#[tokio::test]
async fn the_database_spends_the_refresh_token_as_soon_as_that_is_allowed() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.register(&scene.submission(&pair), "k1").await;
    assert_eq!(scene.books().await.refresh_tokens_spent_by(Peer::Invantive), 0);
    scene.at(575).await;
    let books = scene.books().await;
    assert_eq!(books.refresh_tokens_spent_by(Peer::Invantive), 1);
    assert_eq!(books.refresh_tokens_spent_by(Peer::Oem), 0);
    assert_eq!(
        books.refresh_token(&pair.refresh).unwrap().exchanged_by,
        [Peer::Invantive]
    );
    let database = books.database("acme").unwrap();
    assert_eq!((database.refresh_tokens_spent, &database.broken), (1, &None));
    assert_ne!(database.refresh_token, pair.refresh);
    // Once is enough: later it only does so when it is opened.
    scene.at(DAY).await;
    assert_eq!(scene.books().await.refresh_tokens_spent_by(Peer::Invantive), 1);
    assert_error(
        scene.refresh(&pair.refresh).await,
        401,
        "unauthorized_client",
        "Old refresh",
    )
    .await;
}

#[tokio::test]
async fn an_exchange_that_was_due_happened_at_its_own_time() {
    let scene = Scene::new().await;
    scene.register(&scene.submission(&scene.pair().await), "k1").await;
    scene.at(40 * DAY).await;
    let books = scene.books().await;
    assert_eq!(books.refresh_tokens_spent_by(Peer::Invantive), 1);
    let token = &books.refresh_tokens[0];
    assert_eq!(books.exchanges[1].at.as_second(), token.issued_at.as_second() + 570);
}

#[tokio::test]
async fn an_access_token_that_has_ended_makes_it_exchange_at_once() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(3 * DAY).await;
    assert_eq!(scene.register(&scene.submission(&pair), "k1").await.status(), 201);
    let books = scene.books().await;
    assert_eq!(books.refresh_tokens_spent_by(Peer::Invantive), 1);
    assert!(books.submissions[0].spent);
}

#[tokio::test]
async fn a_duplicate_of_app_and_user_is_refused() {
    let scene = Scene::new().await;
    scene.register(&scene.submission(&scene.pair().await), "k1").await;
    let mut again = scene.submission(&scene.pair().await);
    again["database"] = json!("another");
    let (status, body) = read(scene.register(&again, "k2").await).await;
    assert_eq!((status, body["error"].as_str()), (422, Some("itgenscr590")));
    assert_eq!(scene.books().await.databases.len(), 1);
}

#[tokio::test]
async fn a_dead_pair_is_refused() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(31 * DAY).await;
    let (status, body) = read(scene.register(&scene.submission(&pair), "k1").await).await;
    assert_eq!((status, body["error"].as_str()), (422, Some("itgenoda219")));
    let pair = scene.pair().await;
    scene.at(32 * DAY).await;
    scene.refresh(&pair.refresh).await;
    let (status, body) = read(scene.register(&scene.submission(&pair), "k2").await).await;
    assert_eq!((status, body["error"].as_str()), (422, Some("itgenoda219")));
    assert!(body["message"].as_str().unwrap().contains("Old refresh token used."));
    assert_eq!(scene.books().await.submissions.len(), 2);
}

#[tokio::test]
async fn a_wrong_key_a_missing_field_and_a_busy_server() {
    let scene = Scene::new().await;
    let body = scene.submission(&scene.pair().await);
    let url = format!("{}/api/databases", scene.standin.url());
    assert_eq!(
        scene
            .http
            .post(&url)
            .bearer_auth("wrong")
            .json(&body)
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    let mut less = body.clone();
    less["redirect_url"] = json!("");
    let (status, answer) = read(scene.register(&less, "k1").await).await;
    assert_eq!((status, answer["field"].as_str()), (400, Some("redirect_url")));
    let settings = InvantiveSettings {
        busy: true,
        ..InvantiveSettings::default()
    };
    scene.control.put_invantive(&settings).await.unwrap();
    assert_eq!(scene.register(&body, "k1").await.status(), 503);
    scene
        .control
        .put_invantive(&InvantiveSettings::default())
        .await
        .unwrap();
    assert_eq!(scene.register(&body, "k1").await.status(), 201);
}

#[tokio::test]
async fn an_authorisation_code_registers_too() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let fields = [
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("redirect_url", REDIRECT),
        ("country", "nl"),
        ("authorization_code", &code),
    ];
    let request = scene
        .http
        .post(format!("{}/api/databases", scene.standin.url()))
        .bearer_auth(KEY);
    let (status, body) = read(request.form(&fields).send().await.unwrap()).await;
    assert_eq!((status, body["segment"].as_str()), (201, Some("exact-online-1")));
    assert_eq!(scene.books().await.exchanges[0].by, Peer::Invantive);
}

#[tokio::test]
async fn the_form_registers() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    let url = format!("{}/app/setup/databases/new/exactonline", scene.standin.url());
    let page = scene.http.get(&url).send().await.unwrap().text().await.unwrap();
    for name in [
        "country",
        "authentication",
        "client_id",
        "client_secret",
        "redirect_url",
        "credential",
        "authorization_code",
        "access_token",
        "refresh_token",
        "database",
    ] {
        assert!(page.contains(&format!("name=\"{name}\"")), "{name}");
    }
    let fields = [
        ("country", "nl"),
        ("authentication", "preauthenticated"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("redirect_url", REDIRECT),
        ("credential", "pair"),
        ("access_token", &pair.access),
        ("refresh_token", &pair.refresh),
        ("database", "my-exact-online"),
    ];
    let page = scene
        .http
        .post(&url)
        .form(&fields)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("my-exact-online</strong> has been created"), "{page}");
    let page = scene
        .http
        .post(&url)
        .form(&fields[..8])
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("itgenscr590"), "{page}");
    let books = scene.books().await;
    assert!(books.submissions.iter().all(|one| one.channel == Channel::Form));
    assert_eq!(books.submissions.len(), 2);
}

#[tokio::test]
async fn opening_says_when_it_is_allowed_and_then_refreshes() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.register(&scene.submission(&pair), "k1").await;
    let Opened::TooEarly { allowed_at } = scene.control.open("acme").await.unwrap() else {
        panic!("too early")
    };
    assert_eq!(
        allowed_at.as_second(),
        scene.books().await.refresh_tokens[0].issued_at.as_second() + 570
    );
    scene.at(1_200).await;
    // The one that was due came at 570 s; 1,200 s is 630 s after that.
    assert_eq!(scene.control.open("acme").await.unwrap(), Opened::Refreshed);
    assert_eq!(scene.books().await.refresh_tokens_spent_by(Peer::Invantive), 2);
    assert_eq!(scene.control.open("other").await.unwrap(), Opened::Absent);
}

#[tokio::test]
async fn another_consent_of_the_same_user_breaks_a_registered_database() {
    let scene = Scene::new().await;
    scene.register(&scene.submission(&scene.pair().await), "k1").await;
    scene.pair().await;
    scene.at(600).await;
    let Opened::Broken { message } = scene.control.open("acme").await.unwrap() else {
        panic!("broken")
    };
    assert!(message.starts_with("itgenoda494"), "{message}");
}

#[tokio::test]
async fn a_database_that_is_not_opened_for_30_days_breaks() {
    let scene = Scene::new().await;
    scene.register(&scene.submission(&scene.pair().await), "k1").await;
    scene.at(31 * DAY).await;
    let Opened::Broken { message } = scene.control.open("acme").await.unwrap() else {
        panic!("broken")
    };
    assert!(message.starts_with("itgenoda219"), "{message}");
}

#[tokio::test]
async fn with_short_lifetimes_the_spent_token_shows_of_itself() {
    let lifetimes = Lifetimes {
        access_seconds: 600,
        earliest_refresh_seconds: 0,
        ..Lifetimes::default()
    };
    let scene = Scene::with(handover_standin::App { lifetimes, ..app() }).await;
    scene.register(&scene.submission(&scene.pair().await), "k1").await;
    assert_eq!(scene.books().await.refresh_tokens_spent_by(Peer::Invantive), 1);
}

#[tokio::test]
async fn a_refusal_can_be_made_to_spend_the_pair() {
    let scene = Scene::new().await;
    scene.register(&scene.submission(&scene.pair().await), "k1").await;
    let settings = InvantiveSettings {
        exchange_first: true,
        ..InvantiveSettings::default()
    };
    scene.control.put_invantive(&settings).await.unwrap();
    let pair = scene.pair().await;
    scene.at(580).await;
    let mut again = scene.submission(&pair);
    again["database"] = json!("another");
    assert_eq!(scene.register(&again, "k2").await.status(), 422);
    let books = scene.books().await;
    assert!(books.submissions[1].spent);
    assert_eq!(books.refresh_token(&pair.refresh).unwrap().presented.accepted, 1);
}
