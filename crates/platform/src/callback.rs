//! What the platform sends the browser back with.

use handover_core::secret::{AuthorizationCode, State};
use url::form_urlencoded;

/// The longest query that is read at all.
pub const LONGEST_QUERY: usize = 8 * 1024;
/// The longest code. Exact Online's have a few hundred characters.
pub const LONGEST_CODE: usize = 4096;
/// The longest `state`. Ours has 43 characters.
pub const LONGEST_STATE: usize = 128;
const LONGEST_ERROR: usize = 40;

/// The query of a callback.
#[derive(Debug)]
pub enum CallbackQuery {
    /// The customer consented.
    Code {
        /// To be exchanged, once.
        code: AuthorizationCode,
        /// Tells which trip this is.
        state: State,
    },
    /// The customer, or the platform, said no.
    Error {
        /// The error code: `a-z` and `_`, at most 40 characters.
        error: String,
        /// Tells which trip this is.
        state: State,
    },
}

/// A query that is no answer of a platform. Names parameters, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// Too long to be one.
    #[error("the callback's query is longer than {LONGEST_QUERY} bytes")]
    TooLong,
    /// A parameter is missing (RFC 6749, 4.1.2).
    #[error("the callback's query has no `{0}`")]
    Missing(&'static str),
    /// A parameter came twice (RFC 6749, 3.1 forbids it): which one counts would be a guess.
    #[error("the callback's query has `{0}` more than once")]
    Duplicate(&'static str),
    /// A code and an error at once.
    #[error("the callback's query has both `code` and `error`")]
    Both,
    /// A value that is too long or holds what no such value holds.
    #[error("`{0}` in the callback's query is too long, or holds characters that it cannot have")]
    Malformed(&'static str),
}

impl CallbackQuery {
    /// Reads the part after `?`, still encoded. Decodes exactly once: `%21` is `!`, `%2521` stays `%21`.
    ///
    /// # Errors
    /// [`CallbackError`] when it is no answer of a platform.
    pub fn read(raw_query: &str) -> Result<Self, CallbackError> {
        let parameters = Parameters::read(raw_query)?;
        let state = text(parameters.state, "state", LONGEST_STATE)?;
        match (parameters.code, parameters.error) {
            (Some(_), Some(_)) => Err(CallbackError::Both),
            (None, Some(error)) => Ok(Self::Error {
                error: error_code(&error),
                state: State::new(state),
            }),
            (code, None) => Ok(Self::Code {
                code: AuthorizationCode::new(text(code, "code", LONGEST_CODE)?),
                state: State::new(state),
            }),
        }
    }

    /// The `state` that came back.
    #[must_use]
    pub fn state(&self) -> &State {
        match self {
            Self::Code { state, .. } | Self::Error { state, .. } => state,
        }
    }
}

/// No `Debug`: the values are secret.
#[derive(Default)]
struct Parameters {
    code: Option<String>,
    error: Option<String>,
    state: Option<String>,
}

impl Parameters {
    fn read(raw_query: &str) -> Result<Self, CallbackError> {
        if raw_query.len() > LONGEST_QUERY {
            return Err(CallbackError::TooLong);
        }
        let mut read = Self::default();
        // A bare `+` stays one. The form rules make it a blank, which no code, state or error has: it can only be a
        // plus that the platform did not encode.
        let query = raw_query.replace('+', "%2B");
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (name, place) = match name.as_ref() {
                "code" => ("code", &mut read.code),
                "error" => ("error", &mut read.error),
                "state" => ("state", &mut read.state),
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(CallbackError::Duplicate(name));
            }
        }
        Ok(read)
    }
}

fn text(value: Option<String>, name: &'static str, longest: usize) -> Result<String, CallbackError> {
    let value = value
        .filter(|value| !value.is_empty())
        .ok_or(CallbackError::Missing(name))?;
    let fits = value.len() <= longest && value.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(value)
    } else {
        Err(CallbackError::Malformed(name))
    }
}

