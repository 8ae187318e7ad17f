//! The commands, over the core's ports.

mod app;
mod asks;
mod assisted;
mod channel;
mod connect;
mod forget;
mod list;
mod questions;
mod rehearse;
mod show;
mod take;
mod upkeep;

use handover_core::{
    apply::{Along, ApplyError, Desk},
    connection::{Connection, Effect, EffectKind},
    decide::{Refused, Why},
    event::{Actor, Event},
    ids::ConnectionId,
    ports::{Clock, Queue, Randomness, Store, Vault},
};
use serde::Serialize;

use crate::{
    args::{AppCommand, ChannelCommand, Command},
    console::Console,
    failure::Failure,
    output::{self, Answer, Format, Look, Page, Printed},
    time::Zone,
    view::{self, ConnectionView},
};

pub use app::{Added, Applications, ShownApplication};
pub use channel::{AddedChannel, Channels};
pub use connect::{Connected, Link};
pub use forget::Forgot;
pub use list::Listed;
pub use rehearse::rehearse;
pub use show::Shown;
pub use take::Taken;

/// What a deployment offers to whoever sits in front of it.
#[derive(Debug)]
pub struct House<'a, S, V, Q, C, R> {
    /// The tables.
    pub store: &'a S,
    /// Sealing and opening.
    pub vault: &'a V,
    /// The wake-ups.
    pub queue: &'a Q,
    /// Time.
    pub clock: &'a C,
    /// Chance.
    pub randomness: &'a R,
    /// Who sits here.
    pub person: &'a str,
    /// What links and redirect URIs begin with; no slash at its end.
    pub public_url: &'a str,
    /// Days after which a link lapses, unless told otherwise.
    pub link_days: u32,
    /// Whether addresses without TLS are accepted.
    pub allow_http: bool,
    /// In which zone times are told.
    pub zone: &'a Zone,
}

/// A connection after a change.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// What was done, in words.
    pub message: String,
    /// As it stands now.
    pub connection: ConnectionView,
    /// What did not work all the same.
    pub warnings: Vec<String>,
}

impl Answer for Changed {
    fn tell(&self, page: &mut Page) {
        page.line(&self.message);
        tell_standing(&self.connection, page);
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Where it stands, what to do, and what comes next.
fn tell_standing(connection: &ConnectionView, page: &mut Page) {
    let look = page.look().clone();
    let (standing, advice) = view::state_in_words(connection, &look.zone);
    let mut pairs = vec![("status", format!("{}: {standing}", connection.status))];
    pairs.extend(advice.map(|advice| ("to do", advice)));
    pairs.extend(connection.next.map(|next| {
        let when = format!(
            "{}, {}",
            look.zone.with_utc(next.at),
            crate::time::relative(next.at, look.now)
        );
        ("next", format!("{when}: {}", view::next_in_words(next.what)))
    }));
    page.pairs(&pairs);
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    /// Does what was asked, and says how it went.
    ///
    /// # Errors
    /// When it was not done, or not all of it; see [`Failure`].
    pub async fn perform(
        &self,
        command: Command,
        console: &mut impl Console,
        format: Format,
        colour: bool,
    ) -> Result<Printed, Failure> {
        let look = Look {
            colour,
            zone: self.zone.clone(),
            now: self.clock.now(),
        };
        let print = |answer: &dyn Tell| answer.print(format, &look);
        match command {
            Command::App(AppCommand::Add(args)) => print(&self.add_app(*args, console).await?),
            Command::App(AppCommand::List) => print(&self.list_apps().await?),
            Command::App(AppCommand::Show(args)) => print(&self.show_app(args).await?),
            Command::App(AppCommand::SetSecret(args)) => print(&self.set_secret(args, console).await?),
            Command::Channel(ChannelCommand::Add(args)) => print(&self.add_channel(args, console).await?),
            Command::Channel(ChannelCommand::List) => print(&self.list_channels().await?),
            Command::Connect(args) => print(&self.connect(args).await?),
            Command::Link(args) => print(&self.link(args).await?),
            Command::List(args) => print(&self.list(args).await?),
            Command::Show(args) => print(&self.show(args.id).await?),
            Command::Cancel(args) => print(&self.cancel(args.id).await?),
            Command::Forget(args) => print(&self.forget(args, console).await?),
            Command::Reschedule(args) => print(&self.reschedule(args).await?),
            Command::Retry(args) => print(&self.retry(args.id).await?),
            Command::Resolve(args) => print(&self.resolve(args).await?),
            Command::Take(args) => print(&self.take(args, console).await?),
            Command::Done(args) => print(&self.done(args).await?),
            Command::Refused(args) => print(&self.refused(args).await?),
            Command::PutBack(args) => print(&self.put_back(args).await?),
        }
    }

    fn desk(&self) -> Desk<'_, S, Q, C, R> {
        Desk {
            store: self.store,
            queue: self.queue,
            clock: self.clock,
            randomness: self.randomness,
        }
    }

    fn actor(&self) -> Actor {
        Actor::Person(self.person.to_owned())
    }

    async fn load(&self, id: ConnectionId) -> Result<Connection, Failure> {
        Ok(self.desk().load(id).await?)
    }

    async fn ask(&self, id: ConnectionId, event: Event) -> Result<Connection, Failure> {
        self.ask_along(id, event, &Along::default()).await
    }

    async fn ask_along(&self, id: ConnectionId, event: Event, along: &Along) -> Result<Connection, Failure> {
        match self.desk().apply(id, &event, &self.actor(), along).await {
            Err(ApplyError::Refused(refused)) => Err(self.refusal(id, refused).await),
            result => Ok(result?),
        }
    }

    /// The core's refusal; where a renewal is in the way, which ends by itself, it is named.
    async fn refusal(&self, id: ConnectionId, refused: Refused) -> Failure {
        if matches!(refused.why, Why::UnderWay { .. })
            && let Ok(connection) = self.load(id).await
            && let Some(effect) = rotation(&connection)
        {
            return self.renewal_under_way(id, effect);
        }
        refused.into()
    }

    fn renewal_under_way(&self, id: ConnectionId, effect: &Effect) -> Failure {
        Failure::Refused(format!(
            "a renewal of the token pair of {id} is under way until {} at the latest; try again then",
            self.zone.with_utc(effect.lease_ends_at)
        ))
    }

    /// What a change is answered with, once its wake-up is on its way.
    async fn changed(&self, connection: &Connection, message: impl Into<String>) -> Changed {
        Changed {
            message: message.into(),
            connection: ConnectionView::of(connection, self.clock.now()),
            warnings: self.point(connection).await,
        }
    }

    /// Sends the wake-up, if it is near. One that is not sent costs minutes, not the registration.
    async fn point(&self, connection: &Connection) -> Vec<String> {
        let sent = self.desk().point(connection).await;
        let warning = |error| format!("{error}; it happens all the same, at the sweeper's next round");
        sent.err().map(warning).into_iter().collect()
    }
}

/// The rotation that is under way.
fn rotation(connection: &Connection) -> Option<&Effect> {
    let effect = connection.effect.as_ref()?;
    matches!(effect.kind, EffectKind::Rotation { .. }).then_some(effect)
}

/// An answer behind one type, so that a command is one line above.
trait Tell {
    fn print(&self, format: Format, look: &Look) -> Result<Printed, Failure>;
}

impl<A: Answer> Tell for A {
    fn print(&self, format: Format, look: &Look) -> Result<Printed, Failure> {
        output::print(self, format, look)
    }
}
