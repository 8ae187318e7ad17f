//! One call of the token endpoint: what the exchange of a code and that of a refresh token share.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use handover_core::{
    application::ApplicationSecret,
    connection::Problem,
    ports::Received,
    secret::{AccessToken, RefreshToken},
};
use http::header::CONTENT_TYPE;
use oauth2::{
    AsyncHttpClient, AuthType, Client, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse},
};

use crate::{
    endpoint,
    http::{Answer, HttpClient, NetworkFailure},
    refusal::{Grant, Refused, TokenRefusal},
    salvage::salvage,
    token_response::LenientResponse,
};

pub(crate) type ExactClient = Client<
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

/// Why a call brought no pair.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Nothing was sent.
    NotSent(&'static str),
    Network(NetworkFailure),
    Refused(Refused),
}

pub(crate) fn client(http: &HttpClient, application: &ApplicationSecret) -> Result<ExactClient, Failed> {
    let address = endpoint::under(&application.host, &["api", "oauth2", "token"]);
    if !http.allows(&address) {
        return Err(Failed::NotSent("the application's host is not an https address"));
    }
    Ok(Client::new(ClientId::new(application.client_id.to_string()))
        .set_client_secret(ClientSecret::new(application.client_secret.expose().to_owned()))
        // In the body: the way that Exact documents.
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::from_url(address)))
}

/// Carries `oauth2`'s one request, and keeps the answer aside: the crate's errors hold the raw body or nothing at all,
/// so they are dropped unread, and the answer itself is judged.
pub(crate) struct Transport<'a> {
    http: &'a HttpClient,
    limit: Duration,
    came: Mutex<Option<Result<Answer, NetworkFailure>>>,
}

impl<'a> Transport<'a> {
    pub(crate) fn new(http: &'a HttpClient, limit: Duration) -> Self {
        Self {
            http,
            limit,
            came: Mutex::new(None),
        }
    }

    /// The pair that came: what `oauth2` made of the answer, or else what can be made of it here.
    pub(crate) fn pair<E>(self, grant: Grant, response: Result<LenientResponse, E>) -> Result<Received, Failed> {
        if let Some(pair) = response.ok().as_ref().and_then(pair_of) {
            return Ok(pair);
        }
        match self.came.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(Ok(answer)) => judge(grant, answer),
            Some(Err(failure)) => Err(Failed::Network(failure)),
            None => Err(Failed::Network(NetworkFailure::Unusable)),
        }
    }
}

/// Not a closure: the future of one that borrows cannot be shown to be `Send` for every lifetime.
impl<'c> AsyncHttpClient<'c> for Transport<'_> {
    type Error = NetworkFailure;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NetworkFailure>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.http.send(request, self.limit).await;
            let passed_on = answer.as_ref().map_err(Clone::clone).and_then(passed_on);
            *self.came.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            passed_on
        })
    }
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
    let access_token = response.access_token().secret();
    // An empty one is none: a rotation fetches it.
    let is_half = access_token.is_empty();
    Some(Received {
        access_token: AccessToken::new(access_token),
        refresh_token: RefreshToken::new(response.refresh_token()?.secret()),
        expires_in: if is_half { Some(0) } else { response.seconds() },
    })
}

/// An answer that `oauth2` made no pair of.
fn judge(grant: Grant, answer: Answer) -> Result<Received, Failed> {
    if answer.status.is_success()
        && let Some(pair) = salvage(&answer.body)
    {
        return Ok(pair);
    }
    // The other half may say otherwise: `unauthorized_client` accuses the application, until "Old refresh token used."
    // comes after it.
    if let Some(cut) = answer.cut {
        return Err(Failed::Network(cut));
    }
    let header = answer.headers.get("reason").and_then(|value| value.to_str().ok());
    Err(Failed::Refused(Refused::read(
        grant,
        answer.status.as_u16(),
        header,
        &answer.body,
    )))
}

impl Failed {
    /// Whether the platform may have exchanged what was presented all the same.
    pub(crate) fn is_unclear(&self) -> bool {
        match self {
            Self::NotSent(_) => false,
            Self::Network(failure) => !failure.surely_unsent(),
            Self::Refused(refused) => refused.meaning.is_unclear(),
        }
    }

    /// The application's fault, or else `otherwise`.
    pub(crate) fn problem(&self, otherwise: Problem) -> Problem {
        match self {
            Self::NotSent(_) | Self::Network(NetworkFailure::Unusable) => Problem::Configuration,
            Self::Network(_) => otherwise,
            Self::Refused(refused) => match refused.meaning {
                TokenRefusal::BadClient | TokenRefusal::Moved => Problem::Configuration,
                _ => otherwise,
            },
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "{why}: set it right"),
            Self::Network(failure @ NetworkFailure::Unusable) => write!(f, "{failure}: check the application's host"),
            Self::Network(failure) => failure.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}
