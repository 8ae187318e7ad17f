//! What a message says, as JSON with a version.

use base64::{Engine, engine::general_purpose::STANDARD};
use handover_core::{
    event::Brought,
    ids::ConnectionId,
    ports::{Pointer, Rescued, Sealed},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message of either queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Of the queue of wake-ups.
    Wake(Pointer),
    /// Of the rescue queue.
    Rescue(Rescued),
}

/// A message that is kept, never dropped: it was not understood. Says nothing of the message's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No JSON, or none with a version.
    #[error("the message is not JSON with a version")]
    NotJson,
    /// Written by a later version of Handover.
    #[error("the message is of version `{0}`, which is not known here")]
    UnknownVersion(String),
    /// Of a known version, but not of its form, or with an id that is none.
    #[error("the message is not of the form of its version")]
    Form,
}

/// A rescued pair as it travels: the sealed value in base64.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Carried {
    #[serde(rename = "rescue-1")]
    V1 {
        connection: ConnectionId,
        brought: Brought,
        sealed: String,
    },
}

/// The body of the message that carries `rescued`.
///
/// # Errors
/// None that any value brings about.
pub fn write(rescued: &Rescued) -> serde_json::Result<String> {
    serde_json::to_string(&Carried::V1 {
        connection: rescued.connection,
        brought: rescued.brought.clone(),
        sealed: STANDARD.encode(&rescued.sealed.0),
    })
}

/// Reads a message's body.
///
/// # Errors
/// [`Unreadable`] says what was not understood.
pub fn read(body: &str) -> Result<Message, Unreadable> {
    #[derive(Deserialize)]
    struct Versioned {
        v: Value,
    }
    let Versioned { v } = serde_json::from_str(body).map_err(|_| Unreadable::NotJson)?;
    match v.as_str() {
        Some("1") => serde_json::from_str(body)
            .map(Message::Wake)
            .map_err(|_| Unreadable::Form),
        Some("rescue-1") => read_rescued(body).map(Message::Rescue),
        other => {
            let version = other.map_or_else(|| v.to_string(), str::to_owned);
            let version = version.chars().filter(|c| !c.is_control()).take(20).collect();
            Err(Unreadable::UnknownVersion(version))
        }
    }
}

fn read_rescued(body: &str) -> Result<Rescued, Unreadable> {
    let Carried::V1 {
        connection,
        brought,
        sealed,
    } = serde_json::from_str(body).map_err(|_| Unreadable::Form)?;
    let sealed = STANDARD.decode(sealed).map_err(|_| Unreadable::Form)?;
    Ok(Rescued {
        connection,
        brought,
        sealed: Sealed(sealed),
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::contract::scene;

    #[test]
    fn what_is_no_message_is_told_apart() {
        let good = r#"{"v":"1","connection":"conn_00000000000000000000000001"}"#;
        let Message::Wake(pointer) = read(good).unwrap() else {
            panic!()
        };
        let Pointer::Wake { connection } = &pointer;
        assert_eq!(connection.to_string(), "conn_00000000000000000000000001");
        assert_eq!(serde_json::to_string(&pointer).unwrap(), good);
        for text in [
            "",
            "wake",
            "[]",
            "{}",
            r#"{"connection":"conn_00000000000000000000000001"}"#,
        ] {
            assert_eq!(read(text).unwrap_err(), Unreadable::NotJson, "{text}");
        }
        for (text, version) in [
            (r#"{"v":"2"}"#, "2"),
            (r#"{"v":1}"#, "1"),
            (r#"{"v":"rescue-2"}"#, "rescue-2"),
        ] {
            assert_eq!(
                read(text).unwrap_err(),
                Unreadable::UnknownVersion(version.into()),
                "{text}"
            );
        }
        for text in [
            r#"{"v":"1"}"#,
            r#"{"v":"1","connection":"eff_00000000000000000000000001"}"#,
            r#"{"v":"rescue-1"}"#,
        ] {
            assert_eq!(read(text).unwrap_err(), Unreadable::Form, "{text}");
        }
    }

    #[test]
    fn a_rescued_pair_reads_back_and_a_damaged_one_is_refused() {
        let rescued = scene::rescued(Timestamp::UNIX_EPOCH);
        let body = write(&rescued).unwrap();
        assert_eq!(read(&body).unwrap(), Message::Rescue(rescued.clone()));
        let sealed = STANDARD.encode(&rescued.sealed.0);
        let damaged = body.replace(&sealed, "no base64!");
        assert_ne!(damaged, body);
        assert_eq!(read(&damaged).unwrap_err(), Unreadable::Form);
    }
}
