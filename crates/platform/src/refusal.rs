//! What the token endpoint's refusals mean.
//!
//! Statuses drift (the same refusal was seen as 400 and as 401), so the text counts first. Nothing of an answer is
//! taken over into a message but error codes from a known list and a header that can hold no token.

use std::fmt;

use serde_json::Value;

/// What was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// An authorisation code.
    Code,
    /// A refresh token.
    Refresh,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefusal {
    /// Refreshed before its time: the pair is unharmed.
    TooEarly,
    /// The refresh token was used before: the chain is lost, unless a newer pair is in store.
    UsedRefreshToken,
    /// The refresh token is too old.
    Expired,
    /// Several consents of one user cut the chain.
    ChainBroken,
    /// Client id or secret is wrong, or not known on this country's host. A pair is **not** dead by it.
    BadClient,
    /// The code was used before, or the redirect URI or the PKCE verifier does not fit.
    CodeUsedOrMismatch,
    /// The code is too old, or was mangled on its way.
    CodeStale,
    /// The gateway in front of the platform failed.
    GatewayFault,
    /// The platform failed, or says nothing: the same token has worked on a later try.
    Transient(Transience),
    /// The platform is elsewhere, where the request would have to be made anew: here it did nothing.
    Moved,
    /// The platform points elsewhere, perhaps from a failure on the way to a page about it.
    Redirected,
    /// It says yes, and has no refresh token.
    NoToken,
    /// None of these.
    Unknown,
}

/// What kind of passing failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transience {
    /// Nothing in it.
    Empty,
    /// A page for people.
    Page,
    /// A status of 500 or more.
    ServerError,
    /// Too many calls.
    RateLimited,
}

/// A refusal, in a form that can be shown. Never carries the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it means.
    pub meaning: TokenRefusal,
    /// The HTTP status.
    pub status: u16,
    /// The error code, if it is one of RFC 6749.
    pub error: Option<&'static str>,
    /// The header `Reason`, if it is plain words.
    pub reason: Option<String>,
}

/// RFC 6749, 4.1.2.1 and 5.2.
const ERROR_CODES: [&str; 9] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "access_denied",
    "server_error",
    "temporarily_unavailable",
];

/// Texts that tell a refusal whatever its status; lower case, the first that fits counts.
const TEXTS: [(&str, TokenRefusal); 14] = [
    // Says yes, whatever else stands there: the other words could be part of a token.
    ("\"access_token\"", TokenRefusal::NoToken),
    ("access_token not expired", TokenRefusal::TooEarly),
    ("tooearlytorefresh", TokenRefusal::TooEarly),
    ("old refresh token used", TokenRefusal::UsedRefreshToken),
    ("refresh token expired", TokenRefusal::Expired),
    ("chainid", TokenRefusal::ChainBroken),
    ("signed data extraction has failed", TokenRefusal::CodeStale),
    ("invalid_client", TokenRefusal::BadClient),
    ("unauthorized_client", TokenRefusal::BadClient),
    ("client with identifier", TokenRefusal::BadClient),
    ("\"faultstring\"", TokenRefusal::GatewayFault),
    ("\"fault\"", TokenRefusal::GatewayFault),
    ("rate limit exceeded", TokenRefusal::Transient(Transience::RateLimited)),
    (
        "temporarily_unavailable",
        TokenRefusal::Transient(Transience::ServerError),
    ),
];

/// How much of a body is looked at.
const LOOKED_AT: usize = 8 * 1024;

impl Refused {
    /// Reads an answer that brought no pair. `header`: the value of `Reason`.
    #[must_use]
    pub fn read(grant: Grant, status: u16, header: Option<&str>, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body.get(..LOOKED_AT).unwrap_or(body));
        Self {
            meaning: meaning(grant, status, header.unwrap_or_default(), body.trim()),
            status,
            error: error_code(&body),
            reason: header.and_then(plain_words),
        }
    }
}

