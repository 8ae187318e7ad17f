//! Profiles: what is accepted, what is refused and by which words, and what sealing keeps.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{API_KEY, EXAMPLE};
use handover_core::secret::Plaintext;
use handover_invantive::Profile;
use secrecy::SecretString;
use serde_json::{Value, json};

fn example() -> Value {
    serde_json::from_str(EXAMPLE).unwrap()
}

#[test]
fn the_example_is_read_filled_in_and_sealed() {
    let mut profile = Profile::parse(EXAMPLE).unwrap();
    assert_eq!(profile.secrets_wanted(), ["api_key"]);
    assert!(
        profile
            .seal_text()
            .unwrap_err()
            .to_string()
            .contains("`api_key` is a secret that was not filled in")
    );
    profile.fill("api_key", &SecretString::from(API_KEY)).unwrap();
    assert!(profile.secrets_wanted().is_empty());
    assert!(!format!("{profile:?}").contains(API_KEY));

    let again = Profile::read(&profile.seal_text().unwrap()).unwrap();
    assert_eq!(
        again.seal_text().unwrap().expose(),
        profile.seal_text().unwrap().expose()
    );
    assert_eq!(again.time_limit().as_secs(), 60);
}

#[test]
fn the_defaults_are_the_cautious_ones() {
    let minimal = json!({
        "v": 1, "address": "https://i.example/", "fields": {"refresh_token": "r"},
        "answers": [{"status": 201, "means": "registered"}],
    });
    let profile = Profile::parse(&minimal.to_string()).unwrap();
    assert_eq!(profile.time_limit().as_secs(), 60);
    assert_eq!(profile.look_up_rule(), None);
    let sealed: Value = serde_json::from_slice(profile.seal_text().unwrap().expose()).unwrap();
    for (key, expected) in [
        ("pair_if_refused", json!("unknown")),
        ("access_token", json!("any")),
        ("method", json!("POST")),
        ("encoding", json!("json")),
        ("allow_http", json!(false)),
        ("exists_only_for_our_key", json!(false)),
    ] {
        assert_eq!(sealed[key], expected, "{key}");
    }
}

/// `change` is a JSON pointer and what is put there; `null` takes the key out.
#[test]
fn what_is_wrong_is_told_with_its_key() {
    let rule = |extra: Value| {
        let mut rule = json!({"status": 201, "means": "registered"});
        rule.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!([rule])
    };
    for (at, value, said) in [
        ("/v", json!(2), "`v` is 2; this program knows version 1"),
        ("/v", Value::Null, "missing field `v`"),
        ("/colour", json!("red"), "unknown field `colour`"),
        (
            "/address",
            json!("http://i.example/"),
            "`address` is not https; for a stand-in",
        ),
        ("/address", json!("ftp://i.example/"), "`address` is not https"),
        ("/address", json!("https://user@i.example/"), "`address` has a user"),
        (
            "/address",
            json!("i.example"),
            "`address` is not as expected: relative URL",
        ),
        (
            "/method",
            json!("GET"),
            "`method` is not as expected: unknown variant `GET`",
        ),
        ("/encoding", json!("xml"), "`encoding` is not as expected"),
        ("/timeout_seconds", json!(4), "`timeout_seconds` has to be from 5 to 90"),
        (
            "/timeout_seconds",
            json!(91),
            "`timeout_seconds` has to be from 5 to 90",
        ),
        (
            "/access_token",
            json!("new"),
            "`access_token` is not as expected: unknown variant `new`",
        ),
        (
            "/pair_if_refused",
            json!("perhaps"),
            "`pair_if_refused` is not as expected",
        ),
        (
            "/fields/colour",
            json!("x"),
            "unknown variant `colour`, expected one of `client_id`",
        ),
        ("/fields/refresh_token", Value::Null, "`fields` has no `refresh_token`"),
        (
            "/fields/country",
            json!("client_id"),
            "`fields` has the name `client_id`, which is there twice",
        ),
        ("/fields/country", json!(" "), "`fields` has an empty name"),
        (
            "/constants",
            json!({"reference": "x"}),
            "`constants` has the name `reference`, which is there twice",
        ),
        ("/constants", json!({"list": []}), "`constants.list` is not as expected"),
        ("/headers", json!({"a b": "x"}), "`headers.a b` is no name of a header"),
        (
            "/headers",
            json!({"Host": "x"}),
            "`headers.Host` is set by the request itself",
        ),
        (
            "/headers",
            json!({"X": "two\nlines"}),
            "`headers.X` is not one line of text",
        ),
        ("/headers", json!({"X": 5}), "`headers.X` is not one line of text"),
        ("/headers", json!({"X": "1", "x": "2"}), "`headers.x` is there twice"),
        (
            "/headers",
            json!({"X": {"secret": "a", "valve": "b"}}),
            "unknown field `valve`",
        ),
        (
            "/idempotency_header",
            json!("authorization"),
            "`idempotency_header` is `authorization`, which is there twice",
        ),
        (
            "/idempotency_header",
            Value::Null,
            "`answers[1].our_key` needs the idempotency key to be sent",
        ),
        ("/answers", json!([]), "`answers` has no line that means `registered`"),
        (
            "/answers",
            rule(json!({"status": "ok"})),
            "`answers[0].status` is not as expected: `ok` is no class",
        ),
        ("/answers", rule(json!({"status": 42})), "42 is no HTTP status"),
        (
            "/answers",
            rule(json!({"status": []})),
            "`answers[0].status` is an empty list",
        ),
        (
            "/answers",
            rule(json!({"means": "done"})),
            "`answers[0].means` is not as expected: unknown variant `done`",
        ),
        (
            "/answers",
            rule(json!({"json_pointer": "/x"})),
            "`answers[0]` needs `json_pointer` and `equals` together",
        ),
        (
            "/answers",
            rule(json!({"equals": 1})),
            "`answers[0]` needs `json_pointer` and `equals` together",
        ),
        (
            "/answers",
            rule(json!({"segment": "segment"})),
            "`answers[0].segment` is no JSON pointer",
        ),
        (
            "/answers",
            rule(json!({"reason": ["x"]})),
            "`answers[0].reason` is no JSON pointer",
        ),
        (
            "/answers",
            rule(json!({"our_key": "/k"})),
            "`answers[0].our_key` does not go with what the line means",
        ),
        (
            "/answers",
            rule(json!({"pair": "spent"})),
            "`answers[0].pair` does not go with what the line means",
        ),
        (
            "/look_up/address",
            json!("http://i.example/{idempotency_key}"),
            "`look_up.address` is not https",
        ),
        (
            "/look_up/address",
            json!("https://i.example/{key}"),
            "`look_up.address` has a place other than",
        ),
        (
            "/look_up/address",
            json!("https://{database}.example/"),
            "`look_up.address` has a place in its host",
        ),
        (
            "/look_up/address",
            json!("https://i.example/{database}"),
            "`look_up.answers[0]` proves nothing",
        ),
        (
            "/look_up/timeout_seconds",
            json!(1),
            "`look_up.timeout_seconds` has to be",
        ),
        (
            "/look_up/answers",
            json!([]),
            "`look_up.answers` has no line that means `found`",
        ),
        (
            "/look_up/pair_if_absent",
            json!("unspent"),
            "`look_up.pair_if_absent` is `unspent`, but a refusal may spend the pair",
        ),
        ("/look_up/wait", json!(1), "unknown field `wait`"),
    ] {
        let refusal = Profile::parse(&changed(at, value).to_string()).unwrap_err().to_string();
        assert!(refusal.contains(said), "{at}: {refusal}");
        assert!(!refusal.contains('\n'), "{refusal}");
    }
    for text in ["", "{", "[]", "5"] {
        assert!(Profile::parse(text).is_err());
    }
    assert!(Profile::parse(&format!("{EXAMPLE} trailing")).is_err());
}

