//! `take`: an assisted registration in one person's hands.

mod refused;

use std::time::Duration;

use handover_core::{
    agenda::{Matter, Step, step},
    application::ApplicationSecret,
    apply::{Along, ApplyError},
    connection::{Attempter, Connection, PairKey, Problem, Status},
    decide::{self, Why},
    event::{Event, Outcome},
    ids::{ConnectionId, EffectId},
    plaintext::{self, OpenedPair},
    ports::{Clock, Place, Queue, Randomness, Received, Store, Vault},
    registration::{ChannelKind, later},
    secret::Plaintext,
};
use handover_invantive::assisted::Assignment;
use serde::Serialize;

use super::{
    Changed, House, assisted,
    questions::{Questions, Said},
};
use crate::{
    args::Take,
    console::Console,
    failure::Failure,
    output::{Answer, Page},
    terminal::{Form, Left, Screen, Sheet},
    view::ConnectionView,
};

/// How long a person has, at most. A session of the operators' role lasts as long.
pub(super) const LEASE: Duration = Duration::from_secs(3_600);
/// What time may have done before a person may act: warned, reminded, handed over.
const WAKE_UPS: usize = 8;
/// What comes so soon after now may be due by the time that something is written.
const CLOSE: Duration = Duration::from_secs(60);

/// How a take ended.
#[derive(Debug, Serialize)]
pub struct Taken {
    /// `registered`, `refused`, `put_back` or `open`.
    pub outcome: &'static str,
    /// What was done, in words.
    pub message: String,
    /// What to type once it is known how it ended; empty when it was said.
    pub to_say: Vec<String>,
    /// As it stands now.
    pub connection: ConnectionView,
    /// What did not work all the same.
    pub warnings: Vec<String>,
}

