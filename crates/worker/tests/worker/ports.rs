//! The ports in memory, with faults on order. The sweeper's tests use them too.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use handover_core::{
    application::{Application, ApplicationSecret},
    authorisation::{Authorisation, Link},
    connection::{Connection, Identity, LookUpRule},
    event::{LookUpAnswer, Outcome, Record},
    ids::{ApplicationId, AuthorisationId, ChannelId, ConnectionId, CustomerReference, LinkHash, Segment},
    ports::{
        Change, Claimed, DuePointer, ExchangeError, Filter, IdentityKey, MeError, NotPrepared, OpenError, Page, Place,
        Platform, Pointer, Queue, QueueError, ReadError, Received, Registrar, Rejected, Sealed, Store, StoreError,
        Submission, Summary, Vault, VaultError, WriteError,
    },
    registration::Channel,
    secret::{AccessToken, AuthorizationCode, PkceVerifier, Plaintext},
};
use handover_simulation::{ManualClock, MemoryQueue, MemoryStore, MemoryVault, ScriptedPlatform, ScriptedRegistrar};
use jiff::Timestamp;
use tokio::sync::{Barrier, Notify};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the process dies: before its n-th call, or never. Every call also gives others a turn.
#[derive(Debug, Default)]
pub struct Fate {
    calls_left: Mutex<Option<u32>>,
    died: Notify,
}

impl Fate {
    pub fn dies_after(&self, calls: u32) {
        *lock(&self.calls_left) = Some(calls);
    }

    pub fn lives(&self) {
        *lock(&self.calls_left) = None;
    }

    pub async fn call(&self) {
        tokio::task::yield_now().await;
        let dead = match &mut *lock(&self.calls_left) {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        };
        if dead {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// What a process does until its end; `None`: it died before.
    pub async fn run<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = process => Some(done),
            () = self.died.notified() => None,
        }
    }
}

/// How one write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Well.
    None,
    /// It was not written, and nobody knows.
    Before,
    /// It was written, and nobody knows.
    After,
    /// The table cannot be reached any more, from here on.
    Away,
}

fn away(what: &str) -> StoreError {
    StoreError {
        what: what.into(),
        reason: "no answer in time".into(),
    }
}

#[derive(Debug)]
pub struct Tables {
    pub inner: MemoryStore,
    pub fate: &'static Fate,
    pub writes: Mutex<VecDeque<Fault>>,
    pub postpones: Mutex<VecDeque<Fault>>,
    /// Connections of an unknown version.
    pub rejected: Mutex<HashSet<ConnectionId>>,
    /// Connections whose reading brings the process down.
    pub cursed: Mutex<HashSet<ConnectionId>>,
    pub away: AtomicBool,
    pub shards: AtomicU32,
    /// A shard that cannot be read.
    pub shard_away: Mutex<Option<u32>>,
    /// Entries of the index that have no connection, or another time.
    pub stale: Mutex<Vec<DuePointer>>,
    pub reads: AtomicU32,
    pub due_reads: AtomicU32,
}

impl Tables {
    pub fn new(fate: &'static Fate) -> Self {
        Self {
            inner: MemoryStore::default(),
            fate,
            writes: Mutex::default(),
            postpones: Mutex::default(),
            rejected: Mutex::default(),
            cursed: Mutex::default(),
            away: AtomicBool::default(),
            shards: AtomicU32::new(1),
            shard_away: Mutex::default(),
            stale: Mutex::default(),
            reads: AtomicU32::default(),
            due_reads: AtomicU32::default(),
        }
    }

    fn shard_of(&self, id: ConnectionId) -> u32 {
        u32::try_from(id.randomness() % u128::from(self.shards.load(SeqCst))).unwrap()
    }

    async fn reached(&self, what: &str) -> Result<(), StoreError> {
        self.fate.call().await;
        if self.away.load(SeqCst) {
            Err(away(what))
        } else {
            Ok(())
        }
    }

    /// What the next write of a kind is to suffer.
    fn fault(&self, next: &Mutex<VecDeque<Fault>>) -> Fault {
        let fault = lock(next).pop_front().unwrap_or(Fault::None);
        if fault == Fault::Away {
            self.away.store(true, SeqCst);
            return Fault::Before;
        }
        fault
    }
}

impl Store for Tables {
    async fn connection(&self, id: ConnectionId) -> Result<Option<Connection>, ReadError> {
        self.reached("read").await?;
        self.reads.fetch_add(1, SeqCst);
        assert!(!lock(&self.cursed).contains(&id), "cursed");
        if lock(&self.rejected).contains(&id) {
            let reason = "version 9 is not known here".into();
            return Err(Rejected {
                item: id.to_string(),
                reason,
            }
            .into());
        }
        self.inner.connection(id).await
    }

