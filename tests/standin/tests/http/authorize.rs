//! The authorise step.

use handover_standin::Walker;

use crate::setup::*;

#[tokio::test]
async fn the_code_arrives_with_its_exclamation_mark_encoded_and_the_state_as_it_was() {
    let scene = Scene::new().await;
    let back = Walker::new(USER, PASSWORD)
        .unwrap()
        .allow(&scene.authorize_url("a%20b%2Bc"))
        .await
        .unwrap();
    assert!(
        back.as_str().starts_with(&format!("{REDIRECT}?code=stampNL001.")),
        "{back}"
    );
    assert!(
        back.as_str().contains("%21IAAAA") && !back.as_str().contains('!'),
        "{back}"
    );
    assert_eq!(back.query_pairs().find(|(name, _)| name == "state").unwrap().1, "a b+c");
    let books = scene.books().await;
    assert!(books.consents[0].allowed);
    assert_eq!(books.consents[0].state.as_deref(), Some("a b+c"));
}

#[tokio::test]
async fn a_refusal_comes_back_as_access_denied() {
    let scene = Scene::new().await;
    let back = Walker::new(USER, PASSWORD)
        .unwrap()
        .refuse(&scene.authorize_url("xyz"))
        .await
        .unwrap();
    assert_eq!(back.as_str(), format!("{REDIRECT}?error=access_denied&state=xyz"));
    assert!(scene.books().await.codes.is_empty());
}

#[tokio::test]
async fn an_unknown_client_is_named_on_the_log_in_page() {
    let scene = Scene::new().await;
    let url = scene.authorize_url("s").replace(CLIENT, "1-2-3%3Cb%3E");
    let page = scene.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("Client with identifier &#39;1-2-3&lt;b&gt;&#39; not found"),
        "{page}"
    );
}

#[tokio::test]
async fn a_wrong_redirect_uri_ends_as_unauthorized_client() {
    let scene = Scene::new().await;
    let url = scene.authorize_url("s").replace("callback%2Fmain", "callback%2Fother");
    let answer = scene.http.get(url).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(
        answer.headers()["location"],
        "https://connect.example.com/callback/other?error=unauthorized_client"
    );
}

#[tokio::test]
async fn a_wrong_password_shows_the_log_in_page_again() {
    let scene = Scene::new().await;
    let error = Walker::new(USER, "wrong")
        .unwrap()
        .allow(&scene.authorize_url("s"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("The user name or the password is incorrect."),
        "{error}"
    );
    assert!(scene.books().await.consents.is_empty());
}

#[tokio::test]
async fn a_consent_page_is_good_once() {
    let scene = Scene::new().await;
    let page = scene
        .http
        .get(scene.authorize_url("s"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let request = page
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let post = |path: &str, fields: &[(&str, &str)]| {
        scene
            .http
            .post(format!("{}/api/oauth2/{path}", scene.standin.url()))
            .form(fields)
            .send()
    };
    // No consent without a log-in.
    let fields = [("request", request), ("decision", "allow")];
    assert_eq!(post("consent", &fields).await.unwrap().status(), 400);
    post(
        "login",
        &[("request", request), ("user_name", USER), ("password", PASSWORD)],
    )
    .await
    .unwrap();
    assert_eq!(post("consent", &fields).await.unwrap().status(), 302);
    assert_eq!(post("consent", &fields).await.unwrap().status(), 400);
    assert_eq!(scene.books().await.codes.len(), 1);
}

#[tokio::test]
async fn who_is_logged_in_consents_without_a_password_unless_it_is_forced() {
    let scene = Scene::new().await;
    let page = scene
        .http
        .get(scene.authorize_url("s"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let request = page
        .split("name=\"request\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let fields = [("request", request), ("user_name", USER), ("password", PASSWORD)];
    let login = format!("{}/api/oauth2/login", scene.standin.url());
    let answer = scene.http.post(login).form(&fields).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    for (force, consent) in [("0", true), ("1", false)] {
        let url = scene
            .authorize_url("s")
            .replace("force_login=1", &format!("force_login={force}"));
        let page = scene
            .http
            .get(url)
            .header("Cookie", &cookie)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(page.contains("name=\"decision\""), consent);
    }
}
