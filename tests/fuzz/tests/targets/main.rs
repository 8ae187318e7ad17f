//! Every target over its seeds and so many changes of them, the same in every run.
//!
//! `FUZZ_TIMES=20` runs twenty times as many, `FUZZ_SEED=7` others.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod corpus;
mod mutation;

use std::{cell::Cell, io::Write};

use handover_fuzz::{TARGETS, Target, Verdict};
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use corpus::{Bytes, seeds, words};

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// What became of the inputs of a target.
#[derive(Debug, Default)]
struct Books {
    accepted: Cell<u32>,
    refused: Cell<u32>,
}

impl Books {
    fn note(&self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Accepted => &self.accepted,
            Verdict::Refused => &self.refused,
        };
        count.set(count.get() + 1);
    }
}

fn holds(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = seeds(name);
    let (whole, changed) = (Books::default(), Books::default());
    for seed in &seeds {
        whole.note((target.run)(&seed.0));
    }
    // A corpus that is out of date tests the first line of a parser only.
    assert!(whole.accepted.get() > 0, "no seed of {name} is accepted");
    run(target, seeds.clone(), &changed);
    assert!(
        changed.accepted.get() > 0 && changed.refused.get() > 0,
        "{name} takes all or nothing: {changed:?}"
    );
    // Past the capture of the test's output: the figures are worth a line each.
    let line = format!(
        "fuzz {name:12} {:3} seeds, {:6} changed: {:6} accepted, {:6} refused\n",
        seeds.len(),
        changed.accepted.get() + changed.refused.get(),
        changed.accepted.get(),
        changed.refused.get(),
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn run(target: &Target, seeds: Vec<Bytes>, books: &Books) {
    let config = Config {
        cases: target.runs * u32::try_from(number("FUZZ_TIMES", 1)).unwrap(),
        rng_seed: RngSeed::Fixed(number("FUZZ_SEED", 1)),
        failure_persistence: None,
        ..Config::default()
    };
    let found = TestRunner::new(config).run(&mutation::changed(seeds, words()), |input| {
        books.note((target.run)(&input.0));
        Ok(())
    });
    match found {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => {
            panic!("{}: {reason}\nthe input, to be kept as a seed: {input:?}", target.name)
        }
        Err(other) => panic!("{}: {other}", target.name),
    }
}

macro_rules! each {
    ($($name:ident)*) => {
        $(#[test] fn $name() { holds(stringify!($name)); })*

        #[test]
        fn every_target_is_run_here_and_by_libfuzzer() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            assert_eq!(names, corpus::binaries());
        }
    };
}

each! {
    callback exchange gateway ids item look_up me message moment plaintext profile refresh refusal registration sealed
    wait
}
