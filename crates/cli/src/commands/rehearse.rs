//! `take --rehearse`: the screen and its questions with made-up values. Nothing is read or written.

use handover_core::{
    application::{ApplicationSecret, Lifetimes, PlatformKind},
    connection::{Connection, Identity, OpenLink, Pair, PairKey, Request, Upkeep},
    decide,
    event::Actor,
    ids::{AuthorisationId, ConnectionId, LinkHash},
    ports::{Clock, Randomness, Received},
    registration::{ChannelKind, Due, Registration, later},
    secret::{AccessToken, ClientSecret, RefreshToken},
};
use handover_invantive::assisted::Assignment;
use serde::Serialize;
use url::Url;

use super::questions::{Questions, Said};
use crate::{
    args::Take,
    console::Console,
    failure::Failure,
    output::{Answer, Page},
    terminal::{Form, Left, Screen, Sheet},
    time::Zone,
};

/// A rehearsal that is over.
#[derive(Debug, Serialize)]
pub struct Rehearsed {
    /// Always.
    pub rehearsal: bool,
    /// `registered`, `refused`, `put_back` or `open`.
    pub outcome: &'static str,
}

impl Answer for Rehearsed {
    fn tell(&self, page: &mut Page) {
        let outcome = self.outcome.replace('_', " ");
        page.line(&format!(
            "That was a rehearsal, and nothing was written; it would have ended as: {outcome}."
        ));
    }
}

/// Shows the screen with made-up values.
///
/// # Errors
/// When there is no terminal.
pub fn rehearse(
    args: &Take,
    console: &mut impl Console,
    zone: &Zone,
    clock: &impl Clock,
    randomness: &impl Randomness,
) -> Result<Rehearsed, Failure> {
    let made_up = |what: &str| Failure::Unusable(format!("the made-up {what} cannot be read"));
    let application = ApplicationSecret {
        platform: PlatformKind::ExactOnline,
        host: Url::parse("https://start.exactonline.nl").map_err(|_| made_up("host"))?,
        client_id: "00000000-made-up-0000-000000000000"
            .parse()
            .map_err(|_| made_up("client id"))?,
        client_secret: ClientSecret::new("made-up-client-secret"),
        redirect_uri: Url::parse("https://connect.example.com/callback/exact-nl").map_err(|_| made_up("URI"))?,
    };
    let tokens = Received {
        access_token: AccessToken::new(format!("made-up-access-token.{}", "abcd".repeat(100))),
        refresh_token: RefreshToken::new(format!("made-up-refresh-token!{}", "efgh".repeat(70))),
        expires_in: Some(600),
    };
    let connection = connection(clock, randomness)?;
    let assignment = Assignment {
        form: args.form.as_str(),
        application: &application,
        tokens: &tokens,
        database: &connection.registration.database,
        reference: &connection.reference,
    };
    let form = Form::new(&connection, &assignment, zone, clock.now());
    let sheet = Sheet {
        form: &form,
        lease_ends_at: later(clock.now(), super::take::LEASE),
        zone,
    };
    let said = match console.screen()?.show(&sheet, clock) {
        Left::ByPerson => Questions { console, secrets: &[] }.ask(&connection, zone),
        Left::Ended(_) => Said::Nothing,
    };
    Ok(Rehearsed {
        rehearsal: true,
        outcome: match said {
            Said::Done(_) => "registered",
            Said::Refused { .. } => "refused",
            Said::PutBack(_) => "put_back",
            Said::Nothing => "open",
        },
    })
}

fn connection(clock: &impl Clock, randomness: &impl Randomness) -> Result<Connection, Failure> {
    let now = clock.now();
    let unreadable = |_| Failure::Unusable("a made-up name cannot be read".into());
    let request = Request {
        reference: "Rehearsal BV".parse().map_err(unreadable)?,
        application: "exact-nl".parse().map_err(unreadable)?,
        lifetimes: Lifetimes::EXACT_ONLINE,
        upkeep: Upkeep::default(),
        registration: Registration {
            channel: "rehearsal".parse().map_err(unreadable)?,
            kind: ChannelKind::Assisted,
            due: Due::AfterConsent { seconds: 0 },
            database: "rehearsal-bv".parse().map_err(unreadable)?,
        },
        return_url: None,
        link: OpenLink {
            hash: LinkHash::from_digest(&[0; 32]),
            expires_at: now,
        },
    };
    let id = ConnectionId::new(now, randomness.id());
    let mut connection = decide::create(id, request, &Actor::Customer, now)?.connection;
    let key = PairKey {
        authorisation: AuthorisationId::from_digest(&[0; 32]),
        generation: 1,
    };
    connection.pair = Some(Pair::new(key, now, now, Some(600), &Lifetimes::EXACT_ONLINE));
    connection.identity = Some(Identity {
        user: "00000000-0000-0000-0000-000000000000".into(),
        name: "R. Hearsal".into(),
    });
    Ok(connection)
}
