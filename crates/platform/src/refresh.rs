//! Exchanging a refresh token for the next pair.
//!
//! What a failure says of the pair errs to one side: one that is called unharmed is presented again, so it is called so
//! only where the platform says that it did nothing, or heard nothing.

use std::time::Duration;

use handover_core::{
    application::ApplicationSecret,
    connection::Problem,
    ports::{Received, RefreshError, RefreshRefusal},
    secret::RefreshToken,
};

use crate::{
    endpoint,
    http::HttpClient,
    refusal::{Grant, TokenRefusal, Transience},
    token::{self, Failed, Transport},
};

pub(crate) async fn refresh(
    http: &HttpClient,
    application: &ApplicationSecret,
    refresh_token: &RefreshToken,
    limit: Duration,
) -> Result<Received, RefreshError> {
    send(http, application, refresh_token, limit)
        .await
        .map_err(|failed| told(&failed, endpoint::name(&application.host)))
}

async fn send(
    http: &HttpClient,
    application: &ApplicationSecret,
    refresh_token: &RefreshToken,
    limit: Duration,
) -> Result<Received, Failed> {
    let client = token::client(http, application)?;
    let presented = oauth2::RefreshToken::new(refresh_token.expose().to_owned());
    let transport = Transport::new(http, limit);
    let response = client
        .exchange_refresh_token(&presented)
        .request_async(&transport)
        .await;
    transport.pair(Grant::Refresh, response)
}

/// As the port tells it.
fn told(failed: &Failed, host: &str) -> RefreshError {
    let refusal = refusal(failed);
    let then = match refusal {
        RefreshRefusal::Unharmed => "the pair is unharmed",
        RefreshRefusal::Used => "the pair is lost unless a newer one is in store",
        RefreshRefusal::Expired | RefreshRefusal::ChainBroken => "the customer has to consent again",
        RefreshRefusal::Unclear => "the refresh token may have been spent",
    };
    RefreshError {
        refusal,
        problem: failed.problem(Problem::PlatformUnavailable),
        reason: format!("the refresh token brought no pair at {host}: {failed}; {then}"),
    }
}

fn refusal(failed: &Failed) -> RefreshRefusal {
    match failed {
        Failed::Refused(refused) => meant(refused.meaning),
        _ if failed.is_unclear() => RefreshRefusal::Unclear,
        _ => RefreshRefusal::Unharmed,
    }
}

fn meant(meaning: TokenRefusal) -> RefreshRefusal {
    match meaning {
        TokenRefusal::TooEarly
        | TokenRefusal::BadClient
        | TokenRefusal::Moved
        | TokenRefusal::Transient(Transience::RateLimited) => RefreshRefusal::Unharmed,
        TokenRefusal::UsedRefreshToken => RefreshRefusal::Used,
        TokenRefusal::Expired => RefreshRefusal::Expired,
        TokenRefusal::ChainBroken => RefreshRefusal::ChainBroken,
        // Said of codes. Of a token it says that it is not accepted as it is, and nothing of its chain.
        TokenRefusal::CodeStale | TokenRefusal::CodeUsedOrMismatch => RefreshRefusal::Unclear,
        // RFC 6749 (6) lets a server keep the old refresh token and send none. Exact Online always sends a new one: the
        // answer has lost it. Presenting the old one once more, as follows from this, fits both.
        TokenRefusal::NoToken => RefreshRefusal::Unclear,
        TokenRefusal::GatewayFault
        | TokenRefusal::Transient(Transience::Empty | Transience::Page | Transience::ServerError)
        | TokenRefusal::Redirected
        | TokenRefusal::Unknown => RefreshRefusal::Unclear,
    }
}
