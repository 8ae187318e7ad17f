//! Whatever is answered: nothing is registered unless a line of the profile says so, and no secret comes back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "../../platform/tests/support/mod.rs"]
mod support;

use common::{ACCESS, API_KEY, CLIENT_SECRET, Case, REFRESH, example};
use handover_core::event::Outcome;
use proptest::prelude::*;
use serde_json::{Value, json};
use support::Server;

/// What services say, with what was sent to them mixed in.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        Just("created".to_owned()),
        Just("exists".to_owned()),
        Just("itgenscr590".to_owned()),
        Just("itgenoda219".to_owned()),
        Just("acme-7".to_owned()),
        Just(Case::new().key()),
        (0..4_usize, 0..20_usize, "[ \\n:]{0,2}").prop_map(|(which, from, before)| {
            let secret = [REFRESH, ACCESS, CLIENT_SECRET, API_KEY][which];
            format!("{before}{}", secret.get(from..).unwrap_or(secret))
        }),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let keys = vec!["status", "segment", "idempotency_key", "error", "message", "field"];
    let json = proptest::collection::vec((proptest::sample::select(keys), text()), 0..6)
        .prop_map(|pairs| {
            Value::Object(
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), json!(value)))
                    .collect(),
            )
        })
        .prop_map(|json| json.to_string().into_bytes());
    prop_oneof![4 => json, 1 => proptest::collection::vec(any::<u8>(), 0..300)]
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![
        proptest::sample::select(vec![200_u16, 201, 400, 401, 409, 422, 503]),
        200_u16..600
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_registered_unless_a_line_says_so(status in status(), body in body()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let server = Server::answering(&format!("{status} x"), "", &body).await;
            let outcome = Case::new().submit(&example(&server.url())).await;
            assert_eq!(server.connections(), 1);
            outcome
        });
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let created = status == 201 && json["status"] == "created";
        let ours = status == 409 && json["status"] == "exists" && json["idempotency_key"] == Case::new().key().as_str();
        match outcome {
            Outcome::Registered { segment } => {
                prop_assert!(created || ours);
                prop_assert_eq!(json["segment"].as_str(), Some(segment.as_str()));
            }
            Outcome::Refused { .. } => prop_assert!(matches!(status, 400 | 409 | 422)),
            Outcome::NotSent { .. } => prop_assert!(matches!(status, 401 | 503)),
            Outcome::Unanswered { .. } => {}
        }
    }
}
