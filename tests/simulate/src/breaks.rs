//! Promises that are broken on purpose, one at a time: the simulation has to notice each.

use handover_core::ports::Change;

/// A promise that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// A write is taken although somebody else wrote first.
    RevisionIgnored,
    /// A pair that ought to be destroyed stays.
    PairsStay,
    /// A pair that ought to be stored is not.
    PairNotStored,
    /// The next wake-up is not stored.
    WakeUpForgotten,
    /// A used trip looks unused, and may be used again.
    TripUsedTwice,
    /// The claim of a rotation is said to be written, and is not.
    IntentNotWritten,
    /// An attempt is claimed whoever holds the live chain.
    ChainNotRequired,
    /// A rescued pair is said to be taken, and is not.
    RescueLost,
    /// A rescued pair's message is deleted unread.
    RescueUnread,
    /// A submission whose answer was lost counts as not sent.
    LostSubmissionRetried,
    /// A submission whose answer was lost counts as registered.
    LostSubmissionBelieved,
    /// A submission whose answer was lost counts as refused, with the pair unspent.
    LostSubmissionRefused,
    /// A rotation whose answer was lost counts as one that left the pair unharmed.
    LostRotationRetried,
    /// A token stands in a message for people.
    TokenTold,
    /// A rotation that left the pair unharmed is not put off.
    BackOffForgotten,
    /// Whoever holds a user's place seems to have consented an hour later than it did.
    HolderLooksNewer,
    /// What others have to be told is forgotten.
    TidingsForgotten,
    /// The sweeper finds nothing.
    SweeperBlind,
}

impl Break {
    /// Each with the invariant that has to notice it.
    pub const ALL: [(Self, &'static str, &'static str); 18] = [
        (
            Self::RevisionIgnored,
            "a write is taken although somebody else wrote first",
            "any",
        ),
        (
            Self::PairsStay,
            "a pair that ought to be destroyed stays in the vault",
            "nothing_final_keeps_a_pair",
        ),
        (
            Self::PairNotStored,
            "a pair that ought to be stored is not",
            "kept_pairs_are_in_the_vault",
        ),
        (
            Self::WakeUpForgotten,
            "the next wake-up is not stored",
            "unfinished_has_a_wake_up",
        ),
        (Self::TripUsedTwice, "a used trip looks unused", "code_exchanged_once"),
        (
            Self::IntentNotWritten,
            "a rotation begins without its intent",
            "intent_comes_first",
        ),
        (
            Self::ChainNotRequired,
            "an attempt does not ask for the live chain",
            "contested_or_superseded_never_registers",
        ),
        (
            Self::RescueLost,
            "a rescued pair is not in the rescue queue",
            "received_pairs_are_kept",
        ),
        (
            Self::RescueUnread,
            "a rescued pair's message is deleted unread",
            "received_pairs_are_kept",
        ),
        (
            Self::LostSubmissionRetried,
            "a lost answer to a submission counts as not sent",
            "one_submission_that_could_succeed",
        ),
        (
            Self::LostSubmissionBelieved,
            "a lost answer to a submission counts as registered",
            "registered_is_true",
        ),
        (
            Self::LostSubmissionRefused,
            "a lost answer to a submission counts as refused, unspent",
            "none_spent_after_hand_over",
        ),
        (
            Self::LostRotationRetried,
            "a lost answer to a rotation counts as unharmed",
            "no_token_presented_twice",
        ),
        (
            Self::TokenTold,
            "a token stands in a message for people",
            "no_secret_in_the_clear",
        ),
        (
            Self::BackOffForgotten,
            "a rotation that left the pair unharmed is not put off",
            "budget_respected",
        ),
        (
            Self::HolderLooksNewer,
            "an older consent looks newer than it is",
            "live_chains_are_not_given_up",
        ),
        (
            Self::TidingsForgotten,
            "nobody is told that a later consent has ended a chain",
            "lost_authorisations_are_told",
        ),
        (Self::SweeperBlind, "the sweeper finds nothing", "comes_to_an_end"),
    ];

    /// What is left of a write.
    #[must_use]
    pub fn write(self, change: &Change, current: Option<handover_core::ids::Revision>) -> Change {
        let mut change = change.clone();
        match self {
            Self::RevisionIgnored => change.expected = current,
            Self::PairsStay => change.destroy.clear(),
            Self::PairNotStored => change.pair = None,
            Self::WakeUpForgotten => change.connection.wake_at = None,
            Self::TripUsedTwice => {
                change.consume = None;
                change.expected = current;
            }
            Self::BackOffForgotten => {
                if let Some(pair) = &mut change.connection.pair {
                    pair.rotate_at = None;
                }
                change.connection.wake_at =
                    handover_core::agenda::next_wake(&change.connection, change.connection.updated_at);
            }
            Self::ChainNotRequired => change.requires = None,
            Self::TidingsForgotten => change.connection.to_tell.clear(),
            _ => {}
        }
        change
    }
}
