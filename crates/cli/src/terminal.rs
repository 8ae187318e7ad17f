//! The screen of `take`: what to enter, field by field, and nothing of it left behind.

mod clipboard;
mod form;
mod frame;
mod keys;
mod screen;

use handover_core::ports::Clock;
use jiff::Timestamp;

use crate::time::Zone;

pub use form::Form;
pub use frame::{Line, Shade, frame};
pub use keys::{Action, View, press};
pub use screen::TerminalScreen;

/// What is shown, and for how long.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The fields.
    pub form: &'a Form,
    /// Secrets are shown until then.
    pub lease_ends_at: Timestamp,
    /// In which zone that is told.
    pub zone: &'a Zone,
}

/// How the screen was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// By a key.
    ByPerson,
    /// The terminal or the system ended it: nobody is there to be asked.
    Ended(String),
}

/// A terminal that was taken over. Given back when dropped, with nothing left on it.
pub trait Screen {
    /// Shows the form until it is left.
    fn show(self, sheet: &Sheet<'_>, clock: &impl Clock) -> Left;
}
