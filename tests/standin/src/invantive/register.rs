//! What happens when a registration is submitted.

use jiff::Timestamp;

use crate::{
    books::{Channel, Database, Peer},
    exact::{error::Refusal, grants::TokenRequest},
    faults::{At, FaultKind},
    invantive::{
        Held,
        registration::{Registration, Verdict, given},
    },
    world::World,
};

/// What Invantive Cloud holds once it knows whom it acts for.
struct Acting {
    user: String,
    refresh_token: String,
    spent: u32,
}

/// A refusal on the way to that, and whether the code or refresh token was spent.
struct Stopped {
    verdict: Verdict,
    spent: bool,
}

impl World {
    /// Takes a submission, with all that follows from it in the books.
    pub fn register(
        &mut self,
        registration: &Registration,
        channel: Channel,
        key: Option<&str>,
        idempotency_key: Option<&str>,
        now: Timestamp,
    ) -> Verdict {
        let (verdict, spent) = self.take_in(registration, channel, key, idempotency_key, now);
        let mut submission = registration.note(channel, idempotency_key, now);
        submission.status = Some(verdict.status());
        submission.outcome = verdict.outcome().to_owned();
        submission.segment = verdict.segment().map(str::to_owned);
        submission.spent = spent;
        self.invantive.submissions.push(submission);
        verdict
    }

    /// Takes note of a submission that met a fault before it had any effect.
    pub fn register_unheard(
        &mut self,
        registration: &Registration,
        channel: Channel,
        idempotency_key: Option<&str>,
        now: Timestamp,
        fault: FaultKind,
    ) {
        let mut submission = registration.note(channel, idempotency_key, now);
        submission.fault = Some(fault);
        self.invantive.submissions.push(submission);
    }

    fn take_in(
        &mut self,
        registration: &Registration,
        channel: Channel,
        key: Option<&str>,
        idempotency_key: Option<&str>,
        now: Timestamp,
    ) -> (Verdict, bool) {
        // A person who fills in the form has logged in; the interface has a key instead.
        if channel == Channel::Http && key != Some(self.invantive.settings.api_key.as_str()) {
            return (Verdict::WrongKey, false);
        }
        if self.invantive.settings.busy {
            return (Verdict::Busy, false);
        }
        if let Some(known) = idempotency_key.and_then(|key| self.invantive.find(Some(key), None)) {
            return (
                Verdict::Exists {
                    segment: known.segment.clone(),
                },
                false,
            );
        }
        if let Some(field) = registration.missing() {
            return (Verdict::Invalid { field }, false);
        }
        if self.invantive.segment_is_taken(&registration.database) {
            return (Verdict::Invalid { field: "database" }, false);
        }
        match self.act(registration, now) {
            Ok(acting) => self.create(registration, idempotency_key, acting, now),
            Err(stopped) => (stopped.verdict, stopped.spent),
        }
    }

    /// Finds out whom the credentials act for: by the access token while it lives, else by an exchange at once.
    fn act(&mut self, registration: &Registration, now: Timestamp) -> Result<Acting, Stopped> {
        if registration.authorization_code.is_empty() && !self.exchanges_first(registration, now) {
            let me = self.exact.me(&registration.access_token, Peer::Invantive, now);
            // Another app's access token says nothing of this one.
            if let Ok(me) = me
                && me.client_id == registration.client_id
            {
                let refresh_token = registration.refresh_token.clone();
                return Ok(Acting {
                    user: me.name,
                    refresh_token,
                    spent: 0,
                });
            }
        }
        self.exchange_and_ask(registration, now)
    }

    fn exchanges_first(&self, registration: &Registration, now: Timestamp) -> bool {
        let earliest = self.exact.earliest_refresh(&registration.refresh_token);
        self.invantive.settings.exchange_first && earliest.is_some_and(|earliest| earliest <= now)
    }

