//! The platform's budgets: ten errors an hour, 200 token calls a day, per user and application.

use std::{collections::VecDeque, time::Duration};

use handover_core::{
    agenda::{self, Step, Task},
    registration::ChannelKind,
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    moves::{Fate, Heard, Move, fates},
    world::{World, is_rotating},
};

/// What comes of one rotation, and when.
#[derive(Debug, Clone)]
struct Episode {
    fate: Fate,
    /// Whether its process is heard of at all.
    heard: bool,
    /// After so many seconds.
    after: u32,
    /// Whether another consent under way gives a further reason to rotate.
    contested: bool,
    /// Whether what an earlier rotation brought comes home from a rescue.
    rescued: bool,
}

fn episodes() -> impl Strategy<Value = Episode> {
    let after = prop_oneof![3 => 0_u32..3, 1 => 0_u32..170];
    (fates(), prop::bool::weighted(0.8), after, any::<bool>(), any::<bool>()).prop_map(
        |(fate, heard, after, contested, rescued)| Episode {
            fate,
            heard,
            after,
            contested,
            rescued,
        },
    )
}

/// Claims rotations as early as the agenda allows, for `days`; says when.
fn greedily(world: &mut World, days: u32, episodes: &[Episode]) -> Vec<Timestamp> {
    let until = world.now + Duration::from_secs(u64::from(days) * 86_400);
    let mut episodes: VecDeque<_> = episodes.iter().cloned().cycle().take(20_000).collect();
    let mut claims = Vec::new();
    while world.now < until {
        match agenda::step(&world.connection, world.now) {
            Step::Perform(Task::Rotate) => {
                let episode = episodes.pop_front().unwrap();
                assert_eq!(world.play(&Move::Rotate), None, "invariant_what_is_due_is_accepted");
                claims.push(world.now);
                live_through(world, &episode);
            }
            Step::Perform(task) => world.perform(task),
            Step::Decide(_) => assert_eq!(world.play(&Move::Wake), None, "invariant_what_is_due_is_accepted"),
            Step::Rest(at) => world.now = at.unwrap(),
        }
        if world.connection.pair.is_none() {
            come_again(world);
        }
    }
    claims
}

fn live_through(world: &mut World, episode: &Episode) {
    world.play(&Move::Wait(episode.after));
    if episode.contested {
        world.play(&Move::Hear {
            of: 0,
            told: Heard::Contested { ours_is_later: true },
            by: 0,
        });
    }
    if episode.heard {
        world.play(&Move::Rotation {
            which: 0,
            fate: episode.fate,
        });
    } else {
        while is_rotating(&world.connection) {
            world.play(&Move::WaitForTheAgenda);
            world.play(&Move::Wake);
        }
    }
    if episode.rescued {
        world.play(&Move::Rotation {
            which: 1,
            fate: episode.fate,
        });
    }
}

/// The customer consents again, with half a pair, which is one more reason to rotate.
fn come_again(world: &mut World) {
    world.play(&Move::OpenLink);
    world.consent(0);
}

/// The most of `claims` that fall within `span`.
fn densest(claims: &[Timestamp], span: u64) -> usize {
    let within = |from: Timestamp| {
        claims
            .iter()
            .filter(move |at| (from..from + Duration::from_secs(span)).contains(at))
    };
    claims.iter().map(|from| within(*from).count()).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn invariant_no_more_than_six_rotations_an_hour_and_two_hundred_a_day(
        episodes in prop::collection::vec(episodes(), 1..12),
    ) {
        let mut world = World::authorized(ChannelKind::Assisted, 60 * 86_400, 0);
        let claims = greedily(&mut world, 14, &episodes);
        let apart = claims.windows(2).map(|two| two[1].duration_since(two[0]).as_secs()).min();
        prop_assert!(apart.is_none_or(|apart| apart >= 600), "{apart:?}");
        prop_assert!(densest(&claims, 3_600) <= 6);
        prop_assert!(densest(&claims, 86_400) <= 200);
    }
}

/// The worst there is: every answer gives a reason for the next rotation.
#[test]
fn the_most_rotations_there_can_be_are_six_an_hour() {
    let always_half = Episode {
        fate: Fate::Pair { told: Some(0) },
        heard: true,
        after: 0,
        contested: true,
        rescued: false,
    };
    let mut world = World::authorized(ChannelKind::Assisted, 60 * 86_400, 0);
    let claims = greedily(&mut world, 3, &[always_half]);
    assert_eq!(densest(&claims, 3_600), 6);
    assert_eq!(densest(&claims, 86_400), 144);
}
