//! Who holds the live chain of a user.

use handover_core::{
    connection::Connection,
    ids::AuthorisationId,
    ports::{Change, IdentityClaim, LiveChain, Store, WriteError},
};
use jiff::Timestamp;

use super::{assert_conflict, authorized, current, written};
use crate::contract::scene::{self, at};

/// A change that claims the place of `user`'s chain, which `before` held.
fn claim(connection: &Connection, user: &str, before: Option<&AuthorisationId>, now: Timestamp) -> Change {
    Change {
        identity: Some(IdentityClaim {
            key: scene::identity_key(user),
            held: scene::claimed(connection),
            instead_of: before.cloned(),
        }),
        ..scene::any_change(connection, now)
    }
}

/// A change that is right only while the connection's chain is known as the one of `user`.
fn relying(connection: &Connection, user: &str, now: Timestamp) -> Change {
    Change {
        requires: Some(LiveChain {
            key: scene::identity_key(user),
            authorisation: scene::claimed(connection).authorisation,
        }),
        ..scene::any_change(connection, now)
    }
}

/// The same user consents over two connections, which are told at the same moment.
pub async fn of_two_racing_claims_one_holds_the_identity<S: Store>(store: &S) {
    let user = scene::name("user");
    let key = scene::identity_key(&user);
    let rivals = [authorized(store).await, authorized(store).await];
    let claims = rivals.each_ref().map(|rival| claim(rival, &user, None, at(30)));
    let (one, other) = futures::join!(store.write(&claims[0]), store.write(&claims[1]));
    let (winner, loser) = match (one, other) {
        (Ok(()), Err(WriteError::Conflict(_))) => (0, 1),
        (Err(WriteError::Conflict(_)), Ok(())) => (1, 0),
        results => panic!("{results:?}"),
    };
    let held = scene::claimed(&rivals[winner]);
    assert_eq!(store.identity(&key).await.unwrap().as_ref(), Some(&held));
    assert_eq!(
        current(store, rivals[loser].id).await,
        rivals[loser],
        "nothing else was written"
    );

    // Having read who holds it, it takes the place; the earlier one, told late, does not take it back.
    let (winner, loser) = (&claims[winner].connection, &rivals[loser]);
    let loser = written(store, claim(loser, &user, Some(&held.authorisation), at(31))).await;
    assert_eq!(store.identity(&key).await.unwrap(), Some(scene::claimed(&loser)));
    let late = claim(winner, &user, Some(&held.authorisation), at(32));
    assert_conflict(store.write(&late).await, winner.id);
    assert_conflict(store.write(&claim(winner, &user, None, at(32))).await, winner.id);
    assert_eq!(store.identity(&key).await.unwrap(), Some(scene::claimed(&loser)));
}

/// Instead of somebody who holds nothing.
pub async fn a_place_that_nobody_holds_is_taken_from_nobody<S: Store>(store: &S) {
    let user = scene::name("user");
    let connection = authorized(store).await;
    let stranger = scene::authorisation();
    assert_conflict(
        store.write(&claim(&connection, &user, Some(&stranger), at(30))).await,
        connection.id,
    );
    assert_eq!(store.identity(&scene::identity_key(&user)).await.unwrap(), None);
}

/// A claim whose answer was lost, made again; also when others have taken the place since.
pub async fn a_claim_is_known_again<S: Store>(store: &S) {
    let user = scene::name("user");
    let (first, second) = (authorized(store).await, authorized(store).await);
    let mine = claim(&first, &user, None, at(30));
    store.write(&mine).await.unwrap();
    store.write(&mine).await.unwrap();
    let before = scene::claimed(&first).authorisation;
    let second = written(store, claim(&second, &user, Some(&before), at(31))).await;
    store.write(&mine).await.unwrap();
    let key = scene::identity_key(&user);
    assert_eq!(store.identity(&key).await.unwrap(), Some(scene::claimed(&second)));
}

/// An attempt begins only while the chain is known as the live one.
pub async fn what_relies_on_a_chain_is_written_only_while_it_lives<S: Store>(store: &S) {
    let user = scene::name("user");
    let connection = authorized(store).await;
    assert_conflict(store.write(&relying(&connection, &user, at(30))).await, connection.id);
    let connection = written(store, claim(&connection, &user, None, at(31))).await;
    let relied = relying(&connection, &user, at(32));
    let connection = written(store, relied.clone()).await;
    assert_eq!(current(store, connection.id).await, connection);

    let mine = scene::claimed(&connection).authorisation;
    let other = authorized(store).await;
    written(store, claim(&other, &user, Some(&mine), at(33))).await;
    assert_conflict(store.write(&relying(&connection, &user, at(34))).await, connection.id);
    assert_eq!(current(store, connection.id).await, connection);
    // What was written while it lived was written.
    store.write(&relied).await.unwrap();
}
