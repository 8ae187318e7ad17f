//! The port itself. What only the command writes goes through without a fault.

use std::{sync::Mutex, time::Duration};

use handover_core::{
    application::Application,
    authorisation::{Authorisation, Link},
    connection::{Connection, Status},
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    ports::{
        Change, Claimed, DuePointer, Filter, IdentityKey, Pace, Page, Place, ReadError, Rejected, Sealed, Store,
        Summary, WriteError,
    },
    registration::Channel,
};
use jiff::Timestamp;

use super::{Fault, FaultyStore, away};
use crate::{
    ManualClock,
    faulty::{counted, is},
    lock,
};

impl Store for FaultyStore {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        self.read().await?;
        counted(&self.reads);
        take_time(&self.slow_reads);
        assert!(!lock(&self.cursed).contains(&id), "cursed");
        if lock(&self.rejected).contains(&id) {
            let rejected = Rejected {
                item: id.to_string(),
                reason: "version 9 is not known here".into(),
            };
            return Err(rejected.into());
        }
        self.inner.connection(id).await
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        self.reached("write").await?;
        let fault = self.fault(&self.writes);
        if let Some(error) = before(fault, change.connection.id, "write") {
            return Err(error);
        }
        let written = self.inner.write(change).await;
        self.fate.call().await;
        if fault == Fault::After {
            return Err(away("write").into());
        }
        if written.is_ok() {
            counted(&self.written);
        }
        written
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        self.inner.history(id).await
    }

    async fn erase_history(&self, id: ConnectionId, to: u64) -> Result<(), WriteError> {
        self.reached("erase").await?;
        let fault = self.fault(&self.writes);
        if let Some(error) = before(fault, id, "erase") {
            return Err(error);
        }
        let erased = self.inner.erase_history(id, to).await;
        self.fate.call().await;
        if fault == Fault::After {
            return Err(away("erase").into());
        }
        erased
    }

    async fn remove(&self, read: &Connection) -> Result<(), WriteError> {
        self.reached("remove").await?;
        let fault = self.fault(&self.writes);
        if let Some(error) = before(fault, read.id, "remove") {
            return Err(error);
        }
        let removed = self.inner.remove(read).await;
        self.fate.call().await;
        if fault == Fault::After {
            return Err(away("remove").into());
        }
        removed
    }

    async fn link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        self.read().await?;
        self.inner.link(hash).await
    }

    async fn authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        self.read().await?;
        self.inner.authorisation(id).await
    }

    /// A lost answer is a conflict here: the store asks again by itself, and meets its own write.
    async fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> Result<(), WriteError> {
        self.reached("write").await?;
        let fault = self.fault(&self.writes);
        if let Some(error) = before(fault, read.connection, "write") {
            return Err(error);
        }
        self.inner.open_authorisation(read, link, authorisation).await?;
        if fault == Fault::After {
            return Err(WriteError::Conflict(read.connection));
        }
        Ok(())
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        self.read().await?;
        self.inner.identity(key).await
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        self.read().await?;
        self.inner.application(id).await
    }

    async fn pace(&self, id: &ApplicationId) -> Result<Option<Pace>, ReadError> {
        self.read().await?;
        self.inner.pace(id).await
    }

    async fn take_slots(&self, id: &ApplicationId, per_minute: u32, until: Timestamp) -> Result<(), WriteError> {
        self.reached("take slots").await?;
        if is(&self.slots_fail) {
            return Err(away("take slots").into());
        }
        self.inner.take_slots(id, per_minute, until).await
    }

    async fn put_application(&self, application: &Application, sealed: &Sealed) -> Result<(), WriteError> {
        self.inner.put_application(application, sealed).await
    }

    async fn applications(&self) -> Result<Vec<Application>, ReadError> {
        self.inner.applications().await
    }

    async fn channel(&self, id: &ChannelId) -> Result<Option<Channel>, ReadError> {
        self.inner.channel(id).await
    }

    async fn put_channel(&self, channel: &Channel, sealed: Option<&Sealed>) -> Result<(), WriteError> {
        self.inner.put_channel(channel, sealed).await
    }

    async fn channels(&self) -> Result<Vec<Channel>, ReadError> {
        self.inner.channels().await
    }

    async fn sealed(&self, place: &Place) -> Result<Option<Sealed>, ReadError> {
        self.read().await?;
        self.inner.sealed(place).await
    }

    fn shards(&self) -> u32 {
        self.number_of_shards()
    }

    async fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        self.read().await?;
        counted(&self.due_reads);
        if *lock(&self.shard_away) == Some(shard) {
            return Err(away("read what is due").into());
        }
        let mut due = self.inner.due(0, until, u32::MAX).await?;
        due.extend(lock(&self.stale).iter().cloned());
        due.retain(|entry| self.is_in(shard, entry.connection));
        due.sort_by_key(|entry| entry.wake_at);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        take_time(&self.slow_moves);
        self.reached("postpone").await?;
        let fault = self.fault(&self.postpones);
        if let Some(error) = before(fault, id, "postpone") {
            return Err(error);
        }
        let moved = self.inner.postpone(id, from, to).await;
        self.fate.call().await;
        if fault == Fault::After {
            Err(away("postpone").into())
        } else {
            moved
        }
    }

    async fn count(&self, status: Status, up_to: u32) -> Result<u32, ReadError> {
        self.read().await?;
        self.inner.count(status, up_to).await
    }

    async fn list(&self, filter: &Filter, limit: u32, after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        self.read().await?;
        self.inner.list(filter, limit, after).await
    }
}

/// What a fault that comes before the effect makes of a write.
fn before(fault: Fault, id: ConnectionId, what: &str) -> Option<WriteError> {
    match fault {
        Fault::Conflict => Some(WriteError::Conflict(id)),
        Fault::Before | Fault::Away => Some(away(what).into()),
        Fault::None | Fault::After => None,
    }
}

fn take_time(slow: &Mutex<Option<(&'static ManualClock, Duration)>>) {
    let slow = *lock(slow);
    if let Some((clock, time)) = slow {
        clock.advance(time);
    }
}
