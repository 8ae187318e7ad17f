//! `GET /api/oauth2/auth`, and the two forms that follow it.

use axum::{
    Form,
    extract::{Query, State},
    response::Response,
};
use http::{HeaderMap, header};
use serde::Deserialize;

use crate::{
    answer::Answer,
    books::Challenge,
    exact::{
        Exact,
        login::{AuthRefused, AuthRequest},
    },
    faults::At,
    gate,
    page::{escape, page},
    world::{Shared, World},
};

const BRAND: &str = "Exact Online";
const COOKIE: &str = "ExactServer";

/// The parameters of an authorise URL.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct AuthQuery {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    force_login: String,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
}

/// The authorise endpoint: the log-in page, or the consent page for who is logged in already.
pub async fn authorize(State(shared): State<Shared>, headers: HeaderMap, Query(query): Query<AuthQuery>) -> Response {
    let session = session(&headers).map(str::to_owned);
    let at = [At::Authorize];
    gate::pass(
        &shared,
        &at,
        move |world, _, _| answer(world, query, session.as_deref()),
        |_, _, _| {},
    )
    .await
}

fn answer(world: &mut World, query: AuthQuery, session: Option<&str>) -> Answer {
    let again = query.force_login == "1";
    let (client_id, redirect_uri) = (query.client_id.clone(), query.redirect_uri.clone());
    let begun = if query.response_type == "code" {
        world.exact.begin(request(query), &mut world.random)
    } else {
        Err(AuthRefused::NotCode)
    };
    match begun {
        Err(AuthRefused::UnknownClient) => not_found(&client_id),
        Err(AuthRefused::WrongRedirect) => unauthorized(&redirect_uri),
        Err(AuthRefused::NotCode) => Answer::page(400, error_page("unsupported_response_type")),
        Ok(id) => match session {
            Some(session) if !again && world.exact.resume(&id, session) => consent_page(&world.exact, &id),
            _ => login_page(&world.exact, &id, None),
        },
    }
}

fn request(query: AuthQuery) -> AuthRequest {
    let method = query.code_challenge_method;
    AuthRequest {
        client_id: query.client_id,
        redirect_uri: query.redirect_uri,
        state: query.state,
        challenge: query.code_challenge.map(|challenge| Challenge { challenge, method }),
    }
}

/// Seen on the wrong country's host (picqer/exact-php-client#617).
fn not_found(client_id: &str) -> Answer {
    let text = format!("Client with identifier '{client_id}' not found");
    Answer::page(
        200,
        page(BRAND, "Log in", &format!("<p class=\"error\">{}</p>", escape(&text))),
    )
}

/// The address that was presented is not the app's, yet that is where the browser is sent, without the state.
fn unauthorized(redirect_uri: &str) -> Answer {
    match url::Url::parse(redirect_uri) {
        Ok(_) => {
            let joint = if redirect_uri.contains('?') { '&' } else { '?' };
            Answer::found(&format!("{redirect_uri}{joint}error=unauthorized_client"))
        }
        Err(_) => Answer::page(400, error_page("unauthorized_client")),
    }
}

fn error_page(error: &str) -> String {
    page(BRAND, "Error", &format!("<p class=\"error\">{}</p>", escape(error)))
}

/// The fields of the log-in form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoginForm {
    request: String,
    user_name: String,
    password: String,
}

/// `POST /api/oauth2/login`: the consent page, or the log-in page again.
pub async fn login(State(shared): State<Shared>, Form(form): Form<LoginForm>) -> Answer {
    shared.enter(|world, _| {
        if world.exact.trip(&form.request).is_none() {
            return gone();
        }
        match world
            .exact
            .log_in(&form.request, &form.user_name, &form.password, &mut world.random)
        {
            None => login_page(
                &world.exact,
                &form.request,
                Some("The user name or the password is incorrect."),
            ),
            Some(session) => consent_page(&world.exact, &form.request).with(
                header::SET_COOKIE.as_str(),
                format!("{COOKIE}={session}; Path=/api/oauth2; HttpOnly; SameSite=Lax"),
            ),
        }
    })
}

/// The fields of the consent form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConsentForm {
    request: String,
    decision: String,
}

/// `POST /api/oauth2/consent`: back to the app, with a code or with `access_denied`.
pub async fn consent(State(shared): State<Shared>, Form(form): Form<ConsentForm>) -> Answer {
    let allowed = match form.decision.as_str() {
        "allow" => true,
        "refuse" => false,
        _ => return Answer::page(400, error_page("invalid_request")),
    };
    shared.enter(|world, now| {
        let back = world.exact.decide(&form.request, allowed, now, &mut world.random);
        back.map_or_else(gone, |back| Answer::found(&back))
    })
}

fn gone() -> Answer {
    Answer::page(
        400,
        page(BRAND, "Log in", "<p class=\"error\">This page is no longer valid.</p>"),
    )
}

fn login_page(exact: &Exact, id: &str, error: Option<&str>) -> Answer {
    let error = error
        .map(|text| format!("<p class=\"error\">{}</p>", escape(text)))
        .unwrap_or_default();
    let names: String = exact
        .users()
        .keys()
        .map(|name| format!("<option value=\"{}\">", escape(name)))
        .collect();
    let content = format!(
        "{error}<form method=\"post\" action=\"/api/oauth2/login\">\n\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\n\
         <label for=\"user_name\">User name</label>\n\
         <input id=\"user_name\" name=\"user_name\" list=\"names\" autocomplete=\"username\" required autofocus>\n\
         <datalist id=\"names\">{names}</datalist>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required>\n\
         <button type=\"submit\">Log in</button>\n</form>",
        escape(id)
    );
    Answer::page(200, page(BRAND, "Log in", &content))
}

fn consent_page(exact: &Exact, id: &str) -> Answer {
    let (Some(request), Some(name)) = (exact.trip(id), exact.traveller(id)) else {
        return gone();
    };
    let app = exact
        .app(&request.client_id)
        .map(|app| app.name.as_str())
        .filter(|name| !name.is_empty());
    let full_name = exact.users().get(name).map_or(name, |user| user.full_name.as_str());
    let content = format!(
        "<p><strong>{}</strong> asks for access to your data in Exact Online.</p>\n\
         <p>You are logged in as {} ({}).</p>\n\
         <form method=\"post\" action=\"/api/oauth2/consent\">\n\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\n\
         <button type=\"submit\" name=\"decision\" value=\"allow\">Allow</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"refuse\" class=\"second\">Refuse</button>\n</form>",
        escape(app.unwrap_or(&request.client_id)),
        escape(full_name),
        escape(name),
        escape(id)
    );
    Answer::page(200, page(BRAND, "Allow access", &content))
}

fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies
        .split(';')
        .filter_map(|one| one.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, v)| v)
}
