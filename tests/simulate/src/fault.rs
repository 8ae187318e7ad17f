//! What can go wrong with a call, and what goes wrong in this run.

use std::time::Duration;

use crate::{
    call::{Call, Kind},
    chance::{Chance, days, hours, minutes, seconds},
    rows,
};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It fails and has had no effect.
    Before,
    /// It has its effect, and its answer is lost.
    After,
    /// It takes long, within what its caller waits for.
    Delay,
    /// Its process stands still, perhaps past its lease, and goes on.
    Stall,
    /// Its process dies before the effect.
    CrashBefore,
    /// Its process dies after the effect.
    CrashAfter,
}

impl Fault {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Before,
        Self::After,
        Self::Delay,
        Self::Stall,
        Self::CrashBefore,
        Self::CrashAfter,
    ];

    /// As it stands in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Delay => "delay",
            Self::Stall => "stall",
            Self::CrashBefore => "crash before",
            Self::CrashAfter => "crash after",
        }
    }

    /// Why it cannot strike a call of this kind. The one place that knows; everything else is possible, and a run of
    /// enough seeds has to reach it.
    #[must_use]
    pub fn impossible(self, kind: Kind) -> Option<&'static str> {
        match (self, kind) {
            (Self::After | Self::CrashAfter, Kind::Read) => Some(
                "it changes nothing outside: to lose its answer is to fail before, to die after it is to die before the next call",
            ),
            _ => None,
        }
    }
}

/// A fault that a run is after: each seed has one, so that every cell of the table gets its turn.
#[derive(Debug, Clone)]
pub struct Target {
    /// Whose call.
    pub caller: &'static str,
    /// Which call.
    pub call: &'static str,
    /// What happens to it.
    pub fault: Fault,
    /// So many of them go well before.
    pub spared: u64,
}

/// Something outside that cannot be reached for a while.
#[derive(Debug, Clone, Copy)]
struct Outage {
    of: Away,
    from: Duration,
    until: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Away {
    Tables,
    Vault,
    Queue,
}

impl Away {
    fn is_hit(self, call: Call) -> bool {
        call.name.starts_with(match self {
            Self::Tables => "store.",
            Self::Vault => "vault.",
            Self::Queue => "queue.",
        })
    }
}

/// What goes wrong in one run.
#[derive(Debug)]
pub struct Plan {
    /// Faults in a thousand calls.
    rate: u64,
    outages: Vec<Outage>,
    target: Option<Target>,
    /// From here on nothing goes wrong.
    pub calm_from: Duration,
}

impl Plan {
    /// A run without faults.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            rate: 0,
            outages: Vec::new(),
            target: None,
            calm_from: Duration::ZERO,
        }
    }

    /// What a seed has in store.
    pub fn draw(chance: &mut Chance, target: Option<Target>) -> Self {
        let rate = *chance.pick(&[0, 10, 30, 60, 120]).unwrap_or(&0);
        let calm_from = *chance
            .pick(&[hours(1), hours(6), days(4), days(20), days(32), days(45)])
            .unwrap_or(&days(4));
        let outages = (0..chance.below(4)).filter_map(|_| outage(chance, calm_from)).collect();
        Self {
            rate,
            outages,
            target,
            calm_from,
        }
    }

    /// Whether something may still go wrong.
    #[must_use]
    pub fn is_calm(&self, now: Duration) -> bool {
        now >= self.calm_from
    }

    /// What goes wrong with a call.
    pub fn strike(&mut self, chance: &mut Chance, now: Duration, caller: &'static str, call: Call) -> Option<Fault> {
        if self.is_calm(now) {
            return None;
        }
        if let Some(target) = self.hit(caller, call) {
            return Some(target);
        }
        let away = |outage: &Outage| (outage.from..outage.until).contains(&now) && outage.of.is_hit(call);
        if self.outages.iter().any(away) {
            return Some(Fault::Before);
        }
        let seldom = rows::SELDOM.contains(&(caller, call.name));
        if !chance.in_thousand(if seldom { 500 } else { self.rate }) {
            return None;
        }
        let fault = *chance.pick(&Fault::ALL)?;
        fault.impossible(call.kind).is_none().then_some(fault)
    }

    fn hit(&mut self, caller: &str, call: Call) -> Option<Fault> {
        let target = self.target.as_mut()?;
        if target.caller != caller || target.call != call.name {
            return None;
        }
        if target.spared > 0 {
            target.spared -= 1;
            return None;
        }
        self.target.take().map(|target| target.fault)
    }
}

fn outage(chance: &mut Chance, before: Duration) -> Option<Outage> {
    let of = *chance.pick(&[Away::Tables, Away::Vault, Away::Queue])?;
    let from = chance.time(Duration::ZERO, before.min(hours(2)));
    let lasts = chance.time(seconds(5), minutes(20));
    Some(Outage {
        of,
        from,
        until: from + lasts,
    })
}
