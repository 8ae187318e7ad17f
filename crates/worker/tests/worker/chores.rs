//! Raising the alarm, erasing and removing.

use std::time::Duration;

use handover_core::{
    connection::{News, State, Status},
    event::{Event, What},
    ids::ConnectionId,
    ports::{Clock, Store},
};
use handover_simulation::Lines;

use crate::world::{DAY, World};

async fn registered(world: &World) -> ConnectionId {
    let id = world.authorized(Duration::ZERO).await;
    world.wake(id).await.unwrap();
    assert_eq!(world.status(id).await, Status::Registered);
    id
}

/// Said before it is noted that it was.
#[tokio::test]
async fn an_alarm_is_raised_wherever_its_process_dies() {
    // With one subscriber only, another test's thread could switch the line off for all.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    for calls in 0.. {
        let world = World::new().await;
        let id = registered(&world).await;
        let superseded = Event::Heard {
            chain: world.read(id).await.chain.unwrap().authorisation,
            news: News::Superseded {
                by: ConnectionId::new(world.clock.now(), 1),
                by_rotation: false,
            },
        };
        world.ask(id, superseded).await;
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        world.fate.dies_after(calls);
        let lived = world.fate.run(world.wake(id)).await.is_some();
        world.fate.lives();
        drop(logging);
        let said = lines.text().contains("handover.authorisation_lost");
        let to_alarm = world.read(id).await.cut_off().unwrap().to_alarm;
        assert!(said || to_alarm, "after {calls} calls");
        world.wake(id).await.unwrap();
        assert!(!world.read(id).await.cut_off().unwrap().to_alarm, "after {calls} calls");
        if lived {
            assert!(said && calls > 1, "only {calls} places to die at");
            break;
        }
    }
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
