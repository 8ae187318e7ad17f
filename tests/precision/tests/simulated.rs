//! The same seeds, the same lateness: what the production sweeper and worker make of a thousand due times.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]

use handover_precision::{
    lateness::GOAL,
    simulated::{Setting, play},
};
use handover_simulate::breaks::Break;

const SEEDS: u64 = 6;

/// Simulated time: no machine is slow enough to make it fail.
#[test]
fn none_is_early_each_is_registered_once_and_99_of_100_are_within_two_seconds() {
    for applications in [1, 4] {
        let setting = Setting {
            applications,
            ..Setting::default()
        };
        for seed in 0..SEEDS / 2 {
            let observed = play(seed, &setting).unwrap();
            assert_eq!(
                observed.wrong,
                Vec::<String>::new(),
                "seed {seed}, {applications} applications"
            );
            let lateness = observed.lateness;
            assert_eq!((lateness.len(), lateness.early()), (1_000, 0), "seed {seed}");
            let p99 = lateness.percentile(99);
            assert!(p99 <= GOAL, "seed {seed}, {applications} applications: {p99} ms");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let few = Setting {
        connections: 50,
        ..Setting::default()
    };
    let lateness = |seed| play(seed, &few).unwrap().lateness;
    assert_eq!(lateness(1), lateness(1));
    assert_ne!(lateness(1), lateness(2));
}

/// The judge sees what goes wrong: a sweeper that finds nothing.
#[test]
fn what_is_not_registered_is_noticed() {
    let setting = Setting {
        connections: 10,
        broken: Some(Break::SweeperBlind),
        ..Setting::default()
    };
    let observed = play(0, &setting).unwrap();
    assert!(observed.lateness.is_empty());
    assert!(!observed.wrong.is_empty());
}
