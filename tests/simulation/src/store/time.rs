//! Moments as the indexes hold them: milliseconds since 1970.

use jiff::Timestamp;

/// Rounded down.
pub(super) fn floor(moment: Timestamp) -> i64 {
    i64::try_from(moment.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// Rounded up: nobody is woken before the time.
pub(super) fn ceil(moment: Timestamp) -> i64 {
    let whole = moment.as_nanosecond().rem_euclid(1_000_000) == 0;
    floor(moment).saturating_add(i64::from(!whole))
}

/// The moment as it reads back from an index: rounded up, at the end of time at most.
pub(super) fn indexed(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(ceil(moment)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanoseconds(nanoseconds: i128) -> Timestamp {
        Timestamp::from_nanosecond(nanoseconds).unwrap()
    }

    #[test]
    fn a_moment_is_rounded_up_never_down() {
        assert_eq!(ceil(nanoseconds(1_500_000_000)), 1_500);
        assert_eq!(ceil(nanoseconds(1_500_000_001)), 1_501);
        assert_eq!(floor(nanoseconds(1_500_999_999)), 1_500);
        assert_eq!(indexed(nanoseconds(1_500_000_001)), nanoseconds(1_501_000_000));
        assert_eq!((floor(nanoseconds(-1)), ceil(nanoseconds(-1))), (-1, 0));
    }

    #[test]
    fn the_ends_of_time_stand() {
        assert_eq!(indexed(Timestamp::MAX), Timestamp::MAX);
        assert_eq!(indexed(Timestamp::MIN), Timestamp::MIN);
    }
}
