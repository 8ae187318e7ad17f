//! Messages of the queue.

use handover_aws::queue;

use crate::{Verdict, leak::is_one_short_line};

/// A message's body.
///
/// A pointer that is taken comes back from what is written of it; of anything else hardly a word is told.
pub fn message(input: &[u8]) -> Verdict {
    let Ok(body) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let read = queue::read(body);
    match &read {
        Ok(pointer) => {
            let written = serde_json::to_string(pointer).unwrap();
            assert_eq!(queue::read(&written).as_ref(), Ok(pointer));
        }
        Err(refusal) => is_one_short_line(&refusal.to_string(), 90),
    }
    Verdict::of(&read)
}
