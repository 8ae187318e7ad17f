//! The platform where customers log on.

use std::time::Duration;

use url::Url;

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

/// What a refused refresh says of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshRefusal {
    /// The pair is surely unharmed: refreshed too early, the client is not accepted (configuration), too many calls, or
    /// nothing was sent. The token was not spent.
    Unharmed,
    /// "Old refresh token used": lost, unless a newer pair is in store.
    Used,
    /// Too old.
    Expired,
    /// Another consent of the same user cut the chain.
    ChainBroken,
    /// No answer, or none that says either: the token may have been spent.
    Unclear,
}

/// A refresh token that brought no pair. Never carries an answer's body.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct RefreshError {
    /// What it says of the pair.
    pub refusal: RefreshRefusal,
    /// [`Problem::Configuration`]: the application is wrong. [`Problem::PlatformUnavailable`]: everything else.
    pub problem: Problem,
    /// What was tried, what came back (status and class, never a body), what to do.
    pub reason: String,
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
    /// Gets ready for the exchange of a code at `host`, while there is something else to wait for. Sends nothing, and may
    /// come to nothing.
    fn get_ready(&self, host: &Url) -> impl Future<Output = ()> + Send {
        let _ = host;
        async {}
    }

    /// Exchanges a code for a pair. **Irreversible**, never repeated: one request, no redirect, no retry; cut after
    /// `limit`, which is not to be under 60 s where the platform is slow.
    fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> impl Future<Output = Result<Received, ExchangeError>> + Send;

    /// Exchanges a refresh token for the next pair. **Irreversible**, never repeated: one request, no redirect, no retry;
    /// cut after `limit`, which is not to be under 60 s where the platform is slow.
    ///
    /// From the call on, the token counts as spent until a [`RefreshError`] says otherwise: the intent is stored before,
    /// the answer sealed and stored before anything else looks at it. Who drops the future knows no more than
    /// [`RefreshRefusal::Unclear`].
    fn refresh(
        &self,
        application: &ApplicationSecret,
        refresh_token: &RefreshToken,
        limit: Duration,
    ) -> impl Future<Output = Result<Received, RefreshError>> + Send;

    /// Asks who consented. Harmless; may be repeated while the access token lives.
    fn me(
        &self,
        application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> impl Future<Output = Result<Identity, MeError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_stored_under_its_name() {
        for (refusal, name) in [
            (RefreshRefusal::Unharmed, "unharmed"),
            (RefreshRefusal::Used, "used"),
            (RefreshRefusal::Expired, "expired"),
            (RefreshRefusal::ChainBroken, "chain_broken"),
            (RefreshRefusal::Unclear, "unclear"),
        ] {
            assert_eq!(serde_json::to_value(refusal).unwrap(), name);
            assert_eq!(serde_json::from_value::<RefreshRefusal>(name.into()).unwrap(), refusal);
        }
    }
}
