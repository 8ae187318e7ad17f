use handover_cli::failure::Failure;
use handover_core::ports::{Place, Store, Vault};
use handover_invantive::Profile;
use serde_json::json;

use crate::setup::{Person, World};

fn profile() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../invantive/profiles/example.json");
    format!("channel add direct --profile {path} --description Our_own_interface")
}

#[tokio::test]
async fn an_assisted_channel_needs_no_more_than_a_name() {
    let world = World::new();
    let added = world
        .json("channel add by-hand --assisted --description Two_people")
        .await;
    let view = json!({ "name": "by-hand", "kind": "assisted", "description": "Two people" });
    assert_eq!(added["channel"], view);
    assert_eq!(world.json("channel list").await, json!({ "channels": [view] }));
    assert_eq!(
        world.text("channel list").await,
        "name     kind      description\nby-hand  assisted  Two people\n"
    );
    let failure = world.refusal("channel add by-hand --assisted").await;
    assert!(failure.to_string().contains("--replace"), "{failure}");
}

#[tokio::test]
async fn a_profile_is_sealed_with_its_secrets() {
    let world = World::new();
    let added = world
        .json_with(&profile(), &mut Person::piping("\napi_key=api-key-hush==\n"))
        .await;
    assert_eq!(added["channel"]["kind"], "http");
    let place = Place::Channel("direct".parse().unwrap());
    let sealed = world.store.sealed(&place).await.unwrap().unwrap();
    let opened = world.vault.open(&place, &sealed).await.unwrap();
    assert!(Profile::read(&opened).is_ok());
    assert!(String::from_utf8_lossy(opened.expose()).contains("api-key-hush=="));

    let mut typing = Person::typing(&["api-key-hush"], &[]);
    world
        .run_with(&format!("{} --replace", profile()), &mut typing)
        .await
        .unwrap();
    assert_eq!(typing.said, ["api_key"]);
}

#[tokio::test]
async fn secrets_that_do_not_fit_the_profile_are_refused_without_being_quoted() {
    let world = World::new();
    for (input, told) in [
        ("", "`api_key` is missing"),
        ("api-key-hush", "line 1 of standard input is not of the form name=value"),
        (
            "\nother=api-key-hush",
            "line 2 of standard input names no secret of the profile; it has api_key",
        ),
        ("api_key=a\napi_key=b", "gives `api_key` again"),
        ("api_key=", "the api_key is empty"),
        ("api_key=é", "api_key"),
    ] {
        let failure = world
            .run_with(&profile(), &mut Person::piping(input))
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Usage(_)) && failure.to_string().contains(told),
            "{failure}"
        );
    }
    assert!(world.store.channels().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_profile_that_cannot_be_used_is_named() {
    let world = World::new();
    let failure = world
        .refusal("channel add direct --profile /nowhere/profile.json")
        .await;
    assert!(
        failure.to_string().contains("/nowhere/profile.json cannot be read"),
        "{failure}"
    );
    let failure = world
        .refusal(&format!(
            "channel add direct --profile {}/Cargo.toml",
            env!("CARGO_MANIFEST_DIR")
        ))
        .await;
    assert!(
        failure
            .to_string()
            .contains("Cargo.toml: the channel's profile cannot be used"),
        "{failure}"
    );
    assert!(world.text("channel list").await.contains("handover channel add"));
}

#[tokio::test]
async fn another_kind_needs_a_yes_and_says_what_becomes_of_what_waits() {
    let world = World::new();
    world
        .run_with(&profile(), &mut Person::piping("api_key=api-key-hush"))
        .await
        .unwrap();
    let assisted = "channel add direct --assisted --replace";
    let failure = world.refusal(assisted).await;
    assert!(matches!(failure, Failure::Usage(_)), "{failure:?}");
    for told in ["sealed profile", "deleted", "`configuration`", "--yes"] {
        assert!(failure.to_string().contains(told), "{failure}");
    }
    let mut unsure = Person::typing(&[], &["n"]);
    let failure = world.run_with(assisted, &mut unsure).await.unwrap_err();
    assert!(failure.to_string().contains("nothing was changed"), "{failure}");
    assert!(unsure.said.join("\n").contains("`configuration`"));
    let kind = async || world.json("channel list").await["channels"][0]["kind"].clone();
    assert_eq!(kind().await, "http");

    world
        .run_with(assisted, &mut Person::typing(&[], &["y"]))
        .await
        .unwrap();
    assert_eq!(kind().await, "assisted");
    // The same kind needs no word.
    let text = world.text(assisted).await;
    assert!(!text.contains("configuration"), "{text}");
    let http = format!("{} --replace", profile());
    let failure = world.refusal(&http).await;
    assert!(failure.to_string().contains("still wait for a person"), "{failure}");
    let back = world
        .run_with(&format!("{http} --yes"), &mut Person::piping("api_key=api-key-hush"))
        .await
        .unwrap();
    assert!(back.text.contains("still wait for a person"), "{}", back.text);
    let text = world.text(&format!("{assisted} --yes")).await;
    assert!(text.contains("stop with the problem `configuration`"), "{text}");
}
