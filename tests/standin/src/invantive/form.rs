//! `/app/setup/databases/new/exactonline`: the seven steps on one page, as Invantive's forum tells them (topics 6300 and
//! 6301 of forums.invantive.com).

use axum::{Form, extract::State, response::Response};
use serde::Deserialize;

use crate::{
    answer::Answer,
    books::Channel,
    faults::At,
    gate,
    invantive::registration::{Registration, Verdict},
    page::{escape, page},
    world::Shared,
};

const BRAND: &str = "Invantive Cloud";
const TITLE: &str = "New Exact Online database";

/// Country is the ending of the domain name one logs on at.
const COUNTRIES: [(&str, &str); 7] = [
    ("nl", "Netherlands"),
    ("be", "Belgium"),
    ("de", "Germany"),
    ("co.uk", "United Kingdom"),
    ("com", "United States"),
    ("es", "Spain"),
    ("fr", "France"),
];

/// The fields of the form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SetupForm {
    country: String,
    authentication: String,
    client_id: String,
    client_secret: String,
    redirect_url: String,
    credential: String,
    authorization_code: String,
    access_token: String,
    refresh_token: String,
    database: String,
}

/// `GET`: the empty form.
pub async fn show() -> Answer {
    Answer::page(200, page(BRAND, TITLE, &form(None)))
}

/// `POST`, what "Continue" does.
pub async fn submit(State(shared): State<Shared>, Form(form): Form<SetupForm>) -> Response {
    let registration = registration(form);
    let again = registration.clone();
    gate::pass(
        &shared,
        &[At::Register],
        move |world, now, fault| {
            let verdict = world.register(&registration, Channel::Form, None, None, now);
            world.mark_submission(fault);
            answer(&verdict)
        },
        move |world, now, fault| world.register_unheard(&again, Channel::Form, None, now, fault),
    )
    .await
}

/// Only what the chosen credential asks for is taken.
fn registration(form: SetupForm) -> Registration {
    let by_code = form.credential == "code";
    let keep = |value: String, wanted: bool| if wanted { value.trim().to_owned() } else { String::new() };
    let preauthenticated = form.authentication == "preauthenticated";
    Registration {
        client_id: keep(form.client_id, preauthenticated),
        client_secret: keep(form.client_secret, preauthenticated),
        redirect_url: keep(form.redirect_url, true),
        access_token: keep(form.access_token, !by_code),
        refresh_token: keep(form.refresh_token, !by_code),
        authorization_code: keep(form.authorization_code, by_code),
        country: form.country,
        database: keep(form.database, true),
        reference: String::new(),
    }
}

fn answer(verdict: &Verdict) -> Answer {
    let error = |text: &str| Answer::page(200, page(BRAND, TITLE, &form(Some(text))));
    match verdict {
        Verdict::Created { segment } | Verdict::Exists { segment } => {
            let segment = escape(segment);
            let text = format!("<p>The database <strong id=\"segment\">{segment}</strong> has been created.</p>");
            Answer::page(200, page(BRAND, "Database created", &text))
        }
        Verdict::Refused { code, message } => error(&format!("{code}: {message}")),
        Verdict::Invalid { field } => error(&format!("Please check the field {field}.")),
        Verdict::WrongKey | Verdict::Busy => Answer::page(503, page(BRAND, TITLE, "<p>Please try again later.</p>")),
    }
}

fn form(error: Option<&str>) -> String {
    let error = error
        .map(|text| format!("<p class=\"error\" id=\"error\">{}</p>", escape(text)))
        .unwrap_or_default();
    let countries: String = COUNTRIES
        .iter()
        .map(|(code, name)| format!("<option value=\"{code}\">{name}</option>"))
        .collect();
    format!(
        "{error}<form method=\"post\" action=\"/app/setup/databases/new/exactonline\" autocomplete=\"off\">\n\
         <label for=\"country\">Country</label><select id=\"country\" name=\"country\">{countries}</select>\n\
         <fieldset><legend>Authentication</legend>\
         <label><input type=\"radio\" name=\"authentication\" value=\"interactive\"> Log on now</label>\
         <label><input type=\"radio\" name=\"authentication\" value=\"preauthenticated\" checked> \
         Preauthenticated Credentials</label></fieldset>\n\
         {}{}{}\
         <fieldset><legend>Credentials</legend>\
         <label><input type=\"radio\" name=\"credential\" value=\"code\"> Authorization code</label>\
         <label><input type=\"radio\" name=\"credential\" value=\"pair\" checked> Access token / refresh token</label>\
         </fieldset>\n{}{}{}{}<button type=\"submit\">Continue</button>\n</form>",
        field("client_id", "Client ID"),
        field("client_secret", "Client Secret"),
        field("redirect_url", "Redirect URL"),
        field("authorization_code", "Authorization Code"),
        field("access_token", "Access Token"),
        field("refresh_token", "Refresh Token"),
        field("database", "URL segment (identifier)"),
    )
}

fn field(name: &str, label: &str) -> String {
    format!("<label for=\"{name}\">{label}</label><input id=\"{name}\" name=\"{name}\">\n")
}
