//! The platform where customers log on.

use std::time::Duration;

use crate::{
    application::ApplicationSecret,
    connection::{Identity, Problem},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, RefreshToken},
};

/// A token answer.
#[derive(Debug, Clone)]
pub struct Received {
    /// The access token.
    pub access_token: AccessToken,
    /// The refresh token.
    pub refresh_token: RefreshToken,
    /// The access token's life in seconds, if it was told.
    pub expires_in: Option<u32>,
}

/// A code that brought no pair. Never carries an answer's body.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct ExchangeError {
    /// [`Problem::Configuration`]: the application is wrong. [`Problem::ConsentFailed`]: everything else; whatever
    /// became of the code, only a new consent helps.
    pub problem: Problem,
    /// What was tried, what came back (status and class, never a body), what to do.
    pub reason: String,
    /// Whether the platform may have exchanged the code all the same: no answer, or none that says it did not. An
    /// older chain of the same user may then have ended.
    pub unclear: bool,
}

/// Who consented was not told. Never carries an answer's body.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct MeError {
    /// What was tried and what came back.
    pub reason: String,
}

/// The platform.
pub trait Platform: Send + Sync {
    /// Exchanges a code for a pair. **Irreversible**, never repeated: one request, no redirect, no retry; cut after
    /// `limit`, which is not to be under 60 s where the platform is slow.
    fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> impl Future<Output = Result<Received, ExchangeError>> + Send;

    /// Asks who consented. Harmless; may be repeated while the access token lives.
    fn me(
        &self,
        application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> impl Future<Output = Result<Identity, MeError>> + Send;
}
