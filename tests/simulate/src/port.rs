//! The gate that every call to the outside passes, twice: on its way there and on its way back.

pub mod platform;
pub mod queue;
pub mod registrar;
pub mod store;
pub mod vault;

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use handover_core::ports::{Clock, Randomness};
use jiff::Timestamp;

use crate::{
    call::Call,
    chance::seconds,
    fault::Fault,
    world::{Hub, ProcessId, World},
};

/// Tables, vault and queue answer within this, or count as away.
const QUICK: Duration = seconds(8);

/// The way out of one process.
#[derive(Debug, Clone)]
pub struct Port {
    /// What is outside.
    pub hub: Arc<Hub>,
    /// Whose way out.
    pub process: ProcessId,
}

impl Port {
    /// A call that is answered quickly.
    pub async fn quick<T>(
        &self,
        call: Call,
        effect: impl FnOnce(&mut World) -> T,
        lost: impl FnOnce(&mut World, bool) -> T,
    ) -> T {
        self.call(call, QUICK, |world, _| effect(world), lost).await
    }

    /// A call that its caller waits for so long at most. `effect` is told whether its answer will be lost; `lost` whether
    /// there was an effect.
    pub async fn call<T>(
        &self,
        call: Call,
        longest: Duration,
        effect: impl FnOnce(&mut World, bool) -> T,
        lost: impl FnOnce(&mut World, bool) -> T,
    ) -> T {
        let (ticket, fault) = self.hub.world().begin(self.process, call, longest);
        self.pass(ticket).await;
        let (answer, ticket) = {
            let mut world = self.hub.world();
            let answer = match fault {
                Some(Fault::Before) => lost(&mut world, false),
                Some(Fault::After) => {
                    effect(&mut world, true);
                    lost(&mut world, true)
                }
                Some(Fault::CrashAfter) => effect(&mut world, true),
                _ => effect(&mut world, false),
            };
            (answer, world.end(self.process, call, fault, longest))
        };
        self.pass(ticket).await;
        answer
    }

    async fn pass(&self, ticket: u64) {
        poll_fn(|context| {
            let passed = self.hub.world().may_pass(self.process, ticket, context.waker());
            if passed { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// What of the outside is in memory answers at once.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Our clocks.
#[derive(Debug, Clone)]
pub struct SimulatedClock(pub Port);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.hub.world().clock()
    }

    fn monotonic(&self) -> Duration {
        self.0.hub.world().now
    }

    async fn sleep(&self, time: Duration) {
        let ticket = self.0.hub.world().wait(self.0.process, time, false, ("sleep", "ends"));
        self.0.pass(ticket).await;
    }
}

/// Chance of our processes.
#[derive(Debug, Clone)]
pub struct SimulatedChance(pub Port);

impl Randomness for SimulatedChance {
    fn secret(&self) -> [u8; 32] {
        self.0.hub.world().ids.bytes()
    }

    fn id(&self) -> u128 {
        let mut world = self.0.hub.world();
        (u128::from(world.ids.number()) << 64) | u128::from(world.ids.number())
    }
}
