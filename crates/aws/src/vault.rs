//! Sealing and opening with KMS: one data key per value.

mod blob;
mod context;
mod kept;

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{RequestId, decrypt::DecryptError},
    primitives::Blob,
    types::DataKeySpec,
};
use handover_core::{
    ports::{DataKey, OpenError, Place, SealError, Sealed, Vault, VaultError},
    secret::Plaintext,
};
use zeroize::Zeroizing;

use crate::{config::Keys, failure::told};
use blob::Parts;
use context::Context;
use kept::KeptKeys;

const SEAL: &str = "make a data key";
const OPEN: &str = "open a data key";

/// KMS with one key for token pairs and one for application and channel secrets.
///
/// What it wipes: data keys and plaintexts in its own buffers and in those that the SDK hands over. What it cannot
/// reach: the SDK's copy of the HTTP answer that carried a data key.
#[derive(Debug, Clone)]
pub struct KmsVault {
    client: Client,
    keys: Keys,
    kept: KeptKeys,
}

impl KmsVault {
    /// With the keys that `keys` names; a place whose key is not set can neither be sealed for nor opened.
    #[must_use]
    pub fn new(client: Client, keys: Keys) -> Self {
        Self {
            client,
            keys,
            kept: KeptKeys::default(),
        }
    }

    fn key_for(&self, place: &Place, what: &'static str) -> Result<&str, VaultError> {
        let (key, variable) = match place {
            Place::Pair(_) => (&self.keys.pair_key, "HANDOVER_PAIR_KEY"),
            Place::Application(_) | Place::Channel(_) => (&self.keys.application_key, "HANDOVER_APPLICATION_KEY"),
        };
        key.as_deref().ok_or_else(|| VaultError {
            what,
            place: context::name(place),
            reason: format!("{variable} is not set here"),
        })
    }

    /// The data key inside `parts`.
    async fn open_key(
        &self,
        place: &Place,
        context: &Context,
        parts: &Parts<'_>,
    ) -> Result<Arc<RandomizedNonceKey>, OpenError> {
        if let Some(key) = self.kept.find(place, parts.encrypted_key) {
            return Ok(key);
        }
        let answer = self
            .client
            .decrypt()
            .key_id(self.key_for(place, OPEN)?)
            .ciphertext_blob(Blob::new(parts.encrypted_key))
            .set_encryption_context(Some(context.as_map()))
            .send()
            .await
            .map_err(|error| not_opened(place, &error))?;
        // A key of another length is not the one that sealed: it cannot be, whatever KMS has opened.
        wiped(answer.plaintext)
            .and_then(|key| RandomizedNonceKey::new(&AES_256_GCM, &key).ok())
            .map(Arc::new)
            .ok_or_else(|| refused(place, "its data key is not one"))
    }
}

impl Vault for KmsVault {
    type Key = KmsDataKey;

    async fn data_key(&self, place: &Place) -> Result<KmsDataKey, VaultError> {
        let context = Context::of(&self.keys.deployment, place);
        let unavailable = |reason| VaultError {
            what: SEAL,
            place: context::name(place),
            reason,
        };
        let answer = self
            .client
            .generate_data_key()
            .key_id(self.key_for(place, SEAL)?)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context.as_map()))
            .send()
            .await
            .map_err(|error| unavailable(advice(&error)))?;
        // Wiped on every way out, so taken first.
        let plain = wiped(answer.plaintext);
        let encrypted = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        let key = plain.and_then(|key| RandomizedNonceKey::new(&AES_256_GCM, &key).ok());
        match key {
            Some(key) if blob::holds(&encrypted) => Ok(KmsDataKey {
                key,
                encrypted,
                associated: context.as_bytes(),
            }),
            _ => Err(unavailable("it answered without a usable key".into())),
        }
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        let context = Context::of(&self.keys.deployment, place);
        let parts = blob::split(&sealed.0).map_err(|reason| refused(place, reason))?;
        let key = self.open_key(place, &context, &parts).await?;
        let mut text = Zeroizing::new(parts.ciphertext.to_vec());
        let length = key
            .open_in_place(parts.nonce, Aad::from(context.as_bytes()), &mut text)
            .map_err(|_| refused(place, "it does not fit its place, or was altered"))?
            .len();
        text.truncate(length);
        self.kept.keep(place, parts.encrypted_key, &key);
        Ok(Plaintext::new(std::mem::take(&mut *text)))
    }
}

/// A data key in hand. Seals one value, without anybody's help.
pub struct KmsDataKey {
    key: RandomizedNonceKey,
    encrypted: Vec<u8>,
    associated: Vec<u8>,
}

impl std::fmt::Debug for KmsDataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KmsDataKey(hidden)")
    }
}

impl DataKey for KmsDataKey {
    fn seal(self, plaintext: &Plaintext) -> Result<Sealed, SealError> {
        let plain = plaintext.expose();
        // Room for the tag: a buffer that grows leaves a copy of the plaintext behind.
        let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        text.extend_from_slice(plain);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(&self.associated), &mut *text)
            .map_err(|_| SealError)?;
        blob::join(&self.encrypted, nonce.as_ref(), &text)
            .map(Sealed)
            .ok_or(SealError)
    }
}

fn wiped(plaintext: Option<Blob>) -> Option<Zeroizing<Vec<u8>>> {
    plaintext.map(|blob| Zeroizing::new(blob.into_inner()))
}

fn refused(place: &Place, reason: impl Into<String>) -> OpenError {
    OpenError::Refused {
        place: context::name(place),
        reason: reason.into(),
    }
}

fn not_opened<R: std::fmt::Debug>(place: &Place, error: &SdkError<DecryptError, R>) -> OpenError {
    match error.as_service_error() {
        Some(DecryptError::InvalidCiphertextException(_)) => {
            refused(place, "KMS does not know its data key, or not for this place")
        }
        Some(DecryptError::IncorrectKeyException(_)) => refused(place, "its data key is under another KMS key"),
        _ => OpenError::Unavailable(VaultError {
            what: OPEN,
            place: context::name(place),
            reason: advice(error),
        }),
    }
}

/// What KMS said, and what to do about what only a person can mend.
fn advice<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + RequestId + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let hint = match error.code() {
        Some("AccessDeniedException") => "; this role may not use the key for this kind of value",
        Some("DisabledException") => "; enable the key again",
        Some("KMSInvalidStateException") => "; the key is being deleted or has no material: cancel its deletion",
        Some("NotFoundException") => "; look at HANDOVER_PAIR_KEY and HANDOVER_APPLICATION_KEY",
        _ => "",
    };
    format!("{}{hint}", told(error))
}