    fn exchange_and_ask(&mut self, registration: &Registration, now: Timestamp) -> Result<Acting, Stopped> {
        let request = registration.token_request();
        if let Some(fault) = self.faults.take(&[At::InvantiveExchange], now) {
            return Err(self.exchange_in_vain(&request, fault.has_effect(), fault.fault, now));
        }
        let pair = self
            .exact
            .token(&request, Peer::Invantive, now, &mut self.random)
            .map_err(|refusal| Stopped {
                verdict: refused_by_exact(&refusal),
                spent: false,
            })?;
        let me = self
            .exact
            .me(&pair.access_token, Peer::Invantive, now)
            .map_err(|_| Stopped {
                verdict: Verdict::Refused {
                    code: "itgenoda219",
                    message: "Exact Online did not say who logged on.".to_owned(),
                },
                spent: true,
            })?;
        Ok(Acting {
            user: me.name,
            refresh_token: pair.refresh_token,
            spent: 1,
        })
    }

    /// The exchange has its effect or not, and no answer comes.
    fn exchange_in_vain(&mut self, request: &TokenRequest, effect: bool, fault: FaultKind, now: Timestamp) -> Stopped {
        let spent = if effect {
            let answer = self.exact.token(request, Peer::Invantive, now, &mut self.random);
            self.exact.mark_exchange(fault);
            answer.is_ok()
        } else {
            self.exact.token_unheard(request, Peer::Invantive, now, fault);
            false
        };
        Stopped {
            verdict: Verdict::Refused {
                code: "itgenoda219",
                message: "Exact Online did not answer.".to_owned(),
            },
            spent,
        }
    }

    fn create(
        &mut self,
        registration: &Registration,
        idempotency_key: Option<&str>,
        acting: Acting,
        now: Timestamp,
    ) -> (Verdict, bool) {
        let spent = acting.spent > 0;
        if self.is_duplicate(&registration.client_id, &acting.user) {
            return (duplicate(), spent);
        }
        let segment = self.name(registration);
        let refresh_at = self.first_refresh(&acting, now);
        self.invantive.databases.push(Held {
            client_secret: registration.client_secret.clone(),
            redirect_url: registration.redirect_url.clone(),
            entry: Database {
                segment: segment.clone(),
                client_id: registration.client_id.clone(),
                user: acting.user,
                reference: given(&registration.reference),
                idempotency_key: idempotency_key.map(str::to_owned),
                created_at: now,
                refresh_token: acting.refresh_token,
                refresh_tokens_spent: acting.spent,
                refresh_at,
                broken: None,
            },
        });
        (Verdict::Created { segment }, spent)
    }

    /// At most one data container "in all databases in all organizations" per app and user (topic 2901).
    fn is_duplicate(&self, client_id: &str, user: &str) -> bool {
        self.invantive
            .databases
            .iter()
            .any(|held| held.entry.client_id == client_id && held.entry.user == user)
    }

    /// A pair whose refresh token is still unspent is exchanged as soon as Exact Online allows it.
    fn first_refresh(&self, acting: &Acting, now: Timestamp) -> Option<Timestamp> {
        if acting.spent > 0 || !self.invantive.settings.opens_databases {
            return None;
        }
        Some(
            self.exact
                .earliest_refresh(&acting.refresh_token)
                .unwrap_or(now)
                .max(now),
        )
    }

    fn name(&self, registration: &Registration) -> String {
        let counted = || (1..).map(|number: u64| format!("exact-online-{number}"));
        let free = || {
            counted()
                .find(|segment| !self.invantive.segment_is_taken(segment))
                .unwrap_or_default()
        };
        given(&registration.database).unwrap_or_else(free)
    }
}

impl Held {
    pub(super) fn token_request(&self) -> TokenRequest {
        TokenRequest {
            grant_type: "refresh_token".to_owned(),
            client_id: self.entry.client_id.clone(),
            client_secret: self.client_secret.clone(),
            redirect_uri: self.redirect_url.clone(),
            refresh_token: self.entry.refresh_token.clone(),
            ..TokenRequest::default()
        }
    }
}

/// What Exact Online refuses comes back under one code, with its words (topic 1223).
fn refused_by_exact(refusal: &Refusal) -> Verdict {
    Verdict::Refused {
        code: "itgenoda219",
        message: format!("Exact Online refused: {}", refusal.description()),
    }
}

fn duplicate() -> Verdict {
    Verdict::Refused {
        code: "itgenscr590",
        message:
            "There can be at most one data container in all databases in all organizations for the same app and user."
                .to_owned(),
    }
}
