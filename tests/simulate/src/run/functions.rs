//! Invocations of the functions: how they begin, and what follows from their end.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use handover_callback::Answer;

use super::{Asked, Done, Environment, Run};
use crate::{
    act::{Act, CustomerId, TripId},
    breaks::Break,
    chance::{hours, minutes, seconds},
    customer::{Trip, request},
    invariants,
    messages::{Seen, VISIBILITY},
    tools::{SWEEP_TIMEOUT, TIMEOUT},
    world::ProcessId,
};

/// An invocation that ended so shortly before its time was up ended for that.
const TIME_WAS_UP: Duration = seconds(12);
/// The gateway gives up.
const GATEWAY: Duration = seconds(30);

impl Run {
    /// A browser asks for something.
    pub(super) fn browse(&mut self, asked: Asked, path: &str, query: &str) {
        let (caller, event) = match asked {
            Asked::Connect(_) => ("connect", request(path, query, &[])),
            Asked::Callback(customer, trip) => {
                let Some(trip) = self.customers.get(customer).and_then(|one| one.trips.get(trip)) else {
                    return;
                };
                let caller = if trip.code.is_some() {
                    "callback"
                } else {
                    "callback, refused"
                };
                (caller, trip.request(path, query))
            }
            Asked::Connected => return,
        };
        self.invoke(asked, caller, event);
    }

    /// A browser looks at how it turned out.
    pub(super) fn look(&mut self, customer: CustomerId, trip: TripId) {
        let Some(trip) = self.customers.get(customer).and_then(|one| one.trips.get(trip)) else {
            return;
        };
        let event = trip.request(&format!("/connected/{}", trip.authorisation), "");
        self.invoke(Asked::Connected, "connected", event);
    }

    fn invoke(&mut self, asked: Asked, caller: &'static str, event: serde_json::Value) {
        let Ok(request) = serde_json::from_value(event) else {
            return;
        };
        let index = self.environment();
        let (now, invocation, process) = {
            let mut world = self.hub.world();
            let Some(environment) = self.environments.get(index) else {
                return;
            };
            let id = environment.process;
            let Some(process) = world.process(id) else {
                return;
            };
            process.caller = caller;
            process.invocation += 1;
            process.spared = false;
            let invocation = process.invocation;
            world.plan_act(TIMEOUT, Act::TimeIsUp(id, invocation));
            (world.now, invocation, id)
        };
        let _ = invocation;
        let Some(environment) = self.environments.get_mut(index) else {
            return;
        };
        environment.serves = Some(asked);
        environment.since = now;
        let callback = Arc::clone(&environment.callback);
        let tell = self.answer.clone();
        self.begin(process, None, async move {
            let answer = callback.answer(request).await;
            let _ = tell.send((process, Done::Answered(asked, answer)));
            callback.background().idle().await;
            Done::Idle
        });
    }

    /// One that is free, or a new one.
    fn environment(&mut self) -> usize {
        let mut world = self.hub.world();
        let free = self
            .environments
            .iter()
            .position(|one| one.serves.is_none() && world.is_alive(one.process));
        if let Some(free) = free
            && world.chance.in_thousand(800)
        {
            return free;
        }
        let process = world.start("callback");
        drop(world);
        let callback = self.way_out(process).callback();
        self.environments.push(Environment {
            process,
            callback,
            serves: None,
            since: Duration::ZERO,
        });
        self.environments.len() - 1
    }

    /// The queue delivers.
    pub(super) fn deliver(&mut self, number: u64) {
        let (process, batch) = {
            let mut world = self.hub.world();
            let calm = world.plan.is_calm(world.now);
            let now = world.now;
            let world = &mut *world;
            if world.broken == Some(Break::RescueUnread) && world.messages.is_rescue(number) {
                world.messages.delete(number);
                world.changed = true;
            }
            let batch = world.messages.receive(number, &mut world.chance, now);
            for (number, ..) in &batch {
                // Should nobody follow it, it is seen again.
                world.plan_act(VISIBILITY, Act::Deliver(*number));
            }
            for (number, _, seen) in &batch {
                world.coverage.happened(how(*seen));
                if !calm && world.chance.in_thousand(60) {
                    let soon = world.chance.time(Duration::ZERO, minutes(1));
                    if let Some(copy) = world.messages.duplicate(*number) {
                        world.coverage.happened("messages delivered twice");
                        world.plan_act(soon, Act::Deliver(copy));
                    }
                }
            }
            if batch.is_empty() {
                return;
            }
            (world.start("worker"), batch)
        };
        let numbers: Vec<u64> = batch.iter().map(|(number, ..)| *number).collect();
        let mut event = SqsEvent::default();
        event.records = batch
            .into_iter()
            .map(|(number, body, _)| message(number, body))
            .collect();
        let tools = self.way_out(process);
        self.begin(process, Some(TIMEOUT), async move {
            let batch = tools.worker().batch(event).await;
            let failed = batch.answer.batch_item_failures.iter();
            let failed = failed
                .filter_map(|failure| failure.item_identifier.parse().ok())
                .collect();
            Done::Followed(numbers, failed)
        });
    }

