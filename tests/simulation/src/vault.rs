//! Sealing in memory: bound to a place, not encrypted, so that a test can look inside.

use handover_core::{
    ports::{DataKey, OpenError, Place, SealError, Sealed, Vault, VaultError},
    secret::Plaintext,
};

/// Seals for one place only.
#[derive(Debug, Default)]
pub struct MemoryVault;

/// A data key for one place.
#[derive(Debug)]
pub struct MemoryKey(Vec<u8>);

impl DataKey for MemoryKey {
    fn seal(self, plaintext: &Plaintext) -> Result<Sealed, SealError> {
        let mut bytes = self.0;
        bytes.extend_from_slice(plaintext.expose());
        Ok(Sealed(bytes))
    }
}

fn label(place: &Place) -> Vec<u8> {
    let mut label = serde_json::to_vec(place).unwrap_or_default();
    label.push(b'\n');
    label
}

impl Vault for MemoryVault {
    type Key = MemoryKey;

    async fn data_key(&self, place: &Place) -> Result<MemoryKey, VaultError> {
        Ok(MemoryKey(label(place)))
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        sealed.0.strip_prefix(label(place).as_slice()).map(|inside| Plaintext::new(inside.to_vec())).ok_or_else(|| {
            OpenError::Refused { place: format!("{place:?}"), reason: "it was sealed for another place".into() }
        })
    }
}
