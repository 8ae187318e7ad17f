//! `show`.

use handover_core::{
    connection::Problem,
    event::What,
    ids::ConnectionId,
    ports::{Clock, Queue, Randomness, Store, Vault},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{House, tell_standing};
use crate::{
    failure::Failure,
    output::{Answer, Cell, Look, Page, Tone},
    time,
    view::{self, ConnectionView, ContestView, DueView, RecordView, RegisteredView},
};

/// A connection with its history.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// As it stands now.
    pub connection: ConnectionView,
    /// What happened, oldest first.
    pub history: Vec<RecordView>,
}

impl Answer for Shown {
    fn tell(&self, page: &mut Page) {
        let connection = &self.connection;
        page.toned(Tone::Strong, &format!("{}  {}", connection.reference, connection.id));
        tell_standing(connection, page);
        for alert in alerts(connection) {
            page.gap();
            page.toned(Tone::Alert, &alert);
        }
        page.gap();
        let mut facts = facts(connection, page.look());
        facts.extend(self.attempt().map(|attempt| ("attempt", attempt)));
        page.pairs(&facts);
        page.gap();
        let zone = page.look().zone.clone();
        let rows: Vec<Vec<Cell>> = self
            .history
            .iter()
            .map(|record| {
                vec![
                    Cell::new(&zone.exactly(record.at)),
                    Cell::new(&record.by),
                    Cell::new(&record.text),
                ]
            })
            .collect();
        page.table(&["when", "who", "what"], &rows);
    }
}

impl Shown {
    /// The attempt that is under way or in doubt, and whose it is: what `done`, `refused` and `put-back` ask for.
    fn attempt(&self) -> Option<String> {
        let under_way = self.connection.under_way.as_ref();
        if let Some(effect) = under_way.filter(|effect| effect.what == "attempt") {
            return Some(format!("{} by {}", effect.effect, effect.by));
        }
        let attempt = self.connection.doubt.as_ref()?.attempt;
        let began = self
            .history
            .iter()
            .find(|record| matches!(record.what, What::AttemptBegan { effect, .. } if effect == attempt));
        let by = began.map(|record| format!(" by {}", record.by));
        Some(format!("{attempt}{}, in doubt", by.unwrap_or_default()))
    }
}

/// What somebody has to look at. A lost authorisation stays one when everything that names the customer was erased.
fn alerts(connection: &ConnectionView) -> Vec<String> {
    let problem = Problem::AuthorisationLost.as_str();
    let told = connection.attention.as_ref();
    let registered = connection.registered.as_ref();
    let untold = registered.filter(|_| told.is_none_or(|attention| attention.problem != problem));
    let lost = untold.and_then(without_authorisation);
    let lost = lost.map(|how| format!("{problem}: registered, but its authorisation {how}"));
    let told = told.map(|attention| format!("{}: {}", attention.problem, attention.text));
    lost.into_iter().chain(told).collect()
}

fn without_authorisation(done: &RegisteredView) -> Option<String> {
    match done.superseded_by {
        Some(by) => Some(format!("was lost to {by}")),
        None => done
            .authorisation_uncertain
            .then(|| "may have been lost to another consent of the same user".to_owned()),
    }
}

fn facts(connection: &ConnectionView, look: &Look) -> Vec<(&'static str, String)> {
    let moment = |at: Timestamp| format!("{}, {}", look.zone.with_utc(at), time::relative(at, look.now));
    let mut facts = vec![
        ("database", connection.database.to_string()),
        ("app", connection.application.to_string()),
        ("channel", connection.channel.to_string()),
        ("due", due(connection, look)),
    ];
    let pair = connection.pair.as_ref();
    facts.extend(connection.consented_at.map(|at| ("consent", moment(at))));
    facts.extend(
        connection
            .identity
            .as_ref()
            .map(|who| ("consented", format!("{} ({})", who.name, who.user))),
    );
    facts.extend(pair.map(|pair| {
        (
            "pair",
            format!("generation {} of {}", pair.generation, pair.authorisation),
        )
    }));
    facts.extend(pair.map(|pair| ("pair ends", moment(pair.ends_at))));
    facts.extend(rotation(connection, look).map(|told| ("rotation", told)));
    facts.extend(open_intent(connection));
    facts.extend(connection.contests.iter().map(contest));
    facts.extend(
        connection
            .to_tell
            .iter()
            .map(|tidings| ("to tell", format!("{}: {}", tidings.to, tidings.news))),
    );
    facts.extend(connection.retry_at.map(|at| ("not before", moment(at))));
    facts.extend(connection.link_expires_at.map(|at| ("link lapses", moment(at))));
    facts.extend(
        connection
            .return_url
            .as_ref()
            .map(|url| ("afterwards", url.to_string())),
    );
    facts.extend(wishes(connection, look).map(|wish| ("asked for", wish)));
    facts.extend(connection.forgotten.map(|forgotten| {
        let history = if forgotten.history_erased {
            ""
        } else {
            "; the history is about to be erased"
        };
        let at = look.zone.with_utc(forgotten.at);
        ("forgotten", format!("{at}: names and addresses are erased{history}"))
    }));
    facts
}

