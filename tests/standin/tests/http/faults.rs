//! Faults: what the client sees, and whether the effect happened.

use handover_standin::{
    App, At, Fault, FaultKind,
    books::{ExchangeOutcome, Peer},
    settings::{EarlyCountsFrom, OldTokenDies},
};

use crate::setup::*;

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_no_answer() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(600).await;
    scene
        .control
        .inject(&Fault::once(At::TokenRefresh, FaultKind::LostAnswer))
        .await
        .unwrap();
    let error = scene.try_token(&refresh_fields(&pair.refresh)).await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");
    let books = scene.books().await;
    let last = books.exchanges.last().unwrap();
    assert!(last.accepted());
    assert_eq!(last.fault, Some(FaultKind::LostAnswer));
    assert_error(
        scene.refresh(&pair.refresh).await,
        401,
        "unauthorized_client",
        "Old refresh",
    )
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_recovered_where_the_old_token_outlives_it() {
    let scene = Scene::with(App {
        old_token_dies: OldTokenDies::WhenNewIsUsed,
        early_counts_from: EarlyCountsFrom::PresentedToken,
        ..app()
    })
    .await;
    let pair = scene.pair().await;
    scene.at(600).await;
    scene
        .control
        .inject(&Fault::once(At::Token, FaultKind::LostAnswer))
        .await
        .unwrap();
    scene.try_token(&refresh_fields(&pair.refresh)).await.unwrap_err();
    tokens(scene.refresh(&pair.refresh).await).await;
    assert_eq!(
        scene.books().await.refresh_token(&pair.refresh).unwrap().exchanged_by,
        [Peer::Oem, Peer::Oem]
    );
}

#[tokio::test]
async fn a_connection_closed_before_has_no_effect() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    scene
        .control
        .inject(&Fault::once(At::TokenCode, FaultKind::ConnectionClosedBefore))
        .await
        .unwrap();
    assert!(
        scene
            .try_token(&code_fields(&code))
            .await
            .unwrap_err()
            .status()
            .is_none()
    );
    let books = scene.books().await;
    assert_eq!(books.exchanges[0].outcome, ExchangeOutcome::Unheard);
    assert_eq!(books.code(&code).unwrap().presented.unheard, 1);
    tokens(scene.exchange(&code).await).await;
}

