//! What a profile must be beyond its form: found when the channel is added, not when a pair is at stake.

use std::collections::{BTreeMap, BTreeSet};

use handover_core::connection::PairFate;
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::{AnswerRule, Field, LookUp, LookUpAnswerRule, Meaning, Presence, Profile, ProfileError, Setting};
use crate::template;

type Checked = Result<(), ProfileError>;

/// Set by the request itself.
const OURS: [&str; 5] = [
    "content-type",
    "content-length",
    "host",
    "transfer-encoding",
    "connection",
];

pub(super) fn check(profile: &Profile) -> Checked {
    address("address", &profile.address, profile.allow_http)?;
    seconds("timeout_seconds", profile.timeout_seconds)?;
    body(profile)?;
    headers(profile)?;
    answers(profile)?;
    profile
        .look_up
        .as_ref()
        .map_or(Ok(()), |look_up| self::look_up(profile, look_up))
}

fn address(at: &str, address: &Url, allow_http: bool) -> Checked {
    let problem = match address.scheme() {
        "https" => None,
        "http" if allow_http => None,
        "http" => Some("is not https; for a stand-in on the same machine, set `allow_http`"),
        _ => Some("is not https"),
    };
    let user = !address.username().is_empty() || address.password().is_some();
    match problem.or(user.then_some("has a user or password in it: use `headers`")) {
        Some(problem) => Err(ProfileError::new(at, problem)),
        None => Ok(()),
    }
}

fn seconds(at: &str, seconds: u16) -> Checked {
    if (5..=90).contains(&seconds) {
        Ok(())
    } else {
        Err(ProfileError::new(at, "has to be from 5 to 90"))
    }
}

fn body(profile: &Profile) -> Checked {
    if !profile.fields.contains_key(&Field::RefreshToken) {
        return Err(ProfileError::new(
            "fields",
            "has no `refresh_token`: there would be nothing to register with",
        ));
    }
    let mut names = BTreeSet::new();
    let constants = profile.constants.keys().map(|name| ("constants", name));
    for (at, name) in profile.fields.values().map(|name| ("fields", name)).chain(constants) {
        if name.trim().is_empty() {
            return Err(ProfileError::new(at, "has an empty name"));
        }
        if !names.insert(name) {
            return Err(ProfileError::new(
                at,
                format!("has the name `{name}`, which is there twice"),
            ));
        }
    }
    Ok(())
}

fn headers(profile: &Profile) -> Checked {
    let own = [
        ("idempotency_header", &profile.idempotency_header),
        ("attempt_header", &profile.attempt_header),
    ];
    let mut names = header_names("headers", &profile.headers)?;
    for (at, name) in own {
        if let Some(name) = name
            && !names.insert(header_name(at, name)?)
        {
            return Err(ProfileError::new(at, format!("is `{name}`, which is there twice")));
        }
    }
    Ok(())
}

fn header_names(at: &str, headers: &BTreeMap<String, Setting>) -> Result<BTreeSet<String>, ProfileError> {
    let mut names = BTreeSet::new();
    for (name, setting) in headers {
        let at = format!("{at}.{name}");
        if !names.insert(header_name(&at, name)?) {
            return Err(ProfileError::new(at, "is there twice"));
        }
        let fits = match setting {
            Setting::Plain(Value::String(text)) => fits_a_header(text),
            Setting::Plain(_) => false,
            Setting::Secret(secret) => {
                fits_a_header(&secret.prefix) && secret.value.as_deref().is_none_or(|value| fits_a_header(value))
            }
        };
        if !fits {
            return Err(ProfileError::new(at, "is not one line of text"));
        }
    }
    Ok(names)
}

fn header_name(at: &str, name: &str) -> Result<String, ProfileError> {
    let lower = HeaderName::try_from(name).map_err(|_| ProfileError::new(at, "is no name of a header"))?;
    if OURS.contains(&lower.as_str()) {
        return Err(ProfileError::new(at, "is set by the request itself"));
    }
    Ok(lower.as_str().to_owned())
}

pub(super) fn fits_a_header(text: &str) -> bool {
    text.is_ascii() && HeaderValue::from_str(text).is_ok()
}

fn answers(profile: &Profile) -> Checked {
    for (at, rule) in profile.answers.iter().enumerate() {
        let at = format!("answers[{at}]");
        condition(
            &at,
            rule.status.are_none(),
            rule.json_pointer.as_deref(),
            rule.equals.as_ref(),
        )?;
        pointers(&at, [("segment", &rule.segment), ("our_key", &rule.our_key)])?;
        for pointer in &rule.reason {
            pointer_form(&format!("{at}.reason"), pointer)?;
        }
        fits_meaning(&at, rule)?;
        if rule.our_key.is_some() {
            key_is_sent(profile, &format!("{at}.our_key"))?;
        }
    }
    if profile.answers.iter().any(|rule| rule.means == Meaning::Registered) {
        return Ok(());
    }
    Err(ProfileError::new(
        "answers",
        "has no line that means `registered`: every registration would end in doubt",
    ))
}

