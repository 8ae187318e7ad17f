//! KMS with one key, under which data keys are really sealed. The encryption context is not looked at.

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::serve::{Asked, Reply, Service};

/// As long as what KMS answers for a data key of 32 bytes: it counts in the size of an item.
const BLOB: usize = 184;
const NONCE: usize = 12;
const SEALED: usize = 32 + 16;

/// The key service.
pub struct Kms {
    key: RandomizedNonceKey,
}

impl Kms {
    /// With a fresh key.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &random()?).map_err(|_| anyhow!("no key"))?;
        Ok(Self { key })
    }

    fn generate(&self) -> Result<Value> {
        let plain = random()?;
        let mut sealed = plain.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::empty(), &mut sealed)
            .map_err(|_| anyhow!("not sealed"))?;
        let mut blob = nonce.as_ref().to_vec();
        blob.append(&mut sealed);
        blob.resize(BLOB, 0);
        Ok(json!({ "KeyId": "key", "Plaintext": STANDARD.encode(plain), "CiphertextBlob": STANDARD.encode(blob) }))
    }

    fn decrypt(&self, body: &Value) -> Result<Value> {
        let blob = body.get("CiphertextBlob").and_then(Value::as_str).unwrap_or_default();
        let blob = STANDARD.decode(blob)?;
        let refused = || anyhow!("not a blob of this key");
        let nonce = blob.get(..NONCE).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut sealed = blob.get(NONCE..NONCE + SEALED).ok_or_else(refused)?.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::empty(), &mut sealed)
            .map_err(|_| refused())?;
        Ok(json!({ "KeyId": "key", "Plaintext": STANDARD.encode(plain) }))
    }
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("no randomness"))?;
    Ok(bytes)
}

impl Service for Kms {
    async fn answer(&self, asked: Asked) -> Reply {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let target = asked.header("x-amz-target");
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let answer = match operation.as_str() {
            "GenerateDataKey" => self.generate(),
            "Decrypt" => self.decrypt(&body),
            _ => Err(anyhow!("{operation} is not played here")),
        };
        match answer {
            Ok(answer) => Reply::json(operation, &answer),
            Err(error) => {
                let refusal = json!({ "__type": "InvalidCiphertextException", "message": error.to_string() });
                Reply::json(operation, &refusal).with_status(400)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_key_comes_back() {
        let kms = Kms::new().unwrap();
        let made = kms.generate().unwrap();
        let opened = kms.decrypt(&made).unwrap();
        assert_eq!(made.get("Plaintext"), opened.get("Plaintext"));
        assert!(kms.decrypt(&json!({ "CiphertextBlob": "AAAA" })).is_err());
    }
}
