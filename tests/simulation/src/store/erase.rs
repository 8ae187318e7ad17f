//! Removing what is not to be kept any longer.

use handover_core::{connection::Connection, ids::ConnectionId, ports::WriteError};

use super::tables::Tables;

impl Tables {
    pub fn erase_history(&mut self, id: ConnectionId, to: u64) {
        if let Some(history) = self.history.get_mut(&id) {
            history.retain(|number, _| *number > to);
        }
    }

    /// What is gone already is gone: an earlier try took effect.
    pub fn remove(&mut self, read: &Connection) -> Result<(), WriteError> {
        match self.states.get(&read.id) {
            Some(state) if state.connection.revision != read.revision => Err(WriteError::Conflict(read.id)),
            _ => {
                self.unset(read.id);
                Ok(())
            }
        }
    }
}
