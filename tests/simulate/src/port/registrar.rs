//! The http channel to Invantive Cloud.

use std::time::Duration;

use handover_core::{
    connection::{LookUpRule, PairFate, Problem},
    event::{LookUpAnswer, Outcome},
    ids::{AuthorisationId, ConnectionId, CustomerReference, Segment},
    ports::{Clock, NotPrepared, Registrar, Submission},
    secret::Plaintext,
};

use super::{Port, SimulatedClock};
use crate::{
    act::Act,
    breaks::Break,
    call::Call,
    chance::{minutes, seconds},
    handing_over,
    invantive::{self, Fate},
    witness::Success,
    world::World,
};

/// How long a request may take.
pub const LIMIT: Duration = seconds(60);

/// Invantive Cloud, over a way out.
#[derive(Debug, Clone)]
pub struct SimulatedRegistrar(pub Port);

/// A request that is ready to go.
#[derive(Debug)]
pub struct Prepared {
    connection: ConnectionId,
    authorisation: AuthorisationId,
    refresh_token: String,
    segment: Segment,
    look_up: Option<LookUpRule>,
}

impl Registrar for SimulatedRegistrar {
    type Prepared = Prepared;

    fn prepare(&self, _profile: &Plaintext, submission: &Submission<'_>) -> Result<Prepared, NotPrepared> {
        Ok(Prepared {
            connection: submission.connection,
            authorisation: submission.authorisation.clone(),
            refresh_token: submission.tokens.refresh_token.expose().to_owned(),
            segment: submission.database.clone(),
            look_up: self.0.hub.world().invantive.manner.look_up,
        })
    }

    fn needs_fresh_access_token(&self, _prepared: &Prepared) -> bool {
        self.0.hub.world().invantive.manner.wants_fresh
    }

    fn look_up_rule(&self, prepared: &Prepared) -> Option<LookUpRule> {
        prepared.look_up
    }

    fn time_limit(&self, _prepared: &Prepared) -> Duration {
        LIMIT
    }

    async fn submit(&self, prepared: Prepared) -> Outcome {
        let call = Call::irreversible("registrar.submit");
        let process = self.0.process;
        let takes = self.0.hub.world().invantive.manner.takes;
        let outcome = self
            .0
            .call(
                call,
                LIMIT,
                |world, lost| {
                    let Some(number) = sent(world, &prepared) else {
                        return unanswered();
                    };
                    if lost && world.chance.in_thousand(400) {
                        return arrives_late(world, number);
                    }
                    let outcome = handing_over::arrives(world, number);
                    if let (Outcome::Registered { .. }, false) = (&outcome, lost) {
                        world.witness.successes.push(Success {
                            connection: prepared.connection,
                            process,
                            in_hand: true,
                        });
                    }
                    outcome
                },
                |world, arrived| {
                    // Only where no byte was written does the channel say so.
                    if !arrived && world.chance.in_thousand(500) {
                        return Outcome::NotSent {
                            reason: "the connection was refused".into(),
                            problem: Problem::ChannelUnavailable,
                        };
                    }
                    let segment = prepared.segment.clone();
                    match world.broken {
                        Some(Break::LostSubmissionRetried) => Outcome::NotSent {
                            reason: "no answer in time".into(),
                            problem: Problem::ChannelUnavailable,
                        },
                        Some(Break::LostSubmissionBelieved) => Outcome::Registered { segment },
                        Some(Break::LostSubmissionRefused) => Outcome::Refused {
                            reason: "no answer in time".into(),
                            pair: PairFate::Unspent,
                        },
                        _ => unanswered(),
                    }
                },
            )
            .await;
        if !takes.is_zero() {
            SimulatedClock(self.0.clone()).sleep(takes).await;
        }
        outcome
    }

    async fn look_up(
        &self,
        _profile: &Plaintext,
        connection: ConnectionId,
        authorisation: &AuthorisationId,
        _reference: &CustomerReference,
        _database: &Segment,
    ) -> Result<LookUpAnswer, NotPrepared> {
        let answer = self
            .0
            .call(
                Call::read("registrar.look_up"),
                LIMIT,
                |world, _| match world.invantive.under(connection, authorisation) {
                    Some(database) => LookUpAnswer::Found(database.segment.clone()),
                    None => LookUpAnswer::Absent,
                },
                |_, _| LookUpAnswer::Unclear,
            )
            .await;
        Ok(answer)
    }
}

fn unanswered() -> Outcome {
    Outcome::Unanswered {
        reason: "no answer in time".into(),
    }
}

fn sent(world: &mut World, prepared: &Prepared) -> Option<usize> {
    let token = world.exact.token_of(&prepared.refresh_token)?;
    Some(handing_over::sent(
        world,
        invantive::Submission {
            connection: prepared.connection,
            authorisation: Some(prepared.authorisation.clone()),
            token,
            segment: prepared.segment.clone(),
            fate: Fate::UnderWay(world.now),
        },
    ))
}

/// It hangs somewhere, and arrives within what the profile's delay allows for.
fn arrives_late(world: &mut World, number: usize) -> Outcome {
    let late = world.chance.time(seconds(5), minutes(10));
    let at = world.now + late;
    if let Some(submission) = world.invantive.submission(number) {
        submission.fate = Fate::UnderWay(at);
    }
    world.plan_act(late, Act::Arrives(number));
    unanswered()
}