#[tokio::test]
async fn transient_faults_leave_the_token_as_it_was() {
    let scene = Scene::new().await;
    let mut pair = scene.pair().await;
    let faults = [
        (FaultKind::EmptyBody, 200, ""),
        (FaultKind::HtmlBody, 200, "<html>"),
        (FaultKind::BadRequest, 400, "Bad Request"),
        (
            FaultKind::Gateway500,
            500,
            r#"{"fault":{"faultstring":"Failed to execute the ExtractVariables: ExtractAccessToken""#,
        ),
        (FaultKind::False400, 400, r#"{"error":"#),
        (FaultKind::False401, 401, r#"{"error":"unauthorized_client""#),
        (FaultKind::Forbidden403, 403, "Forbidden"),
        (FaultKind::TooMany429, 429, "Too"),
        (FaultKind::Unavailable503, 503, "Service"),
        (FaultKind::InvalidClient, 400, r#"{"error":"invalid_client"}"#),
    ];
    for (round, (kind, status, body)) in (1..).zip(faults) {
        scene.at(round * 600).await;
        scene
            .control
            .inject(&Fault::once(At::TokenRefresh, kind))
            .await
            .unwrap();
        let answer = scene.refresh(&pair.refresh).await;
        assert_eq!(answer.status(), status, "{kind:?}");
        assert!(answer.text().await.unwrap().starts_with(body), "{kind:?}");
        pair = tokens(scene.refresh(&pair.refresh).await).await;
    }
    assert!(
        scene.books().await.errors.is_empty(),
        "faults are no errors of Exact Online"
    );
}

#[tokio::test]
async fn spoiled_answers_have_had_their_effect() {
    let scene = Scene::new().await;
    for (kind, has, has_not) in [
        (FaultKind::NumberExpiresIn, r#""expires_in":600"#, r#""600""#),
        (FaultKind::NoExpiresIn, "refresh_token", "expires_in"),
        (FaultKind::NoRefreshToken, "access_token", "refresh_token"),
        (FaultKind::CapitalBearer, r#""Bearer""#, r#""bearer""#),
        (FaultKind::MalformedJson, "access_token", "refresh_token"),
    ] {
        let code = scene.code().await;
        scene.control.inject(&Fault::once(At::Token, kind)).await.unwrap();
        let body = scene.exchange(&code).await.text().await.unwrap();
        assert!(body.contains(has) && !body.contains(has_not), "{kind:?}: {body}");
        assert_eq!(scene.books().await.code(&code).unwrap().presented.accepted, 1);
    }
}

#[tokio::test]
async fn a_slow_answer_has_its_effect_while_the_client_gives_up() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    scene
        .control
        .inject(&Fault::once(At::Token, FaultKind::Delay))
        .await
        .unwrap();
    let url = format!("{}/api/oauth2/token", scene.standin.url());
    let request = scene
        .http
        .post(url)
        .form(&code_fields(&code))
        .timeout(std::time::Duration::from_millis(300));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(scene.books().await.code(&code).unwrap().presented.accepted, 1);
}

#[tokio::test]
async fn the_effect_can_be_chosen() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let fault = Fault {
        effect: Some(true),
        status: Some(502),
        ..Fault::once(At::Token, FaultKind::HtmlBody)
    };
    scene.control.inject(&fault).await.unwrap();
    assert_eq!(scene.exchange(&code).await.status(), 502);
    assert_eq!(scene.books().await.code(&code).unwrap().presented.accepted, 1);
}

#[tokio::test]
async fn a_registration_whose_answer_is_lost_is_found_by_a_look_up() {
    let scene = Scene::new().await;
    let body = scene.submission(&scene.pair().await);
    scene
        .control
        .inject(&Fault::once(At::Register, FaultKind::LostAnswer))
        .await
        .unwrap();
    assert!(scene.try_register(&body, "k1").await.unwrap_err().status().is_none());
    assert_eq!(scene.look_up("idempotency_key=k1").await.status(), 200);
    let books = scene.books().await;
    assert_eq!(
        (books.submissions[0].outcome.as_str(), books.submissions[0].fault),
        ("created", Some(FaultKind::LostAnswer))
    );
}

#[tokio::test]
async fn a_registration_that_was_not_heard_is_in_the_books_and_not_in_the_databases() {
    let scene = Scene::new().await;
    let body = scene.submission(&scene.pair().await);
    for kind in [FaultKind::Unavailable503, FaultKind::Gateway500] {
        scene.control.inject(&Fault::once(At::Register, kind)).await.unwrap();
        assert!(scene.register(&body, "k1").await.status().is_server_error());
    }
    scene
        .control
        .inject(&Fault::once(At::Lookup, FaultKind::Unavailable503))
        .await
        .unwrap();
    assert_eq!(scene.look_up("idempotency_key=k1").await.status(), 503);
    assert_eq!(scene.look_up("idempotency_key=k1").await.status(), 404);
    let books = scene.books().await;
    assert_eq!(
        (books.submissions.len(), books.databases.len(), books.lookups.len()),
        (2, 0, 2)
    );
    assert!(
        books
            .submissions
            .iter()
            .all(|one| one.status.is_none() && one.outcome == "unheard")
    );
}

#[tokio::test]
async fn me_and_the_authorise_page_can_fail() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene
        .control
        .inject(&Fault::once(At::Me, FaultKind::Unavailable503))
        .await
        .unwrap();
    scene
        .control
        .inject(&Fault::once(At::Authorize, FaultKind::HtmlBody))
        .await
        .unwrap();
    assert_eq!(scene.me(&pair.access).await.status(), 503);
    assert_eq!(scene.me(&pair.access).await.status(), 200);
    let page = scene
        .http
        .get(scene.authorize_url("s"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("temporarily unavailable"));
    assert_eq!(scene.books().await.me_calls[0].fault, Some(FaultKind::Unavailable503));
}

#[tokio::test]
async fn faults_count_their_hits_and_can_be_cleared() {
    let scene = Scene::new().await;
    let fault = Fault {
        times: 3,
        after: 1,
        ..Fault::once(At::Me, FaultKind::Unavailable503)
    };
    scene.control.inject(&fault).await.unwrap();
    let pair = scene.pair().await;
    assert_eq!(scene.me(&pair.access).await.status(), 200);
    assert_eq!(scene.me(&pair.access).await.status(), 503);
    let standing = scene.control.faults().await.unwrap();
    assert_eq!(
        (standing[0].passed, standing[0].struck_at.len(), standing[0].left),
        (1, 1, 2)
    );
    scene.control.clear_faults().await.unwrap();
    assert_eq!(scene.me(&pair.access).await.status(), 200);
}

#[tokio::test]
async fn invantive_hears_no_answer_to_its_own_exchange() {
    for (kind, spent) in [
        (FaultKind::LostAnswer, true),
        (FaultKind::ConnectionClosedBefore, false),
    ] {
        let scene = Scene::new().await;
        let pair = scene.pair().await;
        scene.at(DAY).await;
        let fault = Fault::once(At::InvantiveExchange, kind);
        scene.control.inject(&fault).await.unwrap();
        let (status, body) = read(scene.register(&scene.submission(&pair), "k1").await).await;
        assert_eq!((status, body["error"].as_str()), (422, Some("itgenoda219")));
        let books = scene.books().await;
        let last = books.exchanges.last().unwrap();
        assert_eq!(
            (last.by, last.accepted(), last.fault),
            (Peer::Invantive, spent, Some(kind))
        );
        assert_eq!((books.submissions[0].spent, books.databases.len()), (spent, 0));
    }
}
