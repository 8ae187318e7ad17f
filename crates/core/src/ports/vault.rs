//! Sealing and opening.

use serde::{Deserialize, Serialize};

use crate::{
    connection::PairKey,
    ids::{ApplicationId, ChannelId},
    secret::Plaintext,
};

/// Where a sealed value belongs. It opens nowhere else: the place is both KMS encryption context and associated data.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A token pair.
    Pair(PairKey),
    /// An application's secret with what it is bound to.
    Application(ApplicationId),
    /// A channel's profile.
    Channel(ChannelId),
}

/// A sealed value, with the data key that KMS encrypted. Safe to store; format and version are the vault's.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A data key in hand: from here, sealing needs nobody.
pub trait DataKey: Send {
    /// Seals one value for the place that the key was fetched for.
    ///
    /// # Errors
    /// [`SealError`] only when the cipher itself fails, which no input brings about.
    fn seal(self, plaintext: &Plaintext) -> Result<Sealed, SealError>;
}

/// The cipher failed.
#[derive(Debug, thiserror::Error)]
#[error("the cipher refused to seal")]
pub struct SealError;

/// KMS could not be reached, or refused.
#[derive(Debug, thiserror::Error)]
#[error("KMS could not {what} for {place}: {reason}")]
pub struct VaultError {
    /// What was tried.
    pub what: &'static str,
    /// For which place.
    pub place: String,
    /// What KMS said.
    pub reason: String,
}

/// A sealed value that was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not what was sealed there: moved, cut, altered, or under another key. Trying again does not help.
    #[error("the sealed value at {place} is not what was sealed there: {reason}")]
    Refused {
        /// Where it lay.
        place: String,
        /// What did not fit.
        reason: String,
    },
    /// KMS could not be reached, or has no room: try again later.
    #[error(transparent)]
    Unavailable(#[from] VaultError),
}

/// Seals and opens. Stores nothing: sealed values go through the [`Store`](super::Store).
pub trait Vault: Send + Sync {
    /// A data key for one value.
    type Key: DataKey;

    /// Fetches a data key for one value at `place`. One call to KMS; done before the point of no return.
    fn data_key(&self, place: &Place) -> impl Future<Output = Result<Self::Key, VaultError>> + Send;

    /// Opens what was sealed for `place`.
    fn open(&self, place: &Place, sealed: &Sealed) -> impl Future<Output = Result<Plaintext, OpenError>> + Send;
}
