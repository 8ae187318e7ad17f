//! Messages of the queue.

use handover_aws::queue::{self, Message};

use crate::{Verdict, leak::is_one_short_line};

/// A message's body.
///
/// What is taken comes back from what is written of it; of anything else hardly a word is told.
pub fn message(input: &[u8]) -> Verdict {
    let Ok(body) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let read = queue::read(body);
    match &read {
        Ok(Message::Wake(pointer)) => {
            let written = serde_json::to_string(pointer).unwrap();
            assert_eq!(queue::read(&written).as_ref(), Ok(&Message::Wake(pointer.clone())));
        }
        Ok(Message::Rescue(rescued)) => {
            let written = queue::write(rescued).unwrap();
            assert_eq!(queue::read(&written).as_ref(), Ok(&Message::Rescue(rescued.clone())));
        }
        Err(refusal) => is_one_short_line(&refusal.to_string(), 90),
    }
    Verdict::of(&read)
}
