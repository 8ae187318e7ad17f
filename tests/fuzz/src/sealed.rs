//! Sealed values, opened with a KMS that judges contexts and ciphertexts as AWS does.

use aws_sdk_kms::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig},
};
use handover_aws::{KmsVault, config::Keys};
use handover_core::{
    connection::PairKey,
    ids::AuthorisationId,
    ports::{DataKey, OpenError, Place, Sealed, Vault},
    secret::Plaintext,
};
use tokio::runtime::{Builder, Runtime};
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

use crate::{
    Verdict,
    leak::{is_one_short_line, tells_nothing},
};

const TEXT: &[u8] = b"stampNL001.s3al3d-s3al3d-s3al3d";

struct Safe {
    runtime: Runtime,
    vault: KmsVault,
    sealed: Sealed,
}

thread_local! {
    static SAFE: Safe = Safe::new();
}

/// Alterations of a sealed value, and the place that it is opened for: the first byte. Each alteration takes four bytes:
/// what is done, where (two), and with which byte. After a first byte of 128 or more, the rest is the sealed value itself.
///
/// What was altered or moved never opens, is refused for good, and without a word of what it holds; what came back as it
/// was opens as it was.
pub fn sealed(input: &[u8]) -> Verdict {
    let Some((first, rest)) = input.split_first() else {
        return Verdict::Refused;
    };
    SAFE.with(|safe| {
        let bytes = if *first < 128 {
            altered(&safe.sealed.0, rest)
        } else {
            rest.to_vec()
        };
        let (place, bytes) = (place(first % 128), Sealed(bytes));
        let opened = safe.runtime.block_on(safe.vault.open(&place, &bytes));
        match &opened {
            Ok(text) => {
                assert!(
                    bytes == safe.sealed && place == self::place(0),
                    "it was altered, and opens"
                );
                assert_eq!(text.expose(), TEXT);
            }
            Err(error) => {
                assert!(
                    bytes != safe.sealed || place != self::place(0),
                    "it is whole, and does not open: {error}"
                );
                assert!(matches!(error, OpenError::Refused { .. }), "{error}");
                is_one_short_line(&error.to_string(), 300);
                tells_nothing(TEXT, &format!("{error} {error:?}"));
            }
        }
        Verdict::of(&opened)
    })
}

fn place(number: u8) -> Place {
    let pair = |digest, generation| {
        Place::Pair(PairKey {
            authorisation: AuthorisationId::from_digest(&[digest; 32]),
            generation,
        })
    };
    match number {
        1 => pair(1, 2),
        2 => pair(2, 1),
        3 => Place::Application("exact-nl".parse().unwrap()),
        4 => Place::Channel("exact-nl".parse().unwrap()),
        _ => pair(1, 1),
    }
}

fn altered(sealed: &[u8], alterations: &[u8]) -> Vec<u8> {
    let mut bytes = sealed.to_vec();
    for alteration in alterations.chunks_exact(4) {
        let [what, high, low, byte] = *alteration else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        match what % 4 {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|here| *here ^= byte),
            1 => bytes.insert(at, byte),
            2 => drop(bytes.drain(at..(at + usize::from(byte)).min(bytes.len()))),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

impl Safe {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (vault, sealed) = runtime.block_on(async {
            let vault = vault().await;
            let key = vault.data_key(&place(0)).await.unwrap();
            let sealed = key.seal(&Plaintext::new(TEXT.to_vec())).unwrap();
            (vault, sealed)
        });
        Self { runtime, vault, sealed }
    }
}

async fn vault() -> KmsVault {
    let cloud = MockAws::builder().with_service(KmsService::new()).build();
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(cloud.http_client())
        .credentials_provider(cloud.credentials_provider())
        .region(Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
        .build();
    let client = Client::from_conf(config);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = client.create_key().send().await.unwrap().key_metadata.unwrap();
        keys.push(key.arn.unwrap());
    }
    let keys = Keys {
        deployment: "handover-fuzz".into(),
        pair_key: keys.pop(),
        application_key: keys.pop(),
    };
    KmsVault::new(client, keys)
}
