//! What a vault must do.

use handover_core::{
    connection::PairKey,
    ports::{DataKey, OpenError, Place, Sealed, Vault},
    secret::Plaintext,
};

use super::scene;

/// Everything below, one after another. `thorough`: every byte and every length, a call each; otherwise every 17th.
pub async fn vault_contract<V: Vault>(vault: &V, thorough: bool) {
    what_was_sealed_opens(vault).await;
    what_was_moved_does_not_open(vault).await;
    what_was_altered_does_not_open(vault, thorough).await;
    what_was_cut_does_not_open(vault, thorough).await;
}

fn pair(generation: u32) -> Place {
    Place::Pair(PairKey {
        authorisation: scene::authorisation(),
        generation,
    })
}

fn places() -> [Place; 3] {
    let name = scene::name("place");
    [
        pair(1),
        Place::Application(name.parse().unwrap()),
        Place::Channel(name.parse().unwrap()),
    ]
}

async fn seal<V: Vault>(vault: &V, place: &Place, bytes: &[u8]) -> Sealed {
    vault
        .data_key(place)
        .await
        .unwrap()
        .seal(&Plaintext::new(bytes.to_vec()))
        .unwrap()
}

async fn assert_refused<V: Vault>(vault: &V, place: &Place, sealed: &Sealed, what: &str) {
    match vault.open(place, sealed).await {
        Err(OpenError::Refused { .. }) => {}
        Err(OpenError::Unavailable(error)) => panic!("{what}: {error}"),
        Ok(_) => panic!("{what}: it opened"),
    }
}

/// Any size at any kind of place, and never the same bytes twice.
pub async fn what_was_sealed_opens<V: Vault>(vault: &V) {
    for place in places() {
        for length in [0, 1, 31, 4_096, 40_000] {
            let text: Vec<u8> = (0..length).map(|n: usize| n.to_le_bytes()[0]).collect();
            let sealed = seal(vault, &place, &text).await;
            assert_eq!(vault.open(&place, &sealed).await.unwrap().expose(), text);
            assert_ne!(sealed, seal(vault, &place, &text).await);
            assert!(text.len() < 16 || !sealed.0.windows(16).any(|window| *window == text[..16]));
        }
    }
}

/// Bound to deployment, kind, key and generation.
pub async fn what_was_moved_does_not_open<V: Vault>(vault: &V) {
    let [here, application, channel] = places();
    let Place::Pair(key) = &here else {
        panic!("the first is a pair's")
    };
    let next = Place::Pair(PairKey {
        generation: key.generation + 1,
        ..key.clone()
    });
    let sealed = seal(vault, &here, b"pair").await;
    for there in [&next, &pair(1), &application, &channel] {
        assert_refused(vault, there, &sealed, "a pair elsewhere").await;
    }
    let sealed = seal(vault, &application, b"secret").await;
    assert_refused(
        vault,
        &channel,
        &sealed,
        "an application's secret as a channel's of the same name",
    )
    .await;
}

fn step(thorough: bool) -> usize {
    if thorough { 1 } else { 17 }
}

/// One bit anywhere.
pub async fn what_was_altered_does_not_open<V: Vault>(vault: &V, thorough: bool) {
    let place = pair(1);
    let sealed = seal(vault, &place, b"pair").await;
    for position in (0..sealed.0.len()).step_by(step(thorough)) {
        let mut altered = sealed.clone();
        altered.0[position] ^= 1;
        assert_refused(
            vault,
            &place,
            &altered,
            &format!("altered at {position} of {}", sealed.0.len()),
        )
        .await;
    }
    // Two values of one place do not mix either.
    let other = seal(vault, &place, b"pair").await;
    let half = sealed.0.len() / 2;
    let mixed = Sealed([&sealed.0[..half], &other.0[half..]].concat());
    assert_refused(vault, &place, &mixed, "two halves").await;
}

/// Shorter or longer.
pub async fn what_was_cut_does_not_open<V: Vault>(vault: &V, thorough: bool) {
    let place = pair(1);
    let sealed = seal(vault, &place, b"pair").await;
    for length in (0..sealed.0.len()).step_by(step(thorough)) {
        let cut = Sealed(sealed.0[..length].to_vec());
        assert_refused(vault, &place, &cut, &format!("cut to {length} of {}", sealed.0.len())).await;
    }
    let longer = Sealed([&sealed.0[..], &[0]].concat());
    assert_refused(vault, &place, &longer, "one byte more").await;
}
