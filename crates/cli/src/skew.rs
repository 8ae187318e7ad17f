//! Whether the clock here is right: AWS's answers say what time it is.
//!
//! The SDK signs with AWS's time where the clock here is wrong, and says nothing of it. What is written here bears the
//! clock's time all the same: due times, links and leases would be off by as much.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextRef, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{DateTime, config_bag::ConfigBag, date_time::Format};
use handover_core::ports::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::{failure::Failure, time};

/// What the two may differ by. An answer is some seconds under way.
const ALLOWED: Duration = Duration::from_secs(60);

/// Compares the clock with the `Date` of the answers that pass by.
#[derive(Debug, Clone)]
pub struct Skew<C> {
    clock: C,
    ahead: Arc<Mutex<Option<SignedDuration>>>,
}

impl<C: Clock> Skew<C> {
    /// Of that clock; nothing is known yet.
    #[must_use]
    pub fn of(clock: C) -> Self {
        Self {
            clock,
            ahead: Arc::default(),
        }
    }

    /// Takes note of an answer's `Date` header. One that cannot be read says nothing.
    pub fn note(&self, date: &str) {
        if let Some(there) = date_of(date) {
            let ahead = self.clock.now().duration_since(there);
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
    }

    /// Refuses a clock that is wrong. Where no answer said what time it is, nobody knows, and nothing is refused.
    ///
    /// # Errors
    /// When it differs by more than a minute.
    pub fn must_be_small(&self) -> Result<(), Failure> {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.map_or(Ok(()), allowed)
    }
}

/// Refuses a clock that is `ahead` of AWS's by so much, or behind it.
///
/// # Errors
/// When it is more than a minute.
pub fn allowed(ahead: SignedDuration) -> Result<(), Failure> {
    if ahead.unsigned_abs() <= ALLOWED {
        return Ok(());
    }
    let side = if ahead.is_positive() { "ahead of" } else { "behind" };
    Err(Failure::Refused(format!(
        "this computer's clock is {} {side} AWS's, and due times, links and leases would be wrong by as much: nothing was \
         done. Set the clock (switch its synchronisation on), then try again",
        time::words(ahead.unsigned_abs().as_secs())
    )))
}

/// The moment that a `Date` header names.
#[must_use]
pub fn date_of(header: &str) -> Option<Timestamp> {
    let date = DateTime::from_str(header, Format::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}

#[dyn_dispatch_hint]
impl<C: Clock + std::fmt::Debug> Intercept for Skew<C> {
    fn name(&self) -> &'static str {
        "Skew"
    }

    // Of every try: the refusals that make the SDK correct itself say the time too.
    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.note(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_allowed_and_more_is_told_with_its_side() {
        for seconds in [0, 59, 60, -60] {
            assert_eq!(allowed(SignedDuration::from_secs(seconds)), Ok(()), "{seconds}");
        }
        for (seconds, told) in [
            (61, "clock is 1 min 1 s ahead of AWS's"),
            (-7_200, "clock is 2 h behind AWS's"),
            (i64::MIN, "behind AWS's"),
        ] {
            let text = allowed(SignedDuration::from_secs(seconds)).unwrap_err().to_string();
            assert!(text.contains(told) && text.contains("nothing was done"), "{text}");
        }
    }

    #[test]
    fn a_date_header_is_read_and_anything_else_says_nothing() {
        let moment = "2026-12-01T08:00:00Z".parse().ok();
        assert_eq!(date_of("Tue, 01 Dec 2026 08:00:00 GMT"), moment);
        for other in ["", "now", "2026-12-01T08:00:00Z", "Tue, 01 Dec 2026"] {
            assert_eq!(date_of(other), None, "{other}");
        }
    }
}
