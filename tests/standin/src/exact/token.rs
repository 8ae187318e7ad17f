//! `POST /api/oauth2/token`.

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};
use serde::Deserialize;

use crate::{
    answer::Answer,
    books::{Grant, Peer},
    exact::{chains::Pair, grants::TokenRequest},
    faults::At,
    gate,
    settings::App,
    world::{Shared, World},
};

/// The form's fields; what is missing is empty, and refused by the rule that misses it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TokenForm {
    grant_type: String,
    client_id: String,
    client_secret: String,
    code: String,
    redirect_uri: String,
    code_verifier: Option<String>,
    refresh_token: String,
}

/// The token endpoint.
pub async fn token(
    State(shared): State<Shared>,
    headers: HeaderMap,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return axum::response::IntoResponse::into_response(Answer::text(400, "Bad Request"));
    };
    let request = read(form, &headers);
    let place = match request.grant() {
        Grant::AuthorizationCode => At::TokenCode,
        Grant::RefreshToken => At::TokenRefresh,
        Grant::Other => At::Token,
    };
    let unheard = request.clone();
    gate::pass(
        &shared,
        &[At::Token, place],
        move |world, now, fault| {
            let answer = answer(world, &request, now);
            if let Some(fault) = fault {
                world.exact.mark_exchange(fault);
            }
            answer
        },
        move |world, now, fault| world.exact.token_unheard(&unheard, Peer::Oem, now, fault),
    )
    .await
}

fn answer(world: &mut World, request: &TokenRequest, now: jiff::Timestamp) -> Answer {
    match world.exact.token(request, Peer::Oem, now, &mut world.random) {
        Ok(pair) => success(&pair),
        Err(refusal) => {
            let unknown = App::default();
            refusal.answer(world.exact.app(&request.client_id).unwrap_or(&unknown))
        }
    }
}

/// `expires_in` is a JSON **string**: the `oauth2` crate refuses it (ramosbugs/oauth2-rs#85, #320).
fn success(pair: &Pair) -> Answer {
    Answer::json(
        200,
        format!(
            r#"{{"access_token":"{}","token_type":"bearer","expires_in":"{}","refresh_token":"{}"}}"#,
            pair.access_token, pair.expires_in, pair.refresh_token
        ),
    )
}

fn read(form: TokenForm, headers: &HeaderMap) -> TokenRequest {
    let (basic_id, basic_secret) = basic(headers).unwrap_or_default();
    let or = |sent: String, basic: String| if sent.is_empty() { basic } else { sent };
    TokenRequest {
        grant_type: form.grant_type,
        client_id: or(form.client_id, basic_id),
        client_secret: or(form.client_secret, basic_secret),
        code: form.code,
        redirect_uri: form.redirect_uri,
        code_verifier: form.code_verifier,
        refresh_token: form.refresh_token,
    }
}

/// Basic is tolerated; both halves are form-encoded (RFC 6749, 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id), decode(secret)))
}

fn decode(text: &str) -> String {
    // One name without a value: the parser's decoding without its splitting, as neither half may hold `&` or `=`.
    url::form_urlencoded::parse(text.as_bytes())
        .map(|(name, _)| name.into_owned())
        .next()
        .unwrap_or_default()
}
