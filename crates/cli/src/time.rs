//! Times and durations, as people write and read them.

use std::{fmt, str::FromStr};

use handover_core::registration::Due;
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
/// Longest first: the order in which parts may stand.
const UNITS: [(char, u64); 5] = [('w', WEEK), ('d', DAY), ('h', HOUR), ('m', MINUTE), ('s', 1)];
/// Beyond this it is a slip of the finger: no pair lives that long.
const LONGEST: u64 = 3_650 * DAY;

/// So much time: `90s`, `15m`, `12h`, `3d`, `2w`, or several together, longest first: `1d12h`. A day is 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    seconds: u64,
}

impl Wait {
    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.seconds
    }
}

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWait {
    /// Not of the form.
    #[error("write it as 90s, 15m, 12h, 3d or 2w, or several together with the longest first, such as 1d12h")]
    Form,
    /// Too long.
    #[error("that is longer than {} days", LONGEST / DAY)]
    TooLong,
}

impl FromStr for Wait {
    type Err = InvalidWait;

    fn from_str(text: &str) -> Result<Self, InvalidWait> {
        let mut units = UNITS.into_iter();
        let mut rest = text;
        let mut seconds: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(InvalidWait::Form)?;
            let (number, tail) = rest.split_at_checked(digits).ok_or(InvalidWait::Form)?;
            let mut letters = tail.chars();
            let letter = letters.next().ok_or(InvalidWait::Form)?;
            // Each unit once, in order: `5m5m` and `1h2d` are more likely slips than meant so.
            let (_, unit) = units.find(|(name, _)| *name == letter).ok_or(InvalidWait::Form)?;
            if number.is_empty() {
                return Err(InvalidWait::Form);
            }
            seconds = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(unit))
                .and_then(|part| part.checked_add(seconds))
                .filter(|sum| *sum <= LONGEST)
                .ok_or(InvalidWait::TooLong)?;
            rest = letters.as_str();
        }
        if text.is_empty() {
            Err(InvalidWait::Form)
        } else {
            Ok(Self { seconds })
        }
    }
}

/// Reads back as the same duration; days are the largest unit, since people count those.
impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds;
        for (name, unit) in UNITS.into_iter().filter(|(name, _)| *name != 'w') {
            let count = rest / unit;
            rest %= unit;
            if count > 0 {
                write!(f, "{count}{name}")?;
            }
        }
        if self.seconds == 0 { f.write_str("0s") } else { Ok(()) }
    }
}

/// So many whole days, one at least: `7d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(u32);

impl Days {
    /// How many.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.0) * DAY
    }
}

/// A text that is no number of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write it in whole days, one at least and {} at most, such as 7d or 2w", LONGEST / DAY)]
pub struct InvalidDays;

impl FromStr for Days {
    type Err = InvalidDays;

    fn from_str(text: &str) -> Result<Self, InvalidDays> {
        let seconds = text.parse::<Wait>().map_err(|_| InvalidDays)?.seconds;
        let days = u32::try_from(seconds / DAY).map_err(|_| InvalidDays)?;
        if days > 0 && seconds % DAY == 0 {
            Ok(Self(days))
        } else {
            Err(InvalidDays)
        }
    }
}

/// Days from `now` until `at`, the begun one counted: as warnings count them. None when it has passed.
#[must_use]
pub fn days_left(at: Timestamp, now: Timestamp) -> u64 {
    let seconds = u64::try_from(at.duration_since(now).as_secs()).unwrap_or_default();
    seconds.div_ceil(DAY)
}

/// `1 day`, `3 days`.
#[must_use]
pub fn days(count: u64) -> String {
    format!("{count} {}", if count == 1 { "day" } else { "days" })
}

/// A text that names no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoment {
    /// Which moment it is depends on where one stands.
    #[error("`{0}` does not say in which time zone: add the offset, such as {0}+01:00, or Z for UTC")]
    NoOffset(String),
    /// Not of the form.
    #[error("write it as date, time and offset, such as 2026-12-01T09:00:00+01:00, or with Z for UTC")]
    Form,
}