/// When the pair is rotated next, unless the line on what comes next says so.
fn rotation(connection: &ConnectionView, look: &Look) -> Option<String> {
    let rotation = connection.rotation.filter(|_| connection.rotation != connection.next)?;
    let when = format!(
        "{}, {}",
        look.zone.with_utc(rotation.at),
        time::relative(rotation.at, look.now)
    );
    Some(format!("{when}: {}", view::next_in_words(rotation.what)))
}

/// The rotation that came to no clear end.
fn open_intent(connection: &ConnectionView) -> Option<(&'static str, String)> {
    let open = connection.pair.as_ref()?.open_intent?;
    let told = format!(
        "{} to generation {} came to no clear end",
        open.rotation, open.generation
    );
    Some(("renewal", told))
}

fn contest(contest: &ContestView) -> (&'static str, String) {
    let later = if contest.ours_is_later {
        "this one is the later, and its renewal settles it"
    } else {
        "that one is the later, and its renewal settles it"
    };
    ("contested", format!("with {}: {later}", contest.with))
}

fn due(connection: &ConnectionView, look: &Look) -> String {
    let told = in_words(connection.due, look);
    let passed = connection.due.at.is_some_and(|at| at <= look.now);
    if passed && connection.consented_at.is_none() {
        return format!("{told}: as soon as the customer has consented");
    }
    match connection.due_at.filter(|_| connection.due.at.is_none()) {
        Some(at) => format!("{}, {} ({told})", look.zone.with_utc(at), time::relative(at, look.now)),
        None => told,
    }
}

fn in_words(due: DueView, look: &Look) -> String {
    match (due.at, due.after_consent_seconds) {
        (Some(at), _) => format!("{}, {}", look.zone.with_utc(at), time::relative(at, look.now)),
        (None, Some(0)) => "at once after the consent".into(),
        (None, seconds) => format!("{} after the consent", time::words(seconds.unwrap_or_default())),
    }
}

fn wishes(connection: &ConnectionView, look: &Look) -> Option<String> {
    let cancel = connection.wishes.cancel.then(|| "to be given up".to_owned());
    let later = connection.wishes.reschedule;
    let later = later.map(|due| format!("to be registered {}", in_words(due, look)));
    let superseded = connection.wishes.superseded_by;
    let superseded = superseded.map(|by| format!("its token pair to be given up, since {by} ended its chain"));
    let unsettled = connection.wishes.unsettled;
    let unsettled = unsettled.then(|| "its token pair to be held back, since its chain may have ended".to_owned());
    let wishes: Vec<String> = cancel
        .into_iter()
        .chain(later)
        .chain(superseded)
        .chain(unsettled)
        .collect();
    (!wishes.is_empty()).then(|| format!("{}, once what is under way has ended", wishes.join(", ")))
}

impl<S: Store, V: Vault, Q: Queue, C: Clock, R: Randomness> House<'_, S, V, Q, C, R> {
    pub(super) async fn show(&self, id: ConnectionId) -> Result<Shown, Failure> {
        let connection = self.load(id).await?;
        let history = self.store.history(id).await?;
        Ok(Shown {
            connection: ConnectionView::of(&connection, self.clock.now()),
            history: history.iter().map(|record| RecordView::of(record, self.zone)).collect(),
        })
    }
}
