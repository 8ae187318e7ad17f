//! Building requests: all that can fail, before anything is sent.

use std::collections::BTreeMap;

use handover_core::ports::Submission;
use handover_platform::{countries::country_of, http::Request};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::{
    profile::{Encoding, Field, LookUp, Method, Profile, Setting},
    scrub::Secrets,
    template,
};

/// What a request could not be built for.
pub(crate) type Built<T> = Result<T, String>;

pub(crate) fn registration(profile: &Profile, submission: &Submission<'_>, key: &str) -> Built<Request> {
    let method = match profile.method {
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
    };
    let (content_type, body) = body(profile, submission, key)?;
    let mut request = to(method, &profile.address, body)?;
    *request.headers_mut() = headers(&profile.headers)?;
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let own = [
        (&profile.idempotency_header, key),
        (&profile.attempt_header, &submission.attempt.to_string()),
    ];
    for (name, value) in own {
        if let Some(name) = name {
            set(request.headers_mut(), name, value)?;
        }
    }
    Ok(request)
}

pub(crate) fn look_up(profile: &Profile, look_up: &LookUp, values: [&str; 3]) -> Built<Request> {
    let address: Url = template::fill(&look_up.address, values).ok_or("the look-up's address cannot be filled in")?;
    let mut request = to(http::Method::GET, &address, Vec::new())?;
    *request.headers_mut() = headers(look_up.headers.as_ref().unwrap_or(&profile.headers))?;
    Ok(request)
}

fn to(method: http::Method, address: &Url, body: Vec<u8>) -> Built<Request> {
    http::Request::builder()
        .method(method)
        .uri(address.as_str())
        .body(body)
        .map_err(|_| "the request could not be built".into())
}

fn headers(settings: &BTreeMap<String, Setting>) -> Built<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, setting) in settings {
        let value = setting
            .expose()
            .ok_or_else(|| format!("the header `{name}` has no value"))?;
        set(&mut headers, name, &value)?;
    }
    Ok(headers)
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) -> Built<()> {
    let unfit = |_| format!("the header `{name}` cannot be sent");
    let header = HeaderName::try_from(name).map_err(|error| unfit(error.into()))?;
    let mut value = HeaderValue::from_str(value).map_err(|error| unfit(http::Error::from(error)))?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

fn body(profile: &Profile, submission: &Submission<'_>, key: &str) -> Built<(&'static str, Vec<u8>)> {
    let mut named: Vec<(&str, Value)> = Vec::new();
    for (field, name) in &profile.fields {
        named.push((name, field_value(*field, profile, submission, key)?.into()));
    }
    for (name, setting) in &profile.constants {
        named.push((name, constant(name, setting)?));
    }
    match profile.encoding {
        Encoding::Json => {
            let map: Map<String, Value> = named
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            let body = serde_json::to_vec(&map).map_err(|_| "the body cannot be written as JSON")?;
            Ok(("application/json", body))
        }
        Encoding::Form => {
            let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let pairs = named.into_iter().map(|(name, value)| (name, text(value)));
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            Ok(("application/x-www-form-urlencoded", body.into_bytes()))
        }
    }
}

fn constant(name: &str, setting: &Setting) -> Built<Value> {
    match setting {
        Setting::Plain(value) => Ok(value.clone()),
        Setting::Secret(_) => {
            let text = setting
                .expose()
                .ok_or_else(|| format!("the constant `{name}` has no value"))?;
            Ok(Value::String(text.to_string()))
        }
    }
}

fn field_value(field: Field, profile: &Profile, submission: &Submission<'_>, key: &str) -> Built<String> {
    let application = submission.application;
    Ok(match field {
        Field::ClientId => application.client_id.to_string(),
        Field::ClientSecret => application.client_secret.expose().to_owned(),
        Field::RedirectUrl => application.redirect_uri.to_string(),
        Field::AccessToken => access_token(submission)?,
        Field::RefreshToken => submission.tokens.refresh_token.expose().to_owned(),
        Field::Country => country(profile, &application.host)?,
        Field::Database => submission.database.to_string(),
        Field::Reference => submission.reference.to_string(),
        Field::IdempotencyKey => key.to_owned(),
        Field::Attempt => submission.attempt.to_string(),
    })
}

/// A pair that was salvaged from half an answer may have none.
fn access_token(submission: &Submission<'_>) -> Built<String> {
    let token = submission.tokens.access_token.expose();
    if token.is_empty() {
        Err("the pair has no access token".into())
    } else {
        Ok(token.to_owned())
    }
}

fn country(profile: &Profile, host: &Url) -> Built<String> {
    country_of(host)
        .or(profile.country.as_deref())
        .map(str::to_owned)
        .ok_or_else(|| {
            format!(
                "{} is of no known country: set `country` in the channel's profile",
                host.host_str().unwrap_or("the host")
            )
        })
}

/// Everything in the request that must not come back in a message.
pub(crate) fn secrets(profile: &Profile, submission: &Submission<'_>) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add(submission.application.client_secret.expose());
    secrets.add(submission.tokens.access_token.expose());
    secrets.add(submission.tokens.refresh_token.expose());
    for setting in profile.headers.values().chain(profile.constants.values()) {
        add(&mut secrets, setting);
    }
    secrets
}

fn add(secrets: &mut Secrets, setting: &Setting) {
    match setting {
        Setting::Secret(secret) => secrets.add(secret.value.as_deref().map_or("", String::as_str)),
        // A key may have been written as a plain value. Short ones (`1`, `pair`) are none, and stand in many a text.
        Setting::Plain(Value::String(text)) if text.len() >= 8 => secrets.add(text),
        Setting::Plain(_) => {}
    }
}
