//! Random sequences of events against the table of decisions, with named invariants after every step.
//!
//! The test keeps books of its own: which pairs are sealed, which refresh tokens were presented, which attempts were
//! begun and what became of them. The invariants compare them with what the connection says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail by panicking"
)]

mod asks;
mod books;
mod bounds;
mod chains;
mod consents;
mod invariants;
mod moves;
mod pace;
mod registrations;
mod rotations;
mod town;
mod upkeep;
mod world;

use handover_core::{connection::Status, registration::ChannelKind};
use moves::{Fate, Move, dues, moves};
use proptest::prelude::*;
use world::World;

/// Many cases, unless `PROPTEST_CASES` says how many.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let cases = std::env::var_os("PROPTEST_CASES").map_or(4_000, |_| usual.cases);
    ProptestConfig { cases, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(
        assisted in any::<bool>(),
        renews in any::<bool>(),
        due in dues(),
        steps in proptest::collection::vec(moves(), 0..100),
    ) {
        let kind = if assisted { ChannelKind::Assisted } else { ChannelKind::Http };
        let Some(mut world) = World::renewing(kind, due, renews.then_some(3)) else { return Ok(()) };
        for step in &steps {
            world.play(step);
        }
        world.settle();
    }

    #[test]
    fn a_healthy_world_registers(due in dues(), steps in proptest::collection::vec((0_u32..20_000).prop_map(Move::Wait), 0..4)) {
        let mut world = World::new(ChannelKind::Http, due);
        for step in &steps {
            world.play(step);
        }
        world.play(&Move::Consent { link_of: 0 });
        world.play(&Move::Exchange { which: 0, told: Some(600) });
        world.settle();
        prop_assert_eq!(world.connection.state.status(), Status::Registered);
        prop_assert_eq!(world.connection.attempts, 1);
    }

    /// The same worlds, once a pair is there: the random ones seldom come to a recovery by themselves.
    #[test]
    fn no_sequence_of_rotations_breaks_an_invariant(
        half in any::<bool>(),
        steps in proptest::collection::vec(moves::of_rotations(), 0..60),
    ) {
        let mut world = World::authorized(ChannelKind::Http, 20 * 86_400, if half { 0 } else { 600 });
        for step in &steps {
            world.play(step);
        }
        world.play(&Move::Rotation { which: 0, fate: Fate::Unclear });
        world.settle();
    }
}
