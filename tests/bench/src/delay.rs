//! The distance to an upstream: every byte takes half a round trip each way, and so does the opening of a connection.
//!
//! Tokio's timer counts whole milliseconds, which over ten waits is a tenth of what is measured: this one is a thread
//! that sleeps to the microsecond.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split},
    net::TcpStream,
    sync::{mpsc, oneshot},
};

/// As much as is under way in one direction.
const ROOM: usize = 256 * 1024;

/// Wakes at exact moments. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Timer(Sender<(Instant, oneshot::Sender<()>)>);

impl Timer {
    /// Starts its thread, which ends with the last of its clones.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        let (sender, waits) = channel::<(Instant, oneshot::Sender<()>)>();
        thread::Builder::new().name("timer".into()).spawn(move || {
            let mut due: BinaryHeap<Reverse<(Instant, u64)>> = BinaryHeap::new();
            let mut waiting = std::collections::HashMap::new();
            let mut number = 0_u64;
            loop {
                let now = Instant::now();
                while let Some(Reverse((at, id))) = due.pop() {
                    if at > now {
                        due.push(Reverse((at, id)));
                        break;
                    }
                    waiting.remove(&id).map(|wake: oneshot::Sender<()>| wake.send(()));
                }
                let next = due.peek().map(|Reverse((at, _))| at.saturating_duration_since(now));
                match waits.recv_timeout(next.unwrap_or(Duration::from_secs(3_600))) {
                    Ok((at, wake)) => {
                        number += 1;
                        waiting.insert(number, wake);
                        due.push(Reverse((at, number)));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Waits until `at`.
    pub async fn until(&self, at: Instant) {
        if at <= Instant::now() {
            return;
        }
        let (wake, woken) = oneshot::channel();
        if self.0.send((at, wake)).is_ok() {
            // The thread lives as long as this does.
            woken.await.ok();
        }
    }
}

/// How far away the upstreams are; may change while connections are open.
#[derive(Debug, Clone)]
pub struct Distance {
    round_trip: Arc<AtomicU64>,
    timer: Timer,
}

impl Distance {
    /// No distance yet.
    ///
    /// # Errors
    /// When the timer cannot be started.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            round_trip: Arc::default(),
            timer: Timer::start()?,
        })
    }

    /// From now on a round trip takes this long.
    pub fn set(&self, round_trip: Duration) {
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.round_trip.store(nanos, Ordering::Relaxed);
    }

    /// How long a round trip takes.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        Duration::from_nanos(self.round_trip.load(Ordering::Relaxed))
    }

    /// Waits: what an upstream takes for its own work.
    pub async fn work(&self, took: Duration) {
        self.timer.until(Instant::now() + took).await;
    }

    /// `near` as it looks from that far away. What comes in the first round trip had to wait for TCP's.
    #[must_use]
    pub fn stretch(&self, near: TcpStream) -> DuplexStream {
        let (ours, theirs) = duplex(ROOM);
        let opened = Instant::now() + self.round_trip();
        let (near_in, near_out) = near.into_split();
        let (our_in, our_out) = split(ours);
        self.carry(near_in, our_out, opened);
        self.carry(our_in, near_out, opened);
        theirs
    }

    fn carry<From, To>(&self, mut from: From, mut to: To, opened: Instant)
    where
        From: AsyncRead + Unpin + Send + 'static,
        To: AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let distance = self.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer).await {
                let half = distance.round_trip() / 2;
                let arrives = Instant::now().max(opened) + half;
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if sender.send((arrives, bytes)).is_err() {
                    break;
                }
            }
        });
        let timer = self.timer.clone();
        tokio::spawn(async move {
            while let Some((arrives, bytes)) = under_way.recv().await {
                timer.until(arrives).await;
                if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                    return;
                }
            }
            to.shutdown().await.ok();
        });
    }
}
