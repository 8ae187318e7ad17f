//! A value that a profile gives: plain, or a secret that is filled in when the channel is added.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, value::MapAccessDeserializer},
};
use serde_json::Value;
use zeroize::Zeroizing;

/// A value that a profile gives.
#[derive(Clone)]
pub enum Setting {
    /// A text, number or truth value that stands in the file.
    Plain(Value),
    /// `{"secret":"api_key"}`: asked for when the channel is added, kept in the sealed profile only.
    Secret(SecretSetting),
}

/// A secret of a profile.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretSetting {
    /// What it is asked for by. The same name twice is the same secret.
    #[serde(rename = "secret")]
    pub(crate) name: String,
    /// What stands before it, such as `Bearer `.
    #[serde(default)]
    pub(crate) prefix: String,
    /// Filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Zeroizing<String>>,
}

impl Setting {
    /// The whole value as text; `None` while its secret is missing.
    pub(crate) fn expose(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::Plain(Value::String(text)) => Some(Zeroizing::new(text.clone())),
            Self::Plain(other) => Some(Zeroizing::new(other.to_string())),
            Self::Secret(secret) => secret
                .value
                .as_ref()
                .map(|value| Zeroizing::new(format!("{}{}", secret.prefix, value.as_str()))),
        }
    }

    pub(crate) fn secret(&self) -> Option<&SecretSetting> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(secret) => Some(secret),
        }
    }
}

impl fmt::Debug for Setting {
    /// A plain value is hidden too: somebody may have written a secret as one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("(hidden)"),
            Self::Secret(secret) => write!(f, "(secret {})", secret.name),
        }
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => value.serialize(serializer),
            Self::Secret(secret) => secret.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

/// By hand: an untagged enum would say only that nothing fitted.
struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true, false or {\"secret\":\"name\"}")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Setting, E> {
        Ok(Setting::Plain(text.into()))
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Setting, E> {
        Ok(Setting::Plain(value.into()))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Setting, E> {
        Ok(Setting::Plain(value.into()))
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Setting, E> {
        Ok(Setting::Plain(value.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Setting, A::Error> {
        SecretSetting::deserialize(MapAccessDeserializer::new(map)).map(Setting::Secret)
    }
}
