//! A platform that answers what it is told to.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use handover_core::{
    application::ApplicationSecret,
    connection::Identity,
    ports::{ExchangeError, MeError, Platform, Received, RefreshError},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, RefreshToken},
};

use crate::lock;

/// Answers from a list; with the list at its end, the last kind of answer a healthy platform gives.
#[derive(Debug, Default)]
pub struct ScriptedPlatform {
    /// What the next exchanges bring.
    pub exchanges: Mutex<VecDeque<Result<Received, ExchangeError>>>,
    /// What the next refreshes bring.
    pub refreshes: Mutex<VecDeque<Result<Received, RefreshError>>>,
    /// What the next questions for the identity bring.
    pub identities: Mutex<VecDeque<Result<Identity, MeError>>>,
    /// The codes that arrived.
    pub codes: Mutex<Vec<String>>,
    /// The refresh tokens that arrived.
    pub refreshed: Mutex<Vec<String>>,
    /// How often it was asked who consented.
    pub asked: Mutex<u32>,
}

/// A pair that names its number.
#[must_use]
pub fn received(number: usize) -> Received {
    Received {
        access_token: AccessToken::new(format!("stampNL001.access-{number}")),
        refresh_token: RefreshToken::new(format!("stampNL001.refresh-{number}")),
        expires_in: Some(600),
    }
}

impl ScriptedPlatform {
    /// Notes what arrived; the number of the call, over codes and refresh tokens.
    fn note(&self, note: impl FnOnce(&mut Vec<String>, &mut Vec<String>)) -> usize {
        let (mut codes, mut refreshed) = (lock(&self.codes), lock(&self.refreshed));
        note(&mut codes, &mut refreshed);
        codes.len() + refreshed.len()
    }
}

impl Platform for ScriptedPlatform {
    async fn exchange(
        &self,
        _application: &ApplicationSecret,
        code: &AuthorizationCode,
        _verifier: &PkceVerifier,
        _limit: Duration,
    ) -> Result<Received, ExchangeError> {
        let number = self.note(|codes, _| codes.push(code.expose().to_owned()));
        lock(&self.exchanges)
            .pop_front()
            .unwrap_or_else(|| Ok(received(number)))
    }

    async fn refresh(
        &self,
        _application: &ApplicationSecret,
        refresh_token: &RefreshToken,
        _limit: Duration,
    ) -> Result<Received, RefreshError> {
        let number = self.note(|_, refreshed| refreshed.push(refresh_token.expose().to_owned()));
        lock(&self.refreshes)
            .pop_front()
            .unwrap_or_else(|| Ok(received(number)))
    }

    async fn me(
        &self,
        _application: &ApplicationSecret,
        _access_token: &AccessToken,
        _limit: Duration,
    ) -> Result<Identity, MeError> {
        *lock(&self.asked) += 1;
        lock(&self.identities).pop_front().unwrap_or_else(|| {
            Ok(Identity {
                user: "0a1b2c3d-0000-4000-8000-000000000001".into(),
                name: "A. Customer".into(),
            })
        })
    }
}
