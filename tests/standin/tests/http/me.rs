//! `Me`.

use handover_standin::{App, Limits, settings::MeShape};

use crate::setup::*;

#[tokio::test]
async fn json_is_wrapped_in_results() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    let answer = scene.me(&pair.access).await;
    assert_eq!(answer.headers()["X-RateLimit-Limit"], "5000");
    assert_eq!(answer.headers()["X-RateLimit-Remaining"], "4999");
    assert_eq!(answer.headers()["X-RateLimit-Minutely-Remaining"], "59");
    assert!(
        answer.headers()["X-RateLimit-Reset"].len() == 13,
        "milliseconds have 13 digits"
    );
    let (status, body) = read(answer).await;
    let me = &body["d"]["results"][0];
    assert_eq!((status, me["UserName"].as_str()), (200, Some(USER)));
    assert_eq!(me["UserID"].as_str().unwrap().len(), 36);
    assert_eq!(me["CurrentDivision"], 123_456);
    assert_eq!(me["FullName"], "Janneke Jansen");
    assert_eq!(me["Email"], "j.jansen@example.com");
}

#[tokio::test]
async fn json_can_come_without_results() {
    let scene = Scene::with(App {
        me_shape: MeShape::Bare,
        ..app()
    })
    .await;
    let pair = scene.pair().await;
    let (_, body) = read(scene.me(&pair.access).await).await;
    assert_eq!(body["d"]["UserName"], USER);
}

#[tokio::test]
async fn select_picks_fields() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    let url = format!("{}/api/v1/current/Me?$select=UserID,UserName", scene.standin.url());
    let request = scene
        .http
        .get(url)
        .bearer_auth(&pair.access)
        .header("Accept", "application/json");
    let (_, body) = read(request.send().await.unwrap()).await;
    assert_eq!(body["d"]["results"][0].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn without_accept_it_is_atom() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    let url = format!("{}/api/v1/current/Me", scene.standin.url());
    let answer = scene.http.get(url).bearer_auth(&pair.access).send().await.unwrap();
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/atom+xml")
    );
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("<d:UserName>j.jansen</d:UserName>")
    );
}

#[tokio::test]
async fn an_access_token_lives_600_s() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(590).await;
    assert_eq!(scene.me(&pair.access).await.status(), 200);
    scene.at(601).await;
    assert_eq!(scene.me(&pair.access).await.status(), 401);
    assert_eq!(scene.me("stampNL001.unknown").await.status(), 401);
    let calls: Vec<_> = scene.books().await.me_calls.iter().map(|call| call.status).collect();
    assert_eq!(calls, [Some(200), Some(401), Some(401)]);
}

#[tokio::test]
async fn the_user_id_is_the_same_every_time() {
    let scene = Scene::new().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let pair = scene.pair().await;
        seen.push(read(scene.me(&pair.access).await).await.1["d"]["results"][0]["UserID"].clone());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_429_carries_only_the_family_that_was_hit() {
    let limits = Limits {
        api_calls_a_minute: 1,
        ..Limits::default()
    };
    let scene = Scene::with(App { limits, ..app() }).await;
    let pair = scene.pair().await;
    // Two calls may fall into two minutes; three may not fall into three.
    let mut last = scene.me(&pair.access).await;
    for _ in 0..2 {
        last = if last.status() == 429 {
            last
        } else {
            scene.me(&pair.access).await
        };
    }
    assert_eq!(last.status(), 429);
    assert_eq!(last.headers()["X-RateLimit-Minutely-Remaining"], "0");
    assert!(!last.headers().contains_key("X-RateLimit-Remaining"));
}
