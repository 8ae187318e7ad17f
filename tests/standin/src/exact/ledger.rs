//! The token endpoint's part of the books: every call, and how often each code and token was presented.

use jiff::Timestamp;

use crate::{
    books::{Exchange, ExchangeOutcome, Grant, Peer},
    exact::{Exact, chains::Pair, error::Refusal, grants::TokenRequest},
    faults::FaultKind,
    settings::App,
};

impl Exact {
    /// A call of the token endpoint that met a fault before it had any effect.
    pub fn token_unheard(&mut self, request: &TokenRequest, by: Peer, now: Timestamp, fault: FaultKind) {
        let owner = self.owner(request);
        self.count(request, &ExchangeOutcome::Unheard, by);
        self.record(request, owner, ExchangeOutcome::Unheard, by, now);
        self.mark_exchange(fault);
    }

    /// Notes the fault that spoiled the last answer.
    pub fn mark_exchange(&mut self, fault: FaultKind) {
        if let Some(last) = self.exchanges.last_mut() {
            last.fault = Some(fault);
        }
    }

    /// Whose code or token was presented, whether or not it is still any good.
    pub(super) fn owner(&self, request: &TokenRequest) -> Option<String> {
        match request.grant() {
            Grant::AuthorizationCode => self.codes.get(&request.code).map(|code| code.user.clone()),
            Grant::RefreshToken => self
                .refresh_tokens
                .get(&request.refresh_token)
                .map(|token| token.user.clone()),
            Grant::Other => None,
        }
    }

    pub(super) fn refused(
        &mut self,
        request: &TokenRequest,
        owner: Option<&str>,
        refusal: &Refusal,
        by: Peer,
        now: Timestamp,
    ) -> ExchangeOutcome {
        let status = match self.apps.get(&request.client_id) {
            Some(app) => refusal.answer(app).status,
            None => refusal.answer(&App::default()).status,
        };
        self.answer_error("token", by, (&request.client_id, owner), status, refusal.rule(), now);
        ExchangeOutcome::Refused {
            status,
            rule: refusal.rule().to_owned(),
        }
    }

    pub(super) fn count(&mut self, request: &TokenRequest, outcome: &ExchangeOutcome, by: Peer) {
        let presented = match request.grant() {
            Grant::AuthorizationCode => self.codes.get_mut(&request.code).map(|code| &mut code.presented),
            Grant::RefreshToken => self.refresh_tokens.get_mut(&request.refresh_token).map(|token| {
                token.presented_by.push(by);
                if matches!(outcome, ExchangeOutcome::Issued { .. }) {
                    token.exchanged_by.push(by);
                }
                &mut token.presented
            }),
            Grant::Other => None,
        };
        if let Some(presented) = presented {
            let counter = match outcome {
                ExchangeOutcome::Issued { .. } => &mut presented.accepted,
                ExchangeOutcome::Refused { .. } => &mut presented.refused,
                ExchangeOutcome::Unheard => &mut presented.unheard,
            };
            *counter = counter.saturating_add(1);
        }
    }

    pub(super) fn record(
        &mut self,
        request: &TokenRequest,
        user: Option<String>,
        outcome: ExchangeOutcome,
        by: Peer,
        at: Timestamp,
    ) {
        self.exchanges.push(Exchange {
            at,
            by,
            client_id: request.client_id.clone(),
            user,
            grant: request.grant(),
            presented: request.presented().to_owned(),
            outcome,
            fault: None,
        });
    }
}

pub(super) fn issued(pair: &Pair) -> ExchangeOutcome {
    ExchangeOutcome::Issued {
        chain: pair.chain,
        generation: pair.generation,
        access_token: pair.access_token.clone(),
        refresh_token: pair.refresh_token.clone(),
    }
}
