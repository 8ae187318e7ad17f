//! A token answer, read leniently.
//!
//! The `oauth2` crate's own type refuses Exact Online's `"expires_in":"600"`. By then the platform has rotated: a type
//! that is strict about what does not matter destroys the customer's authorisation.

use std::time::Duration;

use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse, TokenType};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// `Debug` hides the tokens: `oauth2`'s types do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LenientResponse {
    access_token: AccessToken,
    #[serde(default)]
    token_type: AnyType,
    #[serde(default, deserialize_with = "lenient_seconds")]
    expires_in: Option<u32>,
    #[serde(default, deserialize_with = "lenient_token")]
    refresh_token: Option<RefreshToken>,
}

/// Whatever the answer called its type, if anything: every platform here sends bearer tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct AnyType;

impl<'de> Deserialize<'de> for AnyType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl TokenType for AnyType {}

impl TokenResponse for LenientResponse {
    type TokenType = AnyType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }
    fn token_type(&self) -> &AnyType {
        &self.token_type
    }
    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.map(|seconds| Duration::from_secs(seconds.into()))
    }
    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }
    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

impl LenientResponse {
    pub(crate) fn seconds(&self) -> Option<u32> {
        self.expires_in
    }
}

/// A number or a text of one, in seconds; anything else counts as not told.
pub(crate) fn seconds(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn lenient_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Value::deserialize(deserializer).map(|value| seconds(&value))
}

fn lenient_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RefreshToken>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) if !text.is_empty() => Some(RefreshToken::new(text)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_is_read_from_a_number_or_a_text() {
        for (json, expected) in [
            ("600", Some(600)),
            ("\"600\"", Some(600)),
            ("\" 600 \"", Some(600)),
            ("0", Some(0)),
            ("null", None),
            ("\"soon\"", None),
            ("-1", None),
            ("600.5", None),
            ("99999999999", None),
            ("[600]", None),
            ("{}", None),
            ("true", None),
        ] {
            assert_eq!(seconds(&serde_json::from_str(json).unwrap()), expected, "{json}");
        }
    }

    #[test]
    fn odd_neighbours_do_not_cost_the_tokens() {
        for rest in [
            "",
            r#","token_type":"bearer","expires_in":"600""#,
            r#","token_type":"BEARER","expires_in":600"#,
            r#","token_type":null,"expires_in":null"#,
            r#","token_type":7,"expires_in":{},"scope":[1],"new":{"a":[]}"#,
        ] {
            let body = format!(r#"{{"access_token":"aaa","refresh_token":"rrr"{rest}}}"#);
            let read: LenientResponse = serde_json::from_str(&body).unwrap();
            assert_eq!(read.access_token().secret(), "aaa", "{rest}");
            assert_eq!(read.refresh_token().unwrap().secret(), "rrr", "{rest}");
            assert!(!format!("{read:?}").contains("rrr"));
        }
    }
}
