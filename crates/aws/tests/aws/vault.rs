//! The contract against a KMS that judges contexts and ciphertexts as AWS does, and what only KMS can say.

use aws_sdk_kms::{Client, primitives::Blob};
use handover_aws::{KmsVault, clients, config::Keys, contract};
use handover_core::{
    connection::PairKey,
    ports::{DataKey, OpenError, Place, Vault},
    secret::Plaintext,
};
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

use crate::{
    cloud::loader,
    unreliable::{Fault, Unreliable},
};

struct Kms {
    client: Client,
    network: Unreliable,
    keys: Keys,
}

async fn kms() -> Kms {
    let cloud = MockAws::builder().with_service(KmsService::new()).build();
    let network = Unreliable::over(cloud.http_client());
    let config = loader()
        .http_client(network.clone())
        .credentials_provider(cloud.credentials_provider())
        .load()
        .await;
    let client = clients::kms(&config);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = client.create_key().send().await.unwrap().key_metadata.unwrap();
        keys.push(key.arn.unwrap());
    }
    let keys = Keys {
        deployment: "handover-test".into(),
        pair_key: keys.pop(),
        application_key: keys.pop(),
    };
    Kms { client, network, keys }
}

impl Kms {
    fn vault(&self) -> KmsVault {
        KmsVault::new(self.client.clone(), self.keys.clone())
    }
}

fn pair() -> Place {
    Place::Pair(PairKey {
        authorisation: contract::scene::authorisation(),
        generation: 1,
    })
}

fn application() -> Place {
    Place::Application("exact-nl".parse().unwrap())
}

#[tokio::test]
async fn the_whole_contract_holds() {
    contract::vault_contract(&kms().await.vault(), true).await;
}

#[tokio::test]
async fn sealing_is_one_call_made_before_and_opening_is_one() {
    let kms = kms().await;
    let vault = kms.vault();
    let place = pair();
    kms.network.calls();
    let key = vault.data_key(&place).await.unwrap();
    assert_eq!(format!("{key:?}"), "KmsDataKey(hidden)");
    assert_eq!(kms.network.calls(), [("GenerateDataKey".into(), 1)].into());
    let sealed = key.seal(&Plaintext::new(b"pair".to_vec())).unwrap();
    assert!(kms.network.calls().is_empty(), "sealing needs nobody");
    vault.open(&place, &sealed).await.unwrap();
    assert_eq!(kms.network.calls(), [("Decrypt".into(), 1)].into());

    // What is no sealed value at all is not even asked about.
    let empty = handover_core::ports::Sealed(Vec::new());
    assert!(matches!(
        vault.open(&place, &empty).await,
        Err(OpenError::Refused { .. })
    ));
    let mut later = sealed.clone();
    later.0[0] = 2;
    let refusal = vault.open(&place, &later).await.unwrap_err().to_string();
    assert!(refusal.contains("unknown version 2"), "{refusal}");
    assert!(kms.network.calls().is_empty());
}

#[tokio::test]
async fn an_application_is_opened_again_without_a_call_and_a_pair_is_not() {
    let kms = kms().await;
    let vault = kms.vault();
    for (place, calls) in [(application(), 0), (pair(), 1)] {
        let seal = async |text: &[u8]| {
            let key = vault.data_key(&place).await.unwrap();
            key.seal(&Plaintext::new(text.to_vec())).unwrap()
        };
        let sealed = seal(b"one").await;
        vault.open(&place, &sealed).await.unwrap();
        kms.network.calls();
        assert_eq!(vault.open(&place, &sealed).await.unwrap().expose(), b"one");
        let made: usize = kms.network.calls().values().sum();
        assert_eq!(made, calls, "{place:?}");
        // It is still the value that is judged.
        let mut altered = sealed.clone();
        *altered.0.last_mut().unwrap() ^= 1;
        assert!(vault.open(&place, &altered).await.is_err());
        // What was sealed anew is another value, under another key.
        let other = seal(b"two").await;
        assert_eq!(vault.open(&place, &other).await.unwrap().expose(), b"two");
    }
}

