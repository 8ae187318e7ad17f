//! A sealed value's bytes: version (1), length of the encrypted data key (2, big-endian), encrypted data key, nonce
//! (12), ciphertext with tag (16).

use aws_lc_rs::aead::{AES_256_GCM, NONCE_LEN, Nonce};

const VERSION: u8 = 1;
/// The longest that KMS takes.
const LONGEST_KEY: usize = 6_144;

pub(super) struct Parts<'a> {
    pub encrypted_key: &'a [u8],
    pub nonce: Nonce,
    pub ciphertext: &'a [u8],
}

/// Whether an encrypted data key of that form can be kept in a blob.
pub(super) fn holds(encrypted_key: &[u8]) -> bool {
    (1..=LONGEST_KEY).contains(&encrypted_key.len())
}

pub(super) fn join(encrypted_key: &[u8], nonce: &[u8], ciphertext: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(encrypted_key.len()).ok()?;
    Some([&[VERSION], &length.to_be_bytes()[..], encrypted_key, nonce, ciphertext].concat())
}

pub(super) fn split(bytes: &[u8]) -> Result<Parts<'_>, String> {
    const SHORT: &str = "it is cut off";
    let (version, rest) = bytes.split_first().ok_or(SHORT)?;
    if *version != VERSION {
        return Err(format!("it is of the unknown version {version}"));
    }
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (encrypted_key, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
    if !holds(encrypted_key) {
        return Err("it holds no data key".into());
    }
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SHORT)?;
    if ciphertext.len() < AES_256_GCM.tag_len() {
        return Err(SHORT.into());
    }
    Ok(Parts {
        encrypted_key,
        nonce: Nonce::from(nonce),
        ciphertext,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_splits_again() {
        let bytes = join(&[7; 150], &[1; 12], &[2; 16]).unwrap();
        let parts = split(&bytes).map_err(|reason| panic!("{reason}")).unwrap();
        assert_eq!(parts.encrypted_key, [7; 150]);
        assert_eq!(parts.nonce.as_ref(), &[1; 12]);
        assert_eq!(parts.ciphertext, [2; 16]);
        for length in 0..bytes.len() {
            assert!(split(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn an_unknown_version_or_no_key_is_refused() {
        let mut bytes = join(&[7; 150], &[1; 12], &[2; 16]).unwrap();
        bytes[0] = 2;
        assert_eq!(split(&bytes).map(drop).unwrap_err(), "it is of the unknown version 2");
        let keyless = join(&[], &[1; 12], &[2; 16]).unwrap();
        assert!(split(&keyless).is_err());
    }
}
