//! How many connections of an application are taken up a minute, when many are due at once.

use std::{collections::HashMap, time::Duration};

use handover_core::{
    ids::ApplicationId,
    registration::{earlier, later},
};
use jiff::Timestamp;

/// So much of a pace may be used up at once: what is due in the same seconds, or crowds there by chance while it keeps
/// the pace on the whole, is not torn apart by it.
const AT_ONCE: Duration = Duration::from_secs(15);

/// Who shares a pace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    pub application: ApplicationId,
    /// Whether the platform or Invantive Cloud will be called. What stays within AWS does not stand in its way.
    pub outside: bool,
}

/// The paces of one sweep.
#[derive(Debug, Default)]
pub(crate) struct Paces(HashMap<Lane, Pace>);

/// One pace: the generic cell rate algorithm, in timestamps.
#[derive(Debug)]
struct Pace {
    interval: Duration,
    /// When the next one would come if they all kept their distance.
    next: Timestamp,
}

impl Paces {
    pub fn knows(&self, lane: &Lane) -> bool {
        self.0.contains_key(lane)
    }

    /// A pace that starts now.
    pub fn start(&mut self, lane: Lane, per_minute: u32, now: Timestamp) {
        let interval = Duration::from_secs(60) / per_minute.max(1);
        self.0.insert(lane, Pace { interval, next: now });
    }

    /// The moment, not before `at`, at which one more is taken up.
    pub fn slot(&mut self, lane: &Lane, at: Timestamp) -> Timestamp {
        self.0.get_mut(lane).map_or(at, |pace| pace.slot(at))
    }
}

impl Pace {
    fn slot(&mut self, at: Timestamp) -> Timestamp {
        let slot = at.max(earlier(self.next, AT_ONCE));
        self.next = later(self.next.max(slot), self.interval);
        slot
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn lane() -> Lane {
        Lane {
            application: "exact-nl".parse().unwrap(),
            outside: true,
        }
    }

    fn slots(per_minute: u32, wanted: &[i64]) -> Vec<Timestamp> {
        let mut paces = Paces::default();
        paces.start(lane(), per_minute, at(0));
        wanted.iter().map(|second| paces.slot(&lane(), at(*second))).collect()
    }

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_pace_and_what_goes_at_once(
            per_minute in 1_u32..300,
            mut wanted in proptest::collection::vec(0_i64..300, 1..400),
        ) {
            wanted.sort_unstable();
            let slots = slots(per_minute, &wanted);
            prop_assert!(slots.is_sorted(), "in the order of their times");
            prop_assert!(slots.iter().zip(&wanted).all(|(slot, second)| *slot >= at(*second)), "none early");
            let at_once = per_minute.div_ceil(4);
            for (number, slot) in slots.iter().enumerate() {
                let minute = slots.iter().skip(number).take_while(|other| **other < later(*slot, Duration::from_secs(60)));
                prop_assert!(minute.count() <= usize::try_from(per_minute + at_once + 1).unwrap());
            }
        }

        #[test]
        fn what_comes_at_half_the_pace_keeps_its_second(per_minute in 2_u32..300) {
            let apart = i64::from(120 / per_minute + 1);
            let wanted: Vec<_> = (0..100).map(|number| number * apart).collect();
            for (slot, second) in slots(per_minute, &wanted).iter().zip(&wanted) {
                prop_assert_eq!(*slot, at(*second));
            }
        }
    }
}
