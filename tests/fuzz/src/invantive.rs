//! The http channel: its profile, and what the service behind it answers.

use handover_core::{
    connection::{PairFate, Problem},
    event::{LookUpAnswer, Outcome},
    ids::Segment,
    ports::Registrar,
    secret::Plaintext,
};
use handover_invantive::{HttpRegistrar, Profile};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::{
    Verdict,
    answer::Answer,
    case::{API_KEY, Case, SECRETS},
    leak::{hides, is_one_short_line, tells_less_than, tells_nothing},
    loopback::{CLIENT, told},
};

/// So much of what was sent may not be quoted, by the README of the channel.
const QUOTED: usize = 16;
const EXAMPLE: &str = include_str!("../../../crates/invantive/profiles/example.json");

/// An answer to a registration, read by the example profile.
///
/// It means what the one line of the profile that fits says, and no line is a doubt: never a success, never "nothing was
/// done". What was sent does not come back in a text for people.
pub fn registration(input: &[u8]) -> Verdict {
    let Some(answer) = Answer::read(input) else {
        return Verdict::Refused;
    };
    let case = Case::dutch();
    let outcome = told(&answer, |host| {
        let prepared = registrar().prepare(&example(&host), &case.submission()).unwrap();
        async move { registrar().submit(prepared).await }
    });
    for secret in SECRETS {
        tells_less_than(QUOTED, secret.as_bytes(), &format!("{outcome:?}"));
    }
    assert_eq!(meaning(&outcome), listed(&answer, &case), "{outcome:?}");
    match outcome {
        Outcome::Registered { segment } => {
            let told = reply(&answer).and_then(|reply| text(&reply, "/segment"));
            assert_eq!(told.as_deref(), Some(segment.as_str()));
        }
        Outcome::Refused { reason, .. } | Outcome::NotSent { reason, .. } | Outcome::Unanswered { reason } => {
            is_one_short_line(&reason, 600);
        }
    }
    if listed(&answer, &case) == Meaning::Doubt {
        Verdict::Refused
    } else {
        Verdict::Accepted
    }
}

/// An answer to a look-up, read by the example profile.
///
/// The database is there, or not there, only if the profile's line for that fits; everything else is unclear.
pub fn look_up(input: &[u8]) -> Verdict {
    let Some(answer) = Answer::read(input) else {
        return Verdict::Refused;
    };
    let case = Case::dutch();
    let found = told(&answer, |host| {
        let Case {
            connection,
            authorisation,
            reference,
            database,
            ..
        } = &case;
        async move {
            let profile = example(&host);
            registrar()
                .look_up(&profile, *connection, authorisation, reference, database)
                .await
        }
    });
    let found = found.unwrap();
    let reply = reply(&answer);
    let status = reply.as_ref().and_then(|reply| reply.pointer("/status")?.as_str());
    let expected = match (answer.status, status) {
        (200, Some("found")) => reply
            .as_ref()
            .and_then(segment)
            .map_or(LookUpAnswer::Unclear, LookUpAnswer::Found),
        (404, Some("absent")) => LookUpAnswer::Absent,
        _ => LookUpAnswer::Unclear,
    };
    assert_eq!(found, expected);
    if found == LookUpAnswer::Unclear {
        Verdict::Refused
    } else {
        Verdict::Accepted
    }
}

/// A profile, as the OEM wrote it and as it was sealed.
///
/// One that is taken can be sealed, reads back the same, and builds a request: what is wrong with it is told when it is
/// added, not when a pair is at stake. A sealed one that is refused is refused without its secrets.
pub fn profile(input: &[u8]) -> Verdict {
    if let Err(refusal) = Profile::read(&Plaintext::new(input.to_vec())) {
        tells_no_value(input, &format!("{refusal} {refusal:?}"));
    }
    let Ok(text) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let parsed = Profile::parse(text);
    if let Ok(profile) = &parsed {
        can_be_used(profile.clone());
    }
    Verdict::of(&parsed)
}

fn registrar() -> HttpRegistrar {
    HttpRegistrar::new(CLIENT.clone())
}