    async fn write(&self, change: &Change) -> Result<(), WriteError> {
        self.reached("write").await?;
        let fault = self.fault(&self.writes);
        if fault == Fault::Before {
            return Err(away("write").into());
        }
        let written = self.inner.write(change).await;
        self.fate.call().await;
        if fault == Fault::After {
            Err(away("write").into())
        } else {
            written
        }
    }

    async fn history(&self, id: ConnectionId) -> Result<Vec<Record>, ReadError> {
        self.inner.history(id).await
    }

    async fn link(&self, hash: &LinkHash) -> Result<Option<Link>, ReadError> {
        self.inner.link(hash).await
    }

    async fn authorisation(&self, id: &AuthorisationId) -> Result<Option<Authorisation>, ReadError> {
        self.inner.authorisation(id).await
    }

    async fn open_authorisation(
        &self,
        read: &Link,
        link: &Link,
        authorisation: &Authorisation,
    ) -> Result<(), WriteError> {
        self.inner.open_authorisation(read, link, authorisation).await
    }

    async fn identity(&self, key: &IdentityKey) -> Result<Option<Claimed>, ReadError> {
        self.reached("read").await?;
        self.inner.identity(key).await
    }

    async fn application(&self, id: &ApplicationId) -> Result<Option<Application>, ReadError> {
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
        self.reached("read").await?;
        self.inner.sealed(place).await
    }

    fn shards(&self) -> u32 {
        self.shards.load(SeqCst)
    }

    async fn due(&self, shard: u32, until: Timestamp, limit: u32) -> Result<Vec<DuePointer>, ReadError> {
        self.reached("read what is due").await?;
        self.due_reads.fetch_add(1, SeqCst);
        if *lock(&self.shard_away) == Some(shard) {
            return Err(away("read what is due").into());
        }
        let mut due = self.inner.due(0, until, u32::MAX).await?;
        due.extend(lock(&self.stale).iter().cloned());
        due.retain(|entry| self.shard_of(entry.connection) == shard);
        due.sort_by_key(|entry| entry.wake_at);
        due.truncate(usize::try_from(limit).unwrap());
        Ok(due)
    }

    async fn postpone(&self, id: ConnectionId, from: Timestamp, to: Timestamp) -> Result<bool, WriteError> {
        self.reached("postpone").await?;
        let fault = self.fault(&self.postpones);
        if fault == Fault::Before {
            return Err(away("postpone").into());
        }
        let moved = self.inner.postpone(id, from, to).await;
        self.fate.call().await;
        if fault == Fault::After {
            Err(away("postpone").into())
        } else {
            moved
        }
    }

    async fn list(&self, filter: &Filter, limit: u32, after: Option<&str>) -> Result<Page<Summary>, ReadError> {
        self.reached("list").await?;
        self.inner.list(filter, limit, after).await
    }
}

#[derive(Debug)]
pub struct Messages {
    pub inner: MemoryQueue<'static>,
    pub fate: &'static Fate,
    pub away: AtomicBool,
    pub sent: AtomicU32,
}

impl Messages {
    pub fn new(clock: &'static ManualClock, fate: &'static Fate) -> Self {
        Self {
            inner: MemoryQueue::new(clock),
            fate,
            away: AtomicBool::default(),
            sent: AtomicU32::default(),
        }
    }
}

impl Queue for Messages {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        self.fate.call().await;
        if self.away.load(SeqCst) {
            return Err(QueueError {
                reason: "no answer in time".into(),
            });
        }
        let sent = self.inner.send(pointer, delay).await;
        self.sent.fetch_add(1, SeqCst);
        self.fate.call().await;
        sent
    }
}

#[derive(Debug)]
pub struct Keys {
    pub fate: &'static Fate,
    pub away: AtomicBool,
    pub opened: Mutex<Vec<Place>>,
}

impl Keys {
    pub fn new(fate: &'static Fate) -> Self {
        Self {
            fate,
            away: AtomicBool::default(),
            opened: Mutex::default(),
        }
    }
}

impl Vault for Keys {
    type Key = <MemoryVault as Vault>::Key;

    async fn data_key(&self, place: &Place) -> Result<Self::Key, VaultError> {
        MemoryVault.data_key(place).await
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        self.fate.call().await;
        if self.away.load(SeqCst) {
            let reason = "no answer in time".into();
            return Err(VaultError {
                what: "open",
                place: format!("{place:?}"),
                reason,
            }
            .into());
        }
        let opened = MemoryVault.open(place, sealed).await?;
        lock(&self.opened).push(place.clone());
        Ok(opened)
    }
}

