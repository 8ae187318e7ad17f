//! A vault that can be away.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32},
};

use handover_core::{
    ports::{OpenError, Place, Sealed, Vault, VaultError},
    secret::Plaintext,
};

use super::{Fate, counted, is};
use crate::{MemoryVault, lock};

/// A vault that can be away.
#[derive(Debug, Default)]
pub struct FaultyVault {
    /// What seals and opens.
    pub inner: MemoryVault,
    /// Its process's.
    pub fate: Arc<Fate>,
    /// Calls of any kind.
    pub calls: AtomicU32,
    /// It gives no data keys.
    pub no_keys: AtomicBool,
    /// It opens nothing.
    pub no_opening: AtomicBool,
    /// The places that were opened.
    pub opened: Mutex<Vec<Place>>,
}

fn away(what: &'static str, place: &Place) -> VaultError {
    VaultError {
        what,
        place: format!("{place:?}"),
        reason: "no answer in time".into(),
    }
}

impl FaultyVault {
    /// With this fate.
    #[must_use]
    pub fn new(fate: Arc<Fate>) -> Self {
        Self {
            fate,
            ..Self::default()
        }
    }
}

impl Vault for FaultyVault {
    type Key = <MemoryVault as Vault>::Key;

    async fn data_key(&self, place: &Place) -> Result<Self::Key, VaultError> {
        counted(&self.calls);
        self.fate.call().await;
        if is(&self.no_keys) {
            return Err(away("get a data key for", place));
        }
        self.inner.data_key(place).await
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        counted(&self.calls);
        self.fate.call().await;
        if is(&self.no_opening) {
            return Err(away("open", place).into());
        }
        let opened = self.inner.open(place, sealed).await?;
        lock(&self.opened).push(place.clone());
        Ok(opened)
    }
}
