//! What may happen next.

use handover_core::{connection::Problem, ports::RefreshRefusal, registration::Due};
use jiff::Timestamp;
use proptest::prelude::*;

/// What may happen next. Numbers choose among what has been: an open effect, or one of long ago.
#[derive(Debug, Clone)]
pub enum Move {
    Wait(u32),
    /// Until the agenda's next entry, if that is not now.
    WaitForTheAgenda,
    Wake,
    OpenLink,
    Consent {
        link_of: u8,
    },
    RefuseConsent,
    Exchange {
        which: u8,
        told: Option<u32>,
    },
    FailExchange {
        which: u8,
        unclear: bool,
    },
    Identify(Place),
    MissIdentity,
    Hear {
        of: u8,
        told: Heard,
        by: u8,
    },
    Tell {
        which: u8,
    },
    Obstruct(Problem),
    NeedFreshAccess,
    Rotate,
    /// The outcome of a rotation: the first one told is the truth, and later ones repeat it, late or from a rescue.
    Rotation {
        which: u8,
        fate: Fate,
    },
    Begin {
        person: bool,
        look_up: bool,
        unknown: bool,
    },
    End {
        which: u8,
        how: How,
    },
    LookUp {
        which: u8,
        answer: u8,
    },
    Cancel,
    Reschedule(u32),
    Retry,
    Settle {
        registered: bool,
        unspent: bool,
    },
    Forget,
    Erase,
    Alarm,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy)]
pub enum How {
    Registered,
    RefusedSpent,
    RefusedUnspent,
    RefusedUnknown,
    NotSent,
    Unanswered,
}

/// How a rotation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Pair { told: Option<u32> },
    Unharmed,
    Used,
    Expired,
    ChainBroken,
    Unclear,
}

impl Fate {
    /// As the platform's client says it; `None`: it brought a pair.
    pub fn refusal(self) -> Option<RefreshRefusal> {
        match self {
            Self::Pair { .. } => None,
            Self::Unharmed => Some(RefreshRefusal::Unharmed),
            Self::Used => Some(RefreshRefusal::Used),
            Self::Expired => Some(RefreshRefusal::Expired),
            Self::ChainBroken => Some(RefreshRefusal::ChainBroken),
            Self::Unclear => Some(RefreshRefusal::Unclear),
        }
    }
}

/// How our chain stands to another one of the same user.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    Alone,
    After(u8),
    Before(u8),
    Contested { with: u8, ours_is_later: bool },
}

/// What another connection tells.
#[derive(Debug, Clone, Copy)]
pub enum Heard {
    Superseded { by_rotation: bool },
    Contested { ours_is_later: bool },
    Released,
    Overtaken,
    Unsettled,
}

fn outcomes() -> impl Strategy<Value = How> {
    prop_oneof![
        Just(How::Registered),
        Just(How::RefusedSpent),
        Just(How::RefusedUnspent),
        Just(How::RefusedUnknown),
        Just(How::NotSent),
        Just(How::Unanswered),
    ]
}

/// How a rotation may end.
pub fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => proptest::option::of(prop_oneof![Just(0), Just(600)]).prop_map(|told| Fate::Pair { told }),
        3 => Just(Fate::Unharmed),
        1 => Just(Fate::Used),
        1 => Just(Fate::Expired),
        1 => Just(Fate::ChainBroken),
        4 => Just(Fate::Unclear),
    ]
}

fn places() -> impl Strategy<Value = Place> {
    prop_oneof![
        4 => Just(Place::Alone),
        1 => (0_u8..2).prop_map(Place::After),
        1 => (0_u8..2).prop_map(Place::Before),
        2 => (0_u8..2, any::<bool>()).prop_map(|(with, ours_is_later)| Place::Contested { with, ours_is_later }),
    ]
}

fn news() -> impl Strategy<Value = Heard> {
    prop_oneof![
        any::<bool>().prop_map(|by_rotation| Heard::Superseded { by_rotation }),
        any::<bool>().prop_map(|ours_is_later| Heard::Contested { ours_is_later }),
        Just(Heard::Released),
        Just(Heard::Overtaken),
        Just(Heard::Unsettled),
    ]
}

fn waits() -> impl Strategy<Value = Move> {
    prop_oneof![
        prop_oneof![1_u32..600, 600_u32..90_000, 90_000_u32..3_000_000].prop_map(Move::Wait),
        Just(Move::WaitForTheAgenda),
    ]
}

fn of_chains() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => places().prop_map(Move::Identify),
        1 => Just(Move::MissIdentity),
        3 => (prop_oneof![4 => Just(0_u8), 1 => Just(1_u8)], news(), 0_u8..2)
            .prop_map(|(of, told, by)| Move::Hear { of, told, by }),
        1 => (0_u8..2).prop_map(|which| Move::Tell { which }),
    ]
}

/// What may happen while a pair is kept and rotated.
pub fn of_rotations() -> impl Strategy<Value = Move> {
    prop_oneof![
        6 => waits(),
        4 => Just(Move::Wake),
        8 => Just(Move::Rotate),
        8 => (prop_oneof![3 => Just(0_u8), 2 => Just(1_u8), 1 => 2_u8..5], fates())
            .prop_map(|(which, fate)| Move::Rotation { which, fate }),
        2 => of_chains(),
        1 => Just(Move::NeedFreshAccess),
        1 => Just(Move::Obstruct(Problem::Configuration)),
        1 => Just(Move::Cancel),
        1 => Just(Move::Retry),
        1 => Just(Move::OpenLink),
        1 => (0_u8..2).prop_map(|link_of| Move::Consent { link_of }),
        1 => (0_u8..3).prop_map(|which| Move::Exchange { which, told: Some(600) }),
    ]
}

/// Everything that may happen.
pub fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        5 => waits(),
        4 => Just(Move::Wake),
        1 => Just(Move::OpenLink),
        3 => (0_u8..3).prop_map(|link_of| Move::Consent { link_of }),
        1 => Just(Move::RefuseConsent),
        4 => (0_u8..4, proptest::option::of(prop_oneof![Just(0_u32), 1_u32..4_000]))
            .prop_map(|(which, told)| Move::Exchange { which, told }),
        1 => (0_u8..4, any::<bool>()).prop_map(|(which, unclear)| Move::FailExchange { which, unclear }),
        4 => of_chains(),
        8 => of_rotations(),
        4 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(person, look_up, unknown)| Move::Begin { person, look_up, unknown }),
        4 => (0_u8..4, outcomes()).prop_map(|(which, how)| Move::End { which, how }),
        2 => (0_u8..3, 0_u8..3).prop_map(|(which, answer)| Move::LookUp { which, answer }),
        1 => (0_u32..4_000_000).prop_map(Move::Reschedule),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(registered, unspent)| Move::Settle { registered, unspent }),
        1 => prop_oneof![3 => Just(Move::Erase), 3 => Just(Move::Alarm), 1 => Just(Move::Forget)],
    ]
}

/// The first moment of every world.
pub const START: i64 = 1_900_000_000;

pub fn dues() -> impl Strategy<Value = Due> {
    prop_oneof![
        (0_u64..2_500_000).prop_map(|seconds| Due::AfterConsent { seconds }),
        (-100_000_i64..2_000_000).prop_map(|after| Due::At(Timestamp::from_second(START + after).unwrap())),
    ]
}
