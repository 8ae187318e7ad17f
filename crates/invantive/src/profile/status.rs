//! Which statuses a rule is for: `201`, `[200, 201]` or `"2xx"`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, value::SeqAccessDeserializer},
};

/// The statuses that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Statuses(Vec<Status>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    One(u16),
    /// All that begin with this digit.
    Class(u16),
}

impl Statuses {
    pub(crate) fn hold(&self, status: u16) -> bool {
        self.0.iter().any(|known| match known {
            Status::One(one) => *one == status,
            Status::Class(class) => *class == status / 100,
        })
    }

    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(status) => serializer.serialize_u16(*status),
            Self::Class(class) => serializer.serialize_str(&format!("{class}xx")),
        }
    }
}

const EXPECTED: &str = "a status such as 201, a class such as \"2xx\", or a list of them";

fn one<E: de::Error>(number: u64) -> Result<Status, E> {
    u16::try_from(number)
        .ok()
        .filter(|status| (100..600).contains(status))
        .map(Status::One)
        .ok_or_else(|| E::custom(format_args!("{number} is no HTTP status; expected {EXPECTED}")))
}

fn class<E: de::Error>(text: &str) -> Result<Status, E> {
    let digit = text
        .strip_suffix("xx")
        .and_then(|digit| digit.parse().ok())
        .filter(|digit| (1..6).contains(digit));
    digit
        .map(Status::Class)
        .ok_or_else(|| E::custom(format_args!("`{text}` is no class of statuses; expected {EXPECTED}")))
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Statuses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Statuses, E> {
        Ok(Statuses(vec![one(number)?]))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
        Ok(Statuses(vec![class(text)?]))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Statuses, A::Error> {
        let nested: Vec<Statuses> = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Statuses(nested.into_iter().flat_map(|statuses| statuses.0).collect()))
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_class_or_a_list() {
        for (json, held, not_held) in [("201", 201, 200), ("\"2xx\"", 299, 300), ("[200, \"4xx\"]", 404, 201)] {
            let statuses: Statuses = serde_json::from_str(json).unwrap();
            assert!(statuses.hold(held) && !statuses.hold(not_held), "{json}");
            let again: Statuses = serde_json::from_str(&serde_json::to_string(&statuses).unwrap()).unwrap();
            assert_eq!(again, statuses);
        }
    }

    #[test]
    fn what_is_no_status_is_refused() {
        for json in [
            "99", "600", "-1", "\"200\"", "\"6xx\"", "\"xx\"", "{}", "null", "2.5", "[\"ok\"]",
        ] {
            assert!(serde_json::from_str::<Statuses>(json).is_err(), "{json}");
        }
    }
}
