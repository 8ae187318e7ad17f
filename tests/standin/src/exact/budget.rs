//! How often Exact Online may be asked, and what errors cost, by the limits that it publishes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{clock::later, settings::Limits};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Counters and blocks.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    errors: BTreeMap<(String, String, String), Vec<Timestamp>>,
    blocks: BTreeMap<String, Block>,
    token_calls: BTreeMap<(String, String), Window>,
    api_days: BTreeMap<(String, i64), Window>,
    api_minutes: BTreeMap<(String, i64), Window>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    until: Timestamp,
    seconds: i64,
}

/// Calls since the start of a period.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    period: i64,
    used: u32,
}

impl Window {
    /// Counts a call at `now`, unless that is more than `limit`; says how many are left, or none at all.
    fn count(&mut self, length: i64, limit: u32, now: Timestamp) -> Option<u32> {
        let period = now.as_second().div_euclid(length);
        if self.period != period {
            *self = Self { period, used: 0 };
        }
        let left = limit.checked_sub(self.used)?.checked_sub(1)?;
        self.used = self.used.saturating_add(1);
        Some(left)
    }
}

/// One family of `X-RateLimit-*` headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Between `X-RateLimit-` and the last word: empty, or `Minutely-`.
    pub family: &'static str,
    /// How many are allowed.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// When the count starts anew, in epoch **milliseconds**.
    pub reset: i64,
}

impl Budget {
    /// Notes an error that was answered; the last one that is allowed blocks the key.
    pub fn note(&mut self, key: &str, user: &str, endpoint: &str, status: u16, limits: &Limits, now: Timestamp) {
        if !matches!(status, 400 | 401 | 403 | 404) {
            return;
        }
        let seen = self
            .errors
            .entry((key.to_owned(), user.to_owned(), endpoint.to_owned()))
            .or_default();
        seen.retain(|at| later(*at, HOUR) > now);
        seen.push(now);
        if seen.len() >= usize::try_from(limits.errors_an_hour).unwrap_or(usize::MAX) {
            seen.clear();
            self.block(key, limits, now);
        }
    }

    fn block(&mut self, key: &str, limits: &Limits, now: Timestamp) {
        let before = self.blocks.get(key).map(|block| block.seconds.saturating_mul(2));
        let seconds = before.unwrap_or(limits.block_seconds);
        self.blocks.insert(
            key.to_owned(),
            Block {
                until: later(now, seconds),
                seconds,
            },
        );
    }

    /// Whether the key is blocked.
    pub fn blocked(&self, key: &str, now: Timestamp) -> bool {
        self.blocks.get(key).is_some_and(|block| now < block.until)
    }

    /// Counts a token call; false when that is one too many today.
    pub fn token_call(&mut self, key: &str, user: &str, limits: &Limits, now: Timestamp) -> bool {
        let window = self.token_calls.entry((key.to_owned(), user.to_owned())).or_default();
        window.count(DAY, limits.token_calls_a_day, now).is_some()
    }

    /// Counts an API call: all families, or the one that was hit.
    ///
    /// # Errors
    /// The family whose limit was hit: the only one whose headers a 429 carries.
    pub fn api_call(
        &mut self,
        key: &str,
        division: i64,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<[RateLimit; 2], RateLimit> {
        let place = (key.to_owned(), division);
        let minute = self.api_minutes.entry(place.clone()).or_default();
        let minute = family("Minutely-", minute, MINUTE, limits.api_calls_a_minute, now)?;
        let day = family(
            "",
            self.api_days.entry(place).or_default(),
            DAY,
            limits.api_calls_a_day,
            now,
        )?;
        Ok([day, minute])
    }
}

fn family(
    family: &'static str,
    window: &mut Window,
    length: i64,
    limit: u32,
    now: Timestamp,
) -> Result<RateLimit, RateLimit> {
    let left = window.count(length, limit, now);
    let reset = window
        .period
        .saturating_add(1)
        .saturating_mul(length)
        .saturating_mul(1_000);
    let answer = RateLimit {
        family,
        limit,
        remaining: left.unwrap_or(0),
        reset,
    };
    if left.is_some() { Ok(answer) } else { Err(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn ten_errors_in_an_hour_block_the_key_and_the_next_block_is_longer() {
        let (mut budget, limits) = (Budget::default(), Limits::default());
        for second in 0..9 {
            budget.note("app", "user", "token", 400, &limits, at(second));
        }
        assert!(!budget.blocked("app", at(9)));
        budget.note("app", "user", "token", 401, &limits, at(9));
        assert!(budget.blocked("app", at(10)) && budget.blocked("app", at(3_608)));
        assert!(!budget.blocked("app", at(3_609)));
        for second in 4_000..4_010 {
            budget.note("app", "user", "token", 404, &limits, at(second));
        }
        assert!(budget.blocked("app", at(4_009 + 7_199)));
    }

    #[test]
    fn errors_spread_over_hours_or_users_do_not_block() {
        let (mut budget, limits) = (Budget::default(), Limits::default());
        for n in 0..30 {
            budget.note("app", "user", "token", 400, &limits, at(n * 600));
            budget.note("app", &n.to_string(), "token", 400, &limits, at(n));
            budget.note("app", "user", "token", 500, &limits, at(n));
        }
        assert!(!budget.blocked("app", at(30 * 600)));
    }

    #[test]
    fn the_201st_token_call_of_a_day_is_too_many() {
        let (mut budget, limits) = (Budget::default(), Limits::default());
        assert!((0..200).all(|_| budget.token_call("app", "user", &limits, at(0))));
        assert!(!budget.token_call("app", "user", &limits, at(0)));
        assert!(budget.token_call("app", "other", &limits, at(0)));
        assert!(budget.token_call("app", "user", &limits, at(86_400)));
    }

    #[test]
    fn a_limit_that_is_hit_names_only_its_own_family() {
        let (mut budget, limits) = (Budget::default(), Limits::default());
        let first = budget.api_call("app", 1, &limits, at(0)).unwrap();
        assert_eq!((first[0].remaining, first[1].remaining), (4_999, 59));
        assert!(first[1].reset > at(0).as_millisecond() && first[1].reset <= at(60).as_millisecond());
        for _ in 0..59 {
            budget.api_call("app", 1, &limits, at(0)).unwrap();
        }
        assert_eq!(
            budget.api_call("app", 1, &limits, at(0)).unwrap_err().family,
            "Minutely-"
        );
    }
}
