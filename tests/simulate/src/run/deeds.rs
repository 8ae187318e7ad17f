//! What customers and the OEM's people do, and what happens by itself.

use std::time::Duration;

use handover_core::{
    connection::{Attempter, Connection, EffectKind, PairFate, Problem, State, Status, Upkeep},
    event::{Event, Outcome, Settlement},
    ids::{ConnectionId, EffectId},
    registration::{ChannelKind, Due},
};

use super::{Asked, Done, Run};
use crate::{
    act::{Act, CustomerId, TripId},
    chance::{days, hours, minutes, seconds},
    coverage::JUMPED,
    customer::Trip,
    handing_over,
    invantive::Fate,
    office::{self, Invited, Wanted},
    world::World,
};

/// `handover link`, `cancel`, `reschedule`, `retry`, `resolve`, `forget`, `done`: one row of the table each would be too
/// seldom for every fault.
const ASKS: &str = "handover (asks)";
/// Times that a customer is willing to begin anew.
const PATIENCE: u32 = 6;

impl Run {
    /// Somebody or something acts.
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Invite(customer) => self.invite(customer),
            Act::Open(customer) => self.open(customer),
            Act::Decide(customer, trip) => self.decide(customer, trip),
            Act::ComeBack(customer, trip) => self.come_back(customer, trip),
            Act::Look(customer, trip) => self.look(customer, trip),
            Act::Ask(customer) => self.ask_at_random(customer),
            Act::Meddle(id) => {
                if let Some(customer) = self.customer_of(id) {
                    self.ask_at_random(customer);
                }
            }
            Act::LookAfter => self.look_after(),
            Act::Deliver(number) => self.deliver(number),
            Act::Sweep => self.sweep(),
            Act::Arrives(number) => {
                let _ = handing_over::arrives(&mut self.hub.world(), number);
            }
            Act::Exchanges(number) => {
                let world = &mut *self.hub.world();
                if let Some(submission) = world.invantive.submission(number).cloned() {
                    handing_over::spend(world, &submission);
                }
            }
            Act::Jump(by) => {
                let world = &mut *self.hub.world();
                world.ahead += by;
                world.coverage.happened(JUMPED);
                world
                    .trace
                    .note(world.now, || format!("our clocks jump forward by {by:?}"));
            }
            Act::Mood => self.mood(),
            Act::TimeIsUp(process, invocation) => self.time_is_up(process, invocation),
            Act::Died(process) => self.died(process),
        }
    }

    // ------------------------------------------------------------------------------------------------- Customers

    fn open(&mut self, customer: CustomerId) {
        let Some(one) = self.customers.get_mut(customer) else {
            return;
        };
        let Some(link) = one.link.clone() else {
            return;
        };
        one.opened += 1;
        self.browse(Asked::Connect(customer), &format!("/connect/{link}"), "");
    }

    /// The browser is at the consent screen.
    pub(super) fn departed(&mut self, customer: CustomerId, trip: Trip) {
        let Some(one) = self.customers.get_mut(customer) else {
            return;
        };
        one.trips.push(trip);
        let number = one.trips.len() - 1;
        let mut world = self.hub.world();
        if world.chance.in_thousand(70) {
            // Walks away.
            return;
        }
        let most = if one.hurried { seconds(6) } else { minutes(3) };
        let thinks = world.chance.time(seconds(2), most);
        world.plan_act(thinks, Act::Decide(customer, number));
    }

    fn decide(&mut self, customer: CustomerId, number: TripId) {
        let mut world = self.hub.world();
        let world = &mut *world;
        let Some(one) = self.customers.get_mut(customer) else {
            return;
        };
        let user = one.user;
        let Some(trip) = one.trips.get_mut(number) else {
            return;
        };
        if !world.chance.in_thousand(80) {
            let code = world.exact.consent(user, &trip.challenge, world.now);
            world.witness.trips.insert(code.clone(), trip.authorisation.clone());
            trip.code = Some(code);
        }
        let slow = world.chance.in_thousand(40);
        let soon = if slow {
            minutes(4)
        } else {
            world.chance.time(seconds(1), seconds(20))
        };
        world.plan_act(soon, Act::ComeBack(customer, number));
        if world.chance.in_thousand(150) {
            let reloads = soon + world.chance.time(Duration::ZERO, seconds(20));
            world.plan_act(reloads, Act::ComeBack(customer, number));
        }
    }

    fn come_back(&mut self, customer: CustomerId, trip: TripId) {
        let Some(one) = self.customers.get_mut(customer).and_then(|one| one.trips.get_mut(trip)) else {
            return;
        };
        one.returned += 1;
        let query = one.query();
        self.browse(Asked::Callback(customer, trip), "/callback/exact-nl", &query);
    }

    /// No answer, or one that asks to try again.
    pub(super) fn unanswered(&mut self, asked: Asked) {
        let mut world = self.hub.world();
        let soon = world.chance.time(seconds(1), seconds(40));
        let again = world.chance.in_thousand(700);
        match asked {
            Asked::Callback(customer, trip) if again && self.returns(customer, trip) => {
                world.plan_act(soon, Act::ComeBack(customer, trip));
            }
            Asked::Connect(customer) if again && self.is_patient(customer) => {
                world.plan_act(soon, Act::Open(customer));
            }
            _ => {}
        }
    }

    fn returns(&self, customer: CustomerId, trip: TripId) -> bool {
        let one = self.customers.get(customer).and_then(|one| one.trips.get(trip));
        one.is_some_and(|trip| trip.returned < 4)
    }

    fn is_patient(&self, customer: CustomerId) -> bool {
        self.customers.get(customer).is_some_and(|one| one.opened < PATIENCE)
    }

    // -------------------------------------------------------------------------------------------------- The OEM

    fn invite(&mut self, customer: CustomerId) {
        let hurried = self.customers.get(customer).is_some_and(|one| one.hurried);
        let (process, mut wanted) = {
            let mut world = self.hub.world();
            (world.start("handover connect"), wanted(&mut world))
        };
        if let Some(at) = self.appointed {
            wanted.due = Due::At(at);
        }
        if hurried {
            wanted.kind = ChannelKind::Http;
            wanted.due = Due::AfterConsent { seconds: 0 };
        }
        let tools = self.way_out(process);
        let house = std::sync::Arc::clone(&self.hub.house);
        self.begin(process, None, async move {
            Done::Linked(customer, office::connect(&tools, &house, customer, wanted).await)
        });
    }

    /// The OEM has a link, and sends it on.
    pub(super) fn linked(&mut self, customer: CustomerId, invited: Option<Invited>) {
        let mut world = self.hub.world();
        let Some(one) = self.customers.get_mut(customer) else {
            return;
        };
        let Some(Invited { connection, token }) = invited else {
            // Told that it did not work: tried again, if there is none yet.
            if one.connection.is_none() {
                let later = world.chance.time(minutes(1), minutes(30));
                world.plan_act(later, Act::Invite(customer));
            }
            return;
        };
        one.connection = Some(connection);
        one.link = Some(token);
        let most = *world
            .chance
            .pick(&[minutes(1), hours(2), days(6)])
            .unwrap_or(&minutes(1));
        let most = if one.hurried { seconds(4) } else { most };
        let opens = world.chance.time(seconds(1), most);
        world.plan_act(opens, Act::Open(customer));
        if world.chance.in_thousand(150) {
            let second = opens + world.chance.time(Duration::ZERO, minutes(4));
            world.plan_act(second, Act::Open(customer));
        }
    }

    fn ask_at_random(&mut self, customer: CustomerId) {
        let Some(id) = self.customers.get(customer).and_then(|one| one.connection) else {
            return;
        };
        let (choice, due) = {
            let mut world = self.hub.world();
            (world.chance.below(10), due(&mut world))
        };
        match choice {
            0..=1 => self.command(id, Event::CancelAsked),
            2..=5 => self.command(id, Event::RescheduleAsked(due)),
            6 => self.command(id, Event::RetryAsked),
            7 => self.command(id, Event::ForgetAsked),
            _ => self.link(customer, id),
        }
    }

    fn command(&mut self, id: ConnectionId, event: Event) {
        let process = self.hub.world().start(ASKS);
        let tools = self.way_out(process);
        self.begin(process, None, async move {
            office::ask(&tools, id, event).await;
            Done::Said
        });
    }

    fn link(&mut self, customer: CustomerId, id: ConnectionId) {
        let process = self.hub.world().start(ASKS);
        let tools = self.way_out(process);
        let house = std::sync::Arc::clone(&self.hub.house);
        self.begin(process, None, async move {
            Done::Linked(customer, office::link(&tools, &house, id).await)
        });
    }

    fn take(&mut self, id: ConnectionId) {
        let process = self.hub.world().start("handover take");
        let tools = self.way_out(process);
        self.begin(process, None, async move {
            office::take(&tools, id).await;
            Done::Said
        });
    }

    fn say(&mut self, id: ConnectionId, attempt: EffectId, outcome: Outcome) {
        let process = self.hub.world().start(ASKS);
        let tools = self.way_out(process);
        self.begin(process, None, async move {
            office::say(&tools, id, attempt, outcome).await;
            Done::Said
        });
    }

    /// Somebody looks after what waits for a person, and does what the messages tell them to.
    fn look_after(&mut self) {
        let connections = self.hub.store.connections();
        let mut waits = false;
        for connection in &connections {
            waits |= self.tend(connection);
        }
        let mut world = self.hub.world();
        let again = if waits { minutes(30) } else { hours(6) };
        let again = world.chance.time(again / 2, again);
        world.plan_act(again, Act::LookAfter);
    }

    /// Does what one connection needs of a person; says whether it needs anything.
    fn tend(&mut self, connection: &Connection) -> bool {
        let id = connection.id;
        if connection.effect.is_some() {
            return self.say_again(connection);
        }
        match connection.state.status() {
            Status::InDoubt => self.settle_doubt(connection),
            Status::AwaitingOperator => {
                self.take(id);
                true
            }
            Status::Failed | Status::Reauthorize | Status::Invited => self.begin_anew(connection),
            Status::Authorized if connection.attention.is_some() && self.is_late(connection) => {
                self.begin_anew(connection)
            }
            Status::Authorized | Status::Registering | Status::Registered | Status::Cancelled => false,
        }
    }

    /// Whether it should have been registered by now, or never will be.
    fn is_late(&self, connection: &Connection) -> bool {
        let unreachable = connection
            .attention
            .as_ref()
            .is_some_and(|attention| attention.problem == Problem::Unreachable);
        let clock = self.hub.world().clock();
        let due_at = connection.due_at();
        unreachable || due_at.is_some_and(|due_at| clock >= handover_core::registration::later(due_at, hours(2)))
    }

    /// A person who knows how theirs ended, and could not write it down, says it again.
    fn say_again(&mut self, connection: &Connection) -> bool {
        let by_person = connection.effect.as_ref().is_some_and(|effect| {
            matches!(
                &effect.kind,
                EffectKind::Attempt {
                    by: Attempter::Person(_),
                    ..
                }
            )
        });
        let known = {
            let world = self.hub.world();
            let fate = world.invantive.of(connection.id).last().map(|one| one.fate);
            by_person && fate == Some(Fate::Succeeded) && self.aborts.is_empty()
        };
        if let (true, Some(effect)) = (known, &connection.effect) {
            let segment = connection.registration.database.clone();
            self.say(connection.id, effect.id, Outcome::Registered { segment });
        }
        by_person
    }

    /// A person looks at Invantive Cloud, once nothing can be on its way there any more, and says what they see.
    fn settle_doubt(&mut self, connection: &Connection) -> bool {
        let State::InDoubt(doubt) = &connection.state else {
            return false;
        };
        let id = connection.id;
        let settlement = {
            let mut world = self.hub.world();
            let old = world.clock() >= handover_core::registration::later(doubt.since, minutes(45));
            // Where the channel can be asked, they wait for it first.
            let patient = doubt.look_up.is_some() && doubt.looked < 6 && world.chance.in_thousand(800);
            if !old || patient || self.is_under_way(&world, id) {
                return true;
            }
            match world.invantive.databases(id).first() {
                Some(database) => Settlement::Registered(database.segment.clone()),
                None => Settlement::NotRegistered {
                    pair: truth(&mut world, connection),
                },
            }
        };
        self.command(id, Event::Settled(settlement));
        true
    }

    fn is_under_way(&self, world: &World, id: ConnectionId) -> bool {
        world.invantive.of(id).any(|one| matches!(one.fate, Fate::UnderWay(_)))
    }

    /// A retry, a new link, or an end.
    fn begin_anew(&mut self, connection: &Connection) -> bool {
        let id = connection.id;
        let Some(customer) = self.customer_of(id) else {
            // The OEM never learned of it.
            return false;
        };
        let opened = self.customers.get(customer).map(|one| one.opened).unwrap_or(PATIENCE);
        let (choice, waits) = {
            let mut world = self.hub.world();
            let since = Duration::try_from(world.clock().duration_since(connection.updated_at)).unwrap_or_default();
            (world.chance.below(10), since < hours(8))
        };
        if waits && connection.state.status() != Status::Authorized {
            return true;
        }
        match connection.state.status() {
            _ if opened >= PATIENCE => {
                self.command(id, Event::CancelAsked);
            }
            Status::Failed if connection.pair.is_some() && choice < 6 => {
                self.command(id, Event::RetryAsked);
            }
            Status::Authorized if choice < 7 => {}
            Status::Invited if connection.link.is_some() && choice < 6 => {
                self.hub.world().plan_act(minutes(1), Act::Open(customer));
            }
            _ => self.link(customer, id),
        }
        true
    }

    // ------------------------------------------------------------------------------------------------ By itself

    /// The platform has its moods.
    fn mood(&mut self) {
        let mut world = self.hub.world();
        let lasts = world.chance.time(seconds(30), hours(2));
        let until = world.now + lasts;
        match world.chance.below(3) {
            0 => world.exact.bad_client_until = until,
            1 => world.exact.me_fails_until = until,
            _ => {
                drop(world);
                self.sweeping_from = until + hours(8);
            }
        }
    }
}

