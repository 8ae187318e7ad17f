//! A platform that can be slow, or bring its caller down.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use handover_core::{
    application::ApplicationSecret,
    connection::Identity,
    ports::{ExchangeError, MeError, Platform, Received, RefreshError},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, RefreshToken},
};

use super::{Fate, is};
use crate::{ScriptedPlatform, lock};

/// A platform that can be slow, in tokio's time, or bring its caller down.
#[derive(Debug, Default)]
pub struct FaultyPlatform {
    /// What it answers.
    pub inner: ScriptedPlatform,
    /// Its process's.
    pub fate: Arc<Fate>,
    /// How long an exchange takes.
    pub takes: Mutex<Duration>,
    /// How long a refresh takes.
    pub refresh_takes: Mutex<Duration>,
    /// How long the question for the identity takes.
    pub me_takes: Mutex<Duration>,
    /// An exchange panics.
    pub exchange_panics: AtomicBool,
    /// A refresh panics.
    pub refresh_panics: AtomicBool,
    /// The question for the identity panics.
    pub me_panics: AtomicBool,
    /// The limits that the exchanges were given.
    pub limits: Mutex<Vec<Duration>>,
    /// The limits that the refreshes were given.
    pub refresh_limits: Mutex<Vec<Duration>>,
}

impl FaultyPlatform {
    /// With this fate.
    #[must_use]
    pub fn new(fate: Arc<Fate>) -> Self {
        Self {
            fate,
            ..Self::default()
        }
    }
}

/// Time that is nothing needs no timer: some tests have none.
async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Platform for FaultyPlatform {
    async fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> Result<Received, ExchangeError> {
        let takes = *lock(&self.takes);
        lock(&self.limits).push(limit);
        self.fate.call().await;
        pass(takes).await;
        assert!(!is(&self.exchange_panics), "on purpose");
        self.inner.exchange(application, code, verifier, limit).await
    }

    /// Two calls of the process's life: it can die before the token is presented, or before the answer is heard.
    async fn refresh(
        &self,
        application: &ApplicationSecret,
        refresh_token: &RefreshToken,
        limit: Duration,
    ) -> Result<Received, RefreshError> {
        let takes = *lock(&self.refresh_takes);
        lock(&self.refresh_limits).push(limit);
        self.fate.call().await;
        pass(takes).await;
        assert!(!is(&self.refresh_panics), "on purpose");
        let refreshed = self.inner.refresh(application, refresh_token, limit).await;
        self.fate.call().await;
        refreshed
    }

    async fn me(
        &self,
        application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> Result<Identity, MeError> {
        let takes = *lock(&self.me_takes);
        self.fate.call().await;
        pass(takes).await;
        assert!(!is(&self.me_panics), "on purpose");
        self.inner.me(application, access_token, limit).await
    }
}