#[tokio::test]
async fn the_context_is_what_key_policies_are_written_against() {
    let kms = kms().await;
    kms.vault().data_key(&pair()).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(kms.network.bodies().last().unwrap()).unwrap();
    assert_eq!(body["KeySpec"], "AES_256");
    assert_eq!(body["KeyId"], kms.keys.pair_key.clone().unwrap());
    let context = &body["EncryptionContext"];
    assert_eq!(context["handover:deployment"], "handover-test");
    assert_eq!(context["handover:kind"], "pair");
    assert_eq!(context["handover:generation"], "1");
    assert!(context["handover:key"].as_str().unwrap().starts_with("PAIR#auth_"));

    kms.vault().data_key(&application()).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(kms.network.bodies().last().unwrap()).unwrap();
    assert_eq!(body["KeyId"], kms.keys.application_key.clone().unwrap());
    assert_eq!(body["EncryptionContext"].as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn another_deployment_or_another_key_does_not_open() {
    let kms = kms().await;
    let place = pair();
    let sealed = kms
        .vault()
        .data_key(&place)
        .await
        .unwrap()
        .seal(&Plaintext::new(b"pair".to_vec()))
        .unwrap();
    let elsewhere = Keys {
        deployment: "handover-live".into(),
        ..kms.keys.clone()
    };
    let swapped = Keys {
        pair_key: kms.keys.application_key.clone(),
        ..kms.keys.clone()
    };
    for keys in [elsewhere, swapped] {
        let opened = KmsVault::new(kms.client.clone(), keys).open(&place, &sealed).await;
        assert!(matches!(opened, Err(OpenError::Refused { .. })), "{opened:?}");
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_now_is_unavailable_and_says_what_to_do() {
    let kms = kms().await;
    let place = pair();
    let sealed = kms
        .vault()
        .data_key(&place)
        .await
        .unwrap()
        .seal(&Plaintext::new(b"pair".to_vec()))
        .unwrap();
    let key = kms.keys.pair_key.clone().unwrap();
    kms.client.disable_key().key_id(&key).send().await.unwrap();
    let sealing = kms.vault().data_key(&place).await.unwrap_err().to_string();
    assert!(
        sealing.starts_with("KMS could not make a data key for PAIR#auth_"),
        "{sealing}"
    );
    assert!(sealing.contains("enable the key again"), "{sealing}");
    let opening = kms.vault().open(&place, &sealed).await.unwrap_err();
    assert!(matches!(opening, OpenError::Unavailable(_)), "{opening:?}");
    kms.client.enable_key().key_id(&key).send().await.unwrap();
    kms.vault().open(&place, &sealed).await.unwrap();

    let unset = KmsVault::new(
        kms.client.clone(),
        Keys {
            pair_key: None,
            ..kms.keys.clone()
        },
    );
    let reason = unset.data_key(&place).await.unwrap_err().to_string();
    assert!(reason.contains("HANDOVER_PAIR_KEY is not set here"), "{reason}");
    let reason = unset.open(&place, &sealed).await.unwrap_err();
    assert!(matches!(reason, OpenError::Unavailable(_)), "{reason:?}");

    for code in [
        "AccessDeniedException",
        "ThrottlingException",
        "KMSInternalException",
        "KMSInvalidStateException",
    ] {
        let answer = Fault::Answers(400, format!(r#"{{"__type":"{code}","message":"not now"}}"#));
        kms.network
            .fail("Decrypt", clients::ATTEMPTS.try_into().unwrap(), &answer);
        let opened = kms.vault().open(&place, &sealed).await;
        assert!(
            matches!(&opened, Err(OpenError::Unavailable(error)) if error.reason.contains(code)),
            "{opened:?}"
        );
        kms.network.mend();
    }
}

#[tokio::test]
async fn a_lost_answer_costs_another_call_and_nothing_else() {
    let kms = kms().await;
    let place = pair();
    kms.network.fail("GenerateDataKey", 2, &Fault::AnswerLost);
    let sealed = kms
        .vault()
        .data_key(&place)
        .await
        .unwrap()
        .seal(&Plaintext::new(b"pair".to_vec()))
        .unwrap();
    kms.network.fail("Decrypt", 2, &Fault::AnswerLost);
    assert_eq!(kms.vault().open(&place, &sealed).await.unwrap().expose(), b"pair");
}

#[tokio::test]
async fn a_kms_that_opens_altered_keys_does_not_help_whoever_altered_them() {
    let kms = kms().await;
    let place = pair();
    let sealed = kms
        .vault()
        .data_key(&place)
        .await
        .unwrap()
        .seal(&Plaintext::new(b"pair".to_vec()))
        .unwrap();
    // Some stand-ins answer with garbage instead of an error.
    for plain in ["AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ""] {
        let answer =
            serde_json::json!({ "KeyId": "k", "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" });
        kms.network.fail("Decrypt", 1, &Fault::Answers(200, answer.to_string()));
        let opened = kms.vault().open(&place, &sealed).await;
        assert!(matches!(opened, Err(OpenError::Refused { .. })), "{opened:?}");
    }
}

#[tokio::test]
async fn the_associated_data_alone_keeps_a_value_in_its_place() {
    let kms = kms().await;
    let here = pair();
    let sealed = kms
        .vault()
        .data_key(&here)
        .await
        .unwrap()
        .seal(&Plaintext::new(b"pair".to_vec()))
        .unwrap();
    kms.vault().open(&here, &sealed).await.unwrap();
    let asked: serde_json::Value = serde_json::from_str(kms.network.bodies().last().unwrap()).unwrap();
    let context = asked["EncryptionContext"].as_object().unwrap().iter();
    let context = context
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let length = usize::from(u16::from_be_bytes([sealed.0[1], sealed.0[2]]));
    let encrypted = Blob::new(&sealed.0[3..3 + length]);
    let call = kms
        .client
        .decrypt()
        .ciphertext_blob(encrypted)
        .set_encryption_context(Some(context));
    let key = call.send().await.unwrap().plaintext.unwrap();

    // Whoever has the right data key: it opens here, and nowhere else.
    let answer = serde_json::json!({
        "KeyId": "k",
        "Plaintext": aws_smithy_types::base64::encode(key),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    });
    kms.network.fail("Decrypt", 2, &Fault::Answers(200, answer.to_string()));
    assert_eq!(kms.vault().open(&here, &sealed).await.unwrap().expose(), b"pair");
    let moved = kms.vault().open(&pair(), &sealed).await;
    assert!(matches!(moved, Err(OpenError::Refused { .. })), "{moved:?}");
}
