//! Connections in the middle of things, made by the rules themselves.

use std::time::Duration;

use handover_core::{
    application::{Application, DEFAULT_PACE_PER_MINUTE, Lifetimes, PlatformKind},
    authorisation::{Authorisation, Link},
    chain::order,
    connection::{Attempter, Connection, EffectKind, Identity, OpenLink, PairKey, Request, Upkeep},
    decide::{Decision, FIRST_GENERATION, create, decide},
    event::{Actor, Brought, Event, Outcome},
    ids::{AuthorisationId, ClientId, ConnectionId, EffectId, LinkHash, Revision, WriterId},
    ports::{Change, Claimed, IdentityKey, Randomness, Rescued, Sealed},
    registration::{ChannelKind, Due, Registration, later},
};
use jiff::Timestamp;

use crate::clock::SystemRandomness;

/// A moment long past, in which no real connection is due.
#[must_use]
pub fn long_ago() -> Timestamp {
    Timestamp::from_second(86_400).unwrap()
}

/// `seconds` after [`long_ago`].
#[must_use]
pub fn at(seconds: u64) -> Timestamp {
    later(long_ago(), Duration::from_secs(seconds))
}

/// A fresh id.
#[must_use]
pub fn id(now: Timestamp) -> ConnectionId {
    ConnectionId::new(now, SystemRandomness.id())
}

/// A fresh writer.
#[must_use]
pub fn writer() -> WriterId {
    WriterId::new(long_ago(), SystemRandomness.id())
}

/// A fresh effect.
#[must_use]
pub fn effect() -> EffectId {
    EffectId::new(long_ago(), SystemRandomness.id())
}

/// A fresh authorisation.
#[must_use]
pub fn authorisation() -> AuthorisationId {
    AuthorisationId::from_digest(&SystemRandomness.secret())
}

/// A fresh name, a slug that starts with `prefix`.
#[must_use]
pub fn name(prefix: &str) -> String {
    format!("{prefix}-{:016x}", SystemRandomness.id() >> 64)
}

/// Bytes that stand for a sealed value.
#[must_use]
pub fn sealed() -> Sealed {
    Sealed([SystemRandomness.secret(), SystemRandomness.secret()].concat())
}

/// Somebody.
pub const BY: Actor = Actor::Callback;

/// An application.
#[must_use]
pub fn application(name: &str) -> Application {
    Application {
        id: name.parse().unwrap(),
        display_name: "Acme Bookkeeping".into(),
        platform: PlatformKind::ExactOnline,
        host: "https://start.exactonline.nl/".parse().unwrap(),
        client_id: client_id(),
        redirect_uri: format!("https://connect.acme.example/callback/{name}").parse().unwrap(),
        lifetimes: Lifetimes::EXACT_ONLINE,
        upkeep: Upkeep::default(),
        pace_per_minute: DEFAULT_PACE_PER_MINUTE,
        return_origins: vec!["https://app.acme.example".parse().unwrap()],
    }
}

/// A new connection with its link, not yet written.
#[must_use]
pub fn invited(now: Timestamp) -> (Change, Link) {
    invited_as(&name("customer"), now)
}

/// The same for a customer with a name.
#[must_use]
pub fn invited_as(reference: &str, now: Timestamp) -> (Change, Link) {
    let id = id(now);
    let link = Link {
        hash: LinkHash::from_digest(&SystemRandomness.secret()),
        connection: id,
        application: "exact-nl".parse().unwrap(),
        expires_at: later(now, Duration::from_secs(7 * 86_400)),
        live: Vec::new(),
    };
    let request = Request {
        reference: reference.parse().unwrap(),
        application: link.application.clone(),
        lifetimes: Lifetimes::EXACT_ONLINE,
        upkeep: Upkeep::default(),
        registration: Registration {
            channel: "invantive".parse().unwrap(),
            kind: ChannelKind::Http,
            due: Due::AfterConsent { seconds: 3 * 86_400 },
            database: "acme-bookkeeping-jansen".parse().unwrap(),
        },
        return_url: Some("https://app.acme.example/settings/connections?done=1".parse().unwrap()),
        link: OpenLink {
            hash: link.hash.clone(),
            expires_at: link.expires_at,
        },
    };
    let decision = create(id, request, &BY, now).unwrap();
    (
        Change {
            link: Some(link.clone()),
            ..change(None, decision)
        },
        link,
    )
}

/// What `event` makes of `connection`, as a change that is not yet written.
#[must_use]
pub fn next(connection: &Connection, event: Event, now: Timestamp) -> Change {
    let decision = decide(connection, event, &BY, now).unwrap();
    let keep = decision.keep.clone();
    Change {
        pair: keep.map(|key| (key, sealed())),
        ..change(Some(connection.revision), decision)
    }
}

fn change(expected: Option<Revision>, decision: Decision) -> Change {
    Change {
        writer: writer(),
        connection: decision.connection,
        expected,
        records: decision.records,
        pair: None,
        destroy: decision.destroy,
        link: None,
        consume: None,
        identity: None,
        requires: decision.requires,
    }
}

