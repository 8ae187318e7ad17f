//! Waiting for something to be so: never for time to pass.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);

/// Looks until `look` finds something, `limit` at most.
///
/// # Errors
/// What `look` failed with last, or that `what` did not come about.
pub async fn until<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("waited {} s in vain for: {what}", limit.as_secs());
        }
        tokio::time::sleep(EVERY).await;
    }
}
