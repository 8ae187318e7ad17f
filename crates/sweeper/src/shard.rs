//! One part of the index of wake-ups, page after page.

use std::collections::HashSet;

use handover_core::{ids::ConnectionId, ports::DuePointer};
use jiff::Timestamp;

/// How many new entries a page brings.
pub(crate) const PAGE: u32 = 100;

/// One part of the index, as far as a sweep has read it. Pages always begin at the earliest entry: what was dealt with
/// has left it, and what has not (it cannot be used, or the index lags) is read again and passed over.
#[derive(Debug)]
pub(crate) struct Shard {
    pub number: u32,
    seen: HashSet<ConnectionId>,
    /// Entries of the last page that had been seen before.
    stuck: u32,
    /// The last entry of the last page.
    read_to: Option<Timestamp>,
}

/// What a page brought.
#[derive(Debug)]
pub(crate) struct Turned {
    /// Not seen before.
    pub fresh: Vec<DuePointer>,
    /// There may be more.
    pub more: bool,
}

impl Shard {
    pub fn new(number: u32) -> Self {
        Self {
            number,
            seen: HashSet::new(),
            stuck: 0,
            read_to: None,
        }
    }

    /// How many entries to ask for: a page beyond those that stay.
    pub fn limit(&self) -> u32 {
        PAGE.saturating_add(self.stuck)
    }

    /// Whether it was read at all.
    pub fn was_read(&self) -> bool {
        self.read_to.is_some()
    }

    /// Nothing before this is still to be read.
    pub fn read_to(&self) -> Option<Timestamp> {
        self.read_to
    }

    /// Takes in what was read with [`Shard::limit`].
    pub fn turn(&mut self, page: Vec<DuePointer>) -> Turned {
        self.read_to = Some(page.last().map_or(Timestamp::MIN, |due| due.wake_at));
        let read = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let more = read >= self.limit();
        let fresh: Vec<_> = page
            .into_iter()
            .filter(|due| self.seen.insert(due.connection))
            .collect();
        self.stuck = read.saturating_sub(u32::try_from(fresh.len()).unwrap_or(u32::MAX));
        Turned { fresh, more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(from: u32, to: u32) -> Vec<DuePointer> {
        let at = |n: u32| Timestamp::from_second(n.into()).unwrap();
        let id = |n: u32| ConnectionId::new(at(n), n.into());
        (from..to)
            .map(|n| DuePointer {
                connection: id(n),
                wake_at: at(n),
            })
            .collect()
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let mut shard = Shard::new(0);
        assert!(!shard.was_read());
        let turned = shard.turn(entries(0, 3));
        assert_eq!((turned.fresh.len(), turned.more), (3, false));
        assert_eq!(shard.read_to(), Timestamp::from_second(2).ok());
    }

    #[test]
    fn a_part_without_an_entry_was_read() {
        let mut shard = Shard::new(0);
        assert!(!shard.turn(Vec::new()).more);
        assert!(shard.was_read());
    }

    #[test]
    fn a_page_full_of_what_stays_is_passed_over() {
        let mut shard = Shard::new(0);
        assert_eq!(shard.limit(), PAGE);
        assert!(shard.turn(entries(0, PAGE)).more);
        // All of them stay, and there are 50 more behind them.
        let again = shard.turn(entries(0, PAGE));
        assert!(again.fresh.is_empty() && again.more);
        assert_eq!(shard.limit(), 2 * PAGE);
        let behind = shard.turn(entries(0, PAGE + 50));
        assert_eq!((behind.fresh.len(), behind.more), (50, false));
    }
}
