//! The token endpoint, row by row.

use base64::Engine as _;
use handover_standin::{
    App, Lifetimes, Limits,
    books::{Grant, Peer},
    settings::{EarlyCountsFrom, OldTokenDies, Pkce},
};

use crate::setup::*;

#[tokio::test]
async fn a_successful_answer_has_a_string_expires_in_and_tokens_of_the_real_shape() {
    let scene = Scene::new().await;
    let answer = scene.exchange(&scene.code().await).await;
    let text = answer.text().await.unwrap();
    assert!(text.contains(r#""token_type":"bearer","expires_in":"600""#), "{text}");
    let body: serde_json::Value = serde_json::from_str(&text).unwrap();
    let access = body["access_token"].as_str().unwrap();
    let refresh = body["refresh_token"].as_str().unwrap();
    assert!(access.starts_with("stampNL001.gAAAA") && access.len() > 400);
    assert!(refresh.starts_with("stampNL001.") && refresh.contains("!IAAAA") && refresh.len() >= 300);
    assert_eq!(body.as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn basic_authentication_is_tolerated() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(CLIENT), encode(SECRET));
    let basic = base64::engine::general_purpose::STANDARD.encode(pair);
    let fields = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code", &code),
    ];
    let request = scene.http.post(format!("{}/api/oauth2/token", scene.standin.url()));
    let answer = request
        .header("Authorization", format!("Basic {basic}"))
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    tokens(scene.exchange(&code).await).await;
    let again = scene.exchange(&code).await;
    assert_eq!(again.status(), 400);
    assert_eq!(again.text().await.unwrap(), "Bad Request");
    let presented = scene.books().await.code(&code).unwrap().presented;
    assert_eq!((presented.accepted, presented.refused, presented.times()), (1, 1, 2));
}

#[tokio::test]
async fn a_code_is_good_for_three_minutes() {
    let scene = Scene::new().await;
    let (early, late) = (scene.code().await, scene.code().await);
    scene.at(170).await;
    tokens(scene.exchange(&early).await).await;
    scene.at(181).await;
    assert_error(
        scene.exchange(&late).await,
        400,
        "invalid_request",
        "Signed data extraction has failed",
    )
    .await;
}

#[tokio::test]
async fn a_code_encoded_twice_is_mangled() {
    let scene = Scene::new().await;
    let code = scene.code().await.replace('!', "%21");
    assert_error(
        scene.exchange(&code).await,
        400,
        "invalid_request",
        "Signed data extraction has failed",
    )
    .await;
}

#[tokio::test]
async fn another_redirect_uri_is_refused_and_the_code_stays_good() {
    let scene = Scene::new().await;
    let code = scene.code().await;
    let mut fields = code_fields(&code);
    fields[3] = ("redirect_uri", "https://connect.example.com/callback/main/");
    let refused = scene.token(&fields).await;
    assert_eq!(
        (refused.status().as_u16(), refused.text().await.unwrap().as_str()),
        (400, "Bad Request")
    );
    tokens(scene.exchange(&code).await).await;
}

#[tokio::test]
async fn a_bad_client_leaves_the_pair_unharmed() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(600).await;
    let mut fields = refresh_fields(&pair.refresh);
    fields[2] = ("client_secret", "wrong");
    assert_error(scene.token(&fields).await, 400, "invalid_client", "").await;
    fields[1] = ("client_id", "unknown");
    assert_error(scene.token(&fields).await, 400, "invalid_client", "").await;
    tokens(scene.refresh(&pair.refresh).await).await;
}

#[tokio::test]
async fn a_refresh_before_570_s_is_too_early_and_harmless() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(560).await;
    let refused = scene.refresh(&pair.refresh).await;
    let reason = refused.headers()["Reason"].to_str().unwrap().to_owned();
    assert!(reason.starts_with("TooEarlyToRefreshTokens"), "{reason}");
    assert_error(
        refused,
        400,
        "access_denied",
        "Rate limit exceeded: access_token not expired",
    )
    .await;
    assert_eq!(scene.books().await.errors.len(), 1);
    scene.at(571).await;
    tokens(scene.refresh(&pair.refresh).await).await;
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(600).await;
    let next = tokens(scene.refresh(&pair.refresh).await).await;
    assert_error(
        scene.refresh(&pair.refresh).await,
        401,
        "unauthorized_client",
        "Old refresh token used.",
    )
    .await;
    // The chain goes on with the new one.
    scene.at(1_200).await;
    tokens(scene.refresh(&next.refresh).await).await;
    let books = scene.books().await;
    let old = books.refresh_token(&pair.refresh).unwrap();
    assert_eq!(
        (old.presented.accepted, old.presented.refused, old.generation),
        (1, 1, 1)
    );
    assert_eq!(old.exchanged_by, [Peer::Oem]);
    assert_eq!(books.refresh_tokens.last().unwrap().generation, 3);
}

#[tokio::test]
async fn two_refreshes_at_once_give_one_pair() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(600).await;
    let (one, other) = tokio::join!(scene.refresh(&pair.refresh), scene.refresh(&pair.refresh));
    let mut statuses = [one.status().as_u16(), other.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[tokio::test]
async fn a_refresh_token_lives_30_days_of_not_being_used() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.at(30 * DAY - MINUTE).await;
    let next = tokens(scene.refresh(&pair.refresh).await).await;
    scene.at(60 * DAY).await;
    let text = "The refresh token expired at ";
    assert_error(scene.refresh(&next.refresh).await, 400, "invalid_request", text).await;
}

