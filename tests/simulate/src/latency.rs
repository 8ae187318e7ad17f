//! How long a call takes.

use std::time::Duration;

use crate::{
    call::{Call, Kind},
    chance::{Chance, hours, minutes, seconds},
    fault::Fault,
};

/// What nothing on the way to something irreversible takes longer than: nothing is sent with less than its limit and 10 s
/// left in its invocation, and leases outlive that by 60 s more. Within it, what was sent has arrived before the lease ends.
const MARGIN: Duration = seconds(55);

/// The way there.
pub fn there(chance: &mut Chance, call: Call, fault: Option<Fault>, longest: Duration) -> Duration {
    let usual = chance.time(Duration::ZERO, Duration::from_millis(60));
    match (fault, call.kind) {
        (Some(Fault::Delay), _) if chance.in_thousand(500) => slow(chance, longest),
        // Standing still before a write that is fenced: others may have come first.
        (Some(Fault::Stall), Kind::Fenced | Kind::Send | Kind::Read) if chance.in_thousand(500) => stall(chance),
        (Some(Fault::Stall), Kind::Irreversible) => chance.time(Duration::ZERO, MARGIN),
        _ => usual,
    }
}

/// The way back.
pub fn back(chance: &mut Chance, fault: Option<Fault>, longest: Duration) -> Duration {
    match fault {
        Some(Fault::Delay) => slow(chance, longest),
        Some(Fault::Stall) => stall(chance),
        // A lost answer is waited for, or the line breaks at once.
        Some(Fault::Before | Fault::After) if chance.in_thousand(500) => longest,
        _ => chance.time(Duration::ZERO, Duration::from_millis(60)),
    }
}

fn slow(chance: &mut Chance, longest: Duration) -> Duration {
    chance.time(longest / 20, longest / 2)
}

fn stall(chance: &mut Chance) -> Duration {
    let most = *chance.pick(&[minutes(2), minutes(10), hours(3)]).unwrap_or(&minutes(2));
    chance.time(seconds(30), most)
}