/// Reads a moment: date, time, and offset or `Z`.
///
/// # Errors
/// [`InvalidMoment`] says what is missing.
pub fn moment(text: &str) -> Result<Timestamp, InvalidMoment> {
    text.parse::<Timestamp>().map_err(|_| match text.parse::<DateTime>() {
        // As it would have to be written, so that what the message shows can be taken over.
        Ok(local) => InvalidMoment::NoOffset(local.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        Err(_) => InvalidMoment::Form,
    })
}

/// How moments are shown: in the zone of whoever looks, with UTC beside it, since people compare them with logs.
#[derive(Debug, Clone)]
pub struct Zone(TimeZone);

impl Zone {
    /// The system's; UTC where it has none.
    #[must_use]
    pub fn system() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// That one.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// Its name, for a table's heading.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.0.iana_name() {
            Some("UTC" | "Etc/UTC" | "Etc/Unknown") => "UTC",
            Some(name) => name,
            None => "local",
        }
    }

    /// `Tue 2026-12-01 09:00 (08:00 UTC)`.
    #[must_use]
    pub fn with_utc(&self, at: Timestamp) -> String {
        self.beside_utc(at, "%a %Y-%m-%d %H:%M", "%H:%M")
    }

    /// `2026-12-01 09:00:07 (08:00:07 UTC)`.
    #[must_use]
    pub fn exactly(&self, at: Timestamp) -> String {
        self.beside_utc(at, "%Y-%m-%d %H:%M:%S", "%H:%M:%S")
    }

    /// `2026-12-01 09:00`, for a table.
    #[must_use]
    pub fn briefly(&self, at: Timestamp) -> String {
        self.local(at, "%Y-%m-%d %H:%M")
    }

    /// `09:00`.
    #[must_use]
    pub fn clock(&self, at: Timestamp) -> String {
        self.local(at, "%H:%M")
    }

    fn local(&self, at: Timestamp, form: &str) -> String {
        at.to_zoned_datetime(self.0.clone()).strftime(form).to_string()
    }

    fn beside_utc(&self, at: Timestamp, form: &str, time_only: &str) -> String {
        let local = self.local(at, form);
        if self.0.to_offset(at) == Offset::UTC {
            return format!("{local} UTC");
        }
        let here = at.to_zoned_datetime(self.0.clone());
        let there = at.to_zoned_datetime(TimeZone::UTC);
        let utc = if here.date() == there.date() {
            there.strftime(time_only).to_string()
        } else {
            there.strftime(&format!("%Y-%m-%d {time_only}")).to_string()
        };
        format!("{local} ({utc} UTC)")
    }
}

/// `3 days`, `1 day 12 h`, `15 min`: two units at most.
#[must_use]
pub fn words(seconds: u64) -> String {
    let parts = [
        (seconds / DAY, if seconds / DAY == 1 { " day" } else { " days" }),
        (seconds % DAY / HOUR, " h"),
        (seconds % HOUR / MINUTE, " min"),
        (seconds % MINUTE, " s"),
    ];
    // Next to days nobody counts minutes: what follows the first part is the next smaller unit or nothing.
    let told: Vec<String> = parts
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if told.is_empty() { "0 s".into() } else { told.join(" ") }
}

/// `in 3 days`, `2 h ago`, `now`.
#[must_use]
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.duration_since(now).as_secs();
    match seconds {
        0 => "now".into(),
        1.. => format!("in {}", words(seconds.unsigned_abs())),
        _ => format!("{} ago", words(seconds.unsigned_abs())),
    }
}