/// Goes into the history and onto a page: only what an error code can hold is kept of it.
fn error_code(error: &str) -> String {
    let kept: String = error
        .chars()
        .filter(|c| c.is_ascii_lowercase() || *c == '_')
        .take(LONGEST_ERROR)
        .collect();
    if kept.is_empty() { "unknown".into() } else { kept }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code_of(query: &str) -> String {
        match CallbackQuery::read(query).unwrap() {
            CallbackQuery::Code { code, .. } => code.expose().to_owned(),
            CallbackQuery::Error { .. } => panic!("an error"),
        }
    }

    fn error_of(query: &str) -> String {
        match CallbackQuery::read(query).unwrap() {
            CallbackQuery::Error { error, .. } => error,
            CallbackQuery::Code { .. } => panic!("a code"),
        }
    }

    #[test]
    fn a_code_is_decoded_exactly_once() {
        for (query, expected) in [
            ("code=stampNL001.abcd%21IAAAA&state=s", "stampNL001.abcd!IAAAA"),
            ("code=stampNL001.abcd!IAAAA&state=s", "stampNL001.abcd!IAAAA"),
            ("code=stampNL001.abcd%2521IAAAA&state=s", "stampNL001.abcd%21IAAAA"),
            ("state=s&session_state=x&code=a%2Bb+c%2F%3D", "a+b+c/="),
        ] {
            assert_eq!(code_of(query), expected, "{query}");
        }
    }

    #[test]
    fn an_error_code_is_cut_to_what_one_can_hold() {
        for (query, expected) in [
            ("error=access_denied&state=s&error_description=No+way", "access_denied"),
            ("error=%3Cscript%3Ealert%3C%2Fscript%3E&state=s", "scriptalertscript"),
            ("error=&state=s", "unknown"),
            ("error=%0A%0D1234&state=s", "unknown"),
        ] {
            assert_eq!(error_of(query), expected, "{query}");
        }
        assert_eq!(error_of(&format!("error={}&state=s", "a".repeat(500))).len(), 40);
    }

    #[test]
    fn what_is_no_answer_is_refused_by_name() {
        use CallbackError::{Both, Duplicate, Malformed, Missing, TooLong};
        let long_state = format!("code=c&state={}", "s".repeat(129));
        let long_code = format!("code={}&state=s", "c".repeat(4097));
        let long_query = format!("code=c&state=s&x={}", "x".repeat(8192));
        for (query, expected) in [
            ("", Missing("state")),
            ("code=c", Missing("state")),
            ("state=s", Missing("code")),
            ("state=s&code=", Missing("code")),
            ("state=&code=c", Missing("state")),
            ("error=access_denied", Missing("state")),
            ("code=c&state=s&code=c", Duplicate("code")),
            ("code=c&state=s&state=", Duplicate("state")),
            ("error=a&error=b&state=s", Duplicate("error")),
            ("c%6Fde=c&state=s&code=d", Duplicate("code")),
            ("code=c&error=e&state=s", Both),
            ("code=a%20b&state=s", Malformed("code")),
            ("code=a%00&state=s", Malformed("code")),
            ("code=%FF&state=s", Malformed("code")),
            ("code=c&state=%C3%A9", Malformed("state")),
            (&long_state, Malformed("state")),
            (&long_code, Malformed("code")),
            (&long_query, TooLong),
        ] {
            assert_eq!(CallbackQuery::read(query).unwrap_err(), expected, "{query}");
        }
        assert!(CallbackQuery::read(&format!("code={}&state={}", "c".repeat(4096), "s".repeat(128))).is_ok());
    }

    proptest! {
        #[test]
        fn any_code_comes_back_as_it_was_and_is_not_printed(code in "[!-~]{12,300}", state in "[A-Za-z0-9_-]{12,128}") {
            let query: String =
                form_urlencoded::Serializer::new(String::new()).append_pair("code", &code).append_pair("state", &state).finish();
            let read = CallbackQuery::read(&query).unwrap();
            let printed = format!("{read:?}");
            prop_assert!(!printed.contains(&code) && !printed.contains(&state));
            prop_assert_eq!(read.state().expose(), state);
            prop_assert_eq!(code_of(&query), code);
        }

        #[test]
        fn no_query_makes_it_panic_or_print(query in "\\PC{0,200}") {
            if let Err(refusal) = CallbackQuery::read(&query) {
                prop_assert!(refusal.to_string().len() < 120);
            }
        }
    }
}
