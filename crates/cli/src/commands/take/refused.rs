//! Why a registration is not taken in hand, with what helps.

use handover_core::{
    apply::ApplyError,
    connection::{Cause, Connection, Pair, State},
    decide::{Refused, Why},
    ids::EffectId,
    ports::{Clock, Queue, Randomness, Received, Store, Vault},
    registration::ChannelKind,
};

use crate::{
    commands::{House, rotation},
    failure::Failure,
};

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    /// The core's refusals, with the flag or command that helps here.
    pub(super) fn told(&self, connection: &Connection, refused: Refused) -> Failure {
        let id = connection.id;
        let assisted = connection.registration.kind == ChannelKind::Assisted;
        if let Some(why) = self.held_back(connection).filter(|_| assisted) {
            return Failure::Refused(why);
        }
        let hint = match (&refused.why, &connection.state) {
            (Why::UnderWay { .. }, _) => match rotation(connection) {
                Some(effect) => return self.renewal_under_way(id, effect),
                None => format!("`handover show {id}` tells who has it in hand"),
            },
            (Why::NoPair, State::Reauthorize(cause)) => return needs_consent(connection, *cause),
            (Why::IdentityUnknown, _) => {
                "Exact Online did not say whose token pair it is; if you know it from elsewhere, say \
                 --accept-unknown-identity"
                    .to_owned()
            }
            (Why::DoesNotApply, State::Authorized) if assisted => format!(
                "it is due, but something else comes first, which the functions do within minutes: look with `handover \
                 show {id}`, and try again then"
            ),
            (Why::DoesNotApply, _) => format!(
                "only what is due over an assisted channel can be taken; `handover show {id}` tells what this one waits \
                 for"
            ),
            _ => return refused.into(),
        };
        Failure::from(refused).and(&hint)
    }

    /// Why nobody may have its pair for now, although it waits for nothing else.
    fn held_back(&self, connection: &Connection) -> Option<String> {
        let id = connection.id;
        let waits = matches!(connection.state, State::Authorized | State::AwaitingOperator);
        let due = connection.due_at().is_some_and(|due_at| due_at <= self.clock.now());
        if !waits || !due || connection.effect.is_some() {
            return None;
        }
        let intent = connection.pair.as_ref().and_then(|pair| pair.open_intent.as_ref());
        if let Some(intent) = intent {
            return Some(format!(
                "a renewal of the token pair of {id} came to no clear end, which is settled from {} on; try again then",
                self.zone.with_utc(intent.recover_at)
            ));
        }
        let with = connection.contests.first()?.with.connection;
        Some(format!(
            "the user who consented for {id} did so for {with} too, at the same time: which of the two lives is found out \
             within minutes, by a renewal; try again then, `handover show {id}` tells"
        ))
    }

    pub(super) fn not_claimed(&self, connection: &Connection, attempt: EffectId, error: ApplyError) -> Failure {
        let id = connection.id;
        match error {
            ApplyError::Refused(refused) => self.told(connection, refused),
            // Written or not: nothing was shown, so nothing can have been entered.
            ApplyError::Unavailable(error) => Failure::unavailable(format!(
                "{error}; whether it is in your hands is open, but nothing was shown: if `handover show {id}` says that it is, \
                 put it back with `handover put-back {id} --attempt {attempt} --reason 'nothing was shown'`"
            )),
            other => other.into(),
        }
    }
}

/// A pair that was salvaged from a broken answer may lack a token: nothing can be registered with it, and nobody is to
/// find that out at the sixth step of a form.
pub(super) fn must_be_whole(connection: &Connection, tokens: &Received) -> Result<(), Failure> {
    let id = connection.id;
    let missing = if tokens.access_token.expose().is_empty() {
        "access token"
    } else if tokens.refresh_token.expose().is_empty() {
        "refresh token"
    } else {
        return Ok(());
    };
    let completes = connection.pair.as_ref().is_some_and(Pair::is_half);
    let what_helps = if completes && missing == "access token" {
        format!("A renewal fetches the rest within minutes: `handover show {id}` tells when; try again then")
    } else {
        format!("A new consent is needed: make a link with `handover link {id}` and let the customer authorise again")
    };
    Err(Failure::Refused(format!(
        "only half a token pair was received for {id}: it has no {missing}, and nothing can be registered with it. \
         {what_helps}"
    )))
}

/// There was a pair, and it is gone.
fn needs_consent(connection: &Connection, cause: Cause) -> Failure {
    let id = connection.id;
    Failure::Refused(format!(
        "{id} needs a new consent: {cause}; make a link with `handover link {id}` and let the customer authorise again"
    ))
}
