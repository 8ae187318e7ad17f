//! The chains of one user at one app registration: a platform keeps one alive, the one that was begun last.

use crate::{
    ids::ConnectionId,
    ports::{Claimed, IdentityClaim, IdentityKey},
};

/// What follows from who held the live chain before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// To be written: this chain is the live one. `None`: a later one has ended it already.
    pub claim: Option<IdentityClaim>,
    /// The connection whose chain this one has ended.
    pub replaces: Option<ConnectionId>,
}

/// Orders `ours` and the chain that held the place `before`, by when their exchanges were sent.
#[must_use]
pub fn order(key: IdentityKey, ours: Claimed, before: Option<Claimed>) -> Order {
    if before.as_ref().is_some_and(|before| before.sent_at > ours.sent_at) {
        return Order {
            claim: None,
            replaces: None,
        };
    }
    let replaces = before
        .map(|before| before.connection)
        .filter(|before| *before != ours.connection);
    Order {
        claim: Some(IdentityClaim { key, held: ours }),
        replaces,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{application::PlatformKind, ids::AuthorisationId};

    fn chain(of: u128, sent: i64) -> Claimed {
        Claimed {
            connection: ConnectionId::new(Timestamp::UNIX_EPOCH, of),
            authorisation: AuthorisationId::from_digest(&[0; 32]),
            sent_at: Timestamp::from_second(sent).unwrap(),
        }
    }

    fn key() -> IdentityKey {
        IdentityKey {
            platform: PlatformKind::ExactOnline,
            client_id: "client".parse().unwrap(),
            user: "user".into(),
        }
    }

    #[test]
    fn the_later_chain_lives_and_names_the_one_it_ended() {
        let later = order(key(), chain(2, 20), Some(chain(1, 10)));
        assert_eq!(later.replaces, Some(chain(1, 10).connection));
        assert!(later.claim.is_some());
        let earlier = order(key(), chain(2, 10), Some(chain(1, 20)));
        assert_eq!(
            earlier,
            Order {
                claim: None,
                replaces: None
            }
        );
    }

    #[test]
    fn a_connection_does_not_replace_itself() {
        assert_eq!(order(key(), chain(1, 20), Some(chain(1, 10))).replaces, None);
        assert!(order(key(), chain(1, 20), None).claim.is_some());
    }
}
