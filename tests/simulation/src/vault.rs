//! Sealing in memory, under a key that every process knows: whoever has a sealed value and its place can look inside.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
};
use handover_core::{
    ports::{DataKey, OpenError, Place, SealError, Sealed, Vault, VaultError},
    secret::Plaintext,
};

/// No secret: what is sealed here protects nothing. It only refuses what was moved or altered, as the real one does.
const KEY: [u8; 32] = *b"a key that protects nothing here";

/// Tells sealed values apart: no two of one process are the same, whichever vault made them.
static SEALED: AtomicU64 = AtomicU64::new(0);

/// Seals for one place only. Every one opens what any other has sealed.
#[derive(Debug, Default, Clone, Copy)]
pub struct MemoryVault;

/// A data key for one place.
#[derive(Debug)]
pub struct MemoryKey {
    label: Vec<u8>,
    nonce: [u8; NONCE_LEN],
}

impl DataKey for MemoryKey {
    /// Nonce, place, ciphertext with tag. What differs comes first and is needed for the rest: no part of one value goes
    /// with a part of another.
    fn seal(self, plaintext: &Plaintext) -> Result<Sealed, SealError> {
        let mut text = plaintext.expose().to_vec();
        cipher()
            .and_then(|key| {
                let nonce = Nonce::assume_unique_for_key(self.nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(&self.label), &mut text)
            })
            .map_err(|_| SealError)?;
        Ok(Sealed([self.nonce.as_slice(), &self.label, &text].concat()))
    }
}

impl Vault for MemoryVault {
    type Key = MemoryKey;

    async fn data_key(&self, place: &Place) -> Result<MemoryKey, VaultError> {
        let number = u128::from(SEALED.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
        let mut nonce = [0; NONCE_LEN];
        nonce
            .iter_mut()
            .zip(number)
            .for_each(|(byte, of_number)| *byte = of_number);
        Ok(MemoryKey {
            label: label(place),
            nonce,
        })
    }

    async fn open(&self, place: &Place, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        let refused = |reason: &str| OpenError::Refused {
            place: format!("{place:?}"),
            reason: reason.to_owned(),
        };
        let label = label(place);
        let (nonce, text) = split(&label, &sealed.0).ok_or_else(|| refused("it was sealed for another place"))?;
        let mut text = text.to_vec();
        let opened = cipher()
            .and_then(|key| {
                key.open_in_place(nonce, Aad::from(&label), &mut text)
                    .map(|text| text.to_vec())
            })
            .map_err(|_| refused("it was altered"))?;
        Ok(Plaintext::new(opened))
    }
}

/// Nonce and ciphertext of what was sealed for the place with this label.
fn split<'a>(label: &[u8], sealed: &'a [u8]) -> Option<(Nonce, &'a [u8])> {
    let (nonce, rest) = sealed.split_first_chunk()?;
    Some((Nonce::assume_unique_for_key(*nonce), rest.strip_prefix(label)?))
}

fn cipher() -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, &KEY).map(LessSafeKey::new)
}

fn label(place: &Place) -> Vec<u8> {
    let mut label = serde_json::to_vec(place).unwrap_or_default();
    label.push(b'\n');
    label
}
