//! Identifiers, as people, links, items and messages bring them.

use std::{fmt::Display, str::FromStr};

use handover_core::{
    browser::BrowserSecret,
    ids::{
        ApplicationId, AuthorisationId, ChannelId, ClientId, ConnectionId, CustomerReference, EffectId, InvalidId,
        LinkHash, Segment, WriterId,
    },
};

use crate::Verdict;

/// A text, taken for every kind of identifier, and for a browser's secret.
///
/// Each kind has one spelling, and no text is two kinds of those that have a prefix. A refusal quotes a part at most.
pub fn ids(input: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(input) else {
        return Verdict::Refused;
    };
    let prefixed = [
        reads::<ConnectionId>(text),
        reads::<EffectId>(text),
        reads::<WriterId>(text),
        reads::<AuthorisationId>(text),
        reads::<LinkHash>(text),
    ];
    let prefixed = prefixed.into_iter().filter(|read| *read).count();
    assert!(prefixed <= 1, "{text} is of two kinds");
    let named = [
        reads::<ApplicationId>(text),
        reads::<ChannelId>(text),
        reads::<Segment>(text),
        reads::<CustomerReference>(text),
        reads::<ClientId>(text),
    ];
    let secret = BrowserSecret::read(text);
    if let Some(secret) = &secret {
        assert_eq!(secret.expose_text().as_str(), text);
    }
    if prefixed > 0 || named.contains(&true) || secret.is_some() {
        Verdict::Accepted
    } else {
        Verdict::Refused
    }
}

fn reads<Id: FromStr<Err = InvalidId> + Display>(text: &str) -> bool {
    match text.parse::<Id>() {
        Ok(id) => {
            assert_eq!(id.to_string(), text);
            assert!(text.len() <= 200 && !text.chars().any(char::is_control), "{text:?}");
            true
        }
        Err(refusal) => {
            assert!(refusal.to_string().chars().count() <= 64 + 100, "{refusal}");
            false
        }
    }
}
