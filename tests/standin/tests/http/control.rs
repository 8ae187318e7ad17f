//! The control interface, as JSON: what is documented stays as it is.

use handover_standin::{App, Books, User};
use reqwest::Method;
use serde_json::json;

use crate::setup::*;

#[tokio::test]
async fn the_json_of_the_readme_is_understood() {
    let scene = Scene::new().await;
    let base = format!("{}/__standin", scene.standin.url());
    let send = |method: Method, path: &str, body: serde_json::Value| {
        scene.http.request(method, format!("{base}/{path}")).json(&body).send()
    };
    let put = [
        ("clock", json!({"offset_seconds": 5})),
        (
            "apps/abc",
            json!({"client_secret": "s", "redirect_uris": ["https://a.example/cb"], "pkce": "enforced",
            "me_shape": "bare", "old_token_dies": "when_new_is_used", "lifetimes": {"access_seconds": 60}}),
        ),
        (
            "users/someone%40example.com",
            json!({"password": "p", "full_name": "Some One", "email": "a@example.com"}),
        ),
        ("invantive", json!({"api_key": "k"})),
    ];
    for (path, body) in put {
        assert!(
            send(Method::PUT, path, body).await.unwrap().status().is_success(),
            "{path}"
        );
    }
    let fault = json!({"at": "token", "fault": "delay", "times": 1, "delay_seconds": 35, "after": 0});
    assert_eq!(send(Method::POST, "faults", fault).await.unwrap().status(), 201);
    assert_eq!(
        send(Method::POST, "faults", json!({"at": "token", "fault": "typo"}))
            .await
            .unwrap()
            .status(),
        422
    );
    assert_eq!(send(Method::DELETE, "faults", json!({})).await.unwrap().status(), 204);
    let app: App = scene
        .http
        .get(format!("{base}/apps/abc"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((app.lifetimes.access_seconds, app.lifetimes.code_seconds), (60, 180));
}

#[tokio::test]
async fn the_clock_is_put_by_its_distance_from_real_time() {
    let scene = Scene::new().await;
    let before = scene.control.clock().await.unwrap().now;
    scene.at(DAY).await;
    scene.at(DAY).await;
    let reading = scene.control.clock().await.unwrap();
    assert_eq!(reading.offset_seconds, DAY);
    assert!(reading.now.as_second() - before.as_second() < DAY + MINUTE);
}

#[tokio::test]
async fn the_books_are_the_same_over_the_network_and_list_every_secret() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    let books = scene.books().await;
    let inside = Books {
        now: books.now,
        ..scene.standin.books()
    };
    assert_eq!(books, inside);
    assert!(books.secrets().contains(&pair.access.as_str()) && books.secrets().contains(&pair.refresh.as_str()));
    assert_eq!(books.secrets().len(), 3);
}

#[tokio::test]
async fn reset_forgets_everything() {
    let scene = Scene::new().await;
    scene.pair().await;
    scene.at(DAY).await;
    scene.control.reset().await.unwrap();
    let books = scene.books().await;
    assert_eq!((books.codes.len(), books.offset_seconds), (0, 0));
}

#[tokio::test]
async fn a_user_that_is_changed_keeps_its_id_and_one_that_is_removed_loses_its_grants() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    let id = |body: serde_json::Value| body["d"]["results"][0]["UserID"].clone();
    let before = id(read(scene.me(&pair.access).await).await.1);
    let user = User {
        password: PASSWORD.to_owned(),
        full_name: "New Name".to_owned(),
        ..User::default()
    };
    scene.control.put_user(USER, &user).await.unwrap();
    assert_eq!(id(read(scene.me(&pair.access).await).await.1), before);
    scene.control.remove_user(USER).await.unwrap();
    assert_eq!(scene.me(&pair.access).await.status(), 401);
}

#[tokio::test]
async fn a_removed_app_is_unknown_and_its_grants_have_ended() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.control.remove_app(CLIENT).await.unwrap();
    scene.at(600).await;
    assert_error(scene.refresh(&pair.refresh).await, 400, "invalid_client", "").await;
    scene.control.put_app(CLIENT, &app()).await.unwrap();
    assert_error(
        scene.refresh(&pair.refresh).await,
        400,
        "invalid_grant",
        "Token is not allowed",
    )
    .await;
}

#[tokio::test]
async fn only_the_control_interface_says_what_it_is() {
    let scene = Scene::new().await;
    let health = scene
        .http
        .get(format!("{}/__standin/health", scene.standin.url()))
        .send()
        .await
        .unwrap();
    assert!(health.text().await.unwrap().contains("stand-in"));
    for path in [
        "/app/setup/databases/new/exactonline",
        "/api/oauth2/auth?client_id=x&response_type=code",
    ] {
        let page = scene
            .http
            .get(format!("{}{path}", scene.standin.url()))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(!page.to_lowercase().contains("stand"), "{page}");
    }
}

#[tokio::test]
async fn it_stops_when_told() {
    let scene = Scene::new().await;
    let control = scene.control.clone();
    control.health().await.unwrap();
    scene.standin.shutdown().await;
    control.health().await.unwrap_err();
}
