//! One request, one answer: no redirect, no retry, no connection of an earlier invocation. The http channel to Invantive
//! Cloud uses it too: what is presented at most once goes out in one way only.

mod line;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use url::Url;
use zeroize::Zeroizing;

use line::{Line, Lines, NotHeard, Origin};

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest body that is read. A token answer has a few kilobytes.
const LONGEST_BODY: usize = 64 * 1024;

/// A request, with an absolute address.
pub type Request = http::Request<Vec<u8>>;

/// An HTTP client that sends each request at most once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient {
    lines: Lines,
    ahead: Arc<Mutex<Option<Line>>>,
    allow_http: bool,
}

/// The client cannot be set up: no request will be sent.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct HttpClientError(&'static str);

impl HttpClient {
    /// A client for `https`. `allow_http`: also without TLS, for stand-ins on the same machine.
    ///
    /// Redirects are answers like others, since following one would present a code or token a second time, perhaps
    /// elsewhere. HTTP/1.1 only, so that there is no second stream or refused one to think of.
    ///
    /// # Errors
    /// [`HttpClientError`] when the machine's root certificates cannot be used.
    pub fn new(allow_http: bool) -> Result<Self, HttpClientError> {
        Ok(Self {
            lines: Lines::new(allow_http)?,
            ahead: Arc::default(),
            allow_http,
        })
    }

    /// Whether a request to `address` would be sent at all.
    #[must_use]
    pub fn allows(&self, address: &Url) -> bool {
        address.has_host() && (address.scheme() == "https" || (self.allow_http && address.scheme() == "http"))
    }

    /// Opens a connection for the next requests to the host of `address`, while there is something else to wait for.
    /// Nothing is sent over it. Each invocation opens its own: one that is left over from an earlier one is closed, since
    /// idle connections die while a function is frozen. Where it cannot be opened, the request will say so.
    pub async fn open_ahead(&self, address: &Url) {
        // Held until it is open: the request waits for it.
        let mut ahead = self.ahead.lock().await;
        *ahead = None;
        if let Some(origin) = Origin::of(address.as_str()).filter(|_| self.allows(address)) {
            *ahead = self.lines.open(origin, Instant::now() + CONNECT_LIMIT).await.ok();
        }
    }

    /// Sends `request` once and reads the answer, all within `limit`. An answer that breaks off is an answer too: what
    /// came of it may hold a refresh token.
    ///
    /// # Errors
    /// [`NetworkFailure`] when no answer began.
    pub async fn send(&self, request: Request, limit: Duration) -> Result<Answer, NetworkFailure> {
        let deadline = Instant::now() + limit;
        let address = request.uri().to_string();
        let origin = Origin::of(&address).ok_or(NetworkFailure::Unusable)?;
        if origin.scheme == "http" && !self.allow_http {
            return Err(NetworkFailure::Unusable);
        }
        let mut request = line::in_origin_form(request, &origin).ok_or(NetworkFailure::Unusable)?;
        if let Some(mut line) = self.take_ahead(&origin, deadline).await {
            match timed(deadline, line.send(request)).await? {
                Ok(response) => {
                    let answer = Answer::read(response, deadline).await;
                    // The next question of this invocation goes over it too.
                    if answer.cut.is_none() {
                        *self.ahead.lock().await = Some(line.again());
                    }
                    return Ok(answer);
                }
                // It had been closed meanwhile.
                Err(NotHeard::Unsent(unsent)) => request = *unsent,
                Err(NotHeard::Broken(reason)) => return Err(NetworkFailure::Broken(reason)),
            }
        }
        let mut line = self
            .lines
            .open(origin, deadline.min(Instant::now() + CONNECT_LIMIT))
            .await
            .map_err(NetworkFailure::NotConnected)?;
        match timed(deadline, line.send(request)).await? {
            Ok(response) => Ok(Answer::read(response, deadline).await),
            Err(NotHeard::Unsent(_)) => Err(NetworkFailure::NotConnected("it was closed at once".into())),
            Err(NotHeard::Broken(reason)) => Err(NetworkFailure::Broken(reason)),
        }
    }

    /// The connection that was opened ahead, once it is open.
    async fn take_ahead(&self, origin: &Origin, deadline: Instant) -> Option<Line> {
        let mut ahead = timeout_at(deadline, self.ahead.lock()).await.ok()?;
        ahead.take_if(|line| line.leads_to(origin))
    }
}

async fn timed<T>(deadline: Instant, future: impl Future<Output = T>) -> Result<T, NetworkFailure> {
    timeout_at(deadline, future).await.map_err(|_| NetworkFailure::TimedOut)
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
    async fn read(response: http::Response<Incoming>, deadline: Instant) -> Self {
        let (parts, mut body) = response.into_parts();
        let mut answer = Self {
            status: parts.status,
            headers: parts.headers,
            // At once as large as it can get: growing would leave copies of tokens behind.
            body: Zeroizing::new(Vec::with_capacity(LONGEST_BODY)),
            cut: None,
        };
        loop {
            match timed(deadline, body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if !frame.data_ref().is_none_or(|chunk| answer.takes(chunk)) {
                        return answer.cut_by(NetworkFailure::TooLong);
                    }
                }
                Ok(None) => return answer,
                Ok(Some(Err(error))) => return answer.cut_by(NetworkFailure::Broken(line::how_it_broke(&error))),
                Err(late) => return answer.cut_by(late),
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
}
