//! `GET /api/v1/current/Me`.

use axum::{
    extract::{Query, State},
    response::Response,
};
use http::{HeaderMap, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    books::{MeCall, Peer},
    exact::{Exact, budget::RateLimit},
    faults::{At, FaultKind},
    gate,
    page::escape,
    settings::{App, MeShape, User},
    world::Shared,
};

/// Who an access token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name the user logs in with.
    pub name: String,
    /// The app the token was issued to.
    pub client_id: String,
    user: User,
    shape: MeShape,
    limits: [RateLimit; 2],
}

/// Why `Me` refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeRefused {
    /// The access token has ended, or was never issued.
    Ended,
    /// A limit was hit.
    TooMany(RateLimit),
    /// The key is blocked for its errors.
    Blocked,
}

impl MeRefused {
    const fn status(&self) -> u16 {
        match self {
            Self::Ended => 401,
            Self::TooMany(_) | Self::Blocked => 429,
        }
    }

    const fn rule(&self) -> &'static str {
        match self {
            Self::Ended => "access_token_ended",
            Self::TooMany(_) => "too_many_calls",
            Self::Blocked => "key_blocked",
        }
    }
}

impl Exact {
    /// Asks who an access token stands for.
    ///
    /// # Errors
    /// When it has ended, or a limit was hit.
    pub fn me(&mut self, access_token: &str, by: Peer, now: Timestamp) -> Result<Identity, MeRefused> {
        let owner = self
            .access_tokens
            .get(access_token)
            .map(|token| (token.client_id.clone(), token.user.clone()));
        let result = self.identify(access_token, owner.as_ref(), now);
        if let Some(token) = self.access_tokens.get_mut(access_token) {
            let presented = &mut token.presented;
            let counter = if result.is_ok() {
                &mut presented.accepted
            } else {
                &mut presented.refused
            };
            *counter = counter.saturating_add(1);
        }
        let status = result.as_ref().map_or_else(MeRefused::status, |_| 200);
        if let Err(refused) = &result {
            let ids = owner.as_ref().map_or(("", None), |(client_id, user)| {
                (client_id.as_str(), Some(user.as_str()))
            });
            self.answer_error("me", by, ids, status, refused.rule(), now);
        }
        self.note_me(by, owner, Some(status), now);
        result
    }

    fn identify(
        &mut self,
        access_token: &str,
        owner: Option<&(String, String)>,
        now: Timestamp,
    ) -> Result<Identity, MeRefused> {
        let (client_id, name) = owner.ok_or(MeRefused::Ended)?;
        if self.budget.blocked(client_id, now) {
            return Err(MeRefused::Blocked);
        }
        if self
            .access_tokens
            .get(access_token)
            .is_none_or(|token| now >= token.ends_at)
        {
            return Err(MeRefused::Ended);
        }
        let (app, user): (&App, &User) = self
            .apps
            .get(client_id)
            .zip(self.users.get(name))
            .ok_or(MeRefused::Ended)?;
        let limits = self
            .budget
            .api_call(client_id, user.division, &app.limits, now)
            .map_err(MeRefused::TooMany)?;
        Ok(Identity {
            name: name.clone(),
            client_id: client_id.clone(),
            user: user.clone(),
            shape: app.me_shape,
            limits,
        })
    }

    fn note_me(&mut self, by: Peer, owner: Option<(String, String)>, status: Option<u16>, at: Timestamp) {
        let (client_id, user) = owner.unzip();
        self.me_calls.push(MeCall {
            at,
            by,
            client_id,
            user,
            status,
            fault: None,
        });
    }

    /// A call that met a fault before it was answered.
    pub fn me_unheard(&mut self, access_token: &str, now: Timestamp, fault: FaultKind) {
        let owner = match self.access_tokens.get_mut(access_token) {
            Some(token) => {
                token.presented.unheard = token.presented.unheard.saturating_add(1);
                Some((token.client_id.clone(), token.user.clone()))
            }
            None => None,
        };
        self.note_me(Peer::Oem, owner, None, now);
        self.mark_me(fault);
    }

    /// Notes the fault that spoiled the last answer.
    pub fn mark_me(&mut self, fault: FaultKind) {
        if let Some(last) = self.me_calls.last_mut() {
            last.fault = Some(fault);
        }
    }
}

