//! The queue of wake-ups as SQS is: at least once, sometimes late, in no order.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    chance::{Chance, minutes, seconds},
    exact::TokenId,
};

/// A received message is hidden so long (`infra/template.yaml`).
pub const VISIBILITY: Duration = minutes(12);
/// After so many receipts a wake-up is a dead letter, and a rescued pair (`infra/template.yaml`).
const MOST_RECEIPTS: (u32, u32) = (5, 100);

/// A message.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it says.
    pub body: String,
    /// Not to be seen before.
    pub due: Duration,
    /// Hidden until then.
    pub hidden_until: Duration,
    /// The rescued pair in it.
    pub carries: Option<TokenId>,
    receipts: u32,
}

/// What waits in the queue.
#[derive(Debug)]
pub struct Messages {
    waiting: BTreeMap<u64, Message>,
    numbers: u64,
    /// The longest that a message which can be seen waits to be fetched, on a good day.
    pub fetched_within: Duration,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            numbers: 0,
            fetched_within: seconds(2),
        }
    }
}

impl Messages {
    /// Takes a message; says its number.
    pub fn send(&mut self, body: String, due: Duration, carries: Option<TokenId>) -> u64 {
        self.numbers += 1;
        let message = Message {
            body,
            due,
            hidden_until: due,
            carries,
            receipts: 0,
        };
        self.waiting.insert(self.numbers, message);
        self.numbers
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a rescued pair is in one of them.
    #[must_use]
    pub fn carry(&self, token: TokenId) -> bool {
        self.waiting.values().any(|message| message.carries == Some(token))
    }

    /// Whether it is a rescued pair's.
    #[must_use]
    pub fn is_rescue(&self, number: u64) -> bool {
        self.waiting
            .get(&number)
            .is_some_and(|message| message.carries.is_some())
    }

    /// A message that can be seen, and others beside it that can: a batch. Hides them.
    pub fn receive(&mut self, number: u64, chance: &mut Chance, now: Duration) -> Vec<(u64, String, Seen)> {
        let beside = usize::try_from(chance.below(3)).unwrap_or_default();
        let first = self.waiting.get(&number).filter(|message| message.hidden_until <= now);
        if first.is_none() {
            return Vec::new();
        }
        let others = self
            .waiting
            .iter()
            .filter(|(other, message)| **other != number && message.hidden_until <= now);
        let mut numbers: Vec<u64> = others.map(|(other, _)| *other).take(beside).collect();
        numbers.push(number);
        numbers
            .into_iter()
            .filter_map(|number| self.hand_out(number, now))
            .collect()
    }

    /// Those of `numbers` that can be seen. Hides them.
    pub fn take(&mut self, numbers: &[u64], now: Duration) -> Vec<(u64, String, Seen)> {
        let seen = |number: &&u64| {
            self.waiting
                .get(number)
                .is_some_and(|message| message.hidden_until <= now)
        };
        let numbers: Vec<u64> = numbers.iter().filter(seen).copied().collect();
        numbers
            .into_iter()
            .filter_map(|number| self.hand_out(number, now))
            .collect()
    }

    fn hand_out(&mut self, number: u64, now: Duration) -> Option<(u64, String, Seen)> {
        let earlier = self
            .waiting
            .iter()
            .any(|(other, message)| *other < number && message.hidden_until <= now);
        let message = self.waiting.get_mut(&number)?;
        let most = if message.carries.is_some() {
            MOST_RECEIPTS.1
        } else {
            MOST_RECEIPTS.0
        };
        if message.receipts >= most {
            self.waiting.remove(&number);
            return None;
        }
        message.receipts += 1;
        message.hidden_until = now + VISIBILITY;
        let seen = Seen {
            again: message.receipts > 1,
            late: now >= message.due + seconds(30),
            out_of_order: earlier,
        };
        Some((number, message.body.clone(), seen))
    }

    /// It was followed.
    pub fn delete(&mut self, number: u64) {
        self.waiting.remove(&number);
    }

    /// A second delivery of the same message.
    pub fn duplicate(&mut self, number: u64) -> Option<u64> {
        let message = self.waiting.get(&number)?;
        let (body, due, carries) = (message.body.clone(), message.due, message.carries);
        Some(self.send(body, due, carries))
    }
}

/// How a message arrives.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Not for the first time.
    pub again: bool,
    /// Long after its time.
    pub late: bool,
    /// Before one that was sent earlier and could be seen.
    pub out_of_order: bool,
}
