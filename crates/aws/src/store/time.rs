//! Moments as the indexes hold them: milliseconds since 1970.

use jiff::Timestamp;

/// Rounded up: nobody is woken before the time.
pub(super) fn ceil(moment: Timestamp) -> i64 {
    let milliseconds = floor(moment);
    if is_whole(moment) {
        milliseconds
    } else {
        milliseconds.saturating_add(1)
    }
}

/// Rounded down.
pub(super) fn floor(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

pub(super) fn is_whole(moment: Timestamp) -> bool {
    moment.as_nanosecond().rem_euclid(1_000_000) == 0
}

/// The moment, at the ends of time at most.
pub(super) fn moment(milliseconds: i64) -> Timestamp {
    let end = if milliseconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_millisecond(milliseconds).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_rounded_up_never_down() {
        let exact = Timestamp::from_millisecond(1_500).unwrap();
        assert_eq!(ceil(exact), 1_500);
        assert_eq!(ceil(Timestamp::from_nanosecond(1_500_000_001).unwrap()), 1_501);
        assert_eq!(floor(Timestamp::from_nanosecond(1_500_999_999).unwrap()), 1_500);
        assert_eq!(moment(1_500), exact);
    }

    #[test]
    fn the_ends_of_time_stand() {
        assert_eq!(moment(ceil(Timestamp::MAX)), Timestamp::MAX);
        assert_eq!(moment(i64::MIN), Timestamp::MIN);
        assert_eq!(ceil(Timestamp::from_nanosecond(-1).unwrap()), 0);
        assert_eq!(floor(Timestamp::from_nanosecond(-1).unwrap()), -1);
    }
}
