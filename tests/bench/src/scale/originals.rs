//! A connection of each kind, as the command, the callback and the worker have stored it, and very many like them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use serde_json::json;

use super::DUE;
use crate::{
    cold::succeeded,
    fixture,
    function::Function,
    stage::Stage,
    stock::{Clone, Stock},
    table::{Item, Tables, text},
};

/// An application whose connections are all taken up at once.
const AT_ONCE: &str = "exact-at-once";
/// An application whose pairs near their end two seconds after the consent.
const SHORT: &str = "exact-short";
/// As the functions are told.
const SHARDS: u32 = 4;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What there are clones of.
#[derive(Debug, std::clone::Clone, Copy)]
enum Kind {
    /// Registered in some minutes: the sweeper's.
    Due,
    /// Registered in weeks.
    Waiting,
    /// Without a consent.
    Invited,
    /// Kept until its retention is over.
    Registered,
    /// The OEM was warned that the pair nears its end.
    Warned,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Due, Self::Waiting, Self::Invited, Self::Registered, Self::Warned];

    /// Of the connection with this number.
    fn of(number: usize) -> Self {
        match (number, number % 100) {
            (..DUE, _) => Self::Due,
            (_, 0) => Self::Warned,
            (_, 1..10) => Self::Invited,
            (_, 10..30) => Self::Waiting,
            _ => Self::Registered,
        }
    }

    /// Between which times from now it is looked at next.
    fn wakes(self) -> (i64, i64) {
        match self {
            Self::Due => (2 * MINUTE, 12 * MINUTE),
            Self::Waiting => (DAY, 25 * DAY),
            Self::Invited => (HOUR, 7 * DAY),
            Self::Registered => (HOUR, 180 * DAY),
            Self::Warned => (HOUR, DAY),
        }
    }

    /// The customer's number.
    fn number(self) -> usize {
        900 + self as usize
    }
}

/// One of each kind.
#[derive(Debug)]
pub struct Originals {
    /// What is stored beside connections.
    around: Tables,
    items: Vec<Item>,
}

impl Originals {
    /// Makes them.
    ///
    /// # Errors
    /// When one does not come about.
    pub async fn make(stage: &Stage) -> Result<Self> {
        let (world, command) = (&stage.world, &stage.places.command);
        world.set_round_trip(Duration::ZERO);
        world.dynamodb.restore(&stage.resting.tables);
        fixture::add_application(AT_ONCE, command, world, &["--pace=1000000"]).await?;
        fixture::add_application(SHORT, command, world, &["--refresh-seconds=86402", "--warn=1d"]).await?;
        let around = world.dynamodb.snapshot();
        let mut callback = Function::start(&stage.callback, &stage.log).await?;
        let mut items = Vec::new();
        for kind in Kind::ALL {
            items.push(kind.original(stage, &mut callback).await?);
        }
        callback.stop().await?;
        drop(world.sqs.take());
        Ok(Self { around, items })
    }

    /// So many connections like them.
    ///
    /// # Errors
    /// When the first of them does not say when it was made.
    pub fn multiply(&self, size: usize) -> Result<Tables> {
        // A few seconds ago.
        let made = self.items.first().and_then(|item| text(item, "created_at"));
        let now = made.context("nobody knows when it was made")?.parse()?;
        let clones = (0..size).map(|number| clone(number, now)).collect();
        let stock = Stock::new(self.items.clone(), clones, SHARDS);
        Ok(self.around.clone().over(Arc::new(stock)))
    }
}

fn clone(number: usize, now: i64) -> Clone {
    let kind = Kind::of(number);
    let [first, second, third] = [0, 1, 2].map(|salt| scattered(number, salt));
    let (from, to) = kind.wakes();
    let created_at = now - 181 * DAY + within(0, 180 * DAY, second);
    // A ULID: milliseconds, then 80 bits of chance.
    let time = u128::try_from(created_at).unwrap_or_default() << 80;
    Clone {
        id: time | u128::from(first) << 16 | u128::from(third & 0xFFFF),
        like: kind as usize,
        wake_at: now + within(from, to, third),
        created_at,
        updated_at: created_at + within(0, DAY, first),
        pair_ends_at: now + within(HOUR, 7 * DAY, second),
    }
}

/// `SplitMix64`: the same numbers in every run.
fn scattered(number: usize, salt: u64) -> u64 {
    let seed = u64::try_from(number)
        .unwrap_or_default()
        .wrapping_mul(3)
        .wrapping_add(salt);
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn within(from: i64, to: i64, chance: u64) -> i64 {
    let width = u64::try_from(to - from).unwrap_or(1).max(1);
    from + i64::try_from(chance % width).unwrap_or_default()
}

impl Kind {
    /// One of them, as it is stored.
    async fn original(self, stage: &Stage, callback: &mut Function) -> Result<Item> {
        let (world, command, number) = (&stage.world, &stage.places.command, self.number());
        let (application, due) = match self {
            Self::Due => (AT_ONCE, "--register-in=12m"),
            Self::Waiting | Self::Invited => (AT_ONCE, "--register-in=25d"),
            Self::Registered => (AT_ONCE, "--register-now"),
            Self::Warned => (SHORT, "--register-in=20h"),
        };
        let link = fixture::connect_to(application, command, world, number, due).await?;
        if !matches!(self, Self::Invited) {
            let event = fixture::consent(callback, &link, number).await?;
            drop(world.sqs.take());
            let answered = callback.invoke(&event).await?;
            anyhow::ensure!(
                answered.body.get("statusCode") == Some(&json!(303)),
                "a consent was not taken: {}",
                answered.body
            );
        }
        if matches!(self, Self::Registered | Self::Warned) {
            self.follow(stage).await?;
        }
        self.stored(stage).with_context(|| format!("no connection {self:?}"))
    }

    fn stored(self, stage: &Stage) -> Option<Item> {
        let tables = stage.world.dynamodb.snapshot();
        tables.of_customer(&format!("Customer {}", self.number()))
    }

    /// Lets the worker follow its pointers until it is what it is to be.
    async fn follow(self, stage: &Stage) -> Result<()> {
        let mut worker = Function::start(&stage.worker, &stage.log).await?;
        for _ in 0..60 {
            let pointers = stage.world.sqs.take();
            let answered = worker.invoke(&fixture::batch(&pointers)).await?;
            succeeded("worker", &answered.body)?;
            if self.stored(stage).is_some_and(|item| self.is(&item)) {
                return worker.stop().await;
            }
            // It came early, and was sent again.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        anyhow::bail!("the worker makes no connection {self:?}")
    }

    fn is(self, item: &Item) -> bool {
        match self {
            Self::Registered => text(item, "status") == Some("registered"),
            Self::Warned => item.contains_key("expiring"),
            Self::Due | Self::Waiting | Self::Invited => true,
        }
    }
}