fn changed(at: &str, value: Value) -> Value {
    let mut profile = example();
    let (parent, key) = at.rsplit_once('/').unwrap();
    let parent = profile.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => parent.remove(key),
        value => parent.insert(key.into(), value),
    };
    profile
}

#[test]
fn http_is_for_those_who_ask_for_it() {
    let mut profile = changed("/address", json!("http://127.0.0.1:9/"));
    profile["allow_http"] = json!(true);
    assert!(Profile::parse(&profile.to_string()).is_ok());
}

#[test]
fn a_secret_is_filled_in_wherever_it_stands() {
    let mut profile = changed(
        "/constants",
        json!({"key": {"secret": "api_key"}, "other": {"secret": "other"}}),
    );
    profile["look_up"]["headers"] = json!({"X-Key": {"secret": "third"}});
    let mut profile = Profile::parse(&profile.to_string()).unwrap();
    assert_eq!(profile.secrets_wanted(), ["api_key", "other", "third"]);
    for name in ["api_key", "other", "third"] {
        profile.fill(name, &SecretString::from(format!("{name} 4711"))).unwrap();
    }
    let sealed = profile.seal_text().unwrap();
    let text = std::str::from_utf8(sealed.expose()).unwrap();
    assert_eq!(text.matches("api_key 4711").count(), 2);
}

#[test]
fn a_value_that_cannot_be_sent_is_refused_unseen() {
    let mut profile = Profile::parse(EXAMPLE).unwrap();
    for bad in ["", "two\nlines", "hush\u{7}", "höch"] {
        let refusal = profile
            .fill("api_key", &SecretString::from(bad))
            .unwrap_err()
            .to_string();
        assert!(bad.is_empty() || !refusal.contains(bad), "{refusal}");
    }
    let refusal = profile
        .fill("colour", &SecretString::from("red"))
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("`colour` is no secret of this profile"), "{refusal}");
}

#[test]
fn a_sealed_profile_that_does_not_fit_is_refused_without_its_values() {
    let unfilled = Plaintext::new(EXAMPLE.as_bytes().to_vec());
    assert!(
        Profile::read(&unfilled)
            .unwrap_err()
            .to_string()
            .contains("`api_key` is a secret that was not filled in")
    );
    for (at, value) in [
        ("/timeout_seconds", json!("hush-4711")),
        ("/headers/Authorization", json!(["hush-4711"])),
        ("/headers/Authorization", json!({"secret": "a", "value": "hush-4711\n"})),
        ("/constants", json!("hush-4711")),
        ("/v", json!("hush-4711")),
    ] {
        let sealed = Plaintext::new(changed(at, value).to_string().into_bytes());
        let refusal = Profile::read(&sealed).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains("hush"), "{refusal}");
    }
}
