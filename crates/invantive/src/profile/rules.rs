//! What the answers mean.

use handover_core::connection::PairFate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::status::Statuses;

/// One line of the table of answers to a registration; the first that fits counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRule {
    /// For these statuses,
    pub status: Statuses,
    /// if the body holds this text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// and the value at this JSON pointer (RFC 6901)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_pointer: Option<String>,
    /// equals this,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// the answer means that.
    pub means: Meaning,
    /// Where the database's segment stands; without it, it is the name that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Where the idempotency key stands under which the database was made: the proof that it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub our_key: Option<String>,
    /// What a refusal did to the pair; without it, what `pair_if_refused` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<PairFate>,
    /// Where texts stand that tell people why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reason: Vec<String>,
}

/// What an answer to a registration means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The database was made.
    Registered,
    /// It is there already: success if it is proved to be ours, else a duplicate.
    Exists,
    /// There is one already that is not ours.
    Duplicate,
    /// Refused for good.
    Refused,
    /// Nothing was done; come back.
    TryLater,
    /// Nothing was done; the profile, a key in its headers for instance, is wrong.
    Misconfigured,
    /// It may have been done.
    Doubt,
}

/// One line of the table of answers to a look-up; the first that fits counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUpAnswerRule {
    /// For these statuses,
    pub status: Statuses,
    /// if the body holds this text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// and the value at this JSON pointer (RFC 6901)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_pointer: Option<String>,
    /// equals this,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// the answer means that.
    pub means: Presence,
    /// Where the database's segment stands; without it, it is the name that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Where the idempotency key stands under which the database was made: the proof that it is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub our_key: Option<String>,
}

/// What an answer to a look-up means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The database is there.
    Found,
    /// It is not there.
    Absent,
    /// Neither.
    Unclear,
}

/// An answer, as rules look at it.
pub(crate) struct Reply {
    pub status: u16,
    text: String,
    json: Option<Value>,
}

impl Reply {
    pub fn new(status: u16, body: &[u8]) -> Self {
        Self {
            status,
            text: String::from_utf8_lossy(body).into_owned(),
            json: serde_json::from_slice(body).ok(),
        }
    }

    /// The text at a JSON pointer; a number counts as its text.
    pub fn text_at(&self, pointer: &str) -> Option<String> {
        match self.json.as_ref()?.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// When a rule counts.
pub(crate) struct Condition<'a> {
    pub status: &'a Statuses,
    pub body_contains: Option<&'a str>,
    pub json: Option<(&'a str, &'a Value)>,
}

impl Condition<'_> {
    pub fn fits(&self, reply: &Reply) -> bool {
        let value_at = |pointer| reply.json.as_ref().and_then(|json| json.pointer(pointer));
        self.status.hold(reply.status)
            && self.body_contains.is_none_or(|part| reply.text.contains(part))
            && self
                .json
                .is_none_or(|(pointer, expected)| value_at(pointer) == Some(expected))
    }
}

impl AnswerRule {
    pub(crate) fn condition(&self) -> Condition<'_> {
        Condition {
            status: &self.status,
            body_contains: self.body_contains.as_deref(),
            json: self.json_pointer.as_deref().zip(self.equals.as_ref()),
        }
    }
}

impl LookUpAnswerRule {
    pub(crate) fn condition(&self) -> Condition<'_> {
        Condition {
            status: &self.status,
            body_contains: self.body_contains.as_deref(),
            json: self.json_pointer.as_deref().zip(self.equals.as_ref()),
        }
    }
}
