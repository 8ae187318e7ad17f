//! `connect` and `link`.

use std::time::Duration;

use handover_core::{
    application::Application,
    apply::Along,
    authorisation, browser,
    connection::{Connection, OpenLink, Request, Status},
    decide::{self, Why},
    event::Event,
    ids::{ConnectionId, CustomerReference},
    ports::{Clock, Filter, Queue, Randomness, Store, Vault},
    registration::{Due, Registration, earlier, later},
    secret::LinkToken,
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use url::Url;

use super::House;
use crate::{
    args::{Connect, LinkArgs},
    failure::Failure,
    output::{Answer, Page, Tone},
    time,
    view::ConnectionView,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Other connections of the same customer that are looked at.
const LOOKED_AT: u32 = 20;

/// A link for a customer: whoever has it may connect. Printed, never logged: `Debug` hides it.
#[derive(Clone)]
pub struct Link(String);

impl Link {
    fn new(public_url: &str, token: &LinkToken) -> Self {
        Self(format!("{public_url}/connect/{}", token.expose()))
    }

    /// The address, for the one line that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link(hidden)")
    }
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A connection with a link that was just made.
#[derive(Debug, Serialize)]
pub struct Connected {
    /// What was done, in words.
    pub message: String,
    /// For the customer. Shown this once.
    pub link: Link,
    /// It lapses then.
    pub link_expires_at: Timestamp,
    /// As it stands now.
    pub connection: ConnectionView,
    /// What did not work, or is worth a second look.
    pub warnings: Vec<String>,
}

impl Answer for Connected {
    fn tell(&self, page: &mut Page) {
        let look = page.look().clone();
        page.line(&self.message);
        let due = match (self.connection.due.at, self.connection.due.after_consent_seconds) {
            (Some(at), _) if at <= look.now => {
                format!(
                    "{}: that has passed, so as soon as the customer has consented",
                    look.zone.with_utc(at)
                )
            }
            (Some(at), _) => format!("{}, {}", look.zone.with_utc(at), time::relative(at, look.now)),
            (None, seconds) => time::due_in_words(
                Due::AfterConsent {
                    seconds: seconds.unwrap_or_default(),
                },
                &look.zone,
            ),
        };
        page.pairs(&[
            ("id", self.connection.id.to_string()),
            ("customer", self.connection.reference.to_string()),
            ("database", self.connection.database.to_string()),
            ("due", due),
            ("link", self.link.expose().to_owned()),
            ("lapses", look.zone.with_utc(self.link_expires_at)),
        ]);
        page.toned(
            Tone::Quiet,
            "The link is shown this once and kept as a hash only. Whoever has it may connect: send it to the customer alone.",
        );
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn connect(&self, args: Connect) -> Result<Connected, Failure> {
        let application = self.app_of(&args.app).await?;
        let channel = self.store.channel(&args.channel).await?.ok_or_else(|| {
            Failure::NotFound(format!(
                "there is no channel {} in this deployment; `handover channel list` shows them, `handover channel add {} \
                 --assisted` adds it",
                args.channel, args.channel
            ))
        })?;
        if let Some(url) = &args.return_url {
            self.must_be_allowed(url, &application)?;
        }
        let mut warnings = self.others_of(&args.reference).await;
        let now = self.clock.now();
        let id = ConnectionId::new(now, self.randomness.id());
        let (link, open, stored) = self.new_link(id, &application, args.link_days);
        let request = Request {
            reference: args.reference,
            application: args.app,
            lifetimes: application.lifetimes,
            upkeep: application.upkeep.clone(),
            registration: Registration {
                channel: channel.id,
                kind: channel.kind,
                due: args.due.due(),
                database: args.database,
            },
            return_url: args.return_url,
            link: open,
        };
        let decision = decide::create(id, request, &self.actor(), now).map_err(|why| unreachable(&application, why))?;
        let connection = self.desk().create(decision, stored).await?;
        warnings.extend(self.not_before(&connection));
        warnings.extend(self.point(&connection).await);
        Ok(self.connected(
            "The connection is made; it waits for the customer to open the link.",
            link,
            &connection,
            warnings,
        ))
    }

    pub(super) async fn link(&self, args: LinkArgs) -> Result<Connected, Failure> {
        let connection = self.load(args.id).await?;
        let application = self.app_of(&connection.application).await?;
        let (link, open, stored) = self.new_link(args.id, &application, args.link_days);
        let along = Along {
            link: Some(stored),
            ..Along::default()
        };
        let connection = self.ask_along(args.id, Event::LinkOpened(open), &along).await?;
        let mut warnings: Vec<String> = self.not_before(&connection).into_iter().collect();
        warnings.extend(self.point(&connection).await);
        let message = if connection.pair.is_some() {
            "A new link is made; the one before it no longer works. A consent over it replaces the token pair that is kept."
        } else {
            "A new link is made; the one before it no longer works."
        };
        Ok(self.connected(message, link, &connection, warnings))
    }

    /// A moment that the pair of a consent given now would not live to see unrenewed: the link works all the same, and
    /// nobody notices before the pair has ended.
    fn not_before(&self, connection: &Connection) -> Option<String> {
        if connection.upkeep.renew_days.is_some() {
            return None;
        }
        let (Due::At(due_at), life) = (connection.registration.due, connection.lifetimes.refresh()) else {
            return None;
        };
        let from = earlier(due_at, life);
        (from >= self.clock.now()).then(|| {
            format!(
                "a token pair lives {}, and is not renewed: the customer must consent after {}, or the pair ends before the registration is \
                 due ({}); until then, keep the link to yourself",
                time::words(life.as_secs()),
                self.zone.with_utc(from),
                self.zone.with_utc(due_at)
            )
        })
    }

    fn new_link(
        &self,
        connection: ConnectionId,
        application: &Application,
        days: Option<u32>,
    ) -> (Link, OpenLink, authorisation::Link) {
        let token = browser::link_token(self.randomness.secret());
        let hash = browser::hash_of(&token);
        let expires_at = later(self.clock.now(), DAY.saturating_mul(days.unwrap_or(self.link_days)));
        let stored = authorisation::Link {
            hash: hash.clone(),
            connection,
            application: application.id.clone(),
            expires_at,
            live: Vec::new(),
        };
        (
            Link::new(self.public_url, &token),
            OpenLink { hash, expires_at },
            stored,
        )
    }

    fn must_be_allowed(&self, url: &Url, application: &Application) -> Result<(), Failure> {
        self.must_be_https(url, "--return-url")?;
        if application.allows_return_to(url) {
            return Ok(());
        }
        let allowed: Vec<String> = application.return_origins.iter().map(ToString::to_string).collect();
        let known = if allowed.is_empty() {
            "none".into()
        } else {
            allowed.join(", ")
        };
        Err(Failure::Usage(format!(
            "--return-url is {url}, and customers of {} may be sent to {known} only; add its origin with `handover app \
             add {} --replace … --return-origin`, or choose another",
            application.id, application.id
        )))
    }

    /// A courtesy: a second database for the same app and user is refused at Invantive Cloud, days later.
    async fn others_of(&self, reference: &CustomerReference) -> Vec<String> {
        let filter = Filter {
            reference: Some(reference.clone()),
            ..Filter::default()
        };
        let Ok(page) = self.store.list(&filter, LOOKED_AT, None).await else {
            return Vec::new();
        };
        let others = page.items.into_iter().filter(|other| other.status != Status::Cancelled);
        others
            .map(|other| {
                format!(
                    "{reference} has a connection already: {}, {}",
                    other.connection, other.status
                )
            })
            .collect()
    }

    fn connected(&self, message: &str, link: Link, connection: &Connection, warnings: Vec<String>) -> Connected {
        Connected {
            message: message.into(),
            link,
            link_expires_at: connection
                .link
                .as_ref()
                .map_or(connection.created_at, |link| link.expires_at),
            connection: ConnectionView::of(connection, self.clock.now()),
            warnings,
        }
    }
}

fn unreachable(application: &Application, why: Why) -> Failure {
    match why {
        Why::Unreachable { ends_at } => Failure::Refused(format!(
            "a token pair from the last possible consent ends {ends_at}, before the registration would be due, and {} has \
             its token pairs not renewed (--renew never); choose an earlier time, or a shorter --register-in",
            application.id
        )),
        other => other.into(),
    }
}
