//! The chains of one user at one app registration: a platform keeps one alive, the one that was begun last.

use crate::{
    connection::Contest,
    ports::{Claimed, IdentityClaim, IdentityKey},
};

/// How a chain stands to the one that held the place before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody else's is known.
    Alone,
    /// It has ended that one.
    After(Claimed),
    /// That one has ended it.
    Before(Claimed),
    /// Their exchanges were under way at the same time: which of the two lives is open.
    Contested(Contest),
}

/// How `ours` stands, and what is to be written of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// How it stands.
    pub standing: Standing,
    /// To be written: ours is the live chain, or may be. `None`: it stands there already, or a later one does.
    pub claim: Option<IdentityClaim>,
}

/// Orders `ours` and the chain that held the place `before`, by when their exchanges were sent and answered.
#[must_use]
pub fn order(key: IdentityKey, ours: Claimed, before: Option<Claimed>) -> Order {
    let standing = standing(&ours, before.as_ref());
    let instead_of = before.map(|before| before.authorisation);
    let live = match &standing {
        Standing::Alone => instead_of.as_ref() != Some(&ours.authorisation),
        Standing::After(_) => true,
        Standing::Before(_) => false,
        // The earlier one takes the place too, until the later one has been told: from now on neither is registered.
        Standing::Contested(_) => true,
    };
    let claim = live.then_some(IdentityClaim {
        key,
        held: ours,
        instead_of,
    });
    Order { standing, claim }
}

fn standing(ours: &Claimed, before: Option<&Claimed>) -> Standing {
    match before {
        None => Standing::Alone,
        // An earlier consent on the same connection: it has taken care of itself.
        Some(other) if other.connection == ours.connection => Standing::Alone,
        Some(other) if other.answered_at < ours.sent_at => Standing::After(other.clone()),
        Some(other) if ours.answered_at < other.sent_at => Standing::Before(other.clone()),
        Some(other) => Standing::Contested(Contest {
            with: other.clone(),
            ours_is_later: (ours.sent_at, ours.connection) > (other.sent_at, other.connection),
        }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        application::PlatformKind,
        ids::{AuthorisationId, ConnectionId},
    };

    fn chain(of: u8, sent: i64, answered: i64) -> Claimed {
        Claimed {
            connection: ConnectionId::new(Timestamp::UNIX_EPOCH, of.into()),
            authorisation: AuthorisationId::from_digest(&[of; 32]),
            sent_at: Timestamp::from_second(sent).unwrap(),
            answered_at: Timestamp::from_second(answered).unwrap(),
        }
    }

    fn ordered(ours: Claimed, before: Option<Claimed>) -> Order {
        let key = IdentityKey {
            platform: PlatformKind::ExactOnline,
            client_id: "client".parse().unwrap(),
            user: "user".into(),
        };
        order(key, ours, before)
    }

    #[test]
    fn the_later_chain_lives_and_names_the_one_it_ended() {
        let (early, late) = (chain(1, 10, 11), chain(2, 20, 21));
        let later = ordered(late.clone(), Some(early.clone()));
        assert_eq!(later.standing, Standing::After(early.clone()));
        assert_eq!(later.claim.unwrap().instead_of, Some(early.authorisation.clone()));
        // Whoever comes to claim first.
        let earlier = ordered(early, Some(late.clone()));
        assert_eq!(earlier.standing, Standing::Before(late));
        assert_eq!(earlier.claim, None);
    }

    #[test]
    fn chains_that_overlap_are_contested_and_both_agree_which_is_the_later() {
        let (one, two) = (chain(1, 10, 30), chain(2, 20, 21));
        let of = |ours: &Claimed, other: &Claimed| ordered(ours.clone(), Some(other.clone()));
        let Standing::Contested(seen_by_one) = of(&one, &two).standing else {
            panic!()
        };
        let Standing::Contested(seen_by_two) = of(&two, &one).standing else {
            panic!()
        };
        assert!(seen_by_two.ours_is_later && !seen_by_one.ours_is_later);
        // Whoever comes last takes the place: the other can be registered no more.
        assert!(of(&two, &one).claim.is_some() && of(&one, &two).claim.is_some());
        // In the very same moments too.
        let (one, two) = (chain(1, 10, 30), chain(2, 10, 30));
        let later = |ours: &Claimed, other: &Claimed| matches!(of(ours, other).standing, Standing::Contested(contest) if contest.ours_is_later);
        assert_ne!(later(&one, &two), later(&two, &one));
    }

    #[test]
    fn exchanges_that_meet_in_one_moment_overlap() {
        for (sent, contested) in [(20, true), (21, false)] {
            let (one, two) = (chain(1, 10, 20), chain(2, sent, 30));
            for (ours, other) in [(&one, &two), (&two, &one)] {
                let standing = ordered(ours.clone(), Some(other.clone())).standing;
                assert_eq!(matches!(standing, Standing::Contested(_)), contested, "{standing:?}");
            }
        }
    }

    #[test]
    fn a_connection_does_not_contest_itself_and_claims_once() {
        let (first, second) = (chain(1, 10, 11), chain(1, 10, 20));
        assert_eq!(ordered(second.clone(), Some(first)).standing, Standing::Alone);
        assert!(ordered(second.clone(), None).claim.is_some());
        assert_eq!(ordered(second.clone(), Some(second)).claim, None);
    }
}
