//! What API Gateway hands to the callback function: paths, queries and cookies of whatever browser.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use handover_aws::contract::scene;
use handover_callback::{Answer, Callback, Ports, Request, Settings};
use handover_core::{
    application::{Application, ApplicationSecret},
    browser::authorisation_of,
    plaintext::of_application,
    ports::{DataKey, Place, Store, Vault},
    secret::State,
};
use handover_platform::CallbackQuery;
use handover_simulation::{Chance, ManualClock, MemoryQueue, MemoryStore, MemoryVault, ScriptedPlatform, lock};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::{
    Verdict,
    case::{Case, invited, start, token},
    leak::tells_nothing,
};

type Door = Callback<MemoryStore, MemoryVault, MemoryQueue<'static>, ScriptedPlatform, ManualClock, Chance>;

/// The queue's own: nobody looks at its messages.
static CLOCK: LazyLock<ManualClock> = LazyLock::new(|| ManualClock::at(start()));

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
}

/// A request, as JSON, to a function with one open link and one trip under way. `@LINK@`, `@STATE@`, `@TRIP@` and
/// `@COOKIE@` (name and value) stand for what the customer's browser has of them.
///
/// Every answer is a page or a redirect with the headers that all have, none says that something broke, and none shows
/// what came with the request. A code is exchanged only for the browser that holds the trip's cookie, and once, however
/// often it comes.
pub fn gateway(input: &[u8]) -> Verdict {
    let Ok(input) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    RUNTIME.with(|runtime| runtime.block_on(answers(input)))
}

async fn answers(input: &str) -> Verdict {
    let door = door().await;
    let trip = Trip::depart(&door).await;
    let event = trip.filled_in(input);
    let (Ok(request), Ok(json)) = (
        serde_json::from_str::<Request>(&event),
        serde_json::from_str::<Value>(&event),
    ) else {
        return Verdict::Refused;
    };
    let answer = door.answer(request).await;
    is_well_made(&answer);
    hides_what_came(&json, &answer);

    let again = door.answer(serde_json::from_str(&event).unwrap()).await;
    is_well_made(&again);
    door.background().idle().await;
    let codes = lock(&door.ports().platform.codes).clone();
    if let [code] = codes.as_slice() {
        trip.may_exchange(&json, code);
    }
    assert!(codes.len() <= 1, "a code was exchanged twice");
    if answer.status_code < 400 {
        Verdict::Accepted
    } else {
        Verdict::Refused
    }
}

/// A trip that has begun, as its browser knows it.
struct Trip {
    state: String,
    cookie: String,
}

impl Trip {
    async fn depart(door: &Arc<Door>) -> Self {
        let path = format!("/connect/{}", token().expose());
        let answer = door.answer(request(&path)).await;
        let consent = Url::parse(&answer.headers["location"]).unwrap();
        let state = consent.query_pairs().find(|(name, _)| name == "state").unwrap().1;
        Self {
            state: state.into_owned(),
            cookie: answer.cookies[0].split(';').next().unwrap().to_owned(),
        }
    }

    fn filled_in(&self, input: &str) -> String {
        let id = authorisation_of(&State::new(self.state.as_str()));
        [
            ("@LINK@", token().expose()),
            ("@STATE@", &self.state),
            ("@TRIP@", id.as_str()),
            ("@COOKIE@", &self.cookie),
        ]
        .into_iter()
        .fold(input.to_owned(), |event, (name, value)| event.replace(name, value))
    }

    /// Only its own browser, with its own state and the code that came.
    fn may_exchange(&self, event: &Value, code: &str) {
        let secret = self.cookie.rsplit('.').next().unwrap();
        assert!(
            cookies(event).any(|line| line.contains(secret)),
            "exchanged without the cookie"
        );
        match CallbackQuery::read(event["rawQueryString"].as_str().unwrap_or_default()) {
            Ok(CallbackQuery::Code { code: came, state }) => {
                assert_eq!((came.expose(), state.expose()), (code, self.state.as_str()));
            }
            other => panic!("exchanged for {other:?}"),
        }
    }
}

fn cookies(event: &Value) -> impl Iterator<Item = &str> {
    let headers = event["headers"].as_object().into_iter().flatten();
    let header = headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
        .map(|(_, value)| value);
    let array = event["cookies"].as_array().into_iter().flatten();
    array.chain(header).filter_map(Value::as_str)
}

fn is_well_made(answer: &Answer) {
    assert!(answer.status_code < 500, "{}", answer.status_code);
    let header = |name: &str| answer.headers.get(name).map(String::as_str).unwrap_or_default();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let visible = |value: &String| value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    assert!(answer.headers.values().chain(&answer.cookies).all(visible));
    if answer.body.is_empty() {
        assert!(matches!(answer.status_code, 302 | 303) && !header("location").is_empty());
    } else {
        assert!(header("content-security-policy").starts_with("default-src 'none'"));
        assert!(answer.body.starts_with("<!DOCTYPE html>") && !answer.body.contains("<script"));
        assert_eq!(answer.body.matches("<h1>").count(), 1);
    }
}

fn hides_what_came(event: &Value, answer: &Answer) {
    let shown = format!("{} {answer:?}", answer.body);
    let came = ["rawPath", "rawQueryString"].map(|name| event[name].as_str().unwrap_or_default());
    for text in came.into_iter().chain(cookies(event)) {
        tells_nothing(text.as_bytes(), &shown);
    }
}

fn request(path: &str) -> Request {
    let event = json!({"rawPath": path, "requestContext": {"http": {"method": "GET"}}});
    serde_json::from_value(event).unwrap()
}

async fn door() -> Arc<Door> {
    let ports = Ports {
        store: MemoryStore::default(),
        vault: MemoryVault,
        queue: MemoryQueue::new(&*CLOCK),
        platform: ScriptedPlatform::default(),
        clock: ManualClock::at(start()),
        randomness: Chance::seeded(7),
    };
    add_application(&ports.store, &ports.vault).await;
    ports.store.write(&invited()).await.unwrap();
    let settings = Settings {
        timeout: Duration::from_secs(120),
        still_working_after: Duration::from_secs(20),
    };
    Callback::new(ports, settings)
}

async fn add_application(store: &MemoryStore, vault: &MemoryVault) {
    let application = Application {
        display_name: "Acme & Sons <Books>".into(),
        ..scene::application("exact-nl")
    };
    let secret = ApplicationSecret {
        host: application.host.clone(),
        client_id: application.client_id.clone(),
        redirect_uri: application.redirect_uri.clone(),
        ..Case::dutch().application
    };
    let key = vault
        .data_key(&Place::Application(application.id.clone()))
        .await
        .unwrap();
    let sealed = key.seal(&of_application(&secret)).unwrap();
    store.put_application(&application, &sealed).await.unwrap();
}
