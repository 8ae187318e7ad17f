//! How many connections of an application are taken up a minute, when many are due at once.

use std::{collections::HashMap, time::Duration};

use handover_core::{
    ids::ApplicationId,
    ports::Pace,
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
    pub turn: Turn,
}

/// Why a connection shares a pace with the others of its application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Turn {
    /// The platform or Invantive Cloud will be called, and no sweep has given it a slot.
    First,
    /// An earlier sweep has given it a slot, which has come.
    Given,
    /// What the worker does stays within AWS: it stands in nobody's way.
    Inside,
}

/// The paces of one sweep.
#[derive(Debug, Default)]
pub(crate) struct Paces(HashMap<Lane, Slots>);

/// The slots of one lane: the generic cell rate algorithm, in timestamps.
#[derive(Debug)]
struct Slots {
    per_minute: u32,
    /// When the next one would come if they all kept their distance.
    next: Timestamp,
    /// Who asks for an earlier one than this waits in a queue. `None`: nobody has had to.
    queue_until: Option<Timestamp>,
}

impl Paces {
    pub fn knows(&self, lane: &Lane) -> bool {
        self.0.contains_key(lane)
    }

    /// Begins with a lane. Who takes a turn for the first time comes after those that an earlier sweep gave slots to.
    pub fn start(&mut self, lane: Lane, pace: &Pace, now: Timestamp) {
        let taken_until = pace.taken_until.filter(|_| lane.turn == Turn::First);
        let next = taken_until.map_or(now, |until| until.max(now));
        let slots = Slots {
            per_minute: pace.per_minute,
            next,
            queue_until: None,
        };
        self.0.insert(lane, slots);
    }

    /// The moment, not before `at`, at which one more is taken up.
    pub fn slot(&mut self, lane: &Lane, at: Timestamp) -> Timestamp {
        self.0.get_mut(lane).map_or(at, |slots| slots.next(at))
    }

    /// Until when those queue that take their first turn, where that concerns what is due after `read_to`. Where nobody
    /// had to wait, the slots between those that are taken are free. Each with the pace at which it was given out.
    pub fn taken_beyond(&self, read_to: Timestamp) -> impl Iterator<Item = (&ApplicationId, u32, Timestamp)> {
        let first = self.0.iter().filter(|(lane, _)| lane.turn == Turn::First);
        let taken = first.filter_map(|(lane, slots)| Some((&lane.application, slots.per_minute, slots.queue_until?)));
        taken.filter(move |(.., until)| *until > read_to)
    }
}

impl Slots {
    fn next(&mut self, at: Timestamp) -> Timestamp {
        let slot = at.max(earlier(self.next, AT_ONCE));
        let interval = Duration::from_secs(60) / self.per_minute.max(1);
        self.next = later(self.next.max(slot), interval);
        if slot > at {
            self.queue_until = Some(self.next);
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_900_000_000 + seconds).unwrap()
    }

    fn lane() -> Lane {
        Lane {
            application: "exact-nl".parse().unwrap(),
            turn: Turn::First,
        }
    }

    fn slots(per_minute: u32, wanted: &[i64]) -> Vec<Timestamp> {
        sweep(per_minute, None, wanted).0
    }

    /// The slots that a sweep gives out, and until when it leaves them taken.
    fn sweep(per_minute: u32, taken_until: Option<Timestamp>, wanted: &[i64]) -> (Vec<Timestamp>, Option<Timestamp>) {
        let mut paces = Paces::default();
        let pace = Pace {
            per_minute,
            taken_until,
        };
        paces.start(lane(), &pace, at(0));
        let given = wanted.iter().map(|second| paces.slot(&lane(), at(*second))).collect();
        (given, paces.taken_beyond(at(0)).map(|(.., until)| until).next())
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
                let minute = slots.iter().skip(number).take_while(|other| **other < later(*slot, MINUTE));
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

        /// Wherever a sweep was cut, the next one goes on: no minute holds more than a sweep would give out in one go, but
        /// for what may go at once again.
        #[test]
        fn a_sweep_goes_on_where_another_was_cut(
            per_minute in 1_u32..300,
            mut wanted in proptest::collection::vec(0_i64..900, 1..400),
            cut in any::<proptest::sample::Index>(),
        ) {
            wanted.sort_unstable();
            let (before, after) = wanted.split_at(cut.index(wanted.len()));
            let (mut given, taken_until) = sweep(per_minute, None, before);
            given.extend(sweep(per_minute, taken_until, after).0);
            prop_assert!(given.is_sorted(), "in the order of their times");
            prop_assert!(given.iter().zip(&wanted).all(|(slot, second)| *slot >= at(*second)), "none early");
            let at_once = per_minute.div_ceil(4);
            for slot in &given {
                let minute = given.iter().filter(|other| *other >= slot && **other < later(*slot, MINUTE));
                prop_assert!(minute.count() <= usize::try_from(per_minute + 2 * at_once + 2).unwrap());
            }
        }

        /// A part of the index that could not be read may hold what is due before everything that was given a slot.
        #[test]
        fn slots_that_nobody_queued_for_hold_nobody_back(mut seconds in proptest::collection::vec(0_i64..900, 1..30)) {
            seconds.sort_unstable();
            let (given, taken_until) = sweep(120, None, &seconds);
            prop_assert!(given.iter().zip(&seconds).all(|(slot, second)| *slot == at(*second)));
            prop_assert_eq!(taken_until, None);
        }
    }
}
