//! Handover's own refresh against the stand-in: what it makes of each rule, and what the books tell of it.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use handover_core::{
    application::{ApplicationSecret, PlatformKind},
    connection::Problem,
    ports::{Platform as _, Received, RefreshError, RefreshRefusal},
    secret::{ClientSecret, RefreshToken},
};
use handover_platform::{ExactOnline, HttpClient};
use handover_standin::{
    App, At, Fault, FaultKind, Limits,
    books::{self, Peer},
    settings::{EarlyCountsFrom, OldTokenDies},
};

use crate::setup::*;

/// One for all: reading the machine's root certificates takes longer than all else here.
static EXACT: LazyLock<ExactOnline> = LazyLock::new(|| ExactOnline::new(HttpClient::new(true).unwrap()));

/// An OEM with one pair.
struct Oem {
    scene: Scene,
    application: ApplicationSecret,
    token: String,
}

impl Oem {
    async fn new() -> Self {
        Self::with(app()).await
    }

    async fn with(app: App) -> Self {
        Self::of(Scene::with(app).await).await
    }

    async fn of(scene: Scene) -> Self {
        let application = ApplicationSecret {
            platform: PlatformKind::ExactOnline,
            host: scene.standin.url().parse().unwrap(),
            client_id: CLIENT.parse().unwrap(),
            client_secret: ClientSecret::new(SECRET),
            redirect_uri: REDIRECT.parse().unwrap(),
        };
        Self {
            token: scene.pair().await.refresh,
            application,
            scene,
        }
    }

    async fn refresh(&self, token: &str) -> Result<Received, RefreshError> {
        let token = RefreshToken::new(token);
        let minute = Duration::from_secs(60);
        EXACT.refresh(&self.application, &token, minute).await
    }

    /// The refresh token that `token` is exchanged for.
    async fn next(&self, token: &str) -> String {
        let received = self.refresh(token).await.unwrap();
        received.refresh_token.expose().to_owned()
    }

    async fn refused(&self, token: &str) -> RefreshRefusal {
        self.refresh(token).await.unwrap_err().refusal
    }

    /// What the books tell of a refresh token.
    async fn told(&self, token: &str) -> books::RefreshToken {
        self.scene.books().await.refresh_token(token).unwrap().clone()
    }

    async fn inject(&self, kind: FaultKind) {
        let fault = Fault::once(At::TokenRefresh, kind);
        self.scene.control.inject(&fault).await.unwrap();
    }
}

#[tokio::test]
async fn before_570_s_it_is_refused_at_a_cost_and_then_it_brings_the_next_pair() {
    for too_early_status in [400, 401] {
        let oem = Oem::with(App {
            too_early_status,
            ..app()
        })
        .await;
        oem.scene.at(560).await;
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unharmed);
        assert_eq!(oem.scene.books().await.errors.len(), 1);
        oem.scene.at(571).await;
        let received = oem.refresh(&oem.token).await.unwrap();
        assert_eq!(received.expires_in, Some(600));
        assert_eq!(
            oem.scene.me(received.access_token.expose()).await.status(),
            200,
            "the new access token lives"
        );
        let told = oem.told(&oem.token).await;
        assert_eq!(told.presented_by, [Peer::Oem, Peer::Oem]);
        assert_eq!((told.presented.accepted, told.presented.refused), (1, 1));
        // Counted from the new answer.
        let next = received.refresh_token.expose();
        oem.scene.at(571 + 560).await;
        assert_eq!(oem.refused(next).await, RefreshRefusal::Unharmed);
        oem.scene.at(571 + 580).await;
        oem.next(next).await;
    }
}

#[tokio::test]
async fn a_used_token_is_told_as_such_whatever_its_status() {
    for used_token_status in [401, 400] {
        let oem = Oem::with(App {
            used_token_status,
            ..app()
        })
        .await;
        oem.scene.at(600).await;
        let next = oem.next(&oem.token).await;
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Used);
        oem.scene.at(1_200).await;
        oem.next(&next).await;
        let (old, new) = (oem.told(&oem.token).await, oem.told(&next).await);
        assert_eq!(
            (old.times_presented_by(Peer::Oem), new.times_presented_by(Peer::Oem)),
            (2, 1)
        );
        assert_eq!(
            (old.exchanged_by, old.issued_to, new.issued_to),
            (vec![Peer::Oem], Peer::Oem, Peer::Oem)
        );
    }
}

