//! What the browser brings back from the consent screen.

use handover_platform::{
    CallbackQuery,
    callback::{LONGEST_CODE, LONGEST_QUERY, LONGEST_STATE},
};
use url::form_urlencoded::Serializer;

use crate::{
    Verdict,
    leak::{is_one_short_line, tells_nothing},
};

/// The part of the callback's address after `?`.
///
/// What is taken has the form and the length that codes, states and error codes have, and comes back from a query made
/// of it; neither it nor a refusal is ever printed.
pub fn callback(input: &[u8]) -> Verdict {
    let Ok(query) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let read = CallbackQuery::read(query);
    match &read {
        Ok(taken) => {
            assert!(query.len() <= LONGEST_QUERY);
            fits("state", taken.state().expose(), LONGEST_STATE);
            is_hidden(query, taken);
            comes_back(taken);
        }
        Err(refusal) => {
            is_one_short_line(&refusal.to_string(), 120);
            tells_nothing(input, &format!("{refusal} {refusal:?}"));
        }
    }
    Verdict::of(&read)
}

fn fits(what: &str, value: &str, longest: usize) {
    assert!((1..=longest).contains(&value.len()), "{what}: {value}");
    assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "{what}: {value}");
}

fn is_hidden(query: &str, taken: &CallbackQuery) {
    let shown = format!("{taken:?}");
    tells_nothing(query.as_bytes(), &shown);
    tells_nothing(taken.state().expose().as_bytes(), &shown);
    if let CallbackQuery::Code { code, .. } = taken {
        tells_nothing(code.expose().as_bytes(), &shown);
    }
}

fn comes_back(taken: &CallbackQuery) {
    let (name, value) = match taken {
        CallbackQuery::Code { code, .. } => {
            fits("code", code.expose(), LONGEST_CODE);
            ("code", code.expose())
        }
        CallbackQuery::Error { error, .. } => {
            assert!(error.len() <= 40 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            ("error", error.as_str())
        }
    };
    let state = taken.state().expose();
    let query = Serializer::new(String::new())
        .append_pair(name, value)
        .append_pair("state", state)
        .finish();
    // Encoded, it may be too long for an address.
    if query.len() > LONGEST_QUERY {
        return;
    }
    let again = CallbackQuery::read(&query).unwrap();
    assert_eq!(again.state().expose(), state);
    match again {
        CallbackQuery::Code { code, .. } => assert_eq!((name, value), ("code", code.expose())),
        CallbackQuery::Error { error, .. } => assert_eq!((name, value), ("error", error.as_str())),
    }
}
