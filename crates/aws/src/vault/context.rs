//! What binds a sealed value to its place: KMS encryption context and associated data in one.

use std::collections::{BTreeMap, HashMap};

use handover_core::ports::Place;

use crate::store::key::Key;

/// Stands in plain text in CloudTrail, and key policies are written against it.
pub(super) struct Context(BTreeMap<&'static str, String>);

impl Context {
    pub fn of(deployment: &str, place: &Place) -> Self {
        let kind = match place {
            Place::Pair(_) => "pair",
            Place::Application(_) => "application",
            Place::Channel(_) => "channel",
        };
        let mut pairs = BTreeMap::from([
            ("handover:deployment", deployment.to_owned()),
            ("handover:kind", kind.to_owned()),
            ("handover:key", Key::sealed(place).pk),
        ]);
        if let Place::Pair(key) = place {
            pairs.insert("handover:generation", key.generation.to_string());
        }
        Self(pairs)
    }

    pub fn as_map(&self) -> HashMap<String, String> {
        self.0
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    /// Sorted by name, every text after its length: two contexts never read the same.
    pub fn as_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in self.0.iter().flat_map(|(name, value)| [*name, value.as_str()]) {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }
}

/// The place, for messages.
pub(super) fn name(place: &Place) -> String {
    Key::sealed(place).to_string()
}

#[cfg(test)]
mod tests {
    use handover_core::{connection::PairKey, ids::AuthorisationId};

    use super::*;

    fn pair(generation: u32) -> Place {
        Place::Pair(PairKey {
            authorisation: AuthorisationId::from_digest(&[1; 32]),
            generation,
        })
    }

    #[test]
    fn a_pair_is_bound_to_deployment_kind_key_and_generation() {
        let context = Context::of("handover-test", &pair(3)).as_map();
        assert_eq!(context.len(), 4);
        assert_eq!(context["handover:deployment"], "handover-test");
        assert_eq!(context["handover:kind"], "pair");
        assert!(context["handover:key"].starts_with("PAIR#auth_"));
        assert_eq!(context["handover:generation"], "3");
    }

    #[test]
    fn different_places_read_differently() {
        let application = Place::Application("a".parse().unwrap());
        let channel = Place::Channel("a".parse().unwrap());
        let all = [
            Context::of("d", &pair(1)),
            Context::of("d", &pair(2)),
            Context::of("e", &pair(1)),
            Context::of("d", &application),
            Context::of("d", &channel),
        ];
        let bytes: std::collections::BTreeSet<_> = all.iter().map(Context::as_bytes).collect();
        assert_eq!(bytes.len(), all.len());
    }
}
