//! Lets people and functions go on until every connection is at its end, and moves the clock whenever all wait.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use handover_core::{agenda::next_wake, connection::Connection};
use handover_local::{processes, stage::Stage};
use jiff::Timestamp;
use serde_json::json;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    board::Board,
    need::{self, Need},
    people::Journey,
    wire::Wire,
};

/// Journeys that people are at work on at once.
const AT_ONCE: usize = 12;
/// Between two looks.
const EVERY: Duration = Duration::from_millis(100);
/// Between two lines about how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(30);
/// How far the clock moves where something is overdue: its message was lost with a worker, and comes back.
const OVERDUE: Duration = Duration::from_secs(5 * 60);

/// What happened besides the kills.
#[derive(Debug, Clone, Copy, Default)]
pub struct Course {
    /// How far the clock was moved.
    pub moved: Duration,
    /// How often.
    pub jumps: u32,
    /// Sweeps that went through.
    pub sweeps: u32,
    /// Sweeps that died.
    pub broken_sweeps: u32,
}

/// The whole of a run.
pub struct Director {
    stage: Arc<Stage>,
    board: Board,
    wire: Arc<Wire>,
    queues: Vec<String>,
    end: Instant,
    /// Nobody is at work on these.
    waiting: Vec<Journey>,
    at_work: JoinSet<Journey>,
    over: Vec<Journey>,
    course: Course,
    /// Whether the sweeper has run through since the clock was moved.
    swept: bool,
}

impl Director {
    /// Of these journeys, for `limit` at most.
    ///
    /// # Errors
    /// When the stack lacks an output.
    pub async fn new(stage: Arc<Stage>, wire: Arc<Wire>, journeys: Vec<Journey>, limit: Duration) -> Result<Self> {
        let queues = ["QueueUrl", "RescueQueueUrl"].map(|name| stage.outputs.get(name).cloned());
        Ok(Self {
            board: Board::of(&stage).await?,
            queues: queues
                .into_iter()
                .collect::<Option<_>>()
                .context("the stack has no such queue")?,
            stage,
            wire,
            end: Instant::now() + limit,
            waiting: journeys,
            at_work: JoinSet::new(),
            over: Vec::new(),
            course: Course::default(),
            swept: false,
        })
    }

    /// Goes on until every connection is at its end, or the time is over. Answers all journeys, wherever they stand.
    /// `tell` hears now and then how many are at their end.
    ///
    /// # Errors
    /// When the table, the cloud or the stand-ins cannot be reached.
    pub async fn run(mut self, tell: impl Fn(usize)) -> Result<(Vec<Journey>, Course, Board)> {
        let mut told = Instant::now();
        while !(self.waiting.is_empty() && self.at_work.is_empty()) && Instant::now() < self.end {
            if told.elapsed() >= TOLD_EVERY {
                tell(self.over.len());
                told = Instant::now();
            }
            self.gather();
            let open = self.look().await?;
            if self.at_work.is_empty() && self.at_rest().await? {
                self.go_on(&open).await?;
            } else {
                tokio::time::sleep(EVERY).await;
            }
        }
        self.waiting.extend(self.at_work.join_all().await);
        self.over.extend(self.waiting);
        Ok((self.over, self.course, self.board))
    }

    fn gather(&mut self) {
        while let Some(done) = self.at_work.try_join_next() {
            match done {
                Ok(journey) => self.waiting.push(journey),
                Err(error) => eprintln!("a journey broke off: {error}"),
            }
        }
    }

    /// Looks at what waits, and sets people to work where they are needed. Answers what only time moves.
    async fn look(&mut self) -> Result<Vec<Connection>> {
        let now = self.now().await?;
        let ids = self.waiting.iter().map(|journey| journey.id).collect();
        let connections = self.board.connections(ids).await?;
        let mut open = Vec::new();
        for (journey, connection) in std::mem::take(&mut self.waiting).into_iter().zip(connections) {
            match need::of(&connection, now, journey.temper) {
                Need::Over => self.over.push(journey),
                Need::Nothing => {
                    open.push(connection);
                    self.waiting.push(journey);
                }
                need if self.at_work.len() < AT_ONCE => self.set_to_work(journey, connection, need),
                _ => self.waiting.push(journey),
            }
        }
        Ok(open)
    }

    fn set_to_work(&mut self, mut journey: Journey, connection: Connection, need: Need) {
        let stage = Arc::clone(&self.stage);
        self.at_work.spawn(async move {
            journey.meet(&stage, &connection, need).await;
            journey
        });
    }

    /// Whether no function works, nothing is asked outside, and no message could be fetched. Looked at twice: between
    /// a message's receipt and the start of its worker there is nothing to be seen.
    async fn at_rest(&self) -> Result<bool> {
        for _ in 0..2 {
            let supervisor = self.stage.cloud.supervisor().context("the local cloud has ended")?;
            let working = processes::below(supervisor)?.iter().any(|process| process.at_work());
            if working || !self.wire.is_idle() || self.messages().await? > 0 {
                return Ok(false);
            }
            tokio::time::sleep(EVERY).await;
        }
        Ok(true)
    }

    /// How many a worker could fetch.
    async fn messages(&self) -> Result<u64> {
        let mut ready = 0;
        for queue in &self.queues {
            ready += self.stage.aws.counts(queue).await?.ready;
        }
        Ok(ready)
    }

    /// Nothing moves by itself: the sweeper's turn, or the clock's.
    async fn go_on(&mut self, open: &[Connection]) -> Result<()> {
        if self.swept && !open.is_empty() {
            let now = self.now().await?;
            self.course.moved += until_next(open, now);
            self.course.jumps += 1;
            self.stage.move_clock(self.course.moved).await?;
        }
        self.swept = self.stage.aws.invoke("sweeper", &json!({})).await.is_ok();
        if self.swept {
            self.course.sweeps += 1;
        } else {
            self.course.broken_sweeps += 1;
        }
        Ok(())
    }

    async fn now(&self) -> Result<Timestamp> {
        Ok(self.stage.standin.control().clock().await?.now)
    }
}

/// How long it is until something is due; a while, where something is overdue.
fn until_next(open: &[Connection], now: Timestamp) -> Duration {
    let wakes: Vec<_> = open
        .iter()
        .filter_map(|connection| next_wake(connection, now))
        .collect();
    let overdue = wakes.iter().any(|at| *at <= now);
    let ahead = wakes.iter().filter(|at| **at > now).min();
    let ahead = ahead.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    // A little more, the more the further it is: what is due close together comes together.
    let ahead = ahead.map(|ahead| Duration::from_secs(ahead.as_secs() + ahead.as_secs() / 200 + 1));
    let soon = overdue.then_some(OVERDUE);
    ahead.into_iter().chain(soon).min().unwrap_or(OVERDUE)
}
