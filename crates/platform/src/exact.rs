//! Exact Online as the core's port.

use std::time::Duration;

use handover_core::{
    application::ApplicationSecret,
    connection::Identity,
    ports::{ExchangeError, MeError, Platform, Received, RefreshError},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, RefreshToken},
};

use url::Url;

use crate::{HttpClient, exchange, me, refresh};

/// Exact Online. Where it is, each application says.
#[derive(Debug, Clone)]
pub struct ExactOnline {
    http: HttpClient,
}

impl ExactOnline {
    /// Exact Online, spoken to through `http`.
    #[must_use]
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }
}

impl Platform for ExactOnline {
    async fn get_ready(&self, host: &Url) {
        self.http.open_ahead(host).await;
    }

    async fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> Result<Received, ExchangeError> {
        exchange::exchange(&self.http, application, code, verifier, limit).await
    }

    /// An answer with an access token and without a refresh token is [unclear](handover_core::ports::RefreshRefusal):
    /// RFC 6749 (6) lets a server keep the old refresh token and send none, but Exact Online always sends a new one, so
    /// it is the answer that has lost it.
    async fn refresh(
        &self,
        application: &ApplicationSecret,
        refresh_token: &RefreshToken,
        limit: Duration,
    ) -> Result<Received, RefreshError> {
        refresh::refresh(&self.http, application, refresh_token, limit).await
    }

    async fn me(
        &self,
        application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> Result<Identity, MeError> {
        me::me(&self.http, application, access_token, limit).await
    }
}