fn fits_meaning(at: &str, rule: &AnswerRule) -> Checked {
    let success = matches!(rule.means, Meaning::Registered | Meaning::Exists);
    let refusal = matches!(rule.means, Meaning::Refused | Meaning::Duplicate | Meaning::Exists);
    let wrong = if rule.segment.is_some() && !success {
        "segment"
    } else if rule.our_key.is_some() && rule.means != Meaning::Exists {
        "our_key"
    } else if rule.pair.is_some() && !refusal {
        "pair"
    } else {
        return Ok(());
    };
    Err(ProfileError::new(
        format!("{at}.{wrong}"),
        "does not go with what the line means",
    ))
}

fn key_is_sent(profile: &Profile, at: &str) -> Checked {
    if profile.idempotency_header.is_some() || profile.fields.contains_key(&Field::IdempotencyKey) {
        return Ok(());
    }
    let problem = "needs the idempotency key to be sent: set `idempotency_header` or `fields.idempotency_key`";
    Err(ProfileError::new(at, problem))
}

fn condition(at: &str, no_status: bool, pointer: Option<&str>, equals: Option<&Value>) -> Checked {
    if no_status {
        return Err(ProfileError::new(format!("{at}.status"), "is an empty list"));
    }
    if pointer.is_some() != equals.is_some() {
        return Err(ProfileError::new(at, "needs `json_pointer` and `equals` together"));
    }
    pointer.map_or(Ok(()), |pointer| pointer_form(&format!("{at}.json_pointer"), pointer))
}

fn pointers(at: &str, pointers: [(&str, &Option<String>); 2]) -> Checked {
    for (key, pointer) in pointers {
        if let Some(pointer) = pointer {
            pointer_form(&format!("{at}.{key}"), pointer)?;
        }
    }
    Ok(())
}

/// RFC 6901; the whole document, as the empty pointer means it, is no text.
fn pointer_form(at: &str, pointer: &str) -> Checked {
    if pointer.starts_with('/') {
        Ok(())
    } else {
        Err(ProfileError::new(at, "is no JSON pointer such as `/segment`"))
    }
}

fn look_up(profile: &Profile, look_up: &LookUp) -> Checked {
    let at = "look_up.address";
    let plain = template::check(&look_up.address).map_err(|problem| ProfileError::new(at, problem))?;
    address(at, &plain, profile.allow_http)?;
    seconds("look_up.timeout_seconds", look_up.timeout_seconds)?;
    if let Some(headers) = &look_up.headers {
        header_names("look_up.headers", headers)?;
    }
    let by_key = look_up.address.contains("{idempotency_key}");
    if by_key {
        key_is_sent(profile, at)?;
    }
    for (number, rule) in look_up.answers.iter().enumerate() {
        look_up_answer(profile, &format!("look_up.answers[{number}]"), rule, by_key)?;
    }
    if !look_up.answers.iter().any(|rule| rule.means == Presence::Found) {
        return Err(ProfileError::new("look_up.answers", "has no line that means `found`"));
    }
    absence(profile, look_up)
}

/// A refusal whose answer was lost leaves no database either: what it did to the pair, its absence does not undo.
fn absence(profile: &Profile, look_up: &LookUp) -> Checked {
    let refusals = profile
        .answers
        .iter()
        .filter(|rule| matches!(rule.means, Meaning::Refused | Meaning::Duplicate))
        .map(|rule| rule.pair.unwrap_or(profile.pair_if_refused));
    let spends = refusals.into_iter().any(|fate| fate != PairFate::Unspent);
    if look_up.pair_if_absent == PairFate::Unspent && spends {
        return Err(ProfileError::new(
            "look_up.pair_if_absent",
            "is `unspent`, but a refusal may spend the pair, and one whose answer was lost leaves no database either",
        ));
    }
    Ok(())
}

fn look_up_answer(profile: &Profile, at: &str, rule: &LookUpAnswerRule, by_key: bool) -> Checked {
    condition(
        at,
        rule.status.are_none(),
        rule.json_pointer.as_deref(),
        rule.equals.as_ref(),
    )?;
    pointers(at, [("segment", &rule.segment), ("our_key", &rule.our_key)])?;
    if rule.our_key.is_some() {
        key_is_sent(profile, &format!("{at}.our_key"))?;
    }
    if rule.means == Presence::Found && !by_key && rule.our_key.is_none() {
        let problem = "proves nothing: look up by {idempotency_key}, or say in `our_key` where the answer holds it";
        return Err(ProfileError::new(at, problem));
    }
    Ok(())
}
