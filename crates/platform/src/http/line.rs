//! A connection that is used for a request or two.

use std::{error::Error, io, sync::Arc, time::Duration};

use http::{
    Uri,
    header::{HOST, HeaderValue, USER_AGENT},
};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

use super::{HttpClientError, Request};

/// A request as it goes out.
type Outgoing = http::Request<Full<Bytes>>;

/// Where a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub scheme: String,
    host: String,
    port: u16,
}

impl Origin {
    pub fn of(address: &str) -> Option<Self> {
        let address: Uri = address.parse().ok()?;
        let scheme = address.scheme_str()?;
        let usual = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        Some(Self {
            scheme: scheme.to_owned(),
            host: address.host()?.to_owned(),
            port: address.port_u16().unwrap_or(usual),
        })
    }

    /// As an address of IPv6 stands in a socket's and a certificate's name.
    fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

const TIMED_OUT: &str = "timed out";

/// Opens connections.
#[derive(Clone)]
pub(super) struct Lines(TlsConnector);

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    /// With the machine's root certificates.
    pub fn new(allow_http: bool) -> Result<Self, HttpClientError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() && !allow_http {
            return Err(HttpClientError("the machine has no root certificates"));
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| HttpClientError("there is no TLS"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Opens one. Not a byte of a request is written; why it failed can hold nothing secret.
    pub async fn open(&self, origin: Origin, deadline: Instant) -> Result<Line, String> {
        timeout_at(deadline, self.open_any(origin, deadline))
            .await
            .map_err(|_| TIMED_OUT.to_owned())?
    }

    async fn open_any(&self, origin: Origin, deadline: Instant) -> Result<Line, String> {
        let socket = reach(&origin, deadline).await?;
        // One small request: nothing to wait for before it goes.
        socket.set_nodelay(true).map_err(|error| plain(&error))?;
        if origin.scheme == "http" {
            return Line::over(origin, socket).await;
        }
        let name = ServerName::try_from(origin.bare_host().to_owned()).map_err(|error| plain(&error))?;
        let socket = self.0.connect(name, socket).await.map_err(|error| plain(&error))?;
        Line::over(origin, socket).await
    }
}

/// The first address that answers. Each gets its share of the time: one that swallows everything leaves some to the others.
async fn reach(origin: &Origin, deadline: Instant) -> Result<TcpStream, String> {
    let found = lookup_host((origin.bare_host(), origin.port)).await;
    let addresses: Vec<_> = found.map_err(|error| plain(&error))?.collect();
    let mut failure = "it has no address".to_owned();
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        failure = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => plain(&error),
            Err(_) => TIMED_OUT.to_owned(),
        };
    }
    Err(failure)
}

fn plain(error: &dyn Error) -> String {
    let text = error.to_string();
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}

/// How long an open connection may have been idle: whoever is on the other side closes it sooner or later, and a request
/// that meets that moment is lost.
const IDLE_LIMIT: Duration = Duration::from_secs(5);

/// An open connection.
#[derive(Debug)]
pub(super) struct Line {
    origin: Origin,
    used_at: Instant,
    sender: SendRequest<Full<Bytes>>,
}

/// Why no answer began.
pub(super) enum NotHeard {
    /// Not a byte of it was written.
    Unsent(Box<Outgoing>),
    /// Some of it may have been.
    Broken(String),
}

impl Line {
    async fn over(
        origin: Origin,
        socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, String> {
        let (sender, connection) = handshake(TokioIo::new(socket)).await.map_err(|error| plain(&error))?;
        // Ends when the sender and the answer's body are gone.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self {
            origin,
            used_at: Instant::now(),
            sender,
        })
    }

    pub fn leads_to(&self, origin: &Origin) -> bool {
        self.origin == *origin && !self.sender.is_closed() && self.used_at.elapsed() < IDLE_LIMIT
    }

    /// After an answer that was read to its end.
    pub fn again(self) -> Self {
        Self {
            used_at: Instant::now(),
            ..self
        }
    }

    pub async fn send(&mut self, request: Outgoing) -> Result<http::Response<Incoming>, NotHeard> {
        self.sender.try_send_request(request).await.map_err(|mut failed| {
            failed.take_message().map_or_else(
                || NotHeard::Broken(how_it_broke(failed.error())),
                |unsent| NotHeard::Unsent(Box::new(unsent)),
            )
        })
    }
}

/// `request` as it stands on the line: its path and query, and the host in a header.
pub(super) fn in_origin_form(request: Request, origin: &Origin) -> Option<Outgoing> {
    let (mut parts, body) = request.into_parts();
    let host = parts.uri.authority()?.host();
    let port = parts.uri.port_u16();
    let host = port.map_or_else(|| origin.host.clone(), |port| format!("{host}:{port}"));
    parts.headers.insert(HOST, HeaderValue::from_str(&host).ok()?);
    let agent = concat!("Handover/", env!("CARGO_PKG_VERSION"));
    parts
        .headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(agent));
    let path = parts.uri.path_and_query()?.clone();
    parts.uri = Uri::from(path);
    Some(http::Request::from_parts(parts, Full::new(Bytes::from(body))))
}

/// The kind of it only: the rest could hold what was sent or received.
pub(super) fn how_it_broke(error: &hyper::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
        .map_or_else(|| "it was closed".into(), |cause| cause.kind().to_string())
}
