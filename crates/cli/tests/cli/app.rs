use handover_cli::failure::Failure;
use handover_core::{
    plaintext,
    ports::{Place, Store, Vault},
};
use serde_json::json;

use crate::setup::{Person, World};

const ADD: &str = "app add exact-nl --country nl --client-id 4711 --display-name Acme_Books --return-origin https://app.acme.example,https://x.example";

async fn sealed_host(world: &World) -> (String, String, String) {
    let place = Place::Application("exact-nl".parse().unwrap());
    let sealed = world.store.sealed(&place).await.unwrap().unwrap();
    let opened = world.vault.open(&place, &sealed).await.unwrap();
    let secret = plaintext::read_application(&opened).unwrap();
    (
        secret.host.to_string(),
        secret.redirect_uri.to_string(),
        secret.client_secret.expose().to_owned(),
    )
}

#[tokio::test]
async fn an_app_is_added_with_its_secret_from_standard_input() {
    let world = World::new();
    let added = world
        .json_with(ADD, &mut Person::piping("client-secret-hush\r\n"))
        .await;
    let view = json!({
        "name": "exact-nl",
        "display_name": "Acme Books",
        "platform": "exact-online",
        "host": "https://start.exactonline.nl/",
        "client_id": "4711",
        "redirect_uri": "https://connect.acme.example/callback/exact-nl",
        "return_origins": ["https://app.acme.example", "https://x.example"],
        "lifetimes": { "access_seconds": 600, "refresh_seconds": 2_592_000, "earliest_refresh_seconds": 570 },
        "upkeep": { "warn_days": [7, 3, 1], "renew_days": 3, "retention_days": 180 },
        "pace_per_minute": 120,
    });
    assert_eq!(added["application"], view);
    assert_eq!(world.json("app list").await, json!({ "applications": [view] }));
    let sealed = sealed_host(&world).await;
    assert_eq!(sealed.0, "https://start.exactonline.nl/");
    assert_eq!(sealed.1, "https://connect.acme.example/callback/exact-nl");
    assert_eq!(sealed.2, "client-secret-hush");
    let text = world.text("app list").await;
    assert!(text.starts_with("name      shown as    host "), "{text}");
}

