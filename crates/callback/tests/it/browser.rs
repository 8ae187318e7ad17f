//! A browser: keeps cookies, follows redirects when told.

use std::collections::BTreeMap;

use handover_callback::Answer;
use handover_core::{browser::authorisation_of, ids::AuthorisationId, secret::State};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::world::World;

/// How the gateway in front hands requests over.
#[derive(Debug, Clone, Copy, Default)]
pub enum Gateway {
    #[default]
    Aws,
    Local,
}

#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
    pub gateway: Gateway,
}

/// A trip that has begun: what the platform will send back.
#[derive(Debug, Clone)]
pub struct Trip {
    pub id: AuthorisationId,
    pub state: String,
}

impl Trip {
    pub fn query(&self, code: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("code", code)
            .append_pair("state", &self.state)
            .finish()
    }

    pub fn outcome(&self) -> String {
        format!("/connected/{}", self.id)
    }
}

impl Browser {
    pub fn event(&self, path: &str, query: &str) -> Value {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut event: Value = serde_json::from_str(match self.gateway {
            Gateway::Aws => include_str!("events/api_gateway.json"),
            Gateway::Local => include_str!("events/local_cloud.json"),
        })
        .unwrap();
        match self.gateway {
            Gateway::Aws => event["cookies"] = json!(cookies),
            Gateway::Local => event["headers"]["cookie"] = json!(cookies.join("; ")),
        }
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!(query);
        event
    }

    pub async fn get(&mut self, world: &World, path: &str, query: &str) -> Answer {
        let answer = world.answer(self.event(path, query)).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in &answer.cookies {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Opens a link as far as the consent screen.
    pub async fn depart(&mut self, world: &World, token: &str) -> Trip {
        let answer = self.get(world, &format!("/connect/{token}"), "").await;
        assert_eq!(answer.status_code, 302, "{}", answer.body);
        let consent = Url::parse(&answer.headers["location"]).unwrap();
        let state = consent
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1
            .into_owned();
        Trip {
            id: authorisation_of(&State::new(state.as_str())),
            state,
        }
    }

    /// Comes back with a code, and lets what goes on after the answer come to its end.
    pub async fn come_back(&mut self, world: &World, trip: &Trip, code: &str) -> Answer {
        let answer = self.rush_back(world, trip, code).await;
        world.idle().await;
        answer
    }

    /// Comes back with a code, and does not wait for anything but the answer.
    pub async fn rush_back(&mut self, world: &World, trip: &Trip, code: &str) -> Answer {
        self.get(world, "/callback/exact-nl", &trip.query(code)).await
    }

    pub async fn look(&mut self, world: &World, trip: &Trip) -> Answer {
        self.get(world, &trip.outcome(), "").await
    }
}
