//! How the model opens, and how far it goes.

use std::time::Duration;

use handover_core::{
    application::Lifetimes,
    chain::Standing,
    connection::{Connection, OpenLink, PairKey, Request, Upkeep},
    decide::{FIRST_GENERATION, create, decide},
    event::{Actor, Brought, Event},
    ids::{AuthorisationId, ConnectionId, CustomerReference, EffectId, LinkHash, Segment},
    ports::Claimed,
    registration::{ChannelKind, Due, Registration, later},
};

use crate::{
    held::Held,
    outside::client,
    promises::Promise,
    state::{Bounds, Platform, Process, State, after},
    tab::identity,
};

/// What there is at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// One connection whose registration is due, over that channel.
    Due(ChannelKind),
    /// One connection whose pair has to be rotated before it is registered: it came without an access token.
    Half,
    /// One whose pair ends soon after its renewal is due.
    Ending,
    /// Connections, and a tab open on each, of one user.
    Invited(u8),
}

/// A way to open, and how far it goes.
#[derive(Debug)]
pub struct Configuration {
    /// Its name.
    pub name: &'static str,
    /// What there is at first.
    pub opening: Opening,
    /// What may happen, at most.
    pub bounds: Bounds,
    /// What it has to reach, so that it is worth something.
    pub reaches: &'static [&'static str],
}

const NOTHING: Bounds = Bounds {
    crashes: 0,
    faults: 0,
    duplicates: 0,
    rotations: 0,
    submissions: 0,
    consents: 0,
    acts: 0,
    waits: 0,
};

/// Each has a centre; together they cover the protocol.
pub static CONFIGURATIONS: [Configuration; 9] = [
    Configuration {
        name: "registration",
        opening: Opening::Due(ChannelKind::Http),
        bounds: Bounds {
            crashes: 1,
            faults: 2,
            submissions: 2,
            acts: 2,
            waits: 5,
            ..NOTHING
        },
        reaches: &[
            "registered",
            "in doubt",
            "failed",
            "cancelled",
            "claim lost",
            "wish applied",
        ],
    },
    Configuration {
        name: "take by hand",
        opening: Opening::Due(ChannelKind::Assisted),
        bounds: Bounds {
            crashes: 1,
            faults: 1,
            submissions: 2,
            acts: 3,
            waits: 4,
            ..NOTHING
        },
        reaches: &[
            "registered",
            "in doubt",
            "failed",
            "cancelled",
            "claim lost",
            "wish applied",
        ],
    },
    Configuration {
        name: "rotation",
        opening: Opening::Half,
        bounds: Bounds {
            crashes: 2,
            faults: 3,
            duplicates: 1,
            rotations: 4,
            waits: 6,
            ..NOTHING
        },
        reaches: &["recovered", "come home", "lost", "claim lost"],
    },
    Configuration {
        name: "rotation and registration",
        opening: Opening::Half,
        bounds: Bounds {
            crashes: 1,
            faults: 2,
            rotations: 2,
            submissions: 1,
            acts: 1,
            waits: 4,
            ..NOTHING
        },
        reaches: &[
            "registered",
            "recovered",
            "lost",
            "cancelled",
            "claim lost",
            "wish applied",
        ],
    },
    Configuration {
        name: "end of a pair",
        opening: Opening::Ending,
        bounds: Bounds {
            crashes: 1,
            faults: 2,
            duplicates: 1,
            rotations: 2,
            acts: 1,
            waits: 6,
            ..NOTHING
        },
        reaches: &["come home", "lost"],
    },
    Configuration {
        name: "two consents",
        opening: Opening::Invited(2),
        bounds: Bounds {
            rotations: 1,
            submissions: 2,
            consents: 2,
            waits: 1,
            ..NOTHING
        },
        reaches: &[
            "registered",
            "contested",
            "superseded",
            "authorisation lost",
            "both tabs at work",
            "place lost",
        ],
    },
    Configuration {
        name: "two consents and a crash",
        opening: Opening::Invited(2),
        bounds: Bounds {
            crashes: 1,
            faults: 1,
            rotations: 1,
            consents: 2,
            waits: 2,
            ..NOTHING
        },
        reaches: &["contested", "superseded", "failed", "both tabs at work"],
    },
    Configuration {
        name: "two consents and an operator",
        opening: Opening::Invited(2),
        bounds: Bounds {
            rotations: 1,
            submissions: 1,
            consents: 2,
            acts: 1,
            waits: 1,
            ..NOTHING
        },
        reaches: &[
            "registered",
            "contested",
            "superseded",
            "authorisation lost",
            "cancelled",
        ],
    },
    Configuration {
        name: "three consents",
        opening: Opening::Invited(2),
        bounds: Bounds {
            consents: 3,
            acts: 1,
            ..NOTHING
        },
        reaches: &["contested", "superseded", "cancelled", "both tabs at work"],
    },
];

