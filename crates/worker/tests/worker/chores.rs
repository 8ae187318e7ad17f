//! Erasing and removing.

use std::time::Duration;

use handover_core::{
    connection::{State, Status},
    event::{Event, What},
    ids::ConnectionId,
    ports::Store,
};

use crate::world::{DAY, World};

async fn registered(world: &World) -> ConnectionId {
    let id = world.authorized(Duration::ZERO).await;
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::Registered);
    id
}

#[tokio::test]
async fn what_is_finished_goes_after_its_retention_with_its_history() {
    let world = World::new().await;
    let id = registered(&world).await;
    world.clock.advance(179 * DAY);
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::Registered);
    world.clock.advance(DAY);
    world.wake(id).await.unwrap();
    assert!(world.store.inner.connection(id).await.unwrap().is_none());
    assert!(world.history(id).await.is_empty());
    assert!(world.waits().is_empty());
}

#[tokio::test]
async fn removing_goes_on_where_it_broke_off() {
    for calls in 0.. {
        let world = World::new().await;
        let id = registered(&world).await;
        world.clock.advance(180 * DAY);
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(id)).await.is_some();
        world.fate.lives();
        if world.store.inner.connection(id).await.unwrap().is_some() {
            world.wake(id).await.unwrap();
        }
        assert!(world.store.inner.connection(id).await.unwrap().is_none());
        assert!(world.history(id).await.is_empty(), "after {calls} calls");
        if lived {
            assert!(calls > 2, "only {calls} places to die at");
            break;
        }
    }
}

#[tokio::test]
async fn who_is_forgotten_leaves_no_name() {
    let world = World::new().await;
    let id = registered(&world).await;
    world.ask(id, Event::ForgetAsked).await;
    world.wake(id).await.unwrap();
    let connection = world.read(id).await;
    assert_eq!(connection.erase_to, None);
    let left = world.history(id).await;
    assert!(matches!(left.as_slice(), [What::Forgotten]), "{left:?}");
    let told = format!("{connection:?} {left:?}");
    assert!(!told.contains("Bakker") && !told.contains("acme-boekhouding"), "{told}");
    assert!(matches!(connection.state, State::Registered(_)));
}

#[tokio::test]
async fn two_workers_at_once_erase_once_and_neither_fails() {
    let world = World::new().await;
    let id = registered(&world).await;
    world.ask(id, Event::ForgetAsked).await;
    let (one, other) = futures::join!(world.wake(id), world.wake(id));
    one.unwrap();
    other.unwrap();
    assert_eq!(world.read(id).await.erase_to, None);
}