/// When something is due, before a consent has made a moment of it.
#[must_use]
pub fn due_in_words(due: Due, zone: &Zone) -> String {
    match due {
        Due::At(at) => zone.with_utc(at),
        Due::AfterConsent { seconds: 0 } => "as soon as the customer has consented".into(),
        Due::AfterConsent { seconds } => format!("{} after the consent", words(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone() -> Zone {
        // Not from the system's database: that of a bare container may be empty.
        Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("3d", 259_200),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
            ("1w1d1h1m1s", 694_861),
            ("0s", 0),
            ("007s", 7),
        ] {
            assert_eq!(text.parse::<Wait>(), Ok(Wait { seconds }), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for bad in [
            "", " ", "3", "d", "3 d", "-3d", "3D", "3d3d", "12h1d", "1.5h", "3days", "3m5", "P3D", "٣d", "3é",
        ] {
            assert_eq!(bad.parse::<Wait>(), Err(InvalidWait::Form), "{bad}");
        }
        for long in ["3651d", "99999999999999999999s", "18446744073709551615w"] {
            assert_eq!(long.parse::<Wait>(), Err(InvalidWait::TooLong), "{long}");
        }
    }

    #[test]
    fn days_are_whole_ones() {
        for (text, days) in [("1d", 1), ("7d", 7), ("2w", 14), ("1d24h", 2), ("3650d", 3_650)] {
            assert_eq!(text.parse::<Days>(), Ok(Days(days)), "{text}");
        }
        for bad in ["", "0d", "12h", "1d12h", "3", "never", "3651d"] {
            assert_eq!(bad.parse::<Days>(), Err(InvalidDays), "{bad}");
        }
    }

    #[test]
    fn days_left_count_the_begun_one() {
        let now = at("2026-12-01T08:00:00Z");
        for (end, left) in [
            ("2026-12-08T08:00:00Z", 7),
            ("2026-12-08T08:00:01Z", 8),
            ("2026-12-08T07:59:59Z", 7),
            ("2026-12-01T08:00:01Z", 1),
            ("2026-12-01T08:00:00Z", 0),
            ("2026-11-01T08:00:00Z", 0),
        ] {
            assert_eq!(days_left(at(end), now), left, "{end}");
        }
    }

    #[test]
    fn moments_need_an_offset() {
        assert_eq!(moment("2026-12-01T09:00:00+01:00"), Ok(at("2026-12-01T08:00:00Z")));
        assert_eq!(moment("2026-12-01 09:00Z"), Ok(at("2026-12-01T09:00:00Z")));
        for local in ["2026-12-01T09:00:00", "2026-12-01 09:00"] {
            let refusal = moment(local).unwrap_err().to_string();
            assert!(refusal.contains("such as 2026-12-01T09:00:00+01:00"), "{refusal}");
        }
        assert_eq!(
            moment("2026-12-01"),
            Err(InvalidMoment::NoOffset("2026-12-01T00:00:00".into()))
        );
        for bad in ["", "tomorrow", "2026-13-01T00:00:00Z", "09:00", "3d"] {
            assert_eq!(moment(bad), Err(InvalidMoment::Form), "{bad}");
        }
    }

    #[test]
    fn moments_are_shown_here_and_in_utc() {
        let zone = zone();
        assert_eq!(
            zone.with_utc(at("2026-12-01T08:00:00Z")),
            "Tue 2026-12-01 09:00 (08:00 UTC)"
        );
        assert_eq!(
            zone.exactly(at("2026-07-01T08:00:07Z")),
            "2026-07-01 10:00:07 (08:00:07 UTC)"
        );
        assert_eq!(
            zone.with_utc(at("2026-11-30T23:30:00Z")),
            "Tue 2026-12-01 00:30 (2026-11-30 23:30 UTC)"
        );
        assert_eq!(
            Zone::new(TimeZone::UTC).with_utc(at("2026-12-01T08:00:00Z")),
            "Tue 2026-12-01 08:00 UTC"
        );
        assert_eq!(Zone::new(TimeZone::UTC).name(), "UTC");
    }

    #[test]
    fn distances_are_told_in_two_units_at_most() {
        let now = at("2026-12-01T08:00:00Z");
        assert_eq!(relative(at("2026-12-04T08:00:00Z"), now), "in 3 days");
        assert_eq!(relative(at("2026-12-02T20:30:00Z"), now), "in 1 day 12 h");
        assert_eq!(relative(at("2026-12-02T08:00:30Z"), now), "in 1 day");
        assert_eq!(relative(at("2026-12-01T07:44:30Z"), now), "15 min 30 s ago");
        assert_eq!(relative(now, now), "now");
        assert_eq!(words(0), "0 s");
    }

    proptest! {
        #[test]
        fn any_duration_reads_back(seconds in 0..=LONGEST) {
            let wait = Wait { seconds };
            prop_assert_eq!(wait.to_string().parse::<Wait>(), Ok(wait));
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC*", near in "[0-9wdhms .+-]{0,24}") {
            let _ = text.parse::<Wait>();
            let _ = moment(&text);
            if let Ok(wait) = near.parse::<Wait>() {
                prop_assert!(wait.seconds <= LONGEST);
            }
        }

        #[test]
        fn moments_read_back(second in -62_000_000_000_i64..=250_000_000_000, hours in -12_i8..=14, near in "[0-9TZ:+. -]{0,30}") {
            let at = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(moment(&at.to_string()), Ok(at));
            let there = at.display_with_offset(jiff::tz::offset(hours)).to_string();
            prop_assert_eq!(moment(&there), Ok(at));
            let _ = moment(&near);
            let _ = zone().with_utc(at);
        }

        #[test]
        fn words_never_fail(seconds: u64, from: i32, to: i32) {
            prop_assert!(!words(seconds).is_empty());
            let point = |second: i32| Timestamp::from_second(second.into()).unwrap();
            prop_assert!(!relative(point(to), point(from)).is_empty());
        }
    }
}