impl Configuration {
    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CONFIGURATIONS.iter().find(|one| one.name == name)
    }

    /// The first state.
    pub(crate) fn open(&self) -> Option<State> {
        let connections = match self.opening {
            Opening::Due(kind) => vec![authorised(kind, 0, Lifetimes::EXACT_ONLINE, 600)?],
            Opening::Half => vec![authorised(ChannelKind::Http, 7_200, Lifetimes::EXACT_ONLINE, 0)?],
            Opening::Ending => {
                let short = Lifetimes {
                    refresh_seconds: 2_000,
                    ..Lifetimes::EXACT_ONLINE
                };
                vec![authorised(ChannelKind::Http, 100_000, short, 600)?]
            }
            Opening::Invited(count) => (0..count)
                .filter_map(|n| invited(n, ChannelKind::Http, 0, Lifetimes::EXACT_ONLINE))
                .collect(),
        };
        Some(opened(connections, self.bounds))
    }
}

fn opened(connections: Vec<Connection>, left: Bounds) -> State {
    let pairs = connections.iter().filter_map(|one| one.pair.as_ref());
    let live: Option<Claimed> = connections
        .iter()
        .find_map(|one| one.chain.as_ref().map(|chain| chain.claimed(one.id)));
    State {
        now: after(0),
        vault: pairs.map(|pair| pair.key.clone()).collect(),
        platform: Platform {
            live: live.as_ref().map(|live| live.authorisation.clone()),
            newest: FIRST_GENERATION,
            before: None,
        },
        holder: live,
        processes: vec![Process::Idle; if left.consents > 0 { 4 } else { 2 }],
        rescued: Vec::new(),
        presented: Vec::new(),
        submitted: Vec::new(),
        effects: 10,
        broken: Vec::<Promise>::new(),
        connections: connections.into_iter().map(Held::new).collect(),
        left,
    }
}

fn invited(n: u8, kind: ChannelKind, due: u64, lifetimes: Lifetimes) -> Option<Connection> {
    let start = after(0);
    let request = Request {
        reference: CustomerReference::forgotten(),
        application: "app".parse().ok()?,
        lifetimes,
        upkeep: Upkeep {
            warn_days: Vec::new(),
            ..Upkeep::default()
        },
        registration: Registration {
            channel: "channel".parse().ok()?,
            kind,
            due: Due::AfterConsent { seconds: due },
            database: Segment::forgotten(),
        },
        return_url: None,
        link: OpenLink {
            hash: LinkHash::from_digest(&[n; 32]),
            expires_at: later(start, Duration::from_secs(60 * 86_400)),
        },
    };
    let id = ConnectionId::new(start, u128::from(n) + 1);
    create(id, request, &Actor::Callback, start)
        .ok()
        .map(|decision| decision.connection)
}

/// One whose consent has brought a pair and told who gave it.
fn authorised(kind: ChannelKind, due: u64, lifetimes: Lifetimes, told: u32) -> Option<Connection> {
    let start = after(0);
    let connection = invited(1, kind, due, lifetimes)?;
    let effect = EffectId::new(start, 1);
    let authorisation = AuthorisationId::from_digest(&[1; 32]);
    let events = [
        Event::ConsentArrived {
            effect,
            authorisation: authorisation.clone(),
            link: connection.link.as_ref()?.hash.clone(),
            lease_ends_at: later(start, Duration::from_secs(180)),
        },
        Event::Received(Brought {
            effect,
            pair: PairKey {
                authorisation: authorisation.clone(),
                generation: FIRST_GENERATION,
            },
            sent_at: start,
            answered_at: start,
            expires_in: Some(told),
            platform: handover_core::application::PlatformKind::ExactOnline,
            client_id: client(),
        }),
        Event::Identified {
            authorisation,
            identity: identity(),
            standing: Standing::Alone,
        },
    ];
    events.into_iter().try_fold(connection, |connection, event| {
        decide(&connection, event, &Actor::Callback, start)
            .ok()
            .map(|decision| decision.connection)
    })
}