/// `$select` is the only option that is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MeQuery {
    #[serde(rename = "$select")]
    select: Option<String>,
}

/// The endpoint.
pub async fn me(State(shared): State<Shared>, headers: HeaderMap, Query(query): Query<MeQuery>) -> Response {
    let wants_json = header_text(&headers, &header::ACCEPT).contains("application/json");
    let token = bearer(&headers).unwrap_or_default().to_owned();
    let host = header_text(&headers, &header::HOST).to_owned();
    let unheard = token.clone();
    gate::pass(
        &shared,
        &[At::Me],
        move |world, now, fault| {
            let result = world.exact.me(&token, Peer::Oem, now);
            if let Some(fault) = fault {
                world.exact.mark_me(fault);
            }
            match result {
                Ok(identity) if wants_json => as_json(&identity, &host, query.select.as_deref()),
                Ok(identity) => as_atom(&identity, &host),
                Err(refused) => refusal(&refused),
            }
        },
        move |world, now, fault| world.exact.me_unheard(&unheard, now, fault),
    )
    .await
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn refusal(refused: &MeRefused) -> Answer {
    match refused {
        MeRefused::Ended => Answer::text(401, ""),
        MeRefused::TooMany(limit) => rate(Answer::text(429, ""), std::slice::from_ref(limit)),
        MeRefused::Blocked => Answer::text(429, ""),
    }
}

/// Resets are epoch **milliseconds**, as Exact Online's description of its API limits says.
fn rate(answer: Answer, limits: &[RateLimit]) -> Answer {
    limits.iter().fold(answer, |answer, limit| {
        let name = |last: &str| format!("X-RateLimit-{}{last}", limit.family);
        answer
            .with(&name("Limit"), limit.limit.to_string())
            .with(&name("Remaining"), limit.remaining.to_string())
            .with(&name("Reset"), limit.reset.to_string())
    })
}

fn fields(identity: &Identity) -> Vec<(&'static str, Value)> {
    let user = &identity.user;
    vec![
        ("UserID", json!(user.user_id)),
        ("UserName", json!(identity.name)),
        ("FullName", json!(user.full_name)),
        ("Email", json!(user.email)),
        ("CurrentDivision", json!(user.division)),
        ("LanguageCode", json!("nl-NL")),
    ]
}

fn address(identity: &Identity, host: &str) -> String {
    let id = identity.user.user_id.as_deref().unwrap_or_default();
    format!("https://{host}/api/v1/current/Me(guid'{id}')")
}

fn as_json(identity: &Identity, host: &str, select: Option<&str>) -> Answer {
    let wanted = |name: &str| select.is_none_or(|select| select.split(',').any(|one| one.trim() == name));
    let mut me = Map::new();
    me.insert(
        "__metadata".to_owned(),
        json!({"uri": address(identity, host), "type": "Exact.Web.Api.System.Me"}),
    );
    me.extend(
        fields(identity)
            .into_iter()
            .filter(|(name, _)| wanted(name))
            .map(|(n, value)| (n.to_owned(), value)),
    );
    let body = match identity.shape {
        MeShape::Results => json!({"d": {"results": [me]}}),
        MeShape::Bare => json!({"d": me}),
    };
    rate(Answer::value(200, &body), &identity.limits)
}

fn as_atom(identity: &Identity, host: &str) -> Answer {
    let properties: String = fields(identity)
        .into_iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("<d:{name}>{}</d:{name}>", escape(&text))
        })
        .collect();
    let id = escape(&address(identity, host));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><feed xml:base=\"https://{}/api/v1/current/\" \
         xmlns=\"http://www.w3.org/2005/Atom\" \
         xmlns:d=\"http://schemas.microsoft.com/ado/2007/08/dataservices\" \
         xmlns:m=\"http://schemas.microsoft.com/ado/2007/08/dataservices/metadata\">\
         <title type=\"text\">Me</title><entry><id>{id}</id><content type=\"application/xml\">\
         <m:properties>{properties}</m:properties></content></entry></feed>",
        escape(host)
    );
    rate(
        Answer::new(200, "application/atom+xml;type=feed;charset=utf-8", body),
        &identity.limits,
    )
}
