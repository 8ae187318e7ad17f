//! What Exact Online answers.

use std::time::Duration;

use handover_core::{
    ports::{Platform, Received, RefreshRefusal},
    secret::{AuthorizationCode, PkceVerifier},
};
use handover_platform::ExactOnline;
use serde_json::Value;

use crate::{
    Verdict,
    answer::Answer,
    case::{ACCESS, Case, SECRETS},
    leak::{is_one_short_line, tells_nothing},
    loopback::{CLIENT, told},
};

const CODE: &str = "stampNL001.c0d3c0d3!IAAAAc0d3c0d3";
const VERIFIER: &str = "v3r1f13r-v3r1f13r-v3r1f13r-v3r1f13r-v3r1f13";
const LIMIT: Duration = Duration::from_secs(20);

/// A token answer for a code.
///
/// A success that holds a whole refresh token is that pair, whatever else is wrong with it; no half token is ever one.
/// What was cut off, or says yes, is unclear. Nothing of the answer or of what was presented is told.
pub fn exchange(input: &[u8]) -> Verdict {
    let Some(answer) = Answer::read(input) else {
        return Verdict::Refused;
    };
    let exchanged = told(&answer, |host| async move {
        let (code, verifier) = (AuthorizationCode::new(CODE), PkceVerifier::new(VERIFIER));
        exact()
            .exchange(&Case::at(host).application, &code, &verifier, LIMIT)
            .await
    });
    if let Err(error) = &exchanged {
        tells_no_secret(&answer, &format!("{error} {error:?}"));
        is_one_short_line(&error.reason, 500);
        assert!(error.unclear || is_clear(&answer), "{error}");
    }
    is_the_pair_that_came(&answer, exchanged.as_ref().ok());
    Verdict::of(&exchanged)
}

/// A token answer for a refresh token: as for a code.
pub fn refresh(input: &[u8]) -> Verdict {
    let Some(answer) = Answer::read(input) else {
        return Verdict::Refused;
    };
    let refreshed = told(&answer, |host| async move {
        let case = Case::at(host);
        exact()
            .refresh(&case.application, &case.tokens.refresh_token, LIMIT)
            .await
    });
    if let Err(error) = &refreshed {
        tells_no_secret(&answer, &format!("{error} {error:?}"));
        is_one_short_line(&error.reason, 500);
        assert!(error.refusal == RefreshRefusal::Unclear || is_clear(&answer), "{error}");
    }
    is_the_pair_that_came(&answer, refreshed.as_ref().ok());
    Verdict::of(&refreshed)
}

/// An answer to the question who consented.
///
/// Whoever it names is named by a GUID in its one spelling, and by a short line. A failure tells nothing of the answer.
pub fn me(input: &[u8]) -> Verdict {
    let Some(answer) = Answer::read(input) else {
        return Verdict::Refused;
    };
    let identity = told(&answer, |host| async move {
        let case = Case::at(host);
        exact().me(&case.application, &case.tokens.access_token, LIMIT).await
    });
    match &identity {
        Ok(identity) => {
            assert!(answer.is_success() && !answer.cut);
            is_a_guid(&identity.user);
            is_one_short_line(&identity.name, 200);
            tells_nothing(ACCESS.as_bytes(), &format!("{identity:?}"));
        }
        Err(error) => {
            tells_no_secret(&answer, &format!("{error} {error:?}"));
            is_one_short_line(&error.reason, 300);
        }
    }
    Verdict::of(&identity)
}

fn exact() -> ExactOnline {
    ExactOnline::new(CLIENT.clone())
}

fn tells_no_secret(answer: &Answer<'_>, told: &str) {
    tells_nothing(answer.body, told);
    for presented in SECRETS.into_iter().chain([CODE, VERIFIER]) {
        tells_nothing(presented.as_bytes(), told);
    }
}

/// Whether it may be read as saying that nothing was exchanged.
fn is_clear(answer: &Answer<'_>) -> bool {
    !answer.cut && !answer.says_yes()
}

fn is_the_pair_that_came(answer: &Answer<'_>, pair: Option<&Received>) {
    let there = if answer.is_success() {
        refresh_tokens(answer.body)
    } else {
        Vec::new()
    };
    match pair {
        None => assert!(there.is_empty(), "a pair was lost: {there:?}"),
        Some(pair) => {
            tells_nothing(answer.body, &format!("{pair:?}"));
            let refresh_token = pair.refresh_token.expose();
            assert!(
                there.iter().any(|whole| whole == refresh_token),
                "{refresh_token} of {there:?}"
            );
        }
    }
}

/// Every whole refresh token that stands in an answer, wherever: a text after its name and a colon.
fn refresh_tokens(body: &[u8]) -> Vec<String> {
    const NAME: &[u8] = b"\"refresh_token\"";
    let mut found: Vec<String> = Vec::new();
    for at in 0..body.len() {
        let value = body[at..].strip_prefix(NAME).map(<[u8]>::trim_ascii_start);
        if let Some(value) = value.and_then(|rest| rest.strip_prefix(b":")) {
            let first = serde_json::Deserializer::from_slice(value.trim_ascii_start())
                .into_iter::<String>()
                .next();
            found.extend(first.and_then(Result::ok));
        }
    }
    // Its name may be spelled with escapes.
    let json: Option<Value> = serde_json::from_slice(body).ok();
    found.extend(json.and_then(|json| json.get("refresh_token")?.as_str().map(str::to_owned)));
    found.retain(|token| !token.is_empty());
    found
}

fn is_a_guid(user: &str) {
    let groups: Vec<usize> = user.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{user}");
    assert!(
        user.bytes()
            .all(|byte| byte == b'-' || matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        "{user}"
    );
}
