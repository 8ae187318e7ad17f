//! What a sweep that ran out of time leaves to the next one.

use std::sync::{Mutex, PoisonError};

use crate::pace::Paces;

/// How far the slots were given out by a sweep that ran out of time, as long as the process lives: what it left over gets
/// none that are somebody else's. Nothing is lost with it but that.
#[derive(Debug, Default)]
pub struct Unfinished(Mutex<Option<Paces>>);

impl Unfinished {
    /// What there is to go on with.
    pub(crate) fn take(&self) -> Option<Paces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn keep(&self, paces: Paces) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(paces);
    }
}
