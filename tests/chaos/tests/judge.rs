//! The judge itself: books with something lost, double or stuck in them are told from clean ones.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which the lints' own exception does not reach"
)]

use std::collections::HashSet;

use handover_chaos::{
    evidence::{Evidence, Kept},
    judge::{Verdict, judge},
    people::Trip,
    wire::{Asked, Call, Way},
};
use handover_core::{
    application::Lifetimes,
    browser::{authorisation_of, hash_of},
    connection::{Connection, Done, OpenLink, PairFate, PairKey, Request, State, Upkeep},
    decide,
    event::{Actor, Record, What},
    ids::{AuthorisationId, ConnectionId, EffectId},
    registration::{ChannelKind, Due, Registration},
    secret,
};
use handover_local::processes::Process;
use handover_standin::books::{
    Books, Channel, Code, Database, Exchange, ExchangeOutcome, Grant, Peer, Presented, RefreshToken, Submission,
};
use jiff::Timestamp;

const CUSTOMER: &str = "customer-1";
const CODE: &str = "code-1";
const TOKEN: &str = "refresh-1";

#[test]
fn a_clean_run_is_clean() {
    let verdict = judge(&scene());
    assert_eq!(verdict, Verdict::default());
    assert!(verdict.is_clean());
}

#[test]
fn a_pair_that_nobody_has_is_lost_unless_its_process_was_killed() {
    let mut scene = unstored();
    let verdict = judge(&scene);
    assert_eq!(verdict.lost.len(), 1, "{verdict:?}");

    // Another one's death explains nothing.
    scene.killed.insert(process(2));
    assert_eq!(judge(&scene).lost.len(), 1);

    scene.killed.insert(process(1));
    let verdict = judge(&scene);
    assert_eq!(
        (verdict.lost.len(), verdict.died.in_hand, verdict.died.on_the_way),
        (0, 1, 0)
    );

    scene.asked[0].way = Way::Broken;
    let verdict = judge(&scene);
    assert_eq!(
        (verdict.lost.len(), verdict.died.in_hand, verdict.died.on_the_way),
        (0, 0, 1)
    );
}

#[test]
fn a_pair_that_was_stored_and_never_heard_of_again_is_lost() {
    let mut scene = unstored();
    scene.connections[0].history = vec![record(authorized())];
    assert_eq!(judge(&scene).lost.len(), 1);
    scene.sealed = vec![key(1)];
    assert_eq!(judge(&scene).lost, Vec::<String>::new());
}

#[test]
fn a_pair_that_went_with_a_record_is_not_lost() {
    let dropped = What::PairDropped {
        authorisation: authorisation(),
        reason: "a newer consent has taken its place".into(),
    };
    let failed = What::Failed {
        reason: "refused".into(),
        pair: PairFate::Unknown,
    };
    for history in [
        vec![dropped],
        vec![authorized(), failed],
        vec![authorized(), What::Expired],
    ] {
        let mut scene = unstored();
        scene.connections[0].history = history.into_iter().map(record).collect();
        assert_eq!(judge(&scene).lost, Vec::<String>::new());
    }
}

#[test]
fn a_code_that_was_presented_twice_is_double() {
    let mut scene = scene();
    scene.books.codes[0].presented.refused = 1;
    assert_eq!(judge(&scene).double.len(), 1);
}

#[test]
fn a_refresh_token_that_we_presented_twice_is_double() {
    let mut scene = scene();
    scene.books.submissions.clear();
    scene.books.exchanges.extend([refresh(10), refresh(20)]);
    assert_eq!(judge(&scene).double.len(), 1);
}

#[test]
fn a_refresh_token_may_be_presented_once_more_if_the_history_says_what_for() {
    let mut scene = scene();
    scene.books.submissions.clear();
    scene.books.databases.clear();
    scene.books.exchanges.extend([refresh(10), refresh(20)]);
    let recovers = Some(EffectId::new(at(1), 2));
    // One that was told of too late explains nothing.
    scene.connections[0]
        .history
        .push(at_second(21, rotation_began(recovers)));
    assert_eq!(judge(&scene).double.len(), 1);
    scene.connections[0]
        .history
        .push(at_second(15, rotation_began(recovers)));
    let verdict = judge(&scene);
    assert_eq!((verdict.double.len(), verdict.recoveries), (0, 1), "{verdict:?}");
    // But never a third time.
    scene.books.exchanges.push(refresh(30));
    assert_eq!(judge(&scene).double.len(), 1);
}