impl Answer for Taken {
    fn tell(&self, page: &mut Page) {
        page.line(&self.message);
        for command in &self.to_say {
            page.line(&format!("  {command}"));
        }
        super::tell_standing(&self.connection, page);
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    /// All that can fail comes before the claim, and the claim before anything is shown: what nobody saw cannot have
    /// been entered, and what somebody saw is written down as seen.
    pub(super) async fn take(&self, args: Take, console: &mut impl Console) -> Result<Taken, Failure> {
        let id = args
            .id
            .ok_or_else(|| Failure::Usage("say which connection: handover take conn_…".into()))?;
        self.must_be_https(&args.form, "--form")?;
        let handed = self.hand_over(id).await?;
        let attempt = EffectId::new(self.clock.now(), self.randomness.id());
        let claim = self.claim(attempt, &handed, &args);
        let connection = self.take_place(handed, &claim).await?;
        let (application, tokens) = self.open(&connection).await?;
        refused::must_be_whole(&connection, &tokens)?;
        let assignment = Assignment {
            form: args.form.as_str(),
            application: &application,
            tokens: &tokens,
            database: &connection.registration.database,
            reference: &connection.reference,
        };
        let form = Form::new(&connection, &assignment, self.zone, self.clock.now());
        let screen = console.screen()?;

        // This very version: another one may hold another pair.
        let claimed = self
            .desk()
            .apply_to(&connection, &claim, &self.actor(), &Along::default())
            .await;
        let claimed = claimed.map_err(|error| self.not_claimed(&connection, attempt, error))?;
        let sheet = Sheet {
            form: &form,
            lease_ends_at: lease_end(&claimed),
            zone: self.zone,
        };
        let left = screen.show(&sheet, self.clock);
        drop(form);

        let secrets = [
            application.client_secret.expose(),
            tokens.access_token.expose(),
            tokens.refresh_token.expose(),
        ];
        let said = match left {
            Left::ByPerson => Questions {
                console,
                secrets: &secrets,
            }
            .ask(&claimed, self.zone),
            Left::Ended(_) => Said::Nothing,
        };
        self.conclude(&claimed, attempt, said).await
    }

    /// The connection, handed to a person if its time has come and the sweeper has not.
    async fn hand_over(&self, id: ConnectionId) -> Result<Connection, Failure> {
        let mut connection = self.load(id).await?;
        for _ in 0..WAKE_UPS {
            if !self.may_be_handed_over(&connection) {
                break;
            }
            // This very version: of another one time may make something else.
            let woke = self
                .desk()
                .apply_to(&connection, &Event::Woke, &self.actor(), &Along::default())
                .await;
            connection = match woke {
                // The sweeper has come meanwhile.
                Err(ApplyError::Refused(_) | ApplyError::Conflict(_)) => self.load(id).await?,
                woke => woke?,
            };
        }
        Ok(connection)
    }

    /// The connection, if `claim` would be granted now and its chain is known as the live one. Decided without being
    /// written: whoever may not take it opens nothing.
    async fn take_place(&self, connection: Connection, claim: &Event) -> Result<Connection, Failure> {
        self.must_be_granted(&connection, claim)?;
        let Some(placed) = self.desk().take_place(&connection, &self.actor()).await? else {
            return Ok(connection);
        };
        // Others may have to be told what became of their chains: one pointer that is lost costs minutes.
        let _ = self.point(&placed).await;
        self.must_be_granted(&placed, claim)?;
        Ok(placed)
    }

    fn must_be_granted(&self, connection: &Connection, claim: &Event) -> Result<(), Failure> {
        match decide::decide(connection, claim.clone(), &self.actor(), self.clock.now()) {
            Ok(_) => Ok(()),
            Err(refused) => Err(self.told(connection, refused)),
        }
    }

    /// Whether time does nothing to it but hand it over, or tell somebody something first. What ends a pair or a link
    /// is left to the functions, whose clocks are right.
    fn may_be_handed_over(&self, connection: &Connection) -> bool {
        let now = self.clock.now();
        let near = step(connection, later(now, CLOSE));
        connection.state.status() == Status::Authorized
            && connection.registration.kind == ChannelKind::Assisted
            && connection.due_at().is_some_and(|due_at| due_at <= now)
            && !matches!(
                near,
                Step::Decide(Matter::PairEnds | Matter::LinkLapses | Matter::LeaseEnds)
            )
            && matches!(
                step(connection, now),
                Step::Decide(Matter::HandToOperator | Matter::Warn | Matter::Remind)
            )
    }

    fn claim(&self, attempt: EffectId, connection: &Connection, args: &Take) -> Event {
        let lease_ends_at = later(self.clock.now(), LEASE);
        // A pair that has ended is not worth entering.
        let pair_ends_at = connection.pair.as_ref().map(|pair| pair.refresh_ends_at);
        Event::AttemptBegun {
            effect: attempt,
            by: Attempter::Person(self.person.to_owned()),
            lease_ends_at: pair_ends_at.map_or(lease_ends_at, |ends_at| lease_ends_at.min(ends_at)),
            look_up: None,
            accept_unknown_identity: args.accept_unknown_identity,
        }
    }

    /// Opens what has to be entered. What turns out not to be what was stored is told on the connection too: it is
    /// not for one person's eyes only.
    async fn open(&self, connection: &Connection) -> Result<(ApplicationSecret, Received), Failure> {
        let Some(pair) = &connection.pair else {
            return Err(Failure::from(Why::NoPair));
        };
        let (application, pair) = match self.opened(connection, &pair.key).await {
            Err(failure @ Failure::Unusable(_)) => {
                return Err(self.unusable(connection, Problem::Tampered, failure).await);
            }
            opened => opened?,
        };
        match pair.tokens_of(connection.id, &application) {
            Ok(tokens) => Ok((application, tokens)),
            Err(foreign) => {
                let failure = Failure::Unusable(foreign.to_string());
                Err(self.unusable(connection, foreign.problem(), failure).await)
            }
        }
    }

    async fn unusable(&self, connection: &Connection, problem: Problem, failure: Failure) -> Failure {
        let event = Event::NotReady {
            of: None,
            problem,
            reason: failure.to_string(),
        };
        // On the version that was read: the pair of an earlier one may have gone since. If this fails otherwise, the
        // person at least has seen it.
        let noted = self
            .desk()
            .apply_to(connection, &event, &self.actor(), &Along::default())
            .await;
        if let Err(conflict @ ApplyError::Conflict(_)) = noted {
            return Failure::from(conflict).and("nothing was shown or sent; try again");
        }
        failure.and(match problem {
            Problem::Tampered => "nothing was shown or sent; find out who has written the tables",
            _ => "nothing was shown or sent",
        })
    }

    async fn opened(
        &self,
        connection: &Connection,
        pair: &PairKey,
    ) -> Result<(ApplicationSecret, OpenedPair), Failure> {
        let application = self.unseal(&Place::Application(connection.application.clone())).await?;
        let pair = self.unseal(&Place::Pair(pair.clone())).await?;
        Ok((plaintext::read_application(&application)?, plaintext::read_pair(&pair)?))
    }

    async fn unseal(&self, place: &Place) -> Result<Plaintext, Failure> {
        let sealed = self.store.sealed(place).await?.ok_or_else(|| {
            let what = match place {
                Place::Pair(_) => "the token pair",
                Place::Application(_) => "the app registration's secret",
                Place::Channel(_) => "the channel's profile",
            };
            Failure::Unusable(format!("{what} is not in the vault"))
        })?;
        Ok(self.vault.open(place, &sealed).await?)
    }

    async fn conclude(&self, claimed: &Connection, attempt: EffectId, said: Said) -> Result<Taken, Failure> {
        let (name, outcome) = match said {
            Said::Done(segment) => ("registered", Outcome::Registered { segment }),
            Said::Refused { reason, pair } => ("refused", Outcome::Refused { reason, pair }),
            Said::PutBack(reason) => ("put_back", assisted::put_back(reason)),
            Said::Nothing => return Ok(self.left_open(claimed, attempt).await),
        };
        let Changed {
            message,
            connection,
            warnings,
        } = self.end(claimed.id, attempt, outcome).await?;
        Ok(Taken {
            outcome: name,
            message,
            to_say: Vec::new(),
            connection,
            warnings,
        })
    }

    async fn left_open(&self, claimed: &Connection, attempt: EffectId) -> Taken {
        let (id, database) = (claimed.id, &claimed.registration.database);
        let Changed {
            connection, warnings, ..
        } = self.changed(claimed, "").await;
        Taken {
            outcome: "open",
            message: format!(
                "It stays in your hands until {}; unless you say by then how it ended, it counts as in doubt. One of:",
                self.zone.with_utc(lease_end(claimed)),
            ),
            to_say: vec![
                format!("handover done {id} --attempt {attempt} --segment {database}"),
                format!("handover refused {id} --attempt {attempt} --reason TEXT --spent (or --unspent, or --unknown)"),
                format!("handover put-back {id} --attempt {attempt} --reason TEXT"),
            ],
            connection,
            warnings,
        }
    }
}

fn lease_end(claimed: &Connection) -> jiff::Timestamp {
    claimed
        .effect
        .as_ref()
        .map_or(claimed.updated_at, |effect| effect.lease_ends_at)
}
