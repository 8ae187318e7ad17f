//! A stand-in with one app, and an OEM's own calls of it.

use handover_standin::{App, ControlClient, Standin, StandinConfig, User, Walker, books::Books};
use reqwest::{Client, Response, header};
use serde_json::{Value, json};

pub const CLIENT: &str = "0e4f2b6a-6f0b-4b0a-9f8e-2f1c6f1d7a11";
pub const SECRET: &str = "s3cr&t=/+";
pub const REDIRECT: &str = "https://connect.example.com/callback/main";
pub const USER: &str = "j.jansen";
pub const PASSWORD: &str = "welcome";
pub const KEY: &str = "sample-invantive-key";

pub const MINUTE: i64 = 60;
pub const DAY: i64 = 86_400;

pub struct Scene {
    pub standin: Standin,
    pub control: ControlClient,
    pub http: Client,
}

pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

pub fn app() -> App {
    App {
        name: "Sample".to_owned(),
        client_secret: SECRET.to_owned(),
        redirect_uris: vec![REDIRECT.to_owned()],
        ..App::default()
    }
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(app()).await
    }

    pub async fn with(app: App) -> Self {
        let standin = Standin::start(StandinConfig::default()).await.unwrap();
        let control = standin.control();
        control.put_app(CLIENT, &app).await.unwrap();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { standin, control, http }
    }

    pub async fn second_user(&self) {
        let user = User {
            password: "secret".to_owned(),
            full_name: "P. Peeters".to_owned(),
            ..User::default()
        };
        self.control.put_user("p.peeters", &user).await.unwrap();
    }

    pub fn authorize_url(&self, state: &str) -> String {
        let redirect: String = url::form_urlencoded::byte_serialize(REDIRECT.as_bytes()).collect();
        format!(
            "{}/api/oauth2/auth?client_id={CLIENT}&redirect_uri={redirect}&response_type=code&force_login=1&state={state}",
            self.standin.url()
        )
    }

    /// A fresh code of the sample user, decoded.
    pub async fn code(&self) -> String {
        self.code_of(USER, PASSWORD, &self.authorize_url("st")).await
    }

    pub async fn code_of(&self, user: &str, password: &str, url: &str) -> String {
        let back = Walker::new(user, password).unwrap().allow(url).await.unwrap();
        back.query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1
            .into_owned()
    }

    pub async fn token(&self, fields: &[(&str, &str)]) -> Response {
        self.try_token(fields).await.unwrap()
    }

    pub async fn try_token(&self, fields: &[(&str, &str)]) -> reqwest::Result<Response> {
        self.http
            .post(format!("{}/api/oauth2/token", self.standin.url()))
            .form(fields)
            .send()
            .await
    }

    pub async fn exchange(&self, code: &str) -> Response {
        self.token(&code_fields(code)).await
    }

    pub async fn refresh(&self, token: &str) -> Response {
        self.token(&refresh_fields(token)).await
    }

    /// A pair from a new consent.
    pub async fn pair(&self) -> Tokens {
        tokens(self.exchange(&self.code().await).await).await
    }

    pub async fn me(&self, access: &str) -> Response {
        let url = format!("{}/api/v1/current/Me", self.standin.url());
        self.http
            .get(url)
            .bearer_auth(access)
            .header(header::ACCEPT, "application/json")
            .send()
            .await
            .unwrap()
    }

    pub fn submission(&self, tokens: &Tokens) -> Value {
        json!({
            "client_id": CLIENT, "client_secret": SECRET, "redirect_url": REDIRECT, "country": "nl",
            "access_token": tokens.access, "refresh_token": tokens.refresh,
            "database": "acme", "reference": "customer-1",
        })
    }

    pub async fn register(&self, body: &Value, idempotency_key: &str) -> Response {
        self.try_register(body, idempotency_key).await.unwrap()
    }

    pub async fn try_register(&self, body: &Value, idempotency_key: &str) -> reqwest::Result<Response> {
        let request = self.http.post(format!("{}/api/databases", self.standin.url()));
        request
            .bearer_auth(KEY)
            .header("Idempotency-Key", idempotency_key)
            .json(body)
            .send()
            .await
    }

    pub async fn look_up(&self, query: &str) -> Response {
        self.http
            .get(format!("{}/api/databases?{query}", self.standin.url()))
            .bearer_auth(KEY)
            .send()
            .await
            .unwrap()
    }

    pub async fn books(&self) -> Books {
        self.control.books().await.unwrap()
    }

    pub async fn at(&self, offset_seconds: i64) {
        self.control.set_clock(offset_seconds).await.unwrap();
    }
}

pub fn code_fields(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("redirect_uri", REDIRECT),
        ("code", code),
    ]
}

pub fn refresh_fields(token: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", CLIENT),
        ("client_secret", SECRET),
        ("refresh_token", token),
    ]
}

pub async fn tokens(answer: Response) -> Tokens {
    let (status, body) = read(answer).await;
    assert_eq!(status, 200, "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Tokens {
        access: text("access_token"),
        refresh: text("refresh_token"),
    }
}

pub async fn read(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (
        status,
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default(),
    )
}

pub async fn assert_error(answer: Response, status: u16, error: &str, description: &str) {
    let (seen, body) = read(answer).await;
    assert_eq!((seen, body["error"].as_str()), (status, Some(error)), "{body}");
    assert!(
        body["error_description"]
            .as_str()
            .unwrap_or_default()
            .starts_with(description),
        "{body}"
    );
}