fn wanted(world: &mut World) -> Wanted {
    let kinds = [ChannelKind::Http, ChannelKind::Http, ChannelKind::Assisted];
    let defaults = Upkeep::default();
    let renew_days = world
        .chance
        .pick(&[defaults.renew_days, defaults.renew_days, None])
        .copied()
        .flatten();
    let retention_days = *world.chance.pick(&[180, 180, 1]).unwrap_or(&180);
    Wanted {
        kind: *world.chance.pick(&kinds).unwrap_or(&ChannelKind::Http),
        due: due(world),
        upkeep: Upkeep {
            renew_days,
            retention_days,
            ..defaults
        },
    }
}

/// When a registration is due.
fn due(world: &mut World) -> Due {
    let wait = *world
        .chance
        .pick(&[
            Duration::ZERO,
            minutes(4),
            minutes(40),
            hours(20),
            days(3),
            days(12),
            days(29),
            days(45),
            days(70),
        ])
        .unwrap_or(&Duration::ZERO);
    let wait = world.chance.time(wait / 2, wait);
    Due::AfterConsent {
        seconds: wait.as_secs(),
    }
}

/// What became of the pair, as far as somebody can know: if they do not, they say so.
fn truth(world: &mut World, connection: &Connection) -> PairFate {
    let spent = world.invantive.manner.spends_refused;
    let arrived = world.invantive.of(connection.id).any(|one| one.fate == Fate::Refused);
    match (arrived, spent, world.chance.in_thousand(500)) {
        (_, _, true) => PairFate::Unknown,
        (true, true, _) => PairFate::Spent,
        _ => PairFate::Unspent,
    }
}