/// The example profile, pointed at `host`, as it is sealed.
fn example(host: &Url) -> Plaintext {
    let mut profile: Value = serde_json::from_str(EXAMPLE).unwrap();
    profile["address"] = json!(host);
    profile["allow_http"] = json!(true);
    profile["look_up"]["address"] = json!(format!("{host}?idempotency_key={{idempotency_key}}"));
    filled(Profile::parse(&profile.to_string()).unwrap())
        .seal_text()
        .unwrap()
}

fn filled(mut profile: Profile) -> Profile {
    for name in profile.secrets_wanted() {
        profile.fill(&name, &SecretString::from(API_KEY)).unwrap();
    }
    profile
}

/// What the lines of the example profile say, and nothing else.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Registered,
    Refused(PairFate),
    NotSent(Problem),
    Doubt,
}

fn meaning(outcome: &Outcome) -> Meaning {
    match outcome {
        Outcome::Registered { .. } => Meaning::Registered,
        Outcome::Refused { pair, .. } => Meaning::Refused(*pair),
        Outcome::NotSent { problem, .. } => Meaning::NotSent(*problem),
        Outcome::Unanswered { .. } => Meaning::Doubt,
    }
}

/// The same table, written down a second time.
fn listed(answer: &Answer<'_>, case: &Case) -> Meaning {
    let Some(reply) = reply(answer) else {
        return Meaning::Doubt;
    };
    let at = |pointer: &str| reply.pointer(pointer).and_then(Value::as_str);
    let registered = || segment(&reply).map_or(Meaning::Doubt, |_| Meaning::Registered);
    match (answer.status, at("/status"), at("/error")) {
        (201, Some("created"), _) => registered(),
        (409, Some("exists"), _) if text(&reply, "/idempotency_key").as_deref() == Some(&case.key()) => registered(),
        (409, Some("exists"), _) | (422, _, Some("itgenscr590" | "itgenoda219")) => Meaning::Refused(PairFate::Unknown),
        (400, _, Some("invalid")) => Meaning::Refused(PairFate::Unspent),
        (401, _, Some("unauthorized")) => Meaning::NotSent(Problem::Configuration),
        (503, _, Some("busy")) => Meaning::NotSent(Problem::ChannelUnavailable),
        _ => Meaning::Doubt,
    }
}

/// The body of a whole answer, if it is JSON.
fn reply(answer: &Answer<'_>) -> Option<Value> {
    serde_json::from_slice(answer.body).ok().filter(|_| !answer.cut)
}

fn text(reply: &Value, pointer: &str) -> Option<String> {
    match reply.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn segment(reply: &Value) -> Option<Segment> {
    text(reply, "/segment")?.parse().ok()
}

fn can_be_used(profile: Profile) {
    let profile = filled(profile);
    tells_nothing(API_KEY.as_bytes(), &format!("{profile:?}"));
    let sealed = profile.seal_text().unwrap();
    let again = Profile::read(&sealed).unwrap();
    assert_eq!(again.seal_text().unwrap().expose(), sealed.expose());
    assert_eq!(again.look_up_rule(), profile.look_up_rule());
    assert_eq!(again.time_limit(), profile.time_limit());
    registrar().prepare(&sealed, &Case::dutch().submission()).unwrap();
}

/// Keys may be named, and the names of secrets; values may not.
fn tells_no_value(sealed: &[u8], told: &str) {
    let text = String::from_utf8_lossy(sealed);
    for value in values(&text) {
        hides(&value, &[&text.replacen(&value, "", 1)], told);
    }
}

fn values(sealed: &str) -> Vec<String> {
    let Ok(json) = serde_json::from_str::<Value>(sealed) else {
        // Of what is no JSON any more, what stands where a secret would.
        let after = sealed.split("\"value\": \"").skip(1);
        return after
            .filter_map(|rest| Some(rest.split('"').next()?.to_owned()))
            .collect();
    };
    let settings = ["/headers", "/constants", "/look_up/headers"].map(|pointer| json.pointer(pointer)?.as_object());
    let settings = settings.into_iter().flatten().flat_map(|settings| settings.values());
    let value = |setting: &Value| Some(setting.as_str().or_else(|| setting.get("value")?.as_str())?.to_owned());
    settings.filter_map(value).collect()
}
