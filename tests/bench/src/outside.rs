//! Exact Online and Invantive Cloud, as far as a good day goes. Tokens are as long as those that were seen.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use url::form_urlencoded;

use crate::serve::{Asked, Reply, Service};

const REFRESH_TOKEN: usize = 295;
const ACCESS_TOKEN: usize = 440;

/// Exact Online. Who consented stands at the end of the code: `….7` is the seventh user.
#[derive(Debug, Default)]
pub struct Exact {
    answers: AtomicU64,
}

fn token(kind: &str, length: usize, answer: u64, user: &str) -> String {
    let end = format!("{answer}.{user}");
    let begin = format!("stampNL001.{kind}!IAAAA");
    let middle = "a".repeat(length.saturating_sub(begin.len() + end.len() + 1));
    format!("{begin}{middle}.{end}")
}

impl Service for Exact {
    async fn answer(&self, asked: Asked) -> Reply {
        match (asked.method.as_str(), asked.path.as_str()) {
            ("POST", "/api/oauth2/token") => {
                let mut fields = form_urlencoded::parse(&asked.body);
                let presented = fields.find(|(name, _)| name == "code" || name == "refresh_token");
                let presented = presented.map(|(_, value)| value.into_owned()).unwrap_or_default();
                let user = presented.rsplit('.').next().unwrap_or_default();
                let number = self.answers.fetch_add(1, Ordering::Relaxed);
                let pair = json!({
                    "access_token": token("gAAAA", ACCESS_TOKEN, number, user),
                    "token_type": "bearer",
                    "expires_in": "600",
                    "refresh_token": token("rAAAA", REFRESH_TOKEN, number, user),
                });
                Reply::json("token", &pair)
            }
            ("GET", "/api/v1/current/Me") => {
                let user: u64 = asked
                    .header("authorization")
                    .rsplit('.')
                    .next()
                    .and_then(|user| user.parse().ok())
                    .unwrap_or_default();
                let who = json!({
                    "UserID": format!("00000000-0000-4000-8000-{user:012}"),
                    "UserName": format!("customer.{user}"),
                    "FullName": format!("Customer {user}"),
                    "Email": format!("customer.{user}@example.com"),
                    "CurrentDivision": 100_000 + user,
                });
                Reply::json("Me", &json!({ "d": { "results": [who] } }))
            }
            _ => Reply::json("unknown", &Value::Null).with_status(404),
        }
    }
}

/// Invantive Cloud's interface as the example profile has it.
#[derive(Debug, Default)]
pub struct Invantive {
    took: Mutex<Duration>,
}

impl Invantive {
    /// From now on a registration takes this long.
    pub fn take(&self, took: Duration) {
        *self.took.lock().unwrap_or_else(PoisonError::into_inner) = took;
    }
}

impl Service for Invantive {
    async fn answer(&self, asked: Asked) -> Reply {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let took = *self.took.lock().unwrap_or_else(PoisonError::into_inner);
        let created = json!({ "status": "created", "segment": body.get("database") });
        Reply {
            took,
            ..Reply::json("register", &created).with_status(201)
        }
    }
}
