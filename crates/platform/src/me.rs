//! Asking who consented.

use std::time::Duration;

use handover_core::{application::ApplicationSecret, connection::Identity, ports::MeError, secret::AccessToken};
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    endpoint,
    http::{Answer, HttpClient, Request},
};

const LONGEST_NAME: usize = 200;

pub(crate) async fn me(
    http: &HttpClient,
    application: &ApplicationSecret,
    access_token: &AccessToken,
    limit: Duration,
) -> Result<Identity, MeError> {
    let host = endpoint::name(&application.host);
    let failed = |why: &str| MeError {
        reason: format!("{host} did not tell who consented: {why}"),
    };
    let request = request(http, application, access_token).map_err(failed)?;
    let answer = http
        .send(request, limit)
        .await
        .map_err(|failure| failed(&failure.to_string()))?;
    identity(&answer).map_err(|why| failed(&why))
}

fn request(
    http: &HttpClient,
    application: &ApplicationSecret,
    access_token: &AccessToken,
) -> Result<Request, &'static str> {
    let address = endpoint::under(&application.host, &["api", "v1", "current", "Me"]);
    if !http.allows(&address) {
        return Err("the application's host is not an https address");
    }
    if access_token.expose().is_empty() {
        return Err("there is no access token to ask with");
    }
    let bearer = Zeroizing::new(format!("Bearer {}", access_token.expose()));
    let mut authorization =
        HeaderValue::from_str(&bearer).map_err(|_| "the access token does not fit into a header")?;
    authorization.set_sensitive(true);
    http::Request::get(address.as_str())
        .header(AUTHORIZATION, authorization)
        // Without it the answer is Atom XML.
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .body(Vec::new())
        .map_err(|_| "the request could not be built")
}

fn identity(answer: &Answer) -> Result<Identity, String> {
    if !answer.status.is_success() {
        return Err(refusal(answer.status.as_u16()));
    }
    if let Some(cut) = &answer.cut {
        return Err(cut.to_string());
    }
    read(&answer.body).ok_or_else(|| "its answer holds no user id".into())
}

fn refusal(status: u16) -> String {
    let meaning = match status {
        300..=399 => "it points elsewhere, which is not followed: check the application's host",
        401 => "the access token is not accepted, or has ended",
        403 => "the user may not use this",
        429 => "too many calls",
        500..=599 => "it failed",
        _ => "a refusal that is not known",
    };
    format!("HTTP {status}: {meaning}")
}

/// The user in an answer: lists stand under `d.results`, single ones were seen right under `d`.
fn read(body: &[u8]) -> Option<Identity> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let d = json.get("d")?;
    let user = [d.get("results").and_then(|list| list.get(0)), d.get(0), Some(d)]
        .into_iter()
        .flatten()
        .find(|user| user.get("UserID").is_some())?;
    let text = |key: &str| {
        user.get(key)
            .and_then(Value::as_str)
            .map(one_line)
            .filter(|name| !name.is_empty())
    };
    Some(Identity {
        user: guid(user.get("UserID")?.as_str()?)?,
        name: text("FullName").or_else(|| text("UserName")).unwrap_or_default(),
    })
}

/// The one spelling of a GUID; `None` if it is none.
fn guid(text: &str) -> Option<String> {
    let text = text
        .trim()
        .trim_start_matches('{')
        .trim_end_matches('}')
        .to_ascii_lowercase();
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let hex = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    (hex && groups == [8, 4, 4, 4, 12]).then_some(text)
}

fn one_line(name: &str) -> String {
    name.trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_NAME)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "a1b2c3d4-0000-4000-8000-0123456789ab";

    fn user_of(body: &str) -> Option<(String, String)> {
        read(body.as_bytes()).map(|identity| (identity.user, identity.name))
    }

    #[test]
    fn the_user_is_found_in_either_form() {
        let upper = ID.to_uppercase();
        for body in [
            format!(r#"{{"d":{{"results":[{{"UserID":"{ID}","FullName":"Jan Jansen","CurrentDivision":1}}]}}}}"#),
            format!(r#"{{"d":{{"UserID":" {upper} ","FullName":"Jan Jansen"}}}}"#),
            format!(r#"{{"d":[{{"UserID":"{{{ID}}}","UserName":"Jan Jansen","FullName":null}}]}}"#),
            format!(r#"{{"d":{{"results":[{{"UserID":"{ID}","FullName":" ","UserName":"Jan\n Jansen"}}]}}}}"#),
        ] {
            assert_eq!(user_of(&body), Some((ID.into(), "Jan Jansen".into())), "{body}");
        }
        assert_eq!(
            user_of(&format!(r#"{{"d":{{"UserID":"{ID}"}}}}"#)),
            Some((ID.into(), String::new()))
        );
    }

    #[test]
    fn without_a_guid_nobody_is_known() {
        for body in [
            "",
            "{}",
            "null",
            "<feed/>",
            r#"{"d":{}}"#,
            r#"{"d":{"results":[]}}"#,
            r#"{"d":{"UserID":5}}"#,
            r#"{"d":{"UserID":""}}"#,
            r#"{"d":{"UserID":"jan"}}"#,
            r#"{"d":{"UserID":"a1b2c3d4-0000-4000-8000-0123456789aé"}}"#,
            r#"{"UserID":"a1b2c3d4-0000-4000-8000-0123456789ab"}"#,
        ] {
            assert_eq!(user_of(body), None, "{body}");
        }
    }
}
