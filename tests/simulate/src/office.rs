//! What the OEM's people do, as the command `handover` does it.

use std::time::Duration;

use handover_core::{
    agenda::{Matter, Step, step},
    apply::{Along, ApplyError},
    authorisation::Link,
    browser,
    budget::Budget,
    connection::{Attempter, Connection, OpenLink, PairFate, Problem, Request, Status, Upkeep},
    decide,
    event::{Actor, Event, Outcome},
    ids::{ConnectionId, EffectId},
    plaintext,
    ports::{Clock, Place, Randomness, Received, Store, Vault},
    registration::{ChannelKind, Due, Registration, later},
};

use crate::{
    act::CustomerId,
    call::Call,
    chance::{days, hours, minutes, seconds},
    handing_over,
    house::House,
    invantive::{self, Fate},
    tools::Tools,
    world::World,
};

/// A link lives so long.
const LINK_LIFE: Duration = days(7);
/// How long a person has (`handover take`).
const LEASE: Duration = hours(1);
/// How long an outcome is tried to be written, with somebody waiting in front of it.
const PATIENCE: Duration = seconds(30);
/// What time may have done before a person may act.
const WAKE_UPS: usize = 8;

fn person() -> Actor {
    Actor::Person("jan.jansen".into())
}

/// A connection with its link.
#[derive(Debug)]
pub struct Invited {
    /// The connection.
    pub connection: ConnectionId,
    /// The link's token.
    pub token: String,
}

/// What the OEM wants of a connection.
#[derive(Debug)]
pub struct Wanted {
    /// How it is registered.
    pub kind: ChannelKind,
    /// When.
    pub due: Due,
    /// How it is looked after.
    pub upkeep: Upkeep,
}

/// `handover connect`.
pub async fn connect(tools: &Tools, house: &House, customer: CustomerId, wanted: Wanted) -> Option<Invited> {
    let now = tools.clock.now();
    let connection = ConnectionId::new(now, tools.chance.id());
    let (token, open, link) = new_link(tools, house, connection);
    let request = Request {
        reference: house.references.get(customer)?.clone(),
        application: house.application.id.clone(),
        lifetimes: house.application.lifetimes,
        registration: Registration {
            channel: match wanted.kind {
                ChannelKind::Http => house.http.clone(),
                ChannelKind::Assisted => house.assisted.clone(),
            },
            kind: wanted.kind,
            due: wanted.due,
            database: house.segments.get(customer)?.clone(),
        },
        return_url: None,
        link: open,
        upkeep: wanted.upkeep,
    };
    let decision = decide::create(connection, request, &person(), now).ok()?;
    let created = tools.desk().create(decision, link).await.ok()?;
    let _ = tools.desk().point(&created).await;
    Some(Invited { connection, token })
}

/// `handover link`.
pub async fn link(tools: &Tools, house: &House, id: ConnectionId) -> Option<Invited> {
    tools.desk().load(id).await.ok()?;
    let (token, open, link) = new_link(tools, house, id);
    let along = Along {
        link: Some(link),
        ..Along::default()
    };
    let linked = tools
        .desk()
        .apply(id, &Event::LinkOpened(open), &person(), &along)
        .await;
    let _ = tools.desk().point(&linked.ok()?).await;
    Some(Invited { connection: id, token })
}

fn new_link(tools: &Tools, house: &House, connection: ConnectionId) -> (String, OpenLink, Link) {
    let token = browser::link_token(tools.chance.secret());
    let hash = browser::hash_of(&token);
    let expires_at = later(tools.clock.now(), LINK_LIFE);
    let stored = Link {
        hash: hash.clone(),
        connection,
        application: house.application.id.clone(),
        expires_at,
        live: Vec::new(),
    };
    (token.expose().to_owned(), OpenLink { hash, expires_at }, stored)
}

/// `handover cancel`, `reschedule`, `retry`, `resolve`.
pub async fn ask(tools: &Tools, id: ConnectionId, event: Event) {
    let asked = tools.desk().apply(id, &event, &person(), &Along::default()).await;
    if let Ok(connection) = asked {
        let _ = tools.desk().point(&connection).await;
    }
}

/// `handover done`, `refused`, `put-back`.
pub async fn say(tools: &Tools, id: ConnectionId, effect: EffectId, outcome: Outcome) {
    let event = Event::AttemptEnded { effect, outcome };
    let budget = Budget::begin(&tools.clock, PATIENCE);
    let said = tools
        .desk()
        .record(id, &event, &person(), &Along::default(), &budget)
        .await;
    if let Ok(connection) = said {
        let _ = tools.desk().point(&connection).await;
    }
}

