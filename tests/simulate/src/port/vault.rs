//! KMS.

use handover_core::{
    ports::{OpenError, Place, Sealed, Vault, VaultError},
    secret::Plaintext,
};
use handover_simulation::MemoryVault;

use super::{Port, ready};
use crate::call::Call;

/// KMS, over a way out.
#[derive(Debug, Clone)]
pub struct SimulatedVault(pub Port);

fn away(what: &'static str, place: &Place) -> VaultError {
    VaultError {
        what,
        place: format!("{place:?}"),
        reason: "no answer in time".into(),
    }
}

impl Vault for SimulatedVault {
    type Key = <MemoryVault as Vault>::Key;

    async fn data_key(&self, place: &Place) -> Result<Self::Key, VaultError> {
        self.0
            .quick(
                Call::read("vault.data_key"),
                |_| ready(MemoryVault.data_key(place)),
                |_, _| Err(away("get a data key", place)),
            )
            .await
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        self.0
            .quick(
                Call::open(place),
                |_| ready(MemoryVault.open(place, sealed)),
                |_, _| Err(away("open", place).into()),
            )
            .await
    }
}
