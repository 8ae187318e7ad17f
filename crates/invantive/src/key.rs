//! The idempotency key.

use handover_core::ids::{AuthorisationId, ConnectionId};

/// The key of a registration: the same for every attempt with the pairs of one authorisation, another after a new
/// consent. 80 characters, safe in headers and URLs, and readable for people: it names both.
#[must_use]
pub(crate) fn idempotency_key(connection: ConnectionId, authorisation: &AuthorisationId) -> String {
    format!("{connection}.{authorisation}")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn it_is_stable_short_and_plain() {
        let connection = ConnectionId::new(Timestamp::UNIX_EPOCH, 1);
        let key = idempotency_key(connection, &AuthorisationId::from_digest(&[0xFB; 32]));
        assert_eq!(key.len(), 80);
        assert!(
            key.chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')),
            "{key}"
        );
        assert_ne!(
            key,
            idempotency_key(connection, &AuthorisationId::from_digest(&[1; 32]))
        );
    }
}