#[tokio::test]
async fn the_redirect_uri_is_printed_to_be_registered() {
    let world = World::new();
    let added = world
        .run_with(ADD, &mut Person::typing(&["client-secret-hush"], &[]))
        .await
        .unwrap();
    assert!(
        added
            .text
            .contains("redirect URI  https://connect.acme.example/callback/exact-nl\n"),
        "{}",
        added.text
    );
    let own = "--redirect-uri https://books.acme.example/callback/exact-nl --replace";
    let added = world
        .run_with(&format!("{ADD} {own}"), &mut Person::piping("client-secret-hush"))
        .await
        .unwrap();
    assert!(
        added.text.contains("https://books.acme.example/callback/exact-nl"),
        "{}",
        added.text
    );
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_what_to_do() {
    let world = World::new();
    for (more, input, told) in [
        ("", "", "the client secret is empty"),
        ("", "one\ntwo\n", "more than one line"),
        ("", " client-secret-hush\n", "begins or ends with a blank"),
        (
            "--redirect-uri https://x.example/callback/other",
            "s",
            "has to end with /callback/exact-nl",
        ),
        ("--redirect-uri http://x.example/callback/exact-nl", "s", "--allow-http"),
        (
            "--return-origin http://app.acme.example",
            "s",
            "--return-origin is http://app.acme.example",
        ),
    ] {
        let failure = world
            .run_with(&format!("{ADD} {more}"), &mut Person::piping(input))
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Usage(_)) && failure.to_string().contains(told),
            "{failure}"
        );
    }
    let host = ADD.replace("--country nl", "--host https://start.exactonline.nl/somewhere");
    let failure = world.run_with(&host, &mut Person::piping("s")).await.unwrap_err();
    assert!(failure.to_string().contains("scheme and host only"), "{failure}");
    let local = ADD.replace("--country nl", "--host http://127.0.0.1:8450");
    let failure = world.run_with(&local, &mut Person::piping("s")).await.unwrap_err();
    assert!(failure.to_string().contains("--allow-http"), "{failure}");
    world
        .run_with(&format!("--allow-http {local}"), &mut Person::piping("s"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_app_is_replaced_only_in_so_many_words() {
    let world = World::furnished().await;
    let failure = world
        .run_with(ADD, &mut Person::piping("client-secret-hush"))
        .await
        .unwrap_err();
    assert!(matches!(failure, Failure::Refused(_)), "{failure:?}");
    assert!(failure.to_string().contains("app set-secret exact-nl"), "{failure}");
    world
        .run_with(&format!("{ADD} --replace"), &mut Person::piping("new"))
        .await
        .unwrap();
    assert_eq!(sealed_host(&world).await.2, "new");
}

#[tokio::test]
async fn a_new_secret_needs_a_yes_to_where_it_will_be_sent() {
    let world = World::furnished().await;
    let line = "app set-secret exact-nl";
    let failure = world.run_with(line, &mut Person::piping("new")).await.unwrap_err();
    assert!(matches!(failure, Failure::Usage(_)), "{failure:?}");
    for shown in [
        "https://start.exactonline.nl/",
        "https://connect.acme.example/callback/exact-nl",
        "--yes",
    ] {
        assert!(failure.to_string().contains(shown), "{failure}");
    }
    let mut unsure = Person::typing(&["new"], &["n"]);
    let failure = world.run_with(line, &mut unsure).await.unwrap_err();
    assert!(failure.to_string().contains("nothing was changed"), "{failure}");
    assert!(
        unsure
            .said
            .join("\n")
            .contains("redirect URI  https://connect.acme.example/callback/exact-nl")
    );
    assert_eq!(unsure.secrets.len(), 1, "the secret is not even asked for");
    assert_eq!(sealed_host(&world).await.2, "client-secret-hush");

    world
        .run_with(line, &mut Person::typing(&["typed"], &["y"]))
        .await
        .unwrap();
    assert_eq!(sealed_host(&world).await.2, "typed");
    world
        .run_with(&format!("{line} --yes"), &mut Person::piping("piped\n"))
        .await
        .unwrap();
    assert_eq!(sealed_host(&world).await.2, "piped");
}

#[tokio::test]
async fn an_app_that_is_not_there_is_named() {
    let failure = World::new().refusal("app set-secret exact-be --yes").await;
    assert!(matches!(failure, Failure::NotFound(_)), "{failure:?}");
    assert!(failure.to_string().contains("handover app add exact-be"), "{failure}");
    assert!(World::new().text("app list").await.contains("handover app add"));
}

#[tokio::test]
async fn another_client_id_needs_a_yes_and_counts_the_pairs_it_leaves_behind() {
    let world = World::furnished().await;
    world.due().await;
    world.due().await;
    world.connect("--register-now").await;
    let other = ADD.replace("4711", "4712");
    let line = format!("{other} --replace");
    let failure = world.run_with(&line, &mut Person::piping("new")).await.unwrap_err();
    assert!(matches!(failure, Failure::Usage(_)), "{failure:?}");
    for told in [
        "client id 4711",
        ": 2 authorised connections",
        "`configuration`",
        "--yes",
    ] {
        assert!(failure.to_string().contains(told), "{failure}");
    }
    let mut unsure = Person::typing(&["new"], &[""]);
    let failure = world.run_with(&line, &mut unsure).await.unwrap_err();
    assert!(failure.to_string().contains("nothing was changed"), "{failure}");
    assert_eq!(unsure.secrets.len(), 1, "the secret is not even asked for");
    assert_eq!(sealed_host(&world).await.2, "client-secret-hush");

    world
        .run_with(&line, &mut Person::typing(&["typed"], &["y"]))
        .await
        .unwrap();
    assert_eq!(sealed_host(&world).await.2, "typed");
    let back = format!("{ADD} --replace --yes");
    let added = world.run_with(&back, &mut Person::piping("new")).await.unwrap();
    assert!(added.warnings[0].contains("client id 4712"), "{:?}", added.warnings);
    // The same one leaves nothing behind.
    let added = world.run_with(&back, &mut Person::piping("new")).await.unwrap();
    assert_eq!(added.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn what_an_app_s_pairs_are_looked_after_by_is_set_and_shown() {
    let world = World::new();
    let more = "--warn 1d,2w,1d,5d --renew never --retention 1w --pace 30";
    let added = world
        .json_with(&format!("{ADD} {more}"), &mut Person::piping("client-secret-hush"))
        .await;
    let upkeep = json!({ "warn_days": [14, 5, 1], "renew_days": 0, "retention_days": 7 });
    assert_eq!(added["application"]["upkeep"], upkeep);
    assert_eq!(added["application"]["pace_per_minute"], 30);
    assert_eq!(
        world.json("app show exact-nl").await["application"],
        added["application"]
    );
    let text = world.text("app show exact-nl").await;
    for told in [
        "exact-nl  Acme Books\n",
        "token pairs     live 30 days; the access token 10 min; renewed 9 min 30 s after an answer at the earliest\n",
        "warns before    14d 5d 1d\n",
        "renews before   never\n",
        "keeps finished  7d\n",
        "pace            30 connections a minute at most\n",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let text = world.text("app list").await;
    assert!(text.contains("14d 5d 1d  never   7d     30    https://"), "{text}");
    // A new secret leaves the rest as it is.
    let line = "app set-secret exact-nl --yes";
    let kept = world.json_with(line, &mut Person::piping("new")).await;
    assert_eq!(kept["application"], added["application"]);
    assert!(matches!(world.refusal("app show exact-be").await, Failure::NotFound(_)));
}

#[tokio::test]
async fn upkeep_that_makes_no_sense_is_refused() {
    let world = World::new();
    for (more, told) in [
        (
            "--warn 3d,30d",
            "--warn is 30 days, and a token pair of this app lives 30 days",
        ),
        (
            "--renew 30d",
            "--renew is 30 days, and a token pair of this app lives 30 days",
        ),
        ("--renew 1d --refresh-seconds 86400", "lives 1 day in all"),
        ("--warn 1d --refresh-seconds 600", "lives 10 min in all"),
    ] {
        let failure = world
            .run_with(&format!("{ADD} {more}"), &mut Person::piping("s"))
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Usage(_)) && failure.to_string().contains(told),
            "{failure}"
        );
    }
    // What is usual needs no word where pairs live minutes, for a demonstration.
    world
        .run_with(
            &format!("{ADD} --refresh-seconds 600"),
            &mut Person::piping("client-secret-hush"),
        )
        .await
        .unwrap();
}

#[tokio::test]
async fn connections_keep_what_they_were_made_with() {
    let world = World::furnished().await;
    let id = world.connect("--register-in 3d").await;
    let again = format!("{ADD} --replace --renew never --retention 1d");
    world
        .run_with(&again, &mut Person::piping("client-secret-hush"))
        .await
        .unwrap();
    let usual = json!({ "warn_days": [7, 3, 1], "renew_days": 3, "retention_days": 180 });
    let shown = world.json(&format!("show {id}")).await;
    assert_eq!(shown["connection"]["upkeep"], usual);
    let line = "connect --app exact-nl --channel by-hand --reference De_Vries --database de-vries --register-in 3d";
    let other = world.json(line).await;
    assert_eq!(
        other["connection"]["upkeep"],
        json!({ "warn_days": [7, 3, 1], "renew_days": 0, "retention_days": 1 })
    );
}