fn meaning(grant: Grant, status: u16, header: &str, body: &str) -> TokenRefusal {
    let text = format!("{header}\n{body}").to_ascii_lowercase();
    let told = TEXTS
        .into_iter()
        .find(|(part, _)| text.contains(part))
        .map(|(_, meaning)| meaning);
    told.unwrap_or_else(|| by_form(grant, status, body))
}

/// The text says nothing that is known: status and form are left.
fn by_form(grant: Grant, status: u16, body: &str) -> TokenRefusal {
    let bad_request = body.eq_ignore_ascii_case("bad request") || body.eq_ignore_ascii_case("\"bad request\"");
    match (status, grant) {
        (200..=299, _) => TokenRefusal::NoToken,
        (301 | 307 | 308, _) => TokenRefusal::Moved,
        (300..=399, _) => TokenRefusal::Redirected,
        (429, _) => TokenRefusal::Transient(Transience::RateLimited),
        (500..=599, _) => TokenRefusal::Transient(Transience::ServerError),
        _ if body.is_empty() => TokenRefusal::Transient(Transience::Empty),
        _ if body.starts_with('<') => TokenRefusal::Transient(Transience::Page),
        (_, Grant::Code) if bad_request || body.contains("invalid_grant") => TokenRefusal::CodeUsedOrMismatch,
        // The bare answer of a bad night: the same token has worked in the morning.
        (_, Grant::Refresh) if bad_request => TokenRefusal::Transient(Transience::Empty),
        // A bad secret was answered so, without a text that is known.
        (401, _) if !body.starts_with('{') => TokenRefusal::BadClient,
        _ => TokenRefusal::Unknown,
    }
}

fn error_code(body: &str) -> Option<&'static str> {
    let json: Value = serde_json::from_str(body).ok()?;
    let told = json.get("error")?.as_str()?;
    ERROR_CODES.into_iter().find(|known| *known == told)
}

/// A header's value if it is words of letters and little else, and short: no token and no code is.
fn plain_words(header: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphabetic() || matches!(c, ' ' | '.' | ',' | ':' | '-' | '_');
    let longest_word = header
        .split([' ', ',', '.', ':', '-'])
        .map(str::len)
        .max()
        .unwrap_or_default();
    let shown = header.len() <= 120 && longest_word <= 40 && !header.trim().is_empty() && header.chars().all(plain);
    shown.then(|| header.trim().to_owned())
}

impl TokenRefusal {
    /// Whether the platform may have exchanged what was presented all the same: it does not say that it did not.
    #[must_use]
    pub fn is_unclear(self) -> bool {
        match self {
            Self::GatewayFault | Self::Redirected | Self::NoToken | Self::Unknown => true,
            Self::Transient(transience) => transience != Transience::RateLimited,
            Self::TooEarly
            | Self::UsedRefreshToken
            | Self::Expired
            | Self::ChainBroken
            | Self::BadClient
            | Self::CodeUsedOrMismatch
            | Self::CodeStale
            | Self::Moved => false,
        }
    }

    /// What it means, in a line.
    #[must_use]
    pub fn explained(self) -> &'static str {
        match self {
            Self::TooEarly => "refreshed too early",
            Self::UsedRefreshToken => "the refresh token was used before",
            Self::Expired => "the refresh token is too old",
            Self::ChainBroken => "another consent of the same user cut the chain",
            Self::BadClient => {
                "the platform does not accept the application: check its client id, client secret and country host"
            }
            Self::CodeUsedOrMismatch => {
                "the code was used before, or the redirect URI differs from the registered one: check the redirect URI"
            }
            Self::CodeStale => "what was presented is too old or was mangled",
            Self::GatewayFault | Self::Transient(Transience::ServerError) => "the platform failed",
            Self::Transient(Transience::Empty) => "the platform says nothing",
            Self::Transient(Transience::Page) => "the platform answered with a page for people",
            Self::Transient(Transience::RateLimited) => "too many calls",
            Self::Moved | Self::Redirected => {
                "the platform points elsewhere, which is not followed: check the application's host"
            }
            Self::NoToken => "the answer holds no refresh token",
            Self::Unknown => "a refusal that is not known",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(error) = self.error {
            write!(f, " {error}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        write!(f, ": {}", self.meaning.explained())
    }
}