#[test]
fn a_rotated_pair_is_lost_unless_it_is_kept_or_a_record_tells_of_it() {
    let mut scene = scene();
    scene.books.submissions.clear();
    scene.books.databases.clear();
    scene.books.exchanges.push(Exchange {
        outcome: issued("refresh-2", 2),
        ..refresh(10)
    });
    let history = &mut scene.connections[0].history;
    history.push(at_second(9, rotation_began(None)));
    assert_eq!(judge(&scene).lost.len(), 1);

    // The first generation is not the second.
    scene.sealed = vec![key(1)];
    assert_eq!(judge(&scene).lost.len(), 1);
    scene.sealed = vec![key(2)];
    assert_eq!(judge(&scene).lost, Vec::<String>::new());

    scene.sealed.clear();
    let rotated = What::Rotated {
        generation: 2,
        ends_at: at(9_000),
    };
    let lost = What::PairLost { reason: "used".into() };
    scene.connections[0]
        .history
        .extend([at_second(11, rotated), at_second(12, lost)]);
    assert_eq!(judge(&scene).lost, Vec::<String>::new());
}

#[test]
fn a_refresh_token_that_we_presented_after_it_was_handed_over_is_double() {
    let mut scene = scene();
    scene.books.exchanges.push(refresh(1_000));
    assert_eq!(judge(&scene).double.len(), 1);
    // Invantive Cloud may, of course.
    scene.books.exchanges.last_mut().unwrap().by = Peer::Invantive;
    assert_eq!(judge(&scene).double, Vec::<String>::new());
}

#[test]
fn a_second_submission_after_one_that_succeeded_is_double() {
    let mut again = scene();
    again.books.submissions.push(submission("exists"));
    assert_eq!(judge(&again).double.len(), 1);
    // One after a refusal is not.
    let mut refused = scene();
    refused.books.submissions.insert(0, submission("invalid"));
    assert_eq!(judge(&refused).double, Vec::<String>::new());
}

#[test]
fn a_second_database_is_double() {
    let mut scene = scene();
    scene.books.databases.push(database("customer-1-again"));
    assert_eq!(judge(&scene).double.len(), 1);
}

#[test]
fn a_connection_that_is_not_registered_is_stuck() {
    for state in [State::Invited, State::Cancelled] {
        let mut scene = scene();
        scene.connections[0].connection.state = state;
        assert_eq!(judge(&scene).stuck.len(), 1);
    }
}

#[test]
fn tables_that_disagree_with_the_books_are_wrong() {
    let mut kept = scene();
    kept.sealed = vec![key(1)];
    assert_eq!(judge(&kept).wrong.len(), 1, "a finished connection keeps a pair");

    let mut made_up = scene();
    made_up.books.databases.clear();
    assert_eq!(judge(&made_up).wrong.len(), 1, "registered, and nowhere");

    let mut cut_off = scene();
    cut_off.books.databases[0].broken = Some("Old refresh token used.".into());
    assert_eq!(judge(&cut_off).wrong.len(), 1, "its chain has ended");
}

/// One customer who consented once and was registered.
fn scene() -> Evidence {
    let registered = State::Registered(Done {
        segment: CUSTOMER.parse().unwrap(),
        at: at(200),
        superseded_by: None,
        authorisation_uncertain: false,
        to_alarm: false,
    });
    Evidence {
        books: Books {
            now: at(300),
            offset_seconds: 0,
            consents: Vec::new(),
            codes: vec![code()],
            exchanges: vec![first_exchange()],
            refresh_tokens: vec![refresh_token()],
            access_tokens: Vec::new(),
            me_calls: Vec::new(),
            submissions: vec![submission("created")],
            lookups: Vec::new(),
            databases: vec![database(CUSTOMER)],
            errors: Vec::new(),
        },
        connections: vec![Kept {
            customer: CUSTOMER.into(),
            trips: vec![Trip {
                authorisation: authorisation(),
                code: CODE.into(),
            }],
            connection: connection(registered),
            history: vec![record(authorized())],
            trouble: None,
        }],
        sealed: Vec::new(),
        asked: vec![Asked {
            process: process(1),
            call: Call::Exchange(CODE.into()),
            way: Way::Answered,
        }],
        killed: HashSet::new(),
    }
}

