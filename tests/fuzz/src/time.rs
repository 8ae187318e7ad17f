//! Times and durations, as people type them.

use handover_cli::time::{InvalidMoment, Wait, Zone, due_in_words, relative, words};
use handover_core::registration::Due;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::{Verdict, leak::is_one_short_line};

/// A duration, such as `1d12h`.
///
/// One that is taken is at most ten years, is written as one that reads the same, in words of one line, and can be added
/// to any time.
pub fn wait(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let read = text.parse::<Wait>();
    match &read {
        Ok(wait) => {
            let seconds = wait.seconds();
            assert!(seconds <= 3_650 * 24 * 3_600);
            assert_eq!(wait.to_string().parse::<Wait>().as_ref(), Ok(wait));
            is_one_short_line(&words(seconds), 30);
            let due = Due::AfterConsent { seconds };
            is_one_short_line(&due_in_words(due, &zone()), 60);
            for from in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
                assert!(due.at(from) >= from);
            }
        }
        Err(refusal) => is_one_short_line(&refusal.to_string(), 120),
    }
    Verdict::of(&read)
}

/// A moment, such as `2026-12-01T09:00:00+01:00`.
///
/// One that is taken is written as one that reads the same, and shown in full to the second. Where only the offset is
/// missing, what the message proposes can be typed.
pub fn moment(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let read = handover_cli::time::moment(text);
    match &read {
        Ok(at) => is_shown(*at),
        Err(refusal) => {
            is_one_short_line(&refusal.to_string(), 150);
            if let InvalidMoment::NoOffset(local) = refusal {
                proposes_what_can_be_typed(local);
            }
        }
    }
    Verdict::of(&read)
}

fn is_shown(at: Timestamp) {
    assert_eq!(handover_cli::time::moment(&at.to_string()), Ok(at));
    let utc = Zone::new(TimeZone::UTC).exactly(at);
    if at >= Timestamp::UNIX_EPOCH {
        let shown: DateTime = utc.strip_suffix(" UTC").unwrap().parse().unwrap();
        let shown = TimeZone::UTC.to_timestamp(shown).unwrap();
        assert_eq!(shown.as_second(), at.as_second());
    }
    let zone = zone();
    for text in [zone.with_utc(at), zone.exactly(at), zone.briefly(at), zone.clock(at)] {
        is_one_short_line(&text, 60);
    }
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, at, Timestamp::MAX] {
        is_one_short_line(&relative(at, now), 40);
    }
    is_one_short_line(&due_in_words(Due::At(at), &zone), 60);
}

fn proposes_what_can_be_typed(local: &str) {
    // At the ends of time an offset leads beyond them, and years before 0 are nobody's.
    if local.starts_with("9999") || local.starts_with('-') {
        return;
    }
    for offset in ["+01:00", "Z"] {
        let typed = format!("{local}{offset}");
        assert!(handover_cli::time::moment(&typed).is_ok(), "{typed}");
    }
}

/// Not from the system's database: that of a bare container may be empty.
fn zone() -> Zone {
    Zone::new(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
}
