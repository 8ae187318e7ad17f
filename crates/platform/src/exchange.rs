//! Exchanging a code for a pair.

use std::time::Duration;

use handover_core::{
    application::ApplicationSecret,
    connection::Problem,
    ports::{ExchangeError, Received},
    secret::{AuthorizationCode, PkceVerifier},
};
use oauth2::{PkceCodeVerifier, RedirectUrl};

use crate::{
    endpoint,
    http::HttpClient,
    refusal::Grant,
    token::{self, Failed, Transport},
};

pub(crate) async fn exchange(
    http: &HttpClient,
    application: &ApplicationSecret,
    code: &AuthorizationCode,
    verifier: &PkceVerifier,
    limit: Duration,
) -> Result<Received, ExchangeError> {
    send(http, application, code, verifier, limit)
        .await
        .map_err(|failed| told(&failed, endpoint::name(&application.host)))
}

async fn send(
    http: &HttpClient,
    application: &ApplicationSecret,
    code: &AuthorizationCode,
    verifier: &PkceVerifier,
    limit: Duration,
) -> Result<Received, Failed> {
    let redirect_uri = RedirectUrl::new(application.redirect_uri.to_string())
        .map_err(|_| Failed::NotSent("the application's redirect URI is not an address"))?;
    let client = token::client(http, application)?.set_redirect_uri(redirect_uri);
    let transport = Transport::new(http, limit);
    let response = client
        .exchange_code(oauth2::AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
        .request_async(&transport)
        .await;
    transport.pair(Grant::Code, response)
}

/// As the port tells it.
fn told(failed: &Failed, host: &str) -> ExchangeError {
    let problem = failed.problem(Problem::ConsentFailed);
    let then = match problem {
        Problem::ConsentFailed => "; the customer has to consent again",
        _ => "",
    };
    ExchangeError {
        problem,
        reason: format!("the code was not exchanged at {host}: {failed}{then}"),
        unclear: failed.is_unclear(),
    }
}