#[tokio::test]
async fn thirty_days_unused_are_too_many() {
    let oem = Oem::new().await;
    oem.scene.at(30 * DAY - MINUTE).await;
    let next = oem.next(&oem.token).await;
    oem.scene.at(60 * DAY).await;
    assert_eq!(oem.refused(&next).await, RefreshRefusal::Expired);
}

#[tokio::test]
async fn a_later_consent_and_a_withdrawn_grant_cut_the_chain() {
    let oem = Oem::new().await;
    oem.scene.at(600).await;
    let code = oem.scene.code().await;
    // The consent alone does nothing; the exchange of its code does.
    let first = oem.next(&oem.token).await;
    let second = tokens(oem.scene.exchange(&code).await).await.refresh;
    oem.scene.at(1_300).await;
    assert_eq!(oem.refused(&first).await, RefreshRefusal::ChainBroken);
    let second = oem.next(&second).await;
    oem.scene.control.withdraw(USER).await.unwrap();
    assert_eq!(oem.refused(&second).await, RefreshRefusal::ChainBroken);
}

#[tokio::test]
async fn a_bad_secret_harms_nothing() {
    for bad_client_status in [400, 401] {
        let mut oem = Oem::with(App {
            bad_client_status,
            ..app()
        })
        .await;
        oem.scene.at(600).await;
        oem.application.client_secret = ClientSecret::new("wrong");
        let error = oem.refresh(&oem.token).await.unwrap_err();
        assert_eq!(
            (error.refusal, error.problem),
            (RefreshRefusal::Unharmed, Problem::Configuration)
        );
        oem.application.client_secret = ClientSecret::new(SECRET);
        oem.next(&oem.token).await;
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_old_token_is_dead_by_most_reports() {
    let oem = Oem::new().await;
    oem.scene.at(600).await;
    oem.inject(FaultKind::LostAnswer).await;
    assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unclear);
    assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Used);
    let told = oem.told(&oem.token).await;
    assert_eq!((told.presented.accepted, told.presented.refused), (1, 1));
}

#[tokio::test]
async fn after_a_lost_answer_the_old_token_may_be_good_once_more() {
    // Counted from the lost answer, the second try may come too early: that harms nothing.
    for (early_counts_from, early) in [
        (EarlyCountsFrom::LastAnswer, true),
        (EarlyCountsFrom::PresentedToken, false),
    ] {
        let oem = Oem::with(App {
            old_token_dies: OldTokenDies::WhenNewIsUsed,
            early_counts_from,
            ..app()
        })
        .await;
        oem.scene.at(600).await;
        oem.inject(FaultKind::LostAnswer).await;
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unclear);
        if early {
            assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unharmed);
            oem.scene.at(1_200).await;
        }
        let found = oem.next(&oem.token).await;
        oem.scene.at(1_800).await;
        oem.next(&found).await;
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Used);
        let told = oem.told(&oem.token).await;
        assert_eq!(told.exchanged_by, [Peer::Oem, Peer::Oem]);
        assert_eq!(told.times_presented_by(Peer::Oem), if early { 4 } else { 3 });
    }
}

#[tokio::test]
async fn a_request_that_was_not_heard_leaves_the_token_as_it_was() {
    let oem = Oem::new().await;
    oem.scene.at(600).await;
    oem.inject(FaultKind::ConnectionClosedBefore).await;
    assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unclear);
    oem.next(&oem.token).await;
    let told = oem.told(&oem.token).await;
    assert_eq!((told.presented.unheard, told.presented.accepted), (1, 1));
    assert_eq!(told.presented_by, [Peer::Oem, Peer::Oem]);
}

#[tokio::test]
async fn an_answer_after_35_s_is_heard() {
    let oem = Arc::new(Oem::new().await);
    oem.scene.at(600).await;
    oem.inject(FaultKind::Delay).await;
    let asks = Arc::clone(&oem);
    let asked = tokio::spawn(async move { asks.refresh(&asks.token).await });
    // The answer waits from the moment at which the token is spent.
    let spent = || {
        oem.scene
            .standin
            .books()
            .refresh_token(&oem.token)
            .unwrap()
            .presented
            .accepted
            > 0
    };
    while !spent() && !asked.is_finished() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(35)).await;
    tokio::time::resume();
    let received = asked.await.unwrap().unwrap();
    assert_eq!(oem.told(received.refresh_token.expose()).await.generation, 2);
}