    /// The sweeper's schedule.
    pub(super) fn sweep(&mut self) {
        let process = self.hub.world().start("sweeper");
        let tools = self.way_out(process);
        self.begin(process, Some(SWEEP_TIMEOUT), async move {
            tools.sweeper().sweep().await;
            Done::Swept
        });
    }

    /// An invocation's time is up: its process dies, unless it was frozen past its end.
    pub(super) fn time_is_up(&mut self, process: ProcessId, invocation: u64) {
        let busy = self.aborts.contains_key(&process);
        let mut world = self.hub.world();
        let Some(one) = world.process(process) else {
            return;
        };
        if !busy || one.invocation != invocation {
            return;
        }
        if one.spared {
            one.spared = false;
            return world.plan_act(hours(4), Act::TimeIsUp(process, invocation));
        }
        world.kill(process, "its time was up");
    }

    /// A process has died: whoever waits for it hears nothing.
    pub(super) fn died(&mut self, process: ProcessId) {
        if let Some(abort) = self.aborts.remove(&process) {
            abort.abort();
        }
        let environment = self.environments.iter_mut().find(|one| one.process == process);
        if let Some(asked) = environment.and_then(|one| one.serves.take()) {
            self.unanswered(asked);
        }
    }

    /// What follows from the end of an invocation or a command.
    pub(super) fn done(&mut self, process: ProcessId, done: Done) {
        if !self.hub.world().is_alive(process) {
            return;
        }
        if let Done::Answered(asked, answer) = done {
            return self.answered(process, asked, answer);
        }
        self.aborts.remove(&process);
        let since = self.started.get(&process).copied().unwrap_or_default();
        {
            let mut world = self.hub.world();
            let in_time = world.now.saturating_sub(since) + TIME_WAS_UP < TIMEOUT;
            invariants::after_invocation(&mut world, process, in_time);
        }
        match done {
            Done::Linked(customer, invited) => self.linked(customer, invited),
            Done::Idle => {
                let environment = self.environments.iter_mut().find(|one| one.process == process);
                if let Some(environment) = environment {
                    environment.serves = None;
                }
            }
            Done::Followed(numbers, failed) => self.followed(&numbers, &failed),
            Done::Answered(..) | Done::Said | Done::Swept => {}
        }
    }

    /// What was not followed comes back when its visibility ends.
    fn followed(&mut self, numbers: &[u64], failed: &[u64]) {
        let mut world = self.hub.world();
        for number in numbers.iter().filter(|number| !failed.contains(number)) {
            world.messages.delete(*number);
            world.changed = true;
        }
    }

    /// The browser has its answer, unless the gateway gave up before.
    fn answered(&mut self, process: ProcessId, asked: Asked, answer: Answer) {
        let environment = self.environments.iter().find(|one| one.process == process);
        let since = environment.map(|one| one.since).unwrap_or_default();
        if self.hub.world().now.saturating_sub(since) > GATEWAY {
            return self.unanswered(asked);
        }
        match asked {
            Asked::Connect(customer) => match Trip::depart(&answer) {
                Some(trip) => self.departed(customer, trip),
                None if answer.status_code >= 500 => self.unanswered(asked),
                None => {}
            },
            Asked::Callback(customer, trip) if answer.status_code == 303 => {
                let mut world = self.hub.world();
                let soon = world.chance.time(Duration::ZERO, seconds(2));
                world.plan_act(soon, Act::Look(customer, trip));
            }
            Asked::Callback(..) if answer.status_code >= 500 => self.unanswered(asked),
            Asked::Callback(..) | Asked::Connected => {}
        }
    }
}

fn how(seen: Seen) -> &'static str {
    match seen {
        Seen { again: true, .. } => "messages delivered again, after their visibility",
        Seen { late: true, .. } => "messages delivered late",
        Seen { out_of_order: true, .. } => "messages delivered out of order",
        Seen { .. } => "messages delivered in time",
    }
}

fn message(number: u64, body: String) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(number.to_string());
    message.body = Some(body);
    message
}
