//! What happens, one thing after the other: the sweeper's schedule, the queue's deliveries, and the functions' calls.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use futures::{StreamExt, stream::FuturesUnordered};
use handover_core::{connection::Connection, ports::Clock};
use handover_simulate::{
    act::Act,
    chance::minutes,
    handing_over,
    messages::VISIBILITY,
    port::Port,
    tools::{SWEEP_TIMEOUT, TIMEOUT, Tools},
    world::{Hub, Next, ProcessId},
};

/// The sweeper's schedule, as in `infra/template.yaml`.
const SWEEP_EVERY: Duration = minutes(5);
/// Messages in one invocation of the worker, as in `infra/template.yaml`.
const BATCH: usize = 10;
/// Invocations at once that Lambda begins with for a queue. The template allows ten.
const AT_ONCE: usize = 5;
/// An environment that was idle for longer is gone.
const KEPT_WARM: Duration = minutes(5);
/// What a new environment takes until it is asked for the first time.
const COLD_START: Duration = Duration::from_millis(500);
/// After this, what is not registered will not be.
const PATIENCE: Duration = minutes(60);

/// What an invocation has done.
enum Done {
    /// These messages were followed; those come back.
    Followed(Vec<u64>, Vec<u64>),
    /// A sweep is over.
    Swept,
}

/// Whether somebody asked to be looked at again.
#[derive(Default)]
struct Again(AtomicBool);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

type Work = Pin<Box<dyn Future<Output = (ProcessId, Done)>>>;

/// A run from the first sweep to the last registration.
pub(super) struct Course<'a> {
    hub: &'a Arc<Hub>,
    work: FuturesUnordered<Work>,
    /// When each invocation has to be over.
    ends: BTreeMap<ProcessId, Duration>,
    /// Messages that somebody has come for, while no worker was free.
    fetched: VecDeque<u64>,
    workers: usize,
    /// When each environment that waits for work became idle.
    idle_since: Vec<Duration>,
}

impl<'a> Course<'a> {
    pub fn new(hub: &'a Arc<Hub>) -> Self {
        Self {
            hub,
            work: FuturesUnordered::new(),
            ends: BTreeMap::new(),
            fetched: VecDeque::new(),
            workers: 0,
            idle_since: Vec::new(),
        }
    }

    /// Until all are at their end, once the last of them was due.
    pub fn run(mut self, last: Duration) {
        {
            let mut world = self.hub.world();
            // The schedule knows nothing of when registrations are due.
            let first = world.chance.time(Duration::ZERO, SWEEP_EVERY);
            world.plan_act(first, Act::Sweep);
        }
        loop {
            self.go_on();
            if self.is_over(last) {
                return;
            }
            let next = self.hub.world().take_next();
            match next {
                Some(Next::Pass(ticket)) => self.hub.world().pass(ticket),
                Some(Next::Act(act)) => self.act(&act),
                None => return,
            }
        }
    }

    /// Everybody goes on until all wait for the world, which wakes those whose turn has come.
    fn go_on(&mut self) {
        let again = Arc::<Again>::default();
        let waker = Waker::from(Arc::clone(&again));
        let mut context = Context::from_waker(&waker);
        loop {
            match self.work.poll_next_unpin(&mut context) {
                Poll::Ready(Some((process, done))) => self.ended(process, done),
                Poll::Pending if again.0.swap(false, Ordering::Relaxed) => {}
                Poll::Pending | Poll::Ready(None) => return,
            }
        }
    }

