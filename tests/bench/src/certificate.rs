//! A certificate for this machine, signed by itself and made for one run. Written out by hand: it is one page, and the
//! libraries that write certificates bring a second cryptography library along.

use anyhow::{Result, anyhow};
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT: u8 = 0x06;
const TEXT: u8 = 0x0c;
const TIME: u8 = 0x17;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// `ecdsa-with-SHA256`
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `commonName`
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `subjectAltName`
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// For as long as anybody will run this.
const VALID: [&str; 2] = ["250101000000Z", "491231235959Z"];

/// A certificate with its key.
pub struct Certificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its private key, as PKCS#8.
    pub key: Vec<u8>,
}

/// Tag, length and content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let bytes = content.len().to_be_bytes();
    let length: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut whole = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => whole.push(short),
        // As many bytes as the length has, which are eight at most.
        _ => {
            whole.push(0x80 | u8::try_from(length.len()).unwrap_or_default());
            whole.extend(length);
        }
    }
    whole.extend(content);
    whole
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &parts.concat())
}

/// A string of bits has a byte before it: how many of its last ones are unused.
fn bits(bytes: &[u8]) -> Vec<u8> {
    der(BIT_STRING, &[&[0], bytes].concat())
}

impl Certificate {
    /// For 127.0.0.1 and `localhost`.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn make() -> Result<Self> {
        let random = SystemRandom::new();
        let failed = |_| anyhow!("no key for a certificate");
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(failed)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref())
            .map_err(|_| anyhow!("no key for a certificate"))?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
        let algorithm = sequence(&[der(OBJECT, ECDSA_SHA256)]);
        let common_name = sequence(&[der(OBJECT, COMMON_NAME), der(TEXT, b"Handover's benchmark")]);
        let name = sequence(&[der(SET, &common_name)]);
        let names = sequence(&[der(DNS_NAME, b"localhost"), der(IP_ADDRESS, &[127, 0, 0, 1])]);
        let extension = sequence(&[der(OBJECT, ALTERNATIVE_NAMES), der(OCTET_STRING, &names)]);
        let content = sequence(&[
            der(VERSION, &der(INTEGER, &[2])),
            der(INTEGER, &[1]),
            algorithm.clone(),
            name.clone(),
            sequence(&VALID.map(|time| der(TIME, time.as_bytes()))),
            name,
            public.as_ref().to_vec(),
            der(EXTENSIONS, &sequence(&[extension])),
        ]);
        let signature = pair.sign(&random, &content).map_err(failed)?;
        Ok(Self {
            der: sequence(&[content, algorithm, bits(signature.as_ref())]),
            key: key.as_ref().to_vec(),
        })
    }

    /// The certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(&self.der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for (number, letter) in text.chars().enumerate() {
            if number > 0 && number % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END CERTIFICATE-----\n");
        pem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_der_has_them() {
        assert_eq!(der(INTEGER, &[5]), [2, 1, 5]);
        assert_eq!(der(INTEGER, &[0; 200])[..3], [2, 0x81, 200]);
        assert_eq!(der(INTEGER, &[0; 300])[..4], [2, 0x82, 1, 44]);
    }
}
