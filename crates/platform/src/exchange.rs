//! Exchanging a code for a pair.

use std::{pin::Pin, sync::Mutex, time::Duration};

use handover_core::{
    application::ApplicationSecret,
    connection::Problem,
    ports::{ExchangeError, Received},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, RefreshToken},
};
use http::header::CONTENT_TYPE;
use oauth2::{
    AsyncHttpClient, AuthType, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse},
};

use crate::{
    endpoint,
    http::{Answer, HttpClient, NetworkFailure},
    refusal::{Grant, Refused, TokenRefusal},
    salvage::salvage,
    token_response::LenientResponse,
};

type ExactClient = Client<
    BasicErrorResponse,
    LenientResponse,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Why an exchange brought no pair.
#[derive(Debug)]
enum Failed {
    /// Nothing was sent.
    NotSent(&'static str),
    Network(NetworkFailure),
    Refused(Refused),
}

pub(crate) async fn exchange(
    http: &HttpClient,
    application: &ApplicationSecret,
    code: &AuthorizationCode,
    verifier: &PkceVerifier,
    limit: Duration,
) -> Result<Received, ExchangeError> {
    let client = client(http, application);
    let exchanged = match client {
        Ok(client) => send(http, &client, code, verifier, limit).await,
        Err(failed) => Err(failed),
    };
    exchanged.map_err(|failed| failed.told(endpoint::name(&application.host)))
}

fn client(http: &HttpClient, application: &ApplicationSecret) -> Result<ExactClient, Failed> {
    let address = endpoint::under(&application.host, &["api", "oauth2", "token"]);
    if !http.allows(&address) {
        return Err(Failed::NotSent("the application's host is not an https address"));
    }
    let redirect_uri = RedirectUrl::new(application.redirect_uri.to_string())
        .map_err(|_| Failed::NotSent("the application's redirect URI is not an address"))?;
    Ok(Client::new(ClientId::new(application.client_id.to_string()))
        .set_client_secret(ClientSecret::new(application.client_secret.expose().to_owned()))
        // In the body: the way that Exact documents.
        .set_auth_type(AuthType::RequestBody)
        .set_redirect_uri(redirect_uri)
        .set_token_uri(TokenUrl::from_url(address)))
}

async fn send(
    http: &HttpClient,
    client: &ExactClient,
    code: &AuthorizationCode,
    verifier: &PkceVerifier,
    limit: Duration,
) -> Result<Received, Failed> {
    let transport = Transport {
        http,
        limit,
        came: Mutex::new(None),
    };
    let response = client
        .exchange_code(oauth2::AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
        .request_async(&transport)
        .await;
    if let Some(pair) = response.ok().as_ref().and_then(pair_of) {
        return Ok(pair);
    }
    judge(transport.came.into_inner().unwrap_or_default())
}

/// Carries `oauth2`'s one request, and keeps the answer aside: the crate's errors hold the raw body or nothing at all,
/// so they are dropped unread, and the answer itself is judged.
struct Transport<'a> {
    http: &'a HttpClient,
    limit: Duration,
    came: Mutex<Option<Result<Answer, NetworkFailure>>>,
}

/// Not a closure: the future of one that borrows cannot be shown to be `Send` for every lifetime.
impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = NetworkFailure;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NetworkFailure>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = post(self.http, request, self.limit).await;
            let passed_on = answer.as_ref().map_err(Clone::clone).and_then(passed_on);
            if let Ok(mut place) = self.came.lock() {
                *place = Some(answer);
            }
            passed_on
        })
    }
}

async fn post(http: &HttpClient, request: HttpRequest, limit: Duration) -> Result<Answer, NetworkFailure> {
    let request = reqwest::Request::try_from(request).map_err(|_| NetworkFailure::Unusable)?;
    http.send(request, limit).await
}

/// The answer in `oauth2`'s form; an incomplete one is an error there.
fn passed_on(answer: &Answer) -> Result<HttpResponse, NetworkFailure> {
    if let Some(cut) = &answer.cut {
        return Err(cut.clone());
    }
    let mut response = HttpResponse::new(answer.body.to_vec());
    *response.status_mut() = answer.status;
    if let Some(content_type) = answer.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    Ok(response)
}

fn pair_of(response: &LenientResponse) -> Option<Received> {
    Some(Received {
        access_token: AccessToken::new(response.access_token().secret()),
        refresh_token: RefreshToken::new(response.refresh_token()?.secret()),
        expires_in: response.seconds(),
    })
}

/// An answer that `oauth2` made no pair of.
fn judge(came: Option<Result<Answer, NetworkFailure>>) -> Result<Received, Failed> {
    let answer = came.unwrap_or(Err(NetworkFailure::Unusable)).map_err(Failed::Network)?;
    if answer.status.is_success()
        && let Some(pair) = salvage(&answer.body)
    {
        return Ok(pair);
    }
    let header = answer.headers.get("reason").and_then(|value| value.to_str().ok());
    let refused = Refused::read(Grant::Code, answer.status.as_u16(), header, &answer.body);
    match (answer.cut, refused.meaning) {
        // Half an answer without a word that is known: that it broke off is all there is to say.
        (Some(cut), TokenRefusal::NoToken | TokenRefusal::Unknown | TokenRefusal::Transient(_)) => {
            Err(Failed::Network(cut))
        }
        _ => Err(Failed::Refused(refused)),
    }
}

impl Failed {
    /// As the port tells it.
    fn told(self, host: &str) -> ExchangeError {
        let what = format!("the code was not exchanged at {host}");
        match self {
            Self::NotSent(why) => ExchangeError {
                problem: Problem::Configuration,
                reason: format!("{what}: {why}; set it right"),
                unclear: false,
            },
            Self::Network(NetworkFailure::Unusable) => ExchangeError {
                problem: Problem::Configuration,
                reason: format!("{what}: {}; check the application's host", NetworkFailure::Unusable),
                unclear: false,
            },
            Self::Network(failure) => ExchangeError {
                problem: Problem::ConsentFailed,
                reason: format!("{what}: {failure}; the customer has to consent again"),
                unclear: !failure.surely_unsent(),
            },
            Self::Refused(refused) => ExchangeError {
                problem: problem_of(refused.meaning),
                reason: format!("{what}: {refused}"),
                unclear: refused.meaning.is_unclear(),
            },
        }
    }
}

fn problem_of(meaning: TokenRefusal) -> Problem {
    match meaning {
        TokenRefusal::BadClient => Problem::Configuration,
        _ => Problem::ConsentFailed,
    }
}
