//! One request, one answer: no redirect, no retry, no connection kept. The http channel to Invantive Cloud uses it too:
//! what is presented at most once goes out in one way only.

use std::{error::Error, io, time::Duration};

use http::{HeaderMap, StatusCode};
use reqwest::{Client, Request, redirect, retry};
use url::Url;
use zeroize::Zeroizing;

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest body that is read. A token answer has a few kilobytes.
const LONGEST_BODY: usize = 64 * 1024;

/// An HTTP client that sends each request at most once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
    allow_http: bool,
}

/// The client cannot be set up: no request will be sent.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct HttpClientError(#[source] reqwest::Error);

impl HttpClient {
    /// A client for `https`. `allow_http`: also without TLS, for stand-ins on the same machine.
    ///
    /// Redirects are answers like others, since following one would present a code or token a second time, perhaps
    /// elsewhere. Reqwest's own retries are off for the same reason. A connection is used once: while a function is
    /// frozen, an idle one dies. HTTP/1.1 only, so that there is no second stream or refused one to think of.
    ///
    /// # Errors
    /// [`HttpClientError`] when the machine's root certificates cannot be used.
    pub fn new(allow_http: bool) -> Result<Self, HttpClientError> {
        let client = Client::builder()
            .user_agent(concat!("Handover/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .pool_max_idle_per_host(0)
            .http1_only()
            .no_proxy()
            .referer(false)
            .https_only(!allow_http)
            .connect_timeout(CONNECT_LIMIT)
            .build()
            .map_err(HttpClientError)?;
        Ok(Self { client, allow_http })
    }

    /// Whether a request to `address` would be sent at all.
    #[must_use]
    pub fn allows(&self, address: &Url) -> bool {
        address.has_host() && (address.scheme() == "https" || (self.allow_http && address.scheme() == "http"))
    }

    /// Sends `request` once and reads the answer, all within `limit`. An answer that breaks off is an answer too: what
    /// came of it may hold a refresh token.
    ///
    /// # Errors
    /// [`NetworkFailure`] when no answer began.
    pub async fn send(&self, mut request: Request, limit: Duration) -> Result<Answer, NetworkFailure> {
        *request.timeout_mut() = Some(limit);
        let response = self
            .client
            .execute(request)
            .await
            .map_err(|error| NetworkFailure::of(&error))?;
        Ok(Answer::read(response).await)
    }
}

/// An answer. No `Debug`: its body may hold tokens.
#[derive(Clone)]
pub struct Answer {
    /// The status, a redirect's included.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, or what came of it.
    pub body: Zeroizing<Vec<u8>>,
    /// Why the body is not whole, if it is not.
    pub cut: Option<NetworkFailure>,
}

impl Answer {
    async fn read(mut response: reqwest::Response) -> Self {
        let mut answer = Self {
            status: response.status(),
            headers: response.headers().clone(),
            // At once as large as it can get: growing would leave copies of tokens behind.
            body: Zeroizing::new(Vec::with_capacity(LONGEST_BODY)),
            cut: None,
        };
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.takes(&chunk) => {}
                Ok(Some(_)) => return answer.cut_by(NetworkFailure::TooLong),
                Ok(None) => return answer,
                Err(error) => return answer.cut_by(NetworkFailure::of(&error)),
            }
        }
    }

    /// Adds `chunk`; false when not all of it had room.
    fn takes(&mut self, chunk: &[u8]) -> bool {
        let room = LONGEST_BODY.saturating_sub(self.body.len());
        self.body.extend(chunk.iter().take(room));
        chunk.len() <= room
    }

    fn cut_by(mut self, why: NetworkFailure) -> Self {
        self.cut = Some(why);
        self
    }
}

/// No answer, or half of one. Carries nothing that was sent or received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFailure {
    /// Not a byte of the request was written: no such host, nobody there, no TLS.
    #[error("no connection could be made ({0})")]
    NotConnected(String),
    /// The limit passed.
    #[error("no answer came in time")]
    TimedOut,
    /// The connection ended or was reset.
    #[error("the connection broke before the answer was whole ({0})")]
    Broken(String),
    /// Only its beginning was read.
    #[error("the answer is longer than {LONGEST_BODY} bytes")]
    TooLong,
    /// Not a byte of the request was written: it is none that can be sent.
    #[error("the request could not be built")]
    Unusable,
}

impl NetworkFailure {
    /// Whether it is certain that not a byte of the request was written.
    #[must_use]
    pub fn surely_unsent(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::Unusable => true,
            Self::TimedOut | Self::Broken(_) | Self::TooLong => false,
        }
    }

    fn of(error: &reqwest::Error) -> Self {
        if error.is_builder() {
            Self::Unusable
        } else if error.is_connect() {
            Self::NotConnected(connect_text(error))
        } else if error.is_timeout() {
            Self::TimedOut
        } else {
            Self::Broken(io_kind(error).unwrap_or_else(|| "it was closed".into()))
        }
    }
}

/// Nothing was sent yet, so what the deepest cause says (a certificate, a port) can hold nothing secret.
fn connect_text(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".into();
    }
    let deepest = causes(error).last().map(ToString::to_string).unwrap_or_default();
    deepest.chars().filter(|c| !c.is_control()).take(160).collect()
}

fn io_kind(error: &reqwest::Error) -> Option<String> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
        .map(|cause| cause.kind().to_string())
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