/// The same, but nobody knows of the pair: registered by another one.
fn unstored() -> Evidence {
    let mut scene = scene();
    scene.connections[0].history.clear();
    scene.books.submissions[0].refresh_token = Some("another".into());
    scene
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn process(id: u32) -> Process {
    Process {
        id,
        started: 7,
        function: "handover-chaos-callback".into(),
    }
}

fn authorisation() -> AuthorisationId {
    authorisation_of(&secret::State::new("state-1"))
}

fn key(generation: u32) -> PairKey {
    PairKey {
        authorisation: authorisation(),
        generation,
    }
}

fn rotation_began(recovers: Option<EffectId>) -> What {
    What::RotationBegan {
        effect: EffectId::new(at(1), 1),
        generation: 2,
        recovers,
    }
}

fn authorized() -> What {
    What::Authorized {
        authorisation: authorisation(),
        due_at: at(100),
        ends_at: at(10_000),
    }
}

fn record(what: What) -> Record {
    at_second(1, what)
}

fn at_second(second: i64, what: What) -> Record {
    Record {
        number: 1,
        at: at(second),
        by: Actor::Callback,
        what,
    }
}

fn connection(state: State) -> Connection {
    let request = Request {
        reference: CUSTOMER.parse().unwrap(),
        application: "exact-nl".parse().unwrap(),
        lifetimes: Lifetimes::EXACT_ONLINE,
        upkeep: Upkeep::default(),
        registration: Registration {
            channel: "invantive".parse().unwrap(),
            kind: ChannelKind::Http,
            due: Due::AfterConsent { seconds: 60 },
            database: CUSTOMER.parse().unwrap(),
        },
        return_url: None,
        link: OpenLink {
            hash: hash_of(&secret::LinkToken::new("link")),
            expires_at: at(10_000),
        },
    };
    let made = decide::create(ConnectionId::new(at(0), 1), request, &Actor::Callback, at(0)).unwrap();
    Connection {
        state,
        ..made.connection
    }
}

fn code() -> Code {
    Code {
        value: CODE.into(),
        client_id: "app".into(),
        user: CUSTOMER.into(),
        redirect_uri: String::new(),
        challenge: None,
        issued_at: at(1),
        presented: Presented {
            accepted: 1,
            ..Presented::default()
        },
    }
}

fn first_exchange() -> Exchange {
    Exchange {
        at: at(2),
        by: Peer::Oem,
        client_id: "app".into(),
        user: Some(CUSTOMER.into()),
        grant: Grant::AuthorizationCode,
        presented: CODE.into(),
        outcome: issued(TOKEN, 1),
        fault: None,
    }
}

fn issued(refresh_token: &str, generation: u32) -> ExchangeOutcome {
    ExchangeOutcome::Issued {
        chain: 0,
        generation,
        access_token: format!("access of {refresh_token}"),
        refresh_token: refresh_token.into(),
    }
}

/// Ours, of the first refresh token, refused: whatever came of it, it was presented.
fn refresh(second: i64) -> Exchange {
    Exchange {
        at: at(second),
        grant: Grant::RefreshToken,
        presented: TOKEN.into(),
        outcome: ExchangeOutcome::Refused {
            status: 400,
            rule: "used".into(),
        },
        ..first_exchange()
    }
}

fn refresh_token() -> RefreshToken {
    RefreshToken {
        value: TOKEN.into(),
        client_id: "app".into(),
        user: CUSTOMER.into(),
        chain: 0,
        generation: 1,
        issued_at: at(2),
        issued_to: Peer::Oem,
        exchanged_by: Vec::new(),
        presented: Presented::default(),
        presented_by: Vec::new(),
    }
}

fn submission(outcome: &str) -> Submission {
    Submission {
        at: at(150),
        channel: Channel::Http,
        idempotency_key: None,
        reference: Some(CUSTOMER.into()),
        client_id: "app".into(),
        redirect_url: String::new(),
        country: "nl".into(),
        access_token: None,
        refresh_token: Some(TOKEN.into()),
        authorization_code: None,
        status: Some(201),
        outcome: outcome.into(),
        segment: Some(CUSTOMER.into()),
        spent: false,
        fault: None,
    }
}

fn database(segment: &str) -> Database {
    Database {
        segment: segment.into(),
        client_id: "app".into(),
        user: CUSTOMER.into(),
        reference: Some(CUSTOMER.into()),
        idempotency_key: None,
        created_at: at(150),
        refresh_token: TOKEN.into(),
        refresh_tokens_spent: 0,
        refresh_at: None,
        broken: None,
    }
}
