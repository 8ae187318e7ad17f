//! Exact Online, as our processes reach it.

use std::time::Duration;

use handover_core::{
    application::ApplicationSecret,
    browser::challenge_of,
    connection::{EffectKind, Identity, Problem},
    ids::AuthorisationId,
    ports::{ExchangeError, MeError, Platform, Received, RefreshError, RefreshRefusal, Store},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, RefreshToken},
};

use super::{Port, ready};
use crate::{
    breaks::Break,
    call::Call,
    exact::{Answer, Presenter, Refusal},
    house,
    witness::{self, Kept},
    world::World,
};

/// Exact Online, over a way out.
#[derive(Debug, Clone)]
pub struct SimulatedPlatform(pub Port);

fn received(answer: &Answer) -> Received {
    Received {
        access_token: AccessToken::new(answer.access.as_str()),
        refresh_token: RefreshToken::new(answer.refresh.as_str()),
        expires_in: Some(600),
    }
}

fn exchange_error(refusal: Refusal) -> ExchangeError {
    ExchangeError {
        problem: match refusal {
            Refusal::BadClient => Problem::Configuration,
            _ => Problem::ConsentFailed,
        },
        reason: format!("the platform refused the code: {refusal:?}"),
        unclear: false,
    }
}

impl SimulatedPlatform {
    fn exchanged(
        &self,
        world: &mut World,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        lost: bool,
    ) -> Result<Received, ExchangeError> {
        let now = world.now;
        let exchanged = world.exact.exchange(code.expose(), &challenge_of(verifier), now);
        let answer = exchanged.map_err(exchange_error)?;
        let authorisation = world.witness.trips.get(code.expose()).cloned();
        Ok(self.told(world, &answer, authorisation, lost))
    }

    /// The answer, on its way to a process.
    fn told(&self, world: &mut World, answer: &Answer, authorisation: Option<AuthorisationId>, lost: bool) -> Received {
        if !lost {
            world.witness.received.push(witness::Received {
                token: answer.token,
                authorisation,
                process: self.0.process,
                kept: Kept::InHand,
                at_hand: false,
                tried: false,
            });
        }
        let half = !world.plan.is_calm(world.now) && world.chance.in_thousand(15);
        if half { halved(answer) } else { received(answer) }
    }

    /// The answer has come.
    fn at_hand<E>(&self, told: Result<Received, E>) -> Result<Received, E> {
        if let Ok(received) = &told {
            let mut world = self.0.hub.world();
            if let Some(token) = world.exact.token_of(received.refresh_token.expose()) {
                world.witness.at_hand(token);
            }
        }
        told
    }

    fn refreshed(&self, world: &mut World, token: &RefreshToken, lost: bool) -> Result<Received, RefreshError> {
        let now = world.now;
        self.must_be_presentable(world, token);
        let exchanged = world.exact.refresh(token.expose(), Presenter::Us, now);
        let answer = exchanged.map_err(|refusal| {
            // Refused before it was looked at, or too early: it does not count as presented.
            if matches!(refusal, Refusal::BadClient | Refusal::TooEarly) {
                world.exact.not_presented(token.expose());
            }
            refresh_error(refusal)
        })?;
        let home = world
            .exact
            .token_of(token.expose())
            .and_then(|id| world.witness.homes.get(&id));
        let authorisation = home.map(|(_, key)| key.authorisation.clone());
        Ok(self.told(world, &answer, authorisation, lost))
    }

    /// A token goes out with its intent written, once, and once more only where the intent says that it recovers.
    fn must_be_presentable(&self, world: &mut World, token: &RefreshToken) {
        let Some((id, times)) = world.exact.presented(token.expose()) else {
            return;
        };
        if world.invantive.was_given(id) {
            world.violated(
                "none_spent_after_hand_over",
                format!("token {id} is presented, and was handed over"),
            );
        }
        let home = world.witness.homes.get(&id).cloned();
        let effect = home.as_ref().and_then(|(connection, _)| {
            let stored = ready(self.0.hub.store.connection(*connection)).ok().flatten();
            stored.and_then(|connection| connection.effect)
        });
        let intent = effect.and_then(|effect| match (effect.kind, &home) {
            (EffectKind::Rotation { from, recovers, .. }, Some((_, key))) if from == *key => Some(recovers.is_some()),
            _ => None,
        });
        match intent {
            None => world.violated(
                "intent_comes_first",
                format!("token {id} is presented without an intent"),
            ),
            Some(recovers) if times > 1 + u32::from(recovers) => {
                world.violated(
                    "no_token_presented_twice",
                    format!("token {id} is presented {times} times"),
                );
            }
            Some(_) => {}
        }
    }
}

