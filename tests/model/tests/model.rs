//! The model holds, and the checker notices every deliberate break.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use handover_model::{Break, CONFIGURATIONS, Configuration, check};

#[test]
fn every_promise_holds_and_everything_that_matters_is_reached() {
    for configuration in &CONFIGURATIONS {
        let report = check(configuration, None);
        println!("{report}");
        for (promise, way) in &report.violations {
            println!("broken: {promise}\n{way}");
        }
        assert!(report.violations.is_empty(), "{report}");
        assert!(
            report.unreached.is_empty(),
            "{}: {:?}",
            configuration.name,
            report.unreached
        );
    }
}

#[test]
fn every_break_is_noticed() {
    let noticed = Break::ALL.map(|broken| {
        let (name, promise) = broken.shows();
        let report = check(Configuration::named(name).unwrap(), Some(broken));
        let found = report
            .violations
            .iter()
            .any(|(violated, _)| *violated == promise.name());
        println!(
            "{broken:?} ({name}): {} after {} states: {:?}",
            if found { "caught" } else { "NOT CAUGHT" },
            report.states,
            report
                .violations
                .iter()
                .map(|(violated, _)| violated)
                .collect::<Vec<_>>()
        );
        found
    });
    assert!(noticed.iter().all(|found| *found));
}
