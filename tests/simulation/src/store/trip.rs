//! A trip through the consent screen, stored with the link that it started from.

use handover_core::{
    authorisation::{Authorisation, Link},
    ports::WriteError,
};

use super::tables::Tables;

impl Tables {
    pub fn open(&mut self, read: &Link, opened: &Link, trip: &Authorisation) -> Result<(), WriteError> {
        if self.links.get(&opened.hash) == Some(read) && !self.authorisations.contains_key(&trip.id) {
            self.links.insert(opened.hash.clone(), opened.clone());
            self.authorisations.insert(trip.id.clone(), trip.clone());
            return Ok(());
        }
        if self.was_opened(trip) {
            return Ok(());
        }
        Err(WriteError::Conflict(trip.connection))
    }

    /// Whether an earlier try took effect: it has left the authorisation. Used since or not makes no difference, nor does
    /// what became of the link.
    fn was_opened(&self, trip: &Authorisation) -> bool {
        self.authorisations.get(&trip.id).is_some_and(|stored| {
            let unused = Authorisation {
                consumed_at: None,
                ..stored.clone()
            };
            unused == *trip
        })
    }
}