/// A platform's answer of which only the refresh token could be salvaged.
fn halved(answer: &Answer) -> Received {
    Received {
        access_token: AccessToken::new(""),
        refresh_token: RefreshToken::new(answer.refresh.as_str()),
        expires_in: Some(0),
    }
}

fn refresh_error(refusal: Refusal) -> RefreshError {
    let (says, problem) = match refusal {
        Refusal::BadClient => (RefreshRefusal::Unharmed, Problem::Configuration),
        Refusal::TooEarly => (RefreshRefusal::Unharmed, Problem::PlatformUnavailable),
        Refusal::Used | Refusal::BadCode => (RefreshRefusal::Used, Problem::PlatformUnavailable),
        Refusal::Expired => (RefreshRefusal::Expired, Problem::PlatformUnavailable),
        Refusal::ChainBroken => (RefreshRefusal::ChainBroken, Problem::PlatformUnavailable),
    };
    RefreshError {
        refusal: says,
        problem,
        reason: format!("the platform refused the token: {refusal:?}"),
    }
}

impl Platform for SimulatedPlatform {
    async fn refresh(
        &self,
        _application: &ApplicationSecret,
        refresh_token: &RefreshToken,
        limit: Duration,
    ) -> Result<Received, RefreshError> {
        let told = self
            .0
            .call(
                Call::irreversible("platform.refresh"),
                limit,
                |world, lost| self.refreshed(world, refresh_token, lost),
                |world, arrived| {
                    let retried = world.broken == Some(Break::LostRotationRetried);
                    let refusal = if retried {
                        RefreshRefusal::Unharmed
                    } else if arrived || world.chance.in_thousand(500) {
                        RefreshRefusal::Unclear
                    } else {
                        RefreshRefusal::Unharmed
                    };
                    let told = world.broken == Some(Break::TokenTold);
                    let token = if told { refresh_token.expose() } else { "" };
                    Err(RefreshError {
                        refusal,
                        problem: Problem::PlatformUnavailable,
                        reason: format!("the platform did not answer {token}"),
                    })
                },
            )
            .await;
        self.at_hand(told)
    }

    async fn exchange(
        &self,
        _application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> Result<Received, ExchangeError> {
        let call = Call::irreversible("platform.exchange");
        let told = self
            .0
            .call(
                call,
                limit,
                |world, lost| {
                    code_sent(world, code);
                    self.exchanged(world, code, verifier, lost)
                },
                |world, arrived| {
                    // Whether a byte was written is not always known; where it arrived it is never denied.
                    let unclear = arrived || world.chance.in_thousand(500);
                    Err(ExchangeError {
                        problem: Problem::ConsentFailed,
                        reason: "the platform did not answer".into(),
                        unclear,
                    })
                },
            )
            .await;
        self.at_hand(told)
    }

    async fn me(
        &self,
        _application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> Result<Identity, MeError> {
        self.0
            .call(
                Call::read("platform.me"),
                limit,
                |world, _| {
                    let told = world.exact.me(access_token.expose(), world.now);
                    told.map(house::identity).ok_or_else(|| MeError {
                        reason: "the platform did not tell".into(),
                    })
                },
                |_, _| {
                    Err(MeError {
                        reason: "the platform did not answer".into(),
                    })
                },
            )
            .await
    }
}

fn code_sent(world: &mut World, code: &AuthorizationCode) {
    let times = world.witness.codes.entry(code.expose().to_owned()).or_default();
    *times += 1;
    if *times > 1 {
        world.violated("code_exchanged_once", "a code was sent to the platform twice".into());
    }
}