#[tokio::test]
async fn each_fault_is_read_for_what_it_says() {
    use RefreshRefusal::{Unclear, Unharmed, Used};
    let oem = Oem::new().await;
    let mut token = oem.token.clone();
    let faults = [
        (FaultKind::EmptyBody, Unclear),
        (FaultKind::HtmlBody, Unclear),
        (FaultKind::BadRequest, Unclear),
        (FaultKind::Gateway500, Unclear),
        (FaultKind::False400, Unclear),
        // Not to be believed before the store was read again; here it is not true.
        (FaultKind::False401, Used),
        (FaultKind::Forbidden403, Unclear),
        (FaultKind::TooMany429, Unharmed),
        (FaultKind::Unavailable503, Unclear),
        (FaultKind::InvalidClient, Unharmed),
    ];
    for (round, (kind, refusal)) in (1..).zip(faults) {
        oem.scene.at(round * 600).await;
        oem.inject(kind).await;
        assert_eq!(oem.refused(&token).await, refusal, "{kind:?}");
        assert_eq!(oem.told(&token).await.presented.unheard, 1, "{kind:?}");
        token = oem.next(&token).await;
    }
}

#[tokio::test]
async fn an_odd_answer_costs_nothing_and_one_without_the_token_all() {
    let oem = Oem::new().await;
    let mut token = oem.token.clone();
    for (round, (kind, life)) in (1..).zip([
        (FaultKind::NumberExpiresIn, Some(600)),
        (FaultKind::NoExpiresIn, None),
        (FaultKind::CapitalBearer, Some(600)),
    ]) {
        oem.scene.at(round * 600).await;
        oem.inject(kind).await;
        let received = oem.refresh(&token).await.unwrap();
        assert_eq!(received.expires_in, life, "{kind:?}");
        token = received.refresh_token.expose().to_owned();
    }
    for kind in [FaultKind::NoRefreshToken, FaultKind::MalformedJson] {
        let oem = Oem::new().await;
        oem.scene.at(600).await;
        oem.inject(kind).await;
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unclear, "{kind:?}");
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Used, "{kind:?}");
    }
}

#[tokio::test]
async fn calls_over_the_day_s_and_a_blocked_key_harm_nothing() {
    let limits = Limits {
        token_calls_a_day: 2,
        ..Limits::default()
    };
    let scene = Scene::with(App { limits, ..app() }).await;
    // At noon, so that no midnight falls between the calls.
    let now = scene.control.clock().await.unwrap().now;
    let noon = DAY / 2 - now.as_second().rem_euclid(DAY);
    scene.at(noon).await;
    let oem = Oem::of(scene).await;
    oem.scene.at(noon + 600).await;
    let next = oem.next(&oem.token).await;
    oem.scene.at(noon + 1_200).await;
    assert_eq!(oem.refused(&next).await, RefreshRefusal::Unharmed);
    oem.scene.at(noon + DAY).await;
    oem.next(&next).await;

    let oem = Oem::new().await;
    for _ in 0..10 {
        assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Unharmed);
    }
    oem.scene.at(600).await;
    let blocked = oem.refresh(&oem.token).await.unwrap_err();
    assert!(blocked.reason.contains("HTTP 429"), "{blocked}");
    assert_eq!(blocked.refusal, RefreshRefusal::Unharmed);
    oem.scene.at(3_700).await;
    oem.next(&oem.token).await;
}

#[tokio::test]
async fn the_books_tell_a_token_that_two_have_presented() {
    let oem = Oem::new().await;
    oem.scene.at(DAY).await;
    let tokens = Tokens {
        access: "ended".to_owned(),
        refresh: oem.token.clone(),
    };
    assert_eq!(
        oem.scene.register(&oem.scene.submission(&tokens), "k1").await.status(),
        201
    );
    assert_eq!(oem.refused(&oem.token).await, RefreshRefusal::Used);
    let told = oem.told(&oem.token).await;
    assert_eq!(told.presented_by, [Peer::Invantive, Peer::Oem]);
    assert_eq!(told.exchanged_by, [Peer::Invantive]);
    assert_eq!((told.times_presented_by(Peer::Oem), told.presented.times()), (1, 2));
}