/// Any change at all: a reminder of the platform's silence, in the history.
#[must_use]
pub fn any_change(connection: &Connection, now: Timestamp) -> Change {
    next(
        connection,
        Event::ConsentRefused {
            error: "access_denied".into(),
        },
        now,
    )
}

/// A trip over `link` that starts now.
#[must_use]
pub fn trip(link: &Link, now: Timestamp) -> (Link, Authorisation) {
    link.clone().open(authorisation(), now).unwrap()
}

/// The claim of an exchange: uses the trip up.
#[must_use]
pub fn consent(connection: &Connection, trip: &Authorisation, now: Timestamp) -> Change {
    let event = Event::ConsentArrived {
        effect: effect(),
        authorisation: trip.id.clone(),
        link: trip.link.clone(),
        lease_ends_at: later(now, Duration::from_secs(120)),
    };
    Change {
        consume: Some(trip.id.clone()),
        ..next(connection, event, now)
    }
}

/// The pair that the exchange under way has brought.
#[must_use]
pub fn exchanged(connection: &Connection, authorisation: &AuthorisationId, now: Timestamp) -> Change {
    let into = PairKey {
        authorisation: authorisation.clone(),
        generation: FIRST_GENERATION,
    };
    let event = Event::Received(brought(connection.effect.as_ref().unwrap().id, into, now));
    next(connection, event, later(now, Duration::from_secs(2)))
}

/// A pair whose request was sent `now` and answered a second later.
#[must_use]
pub fn brought(effect: EffectId, pair: PairKey, now: Timestamp) -> Brought {
    Brought {
        effect,
        pair,
        sent_at: now,
        answered_at: later(now, Duration::from_secs(1)),
        expires_in: Some(600),
        platform: PlatformKind::ExactOnline,
        client_id: client_id(),
    }
}

/// A pair that the table could not take.
#[must_use]
pub fn rescued(now: Timestamp) -> Rescued {
    let pair = PairKey {
        authorisation: authorisation(),
        generation: 2,
    };
    Rescued {
        connection: id(now),
        brought: brought(effect(), pair, now),
        sealed: sealed(),
    }
}

/// A rotation of the pair that begins now.
#[must_use]
pub fn rotation(connection: &Connection, now: Timestamp) -> Change {
    let event = Event::RotationBegun {
        effect: effect(),
        into: connection.next_pair().unwrap(),
        lease_ends_at: later(now, Duration::from_secs(120)),
    };
    next(connection, event, now)
}

/// The pair that the rotation under way has brought.
#[must_use]
pub fn rotated(connection: &Connection, now: Timestamp) -> Change {
    let effect = connection.effect.as_ref().unwrap();
    let EffectKind::Rotation { into, .. } = &effect.kind else {
        panic!("no rotation is under way")
    };
    let event = Event::Received(brought(effect.id, into.clone(), now));
    next(connection, event, later(now, Duration::from_secs(2)))
}

/// Who consented, with the claim of their chain's place, which `before` holds.
#[must_use]
pub fn identified(connection: &Connection, user: &str, before: Option<Claimed>, now: Timestamp) -> Change {
    let ours = claimed(connection);
    let authorisation = ours.authorisation.clone();
    let order = order(identity_key(user), ours, before);
    let event = Event::Identified {
        authorisation,
        identity: Identity {
            user: user.into(),
            name: "Jan Jansen".into(),
        },
        standing: order.standing,
    };
    Change {
        identity: order.claim,
        ..next(connection, event, now)
    }
}

/// The connection as the holder of its chain's place.
#[must_use]
pub fn claimed(connection: &Connection) -> Claimed {
    connection.chain.as_ref().unwrap().claimed(connection.id)
}

fn client_id() -> ClientId {
    "2f5f1a0e-0000-4000-8000-000000000001".parse().unwrap()
}

/// A user at the application of [`invited`].
#[must_use]
pub fn identity_key(user: &str) -> IdentityKey {
    IdentityKey {
        platform: PlatformKind::ExactOnline,
        client_id: client_id(),
        user: user.into(),
    }
}

/// The claim of an attempt at the registration.
#[must_use]
pub fn attempt(connection: &Connection, now: Timestamp) -> Change {
    let event = Event::AttemptBegun {
        effect: effect(),
        by: Attempter::Worker,
        lease_ends_at: later(now, Duration::from_secs(120)),
        look_up: None,
        accept_unknown_identity: false,
    };
    next(connection, event, now)
}

/// Its success: destroys the pair.
#[must_use]
pub fn registered(connection: &Connection, now: Timestamp) -> Change {
    let event = Event::AttemptEnded {
        effect: connection.open_attempt().unwrap(),
        outcome: Outcome::Registered {
            segment: connection.registration.database.clone(),
        },
    };
    next(connection, event, now)
}
