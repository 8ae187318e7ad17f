//! What the vault in memory says of a value that it does not open.

use handover_core::{
    ports::{DataKey, Place, Sealed, Vault},
    secret::Plaintext,
};
use handover_simulation::MemoryVault;

#[tokio::test]
async fn moved_and_altered_are_told_apart() {
    let place = |name: &str| Place::Application(name.parse().unwrap());
    let key = MemoryVault.data_key(&place("here")).await.unwrap();
    let sealed = key.seal(&Plaintext::new(b"secret".to_vec())).unwrap();
    let told = async |place: &Place, sealed: &Sealed| MemoryVault.open(place, sealed).await.unwrap_err().to_string();
    assert!(
        told(&place("there"), &sealed)
            .await
            .contains("sealed for another place")
    );
    let mut altered = sealed;
    *altered.0.last_mut().unwrap() ^= 1;
    assert!(told(&place("here"), &altered).await.contains("altered"));
}