#[derive(Debug)]
pub struct Channels {
    pub inner: ScriptedRegistrar,
    pub clock: &'static ManualClock,
    pub fate: &'static Fate,
    pub limit: Mutex<Duration>,
    /// How long the preparing takes.
    pub preparing: Mutex<Duration>,
    /// Submissions wait for each other.
    pub barrier: Mutex<Option<&'static Barrier>>,
    /// Connections whose submission brings the process down.
    pub cursed: Mutex<HashSet<ConnectionId>>,
    /// What was submitted: whose, which attempt, to which host's application.
    pub submitted: Mutex<Vec<(ConnectionId, u32, String)>>,
    /// How each of them ended; `None`: the process did not live to hear it.
    pub ended: Mutex<Vec<Option<Outcome>>>,
    /// The authorisations that were looked up.
    pub looked_up: Mutex<Vec<AuthorisationId>>,
    /// What stands in the way of looking up.
    pub no_look_up: AtomicBool,
}

impl Channels {
    pub fn new(clock: &'static ManualClock, fate: &'static Fate) -> Self {
        Self {
            inner: ScriptedRegistrar::default(),
            clock,
            fate,
            limit: Mutex::new(Duration::from_secs(60)),
            preparing: Mutex::default(),
            barrier: Mutex::default(),
            cursed: Mutex::default(),
            submitted: Mutex::default(),
            ended: Mutex::default(),
            looked_up: Mutex::default(),
            no_look_up: AtomicBool::default(),
        }
    }
}

pub struct Request {
    inner: <ScriptedRegistrar as Registrar>::Prepared,
    connection: ConnectionId,
    attempt: u32,
    host: String,
}

impl Registrar for Channels {
    type Prepared = Request;

    fn prepare(&self, profile: &Plaintext, submission: &Submission<'_>) -> Result<Request, NotPrepared> {
        self.clock.advance(*lock(&self.preparing));
        Ok(Request {
            inner: self.inner.prepare(profile, submission)?,
            connection: submission.connection,
            attempt: submission.attempt,
            host: submission.application.host.to_string(),
        })
    }

    fn look_up_rule(&self, request: &Request) -> Option<LookUpRule> {
        self.inner.look_up_rule(&request.inner)
    }

    fn time_limit(&self, _request: &Request) -> Duration {
        *lock(&self.limit)
    }

    async fn submit(&self, request: Request) -> Outcome {
        self.fate.call().await;
        lock(&self.submitted).push((request.connection, request.attempt, request.host));
        let number = {
            let mut ended = lock(&self.ended);
            ended.push(None);
            ended.len() - 1
        };
        let barrier = *lock(&self.barrier);
        if let Some(barrier) = barrier {
            barrier.wait().await;
        }
        assert!(!lock(&self.cursed).contains(&request.connection), "cursed");
        let outcome = self.inner.submit(request.inner).await;
        lock(&self.ended)[number] = Some(outcome.clone());
        self.fate.call().await;
        outcome
    }

    async fn look_up(
        &self,
        profile: &Plaintext,
        connection: ConnectionId,
        authorisation: &AuthorisationId,
        reference: &CustomerReference,
        database: &Segment,
    ) -> Result<LookUpAnswer, NotPrepared> {
        self.fate.call().await;
        if self.no_look_up.load(SeqCst) {
            let problem = handover_core::connection::Problem::Configuration;
            return Err(NotPrepared {
                problem,
                reason: "the profile has no look-up".into(),
            });
        }
        lock(&self.looked_up).push(authorisation.clone());
        self.inner
            .look_up(profile, connection, authorisation, reference, database)
            .await
    }
}

#[derive(Debug)]
pub struct Platforms {
    pub inner: ScriptedPlatform,
    pub fate: &'static Fate,
}

impl Platform for Platforms {
    async fn exchange(
        &self,
        application: &ApplicationSecret,
        code: &AuthorizationCode,
        verifier: &PkceVerifier,
        limit: Duration,
    ) -> Result<Received, ExchangeError> {
        self.inner.exchange(application, code, verifier, limit).await
    }

    async fn me(
        &self,
        application: &ApplicationSecret,
        access_token: &AccessToken,
        limit: Duration,
    ) -> Result<Identity, MeError> {
        self.fate.call().await;
        self.inner.me(application, access_token, limit).await
    }
}
