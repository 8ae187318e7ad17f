//! Saves the refresh token from an answer that cannot be read the regular way.
//!
//! A 2xx answer means that the platform has spent the code: what it holds is all there is. So whatever is wrong with
//! it (cut off, two keys alike, text around it, a wrong content type), a complete refresh token in it is found.

use handover_core::{
    ports::Received,
    secret::{AccessToken, RefreshToken},
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::token_response::seconds;

/// The pair in `body`, if a refresh token is in it. Without an access token, its text is empty and its life 0: it has
/// ended already, for all that it can be used for.
pub(crate) fn salvage(body: &[u8]) -> Option<Received> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let refresh_token = find(json.as_ref(), body, "refresh_token")?;
    let (access_token, expires_in) = match find(json.as_ref(), body, "access_token") {
        Some(token) => (
            AccessToken::new(token.as_str()),
            json.as_ref().and_then(|json| seconds(json.get("expires_in")?)),
        ),
        None => (AccessToken::new(""), Some(0)),
    };
    Some(Received {
        access_token,
        refresh_token: RefreshToken::new(refresh_token.as_str()),
        expires_in,
    })
}

fn find(json: Option<&Value>, body: &[u8], key: &str) -> Option<Zeroizing<String>> {
    let regular = json
        .and_then(|json| json.get(key)?.as_str())
        .filter(|text| !text.is_empty());
    regular
        .map(|text| Zeroizing::new(text.to_owned()))
        .or_else(|| scan(body, key))
}

/// The first text that stands after `"key":` anywhere in `body`.
fn scan(body: &[u8], key: &str) -> Option<Zeroizing<String>> {
    let quoted = format!("\"{key}\"");
    let mut rest = body;
    while let Some(at) = position(rest, quoted.as_bytes()) {
        rest = rest.get(at + quoted.len()..)?;
        if let Some(text) = text_after_colon(rest) {
            return Some(text);
        }
    }
    None
}

fn text_after_colon(rest: &[u8]) -> Option<Zeroizing<String>> {
    let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let end = closing_quote(value)?;
    let text: Zeroizing<String> = serde_json::from_slice::<String>(value.get(..=end)?).ok()?.into();
    Some(text).filter(|text| !text.is_empty())
}

/// Where the JSON text that `value` begins with ends. `None` when it is cut off: half a token is none.
fn closing_quote(value: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in value.strip_prefix(b"\"")?.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refresh_of(body: &[u8]) -> Option<String> {
        salvage(body).map(|pair| pair.refresh_token.expose().to_owned())
    }

    #[test]
    fn a_refresh_token_is_found_in_whatever_is_around_it() {
        for body in [
            r#"{"refresh_token":"r!1"}"#,
            r#"{"access_token":5,"refresh_token":"r!1","expires_in":[]}"#,
            r#"{"refresh_token":"old","refresh_token":"r!1"}"#,
            "\u{feff}{\"access_token\":\"a\",\"refresh_token\" :\n \"r!1\"}",
            r#"{"access_token":"a","refresh_token":"r!1","expires_in":"6"#,
            r#"{"refresh_token":null,"more":{"refresh_token":"r!1"}}"#,
            r#"{"refresh_token":"","d":[{"refresh_token":"r!1"}]}"#,
            r#"<pre>{"refresh_token":"r!1"}</pre>"#,
            r#"["refresh_token", {"refresh_token":"\u0072!1"}"#,
        ] {
            assert_eq!(refresh_of(body.as_bytes()).as_deref(), Some("r!1"), "{body}");
        }
        assert_eq!(
            refresh_of(b"\xff\xfe {\"refresh_token\":\"r!1\"} \xff").as_deref(),
            Some("r!1")
        );
    }

    #[test]
    fn half_a_token_is_none() {
        for body in [
            "",
            "{",
            r#"{"access_token":"a"}"#,
            r#"{"refresh_token":"r!"#,
            r#"{"refresh_token":"r\"#,
            r#"{"refresh_token":"r\""#,
            r#"{"refresh_token":"#,
            r#"{"refresh_token""#,
            r#"{"refresh_token":5}"#,
            r#"{"refresh_token":""}"#,
            r#""refresh_token""#,
        ] {
            assert_eq!(refresh_of(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn an_access_token_that_is_missing_has_ended() {
        let pair = salvage(br#"{"refresh_token":"r","expires_in":600}"#).unwrap();
        assert_eq!((pair.access_token.expose(), pair.expires_in), ("", Some(0)));
        let pair = salvage(br#"{"access_token":"a","refresh_token":"r","expires_in":"600"}"#).unwrap();
        assert_eq!((pair.access_token.expose(), pair.expires_in), ("a", Some(600)));
    }

    proptest! {
        #[test]
        fn a_whole_token_is_found_in_any_noise_and_half_a_one_never(
            before in proptest::collection::vec(any::<u8>(), 0..60),
            token in "[!-~]{1,60}",
            after in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let quoted = serde_json::to_string(&token).unwrap();
            let mut body = before;
            body.extend_from_slice(format!("\"refresh_token\" : {quoted}").as_bytes());
            let half = body[..body.len() - 1].to_vec();
            prop_assert_eq!(refresh_of(&half), None);
            body.extend_from_slice(&after);
            prop_assert_eq!(refresh_of(&body), Some(token));
        }
    }
}
