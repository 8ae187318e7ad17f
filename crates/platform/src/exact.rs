//! Exact Online as the core's port.

use std::time::Duration;

use handover_core::{
    application::ApplicationSecret,
    connection::Identity,
    ports::{ExchangeError, MeError, Platform, Received},
    secret::{AccessToken, AuthorizationCode, PkceVerifier},
};

use crate::{HttpClient, exchange, me};

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
    async fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> Result<Received, ExchangeError> {
        exchange::exchange(&self.http, application, code, verifier, limit).await
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
