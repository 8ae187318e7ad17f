//! The queue of wake-ups.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use handover_core::{
    plaintext,
    ports::{LONGEST_DELAY, Place, Pointer, Queue, QueueError, Rescued, Vault},
};
use handover_simulation::MemoryVault;
use serde_json::json;

use super::{Port, ready};
use crate::{
    act::Act,
    breaks::Break,
    call::Call,
    chance::{minutes, seconds},
    exact::{MARK, TokenId},
    world::World,
};

/// The queue, over a way out.
#[derive(Debug, Clone)]
pub struct SimulatedQueue(pub Port);

impl Queue for SimulatedQueue {
    async fn send(&self, pointer: &Pointer, delay: Duration) -> Result<(), QueueError> {
        let body = serde_json::to_string(pointer).unwrap_or_default();
        self.taken(Call::send("queue.send"), |world| sent(world, body, delay, None))
            .await
    }

    async fn rescue(&self, rescued: &Rescued) -> Result<(), QueueError> {
        self.0.hub.world().witness.keeping(self.0.process);
        self.taken(Call::send("queue.rescue"), |world| self.rescued(world, rescued))
            .await
    }
}

impl SimulatedQueue {
    async fn taken(&self, call: Call, effect: impl FnOnce(&mut World)) -> Result<(), QueueError> {
        let lost = |_: &mut World, _| {
            Err(QueueError {
                reason: "no answer in time".into(),
            })
        };
        self.0
            .quick(
                call,
                |world| {
                    effect(world);
                    Ok(())
                },
                lost,
            )
            .await
    }

    /// The pair that is rescued is on its way home from here on.
    fn rescued(&self, world: &mut World, rescued: &Rescued) {
        if world.broken == Some(Break::RescueLost) {
            return;
        }
        let place = Place::Pair(rescued.brought.pair.clone());
        let opened = ready(MemoryVault.open(&place, &rescued.sealed)).ok();
        let tokens = opened
            .and_then(|opened| plaintext::read_pair(&opened).ok())
            .and_then(|pair| pair.tokens_of(rescued.connection, &self.0.hub.house.secret).ok());
        let token = tokens.and_then(|tokens| world.exact.token_of(tokens.refresh_token.expose()));
        if let Some(token) = token {
            world.witness.rescued(token);
        }
        // As `handover_aws::queue` writes it.
        let body = json!({
            "v": "rescue-1",
            "connection": rescued.connection,
            "brought": rescued.brought,
            "sealed": STANDARD.encode(&rescued.sealed.0),
        });
        sent(world, body.to_string(), Duration::ZERO, token);
    }
}

/// A message is taken: to be delivered when its delay is over, in calm times at once.
fn sent(world: &mut World, body: String, delay: Duration, carries: Option<TokenId>) {
    if body.contains(MARK) {
        world.violated("no_secret_in_the_clear", "a token in a message".into());
    }
    let whole = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
    let delay = whole.min(LONGEST_DELAY);
    let number = world.messages.send(body, world.now + delay, carries);
    let calm = world.plan.is_calm(world.now);
    let late = match world.chance.below(20) {
        0 if !calm => world.chance.time(seconds(30), minutes(30)),
        _ => {
            let within = world.messages.fetched_within;
            world.chance.time(Duration::ZERO, within)
        }
    };
    world.plan_act(delay + late, Act::Deliver(number));
}
