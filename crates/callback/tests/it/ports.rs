//! The ports in memory, with faults that a test asks for.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use handover_core::{
    application::{Application, ApplicationSecret},
    authorisation::{Authorisation, Link},
    connection::{Connection, Identity},
    event::Record,
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, LinkHash},
    ports::{
        Change, Claimed, Clock, DuePointer, ExchangeError, Filter, IdentityKey, MeError, OpenError, Page, Place,
        Platform, Pointer, Queue, QueueError, ReadError, Received, Sealed, Store, StoreError, Summary, Vault,
        VaultError, WriteError,
    },
    registration::{Channel, later},
    secret::{AccessToken, AuthorizationCode, PkceVerifier, Plaintext},
};
use handover_simulation::{MemoryStore, MemoryVault, ScriptedPlatform};
use jiff::Timestamp;
use tokio::time::Instant;

/// Goes with tokio's time, which tests pause: sleeping then costs nothing.
pub struct TokioClock {
    start: Instant,
}

impl TokioClock {
    pub const START: i64 = 1_795_452_551;

    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        later(Timestamp::from_second(Self::START).unwrap(), self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Not written: somebody else was first.
    Conflict,
    /// Not written.
    Unavailable,
    /// Written, and the answer lost.
    AnswerLost,
}

fn away(what: &str) -> StoreError {
    StoreError {
        what: what.into(),
        reason: "the table is away".into(),
    }
}

#[derive(Default)]
pub struct Tables {
    pub inner: MemoryStore,
    /// Calls of any kind.
    pub calls: AtomicU32,
    /// What becomes of the next writes.
    pub faults: Mutex<VecDeque<Fault>>,
    /// What becomes of every write once that list is at its end.
    pub writes_fail: AtomicBool,
    pub reads_fail: AtomicBool,
    /// Changes that were written.
    pub written: AtomicU32,
}

impl Tables {
    fn reading(&self) -> Result<(), ReadError> {
        self.calls.fetch_add(1, Relaxed);
        if self.reads_fail.load(Relaxed) {
            Err(away("read").into())
        } else {
            Ok(())
        }
    }

    fn next_fault(&self) -> Fault {
        self.calls.fetch_add(1, Relaxed);
        let listed = self.faults.lock().unwrap().pop_front();
        listed.unwrap_or(if self.writes_fail.load(Relaxed) {
            Fault::Unavailable
        } else {
            Fault::None
        })
    }
}

impl Store for Tables {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        self.reading()?;
        // A real table is never faster than one turn of the loop: others get theirs.
        tokio::task::yield_now().await;
        self.inner.connection(id).await
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        let fault = self.next_fault();
        tokio::task::yield_now().await;
        match fault {
            Fault::Conflict => Err(WriteError::Conflict(change.connection.id)),
            Fault::Unavailable => Err(away("write").into()),
            Fault::AnswerLost => {
                self.inner.write(change).await?;
                Err(away("write").into())
            }
            Fault::None => {
                self.inner.write(change).await?;
                self.written.fetch_add(1, Relaxed);
                Ok(())
            }
        }
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        self.inner.history(id).await
    }

    async fn link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        self.reading()?;
        self.inner.link(hash).await
    }

    async fn authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        self.reading()?;
        self.inner.authorisation(id).await
    }

    async fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> Result<(), WriteError> {
        match self.next_fault() {
            Fault::None => self.inner.open_authorisation(read, link, authorisation).await,
            Fault::Conflict => Err(WriteError::Conflict(read.connection)),
            Fault::Unavailable => Err(away("write").into()),
            Fault::AnswerLost => {
                self.inner.open_authorisation(read, link, authorisation).await?;
                Err(WriteError::Conflict(read.connection))
            }
        }
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        self.reading()?;
        self.inner.identity(key).await
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
        self.reading()?;
        self.inner.application(id).await
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
        self.reading()?;
        self.inner.sealed(place).await
    }

    fn shards(&self) -> u32 {
        self.inner.shards()
    }

    async fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        self.inner.due(shard, until, limit).await
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        self.inner.postpone(id, from, to).await
    }

    async fn list(&self, filter: &Filter, limit: u32, after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        self.inner.list(filter, limit, after).await
    }
}

#[derive(Default)]
pub struct Safe {
    pub inner: MemoryVault,
    pub calls: AtomicU32,
    pub opened: AtomicU32,
    pub no_keys: AtomicBool,
    pub no_opening: AtomicBool,
}

fn no_kms() -> VaultError {
    VaultError {
        what: "help",
        place: "a place".into(),
        reason: "KMS is away".into(),
    }
}

impl Vault for Safe {
    type Key = <MemoryVault as Vault>::Key;

    async fn data_key(&self, place: &Place) -> Result<Self::Key, VaultError> {
        self.calls.fetch_add(1, Relaxed);
        if self.no_keys.load(Relaxed) {
            Err(no_kms())
        } else {
            self.inner.data_key(place).await
        }
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        self.calls.fetch_add(1, Relaxed);
        self.opened.fetch_add(1, Relaxed);
        if self.no_opening.load(Relaxed) {
            Err(no_kms().into())
        } else {
            self.inner.open(place, sealed).await
        }
    }
}

#[derive(Default)]
pub struct Bell {
    pub sent: Mutex<Vec<(Pointer, Duration)>>,
    pub broken: AtomicBool,
}

impl Queue for Bell {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        if self.broken.load(Relaxed) {
            return Err(QueueError {
                reason: "the queue is away".into(),
            });
        }
        self.sent.lock().unwrap().push((pointer.clone(), delay));
        Ok(())
    }
}

#[derive(Default)]
pub struct Exact {
    pub inner: ScriptedPlatform,
    /// How long an exchange takes.
    pub takes: Mutex<Duration>,
    /// How long the question for the identity takes.
    pub me_takes: Mutex<Duration>,
    pub me_panics: AtomicBool,
    pub exchange_panics: AtomicBool,
    pub limits: Mutex<Vec<Duration>>,
}

impl Platform for Exact {
    async fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> Result<Received, ExchangeError> {
        let takes = *self.takes.lock().unwrap();
        self.limits.lock().unwrap().push(limit);
        tokio::time::sleep(takes).await;
        assert!(!self.exchange_panics.load(Relaxed), "on purpose");
        self.inner.exchange(application, code, verifier, limit).await
    }

    async fn me(
        &self,
        application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> Result<Identity, MeError> {
        let takes = *self.me_takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        assert!(!self.me_panics.load(Relaxed), "on purpose");
        self.inner.me(application, access_token, limit).await
    }
}
