//! What a scripted platform answers by itself.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    connection::Problem,
    ports::{Platform, RefreshError, RefreshRefusal},
    secret::{AuthorizationCode, ClientSecret, PkceVerifier, RefreshToken},
};
use handover_simulation::{
    faulty::{Fate, FaultyPlatform},
    lock,
};

const LIMIT: Duration = Duration::from_secs(90);

fn application() -> ApplicationSecret {
    ApplicationSecret {
        platform: PlatformKind::ExactOnline,
        host: "https://start.exactonline.nl".parse().unwrap(),
        client_id: "id".parse().unwrap(),
        client_secret: ClientSecret::new("secret"),
        redirect_uri: "https://connect.acme.example/callback".parse().unwrap(),
    }
}

async fn refresh(platform: &FaultyPlatform, token: &str) -> Result<String, RefreshError> {
    let refreshed = platform
        .refresh(&application(), &RefreshToken::new(token), LIMIT)
        .await?;
    Ok(refreshed.refresh_token.expose().to_owned())
}

#[tokio::test]
async fn pairs_are_numbered_over_exchanges_and_refreshes() {
    let platform = FaultyPlatform::default();
    let code = AuthorizationCode::new("code");
    let exchanged = platform
        .exchange(&application(), &code, &PkceVerifier::new("v"), LIMIT)
        .await
        .unwrap();
    let first = exchanged.refresh_token.expose();
    assert_eq!(first, "stampNL001.refresh-1");
    assert_eq!(refresh(&platform, first).await.unwrap(), "stampNL001.refresh-2");
    assert_eq!(
        refresh(&platform, "stampNL001.refresh-2").await.unwrap(),
        "stampNL001.refresh-3"
    );
    assert_eq!(
        *lock(&platform.inner.refreshed),
        ["stampNL001.refresh-1", "stampNL001.refresh-2"]
    );
    assert_eq!(*lock(&platform.refresh_limits), [LIMIT, LIMIT]);
}

#[tokio::test]
async fn a_refusal_comes_when_it_is_told_to() {
    let platform = FaultyPlatform::default();
    lock(&platform.inner.refreshes).push_back(Err(RefreshError {
        refusal: RefreshRefusal::Used,
        problem: Problem::PlatformUnavailable,
        reason: "old".into(),
    }));
    assert_eq!(refresh(&platform, "r").await.unwrap_err().refusal, RefreshRefusal::Used);
    assert!(refresh(&platform, "r").await.is_ok());
}

#[tokio::test]
async fn a_process_can_die_before_the_token_is_presented_or_before_the_answer_is_heard() {
    for (calls, presented) in [(0, 0), (1, 1)] {
        let fate = Arc::new(Fate::default());
        let platform = FaultyPlatform::new(Arc::clone(&fate));
        fate.dies_after(calls);
        assert!(fate.run(refresh(&platform, "r")).await.is_none());
        assert_eq!(lock(&platform.inner.refreshed).len(), presented);
    }
}
