//! One seed is one run, whenever and wherever it is played.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]

use std::{sync::Arc, thread};

use handover_simulate::{
    house::House,
    run::{self, Game},
};

fn hash(seed: u64, aloud: bool) -> (u64, u64, u64) {
    let house = Arc::new(House::set_up().unwrap());
    let game = Game {
        aloud,
        ..Game::default()
    };
    let report = run::play(seed, &house, game).unwrap();
    (report.trace.hash(), report.steps, report.coverage.calls())
}

#[test]
fn a_seed_plays_the_same_twice_and_on_every_thread() {
    for seed in 0..60 {
        let here = hash(seed, false);
        assert_eq!(here, hash(seed, true), "seed {seed}, aloud");
        let there = thread::spawn(move || hash(seed, false)).join().unwrap();
        assert_eq!(here, there, "seed {seed}, on another thread");
    }
}

#[test]
fn another_seed_is_another_run() {
    assert_ne!(hash(1, false), hash(2, false));
}