/// `handover take`, and the person who did it, in front of Invantive's form.
pub async fn take(tools: &Tools, id: ConnectionId) {
    let Some(connection) = hand_over(tools, id).await else {
        return;
    };
    let attempt = EffectId::new(tools.clock.now(), tools.chance.id());
    let lease_ends_at = later(tools.clock.now(), LEASE);
    let pair_ends_at = connection.pair.as_ref().map(|pair| pair.refresh_ends_at);
    let claim = Event::AttemptBegun {
        effect: attempt,
        by: Attempter::Person("jan.jansen".into()),
        lease_ends_at: pair_ends_at.map_or(lease_ends_at, |ends_at| lease_ends_at.min(ends_at)),
        look_up: None,
        accept_unknown_identity: false,
    };
    if decide::decide(&connection, claim.clone(), &person(), tools.clock.now()).is_err() {
        return;
    }
    let Some(connection) = take_place(tools, connection).await else {
        return;
    };
    if decide::decide(&connection, claim.clone(), &person(), tools.clock.now()).is_err() {
        return;
    }
    let Some(tokens) = open(tools, &connection).await else {
        return;
    };
    let desk = tools.desk();
    let claimed = desk.apply_to(&connection, &claim, &person(), &Along::default()).await;
    match claimed {
        Ok(claimed) => {
            let said = fill_in(tools, &claimed, &tokens).await;
            if let Some(outcome) = said {
                say(tools, id, attempt, outcome).await;
            }
        }
        // Written or not, nothing was shown: what stands is put back.
        Err(ApplyError::Unavailable(_)) => {
            let problem = Problem::ChannelUnavailable;
            let reason = "nothing was shown".into();
            say(tools, id, attempt, Outcome::NotSent { reason, problem }).await;
        }
        Err(_) => {}
    }
}

/// The connection, if its chain is known as the live one.
async fn take_place(tools: &Tools, connection: Connection) -> Option<Connection> {
    let placed = tools.desk().take_place(&connection, &person()).await.ok()?;
    if let Some(placed) = &placed {
        let _ = tools.desk().point(placed).await;
    }
    Some(placed.unwrap_or(connection))
}

async fn hand_over(tools: &Tools, id: ConnectionId) -> Option<Connection> {
    let mut connection = tools.desk().load(id).await.ok()?;
    for _ in 0..WAKE_UPS {
        let due = matches!(
            step(&connection, tools.clock.now()),
            Step::Decide(Matter::HandToOperator | Matter::Warn | Matter::Remind)
        );
        if connection.state.status() != Status::Authorized || !due {
            break;
        }
        let woke = tools
            .desk()
            .apply_to(&connection, &Event::Woke, &person(), &Along::default())
            .await;
        connection = match woke {
            Err(ApplyError::Refused(_) | ApplyError::Conflict(_)) => tools.desk().load(id).await.ok()?,
            woke => woke.ok()?,
        };
    }
    Some(connection)
}

async fn open(tools: &Tools, connection: &Connection) -> Option<Received> {
    let place = Place::Application(connection.application.clone());
    let sealed = tools.store.sealed(&place).await.ok()??;
    let application = plaintext::read_application(&tools.vault.open(&place, &sealed).await.ok()?).ok()?;
    let place = Place::Pair(connection.pair.as_ref()?.key.clone());
    let sealed = tools.store.sealed(&place).await.ok()??;
    let pair = plaintext::read_pair(&tools.vault.open(&place, &sealed).await.ok()?).ok()?;
    let tokens = pair.tokens_of(connection.id, &application).ok()?;
    // With half a pair nothing can be registered.
    (!tokens.access_token.expose().is_empty()).then_some(tokens)
}

/// The seven steps. What the person says afterwards; `None`: nothing, for they do not know.
async fn fill_in(tools: &Tools, claimed: &Connection, tokens: &Received) -> Option<Outcome> {
    let thinks = {
        let mut world = tools.port.hub.world();
        world.chance.time(seconds(20), minutes(50))
    };
    tools.clock.sleep(thinks).await;
    // The screen closes with the lease: what is not shown is not entered.
    let shown = claimed
        .effect
        .as_ref()
        .is_some_and(|effect| tools.clock.now() < effect.lease_ends_at);
    if !shown {
        return None;
    }
    tools
        .port
        .call(
            Call::irreversible("form.continue"),
            minutes(1),
            |world, _| entered(world, claimed, tokens),
            |_, _| None,
        )
        .await
}

fn entered(world: &mut World, claimed: &Connection, tokens: &Received) -> Option<Outcome> {
    let token = world.exact.token_of(tokens.refresh_token.expose())?;
    let submission = invantive::Submission {
        connection: claimed.id,
        authorisation: None,
        token,
        segment: claimed.registration.database.clone(),
        fate: Fate::UnderWay(world.now),
    };
    let number = handing_over::sent(world, submission);
    let outcome = handing_over::arrives(world, number);
    // A person says what the form says; what became of the pair, they cannot know.
    Some(match outcome {
        Outcome::Refused { reason, .. } => Outcome::Refused {
            reason,
            pair: PairFate::Unknown,
        },
        outcome => outcome,
    })
}