#[tokio::test]
async fn a_second_consent_of_the_same_user_and_app_breaks_the_first_chain() {
    let scene = Scene::new().await;
    let first = scene.pair().await;
    scene.at(600).await;
    let code = scene.code().await;
    // The consent alone does nothing; the exchange does.
    let first = tokens(scene.refresh(&first.refresh).await).await;
    let second = tokens(scene.exchange(&code).await).await;
    scene.at(1_300).await;
    let text = "Token is not allowed, because of invalid or empty chainId";
    assert_error(scene.refresh(&first.refresh).await, 400, "invalid_grant", text).await;
    tokens(scene.refresh(&second.refresh).await).await;
}

#[tokio::test]
async fn chains_of_other_users_live_side_by_side() {
    let scene = Scene::new().await;
    scene.second_user().await;
    let first = scene.pair().await;
    let code = scene.code_of("p.peeters", "secret", &scene.authorize_url("s")).await;
    let second = tokens(scene.exchange(&code).await).await;
    scene.at(600).await;
    tokens(scene.refresh(&first.refresh).await).await;
    tokens(scene.refresh(&second.refresh).await).await;
}

#[tokio::test]
async fn grants_end_when_they_are_withdrawn() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    scene.control.withdraw(USER).await.unwrap();
    assert_eq!(scene.me(&pair.access).await.status(), 401);
    scene.at(600).await;
    assert_error(
        scene.refresh(&pair.refresh).await,
        400,
        "invalid_grant",
        "Token is not allowed",
    )
    .await;
}

fn late_death(early_counts_from: EarlyCountsFrom) -> App {
    App {
        old_token_dies: OldTokenDies::WhenNewIsUsed,
        early_counts_from,
        ..app()
    }
}

#[tokio::test]
async fn the_old_token_can_live_until_the_new_one_is_used() {
    let scene = Scene::with(late_death(EarlyCountsFrom::PresentedToken)).await;
    let pair = scene.pair().await;
    scene.at(600).await;
    let lost = tokens(scene.refresh(&pair.refresh).await).await;
    let found = tokens(scene.refresh(&pair.refresh).await).await;
    // The pair whose answer was lost is dead: a newer one was issued.
    scene.at(1_200).await;
    assert_error(
        scene.refresh(&lost.refresh).await,
        401,
        "unauthorized_client",
        "Old refresh",
    )
    .await;
    tokens(scene.refresh(&found.refresh).await).await;
    assert_error(
        scene.refresh(&pair.refresh).await,
        401,
        "unauthorized_client",
        "Old refresh",
    )
    .await;
}

#[tokio::test]
async fn by_default_a_lost_answer_counts_for_the_earliest_refresh_too() {
    let scene = Scene::with(late_death(EarlyCountsFrom::LastAnswer)).await;
    let pair = scene.pair().await;
    scene.at(600).await;
    tokens(scene.refresh(&pair.refresh).await).await;
    assert_error(scene.refresh(&pair.refresh).await, 400, "access_denied", "Rate limit").await;
    scene.at(1_200).await;
    tokens(scene.refresh(&pair.refresh).await).await;
}

#[tokio::test]
async fn pkce_is_ignored_by_default_and_can_be_enforced() {
    let challenge = "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    for (pkce, accepted) in [(Pkce::Ignored, true), (Pkce::Enforced, false)] {
        let scene = Scene::with(App { pkce, ..app() }).await;
        let url = scene.authorize_url("s") + challenge;
        let code = scene.code_of(USER, PASSWORD, &url).await;
        assert_eq!(scene.exchange(&code).await.status().is_success(), accepted);
        if !accepted {
            let mut fields = code_fields(&code);
            fields.push(("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
            tokens(scene.token(&fields).await).await;
        }
    }
}

#[tokio::test]
async fn ten_errors_block_the_key_for_an_hour() {
    let scene = Scene::new().await;
    let pair = scene.pair().await;
    for _ in 0..10 {
        assert_eq!(scene.refresh(&pair.refresh).await.status(), 400);
    }
    scene.at(600).await;
    assert_eq!(scene.refresh(&pair.refresh).await.status(), 429);
    assert_eq!(scene.me(&pair.access).await.status(), 429);
    scene.at(3_700).await;
    tokens(scene.refresh(&pair.refresh).await).await;
}

#[tokio::test]
async fn token_calls_a_day_are_limited() {
    let limits = Limits {
        token_calls_a_day: 2,
        ..Limits::default()
    };
    let scene = Scene::with(App { limits, ..app() }).await;
    // At noon, so that no midnight falls between the calls.
    let now = scene.control.clock().await.unwrap().now;
    let noon = DAY / 2 - now.as_second().rem_euclid(DAY);
    scene.at(noon).await;
    scene.pair().await;
    scene.pair().await;
    assert_eq!(scene.exchange(&scene.code().await).await.status(), 429);
    scene.at(noon + DAY).await;
    scene.pair().await;
}

#[tokio::test]
async fn minutes_can_stand_for_days() {
    let lifetimes = Lifetimes {
        access_seconds: 5,
        refresh_seconds: 60,
        earliest_refresh_seconds: 4,
        code_seconds: 180,
    };
    let scene = Scene::with(App { lifetimes, ..app() }).await;
    let pair = scene.pair().await;
    scene.at(5).await;
    let answer = scene.refresh(&pair.refresh).await.text().await.unwrap();
    assert!(answer.contains(r#""expires_in":"5""#));
    let books = scene.books().await;
    assert_eq!(
        books
            .exchanges
            .iter()
            .filter(|one| one.grant == Grant::RefreshToken && one.accepted())
            .count(),
        1
    );
}

#[tokio::test]
async fn another_grant_is_refused() {
    let scene = Scene::new().await;
    let fields = [
        ("grant_type", "password"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
    ];
    assert_error(scene.token(&fields).await, 400, "unsupported_grant_type", "").await;
}