    fn is_over(&self, last: Duration) -> bool {
        let world = self.hub.world();
        let idle = self.work.is_empty() && world.messages.is_empty();
        let finished = |connection: &Connection| connection.state.status().is_final();
        world.now > last + PATIENCE || (world.now > last && idle && self.hub.store.connections().iter().all(finished))
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Sweep => {
                self.hub.world().plan_act(SWEEP_EVERY, Act::Sweep);
                self.sweep();
            }
            Act::Deliver(number) => {
                self.fetched.push_back(*number);
                self.employ();
            }
            Act::Exchanges(number) => {
                let world = &mut *self.hub.world();
                if let Some(submission) = world.invantive.submission(*number).cloned() {
                    handing_over::spend(world, &submission);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, caller: &'static str, limit: Duration) -> (ProcessId, Tools) {
        let (process, end) = {
            let mut world = self.hub.world();
            (world.start(caller), world.now + limit)
        };
        self.ends.insert(process, end);
        let port = Port {
            hub: Arc::clone(self.hub),
            process,
        };
        (process, Tools::over(port))
    }

    fn ended(&mut self, process: ProcessId, done: Done) {
        {
            let mut world = self.hub.world();
            let now = world.now;
            let end = self.ends.remove(&process).unwrap_or_default();
            // Nothing here is slow enough to be cut: an invocation that would be is a fault of this world.
            if now > end {
                world.violated("within_its_time", format!("an invocation went on until {now:?}"));
            }
        }
        match done {
            Done::Followed(numbers, failed) => self.followed(&numbers, &failed),
            Done::Swept => {}
        }
    }

    fn sweep(&mut self) {
        let (process, tools) = self.begin("sweeper", COLD_START + SWEEP_TIMEOUT);
        self.work.push(Box::pin(async move {
            // Every few minutes: its environment may be gone each time.
            tools.clock.sleep(COLD_START).await;
            tools.sweeper().sweep().await;
            (process, Done::Swept)
        }));
    }

    /// Sets workers to work while there is work, and room for them.
    fn employ(&mut self) {
        while self.workers < AT_ONCE && !self.fetched.is_empty() {
            let most = self.fetched.len().min(BATCH);
            let numbers: Vec<_> = self.fetched.drain(..most).collect();
            let batch = {
                let mut world = self.hub.world();
                let now = world.now;
                let batch = world.messages.take(&numbers, now);
                for (number, ..) in &batch {
                    // Should nobody follow it, it is seen again.
                    world.plan_act(VISIBILITY, Act::Deliver(*number));
                }
                batch
            };
            if !batch.is_empty() {
                self.work_on(batch.into_iter().map(|(number, body, _)| (number, body)).collect());
            }
        }
    }

    fn work_on(&mut self, batch: Vec<(u64, String)>) {
        let start = self.environment();
        let (process, tools) = self.begin("worker", start + TIMEOUT);
        self.workers += 1;
        let numbers = batch.iter().map(|(number, _)| *number).collect();
        let mut event = SqsEvent::default();
        event.records = batch.into_iter().map(|(number, body)| message(number, body)).collect();
        self.work.push(Box::pin(async move {
            if !start.is_zero() {
                tools.clock.sleep(start).await;
            }
            let batch = tools.worker().batch(event).await;
            let failed = batch.answer.batch_item_failures.iter();
            let failed = failed.filter_map(|failure| failure.item_identifier.parse().ok());
            (process, Done::Followed(numbers, failed.collect()))
        }));
    }

    /// The environment that was used last, or a new one: what that takes.
    fn environment(&mut self) -> Duration {
        let now = self.hub.world().now;
        self.idle_since.retain(|since| *since + KEPT_WARM > now);
        match self.idle_since.pop() {
            Some(_) => Duration::ZERO,
            None => COLD_START,
        }
    }

    /// What was not followed comes back when its visibility ends.
    fn followed(&mut self, numbers: &[u64], failed: &[u64]) {
        self.workers -= 1;
        {
            let mut world = self.hub.world();
            self.idle_since.push(world.now);
            for number in numbers.iter().filter(|number| !failed.contains(number)) {
                world.messages.delete(*number);
            }
        }
        self.employ();
    }
}

fn message(number: u64, body: String) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.message_id = Some(number.to_string());
    message.body = Some(body);
    message
}
