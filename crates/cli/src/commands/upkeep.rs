//! How an application's token pairs and connections are looked after: what is asked for, and how it is told.

use handover_core::{
    application::{DEFAULT_PACE_PER_MINUTE, Lifetimes},
    connection::Upkeep,
};

use crate::{
    args::{Renew, UpkeepArgs},
    failure::Failure,
    time::{self, Days},
};

/// What is asked for, if it makes sense for pairs that live so long.
pub(super) fn asked(args: &UpkeepArgs, lifetimes: Lifetimes) -> Result<Upkeep, Failure> {
    let usual = Upkeep::default();
    let mut warn_days: Vec<u32> = args.warn.iter().map(|days| days.count()).collect();
    warn_days.sort_unstable_by(|a, b| b.cmp(a));
    warn_days.dedup();
    if let Some(longest) = args.warn.iter().max() {
        must_be_within_life("--warn", *longest, lifetimes, "nobody would ever be told so early")?;
    }
    let renew_days = match args.renew {
        None => usual.renew_days,
        Some(Renew::Never) => None,
        Some(Renew::Before(days)) => {
            must_be_within_life("--renew", days, lifetimes, "it would be renewed before it is there")?;
            Some(days.count())
        }
    };
    Ok(Upkeep {
        warn_days: if warn_days.is_empty() {
            usual.warn_days
        } else {
            warn_days
        },
        renew_days,
        retention_days: args.retention.map_or(usual.retention_days, Days::count),
    })
}

pub(super) fn pace(args: &UpkeepArgs) -> u32 {
    args.pace.unwrap_or(DEFAULT_PACE_PER_MINUTE)
}

fn must_be_within_life(flag: &str, days: Days, lifetimes: Lifetimes, why: &str) -> Result<(), Failure> {
    let life = lifetimes.refresh().as_secs();
    if days.seconds() < life {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{flag} is {}, and a token pair of this app lives {} in all: {why}; choose less",
        time::days(days.count().into()),
        time::words(life)
    )))
}

/// `7d 3d 1d`.
pub(super) fn warnings(upkeep: &Upkeep) -> String {
    let days: Vec<String> = upkeep.warn_days.iter().map(|days| format!("{days}d")).collect();
    days.join(" ")
}

/// `3d`, or `never`.
pub(super) fn renewal(upkeep: &Upkeep) -> String {
    upkeep.renew_days.map_or("never".into(), |days| format!("{days}d"))
}

/// `180d`.
pub(super) fn retention(upkeep: &Upkeep) -> String {
    format!("{}d", upkeep.retention_days)
}
