//! What our processes were told, and what became of it.

use std::collections::BTreeMap;

use handover_core::{
    connection::PairKey,
    ids::{AuthorisationId, ConnectionId},
};

use crate::{exact::TokenId, world::ProcessId};

/// What became of a pair that a process received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// In the hands of its process.
    InHand,
    /// In the rescue queue, on its way home.
    Rescued,
    /// In a table, sealed, or dropped with a record.
    Durable,
    /// Its process died with it.
    Crashed,
    /// Whatever its process tried failed, until its invocation ended.
    Starved,
}

/// A pair that came as an answer.
#[derive(Debug, Clone)]
pub struct Received {
    /// The refresh token.
    pub token: TokenId,
    /// The authorisation that it belongs to.
    pub authorisation: Option<AuthorisationId>,
    /// Who has it.
    pub process: ProcessId,
    /// What became of it.
    pub kept: Kept,
    /// Its process has the answer; before that it is on its way.
    pub at_hand: bool,
    /// Its process has begun to keep it.
    pub tried: bool,
}

impl Received {
    /// Nothing else may come before keeping it: a process that dies, or asks for something else, loses it by its own
    /// fault.
    fn is_left_lying(&self) -> bool {
        self.kept == Kept::InHand && self.at_hand && !self.tried
    }
}

/// A success that a process was told of.
#[derive(Debug, Clone)]
pub struct Success {
    /// The connection.
    pub connection: ConnectionId,
    /// Who was told.
    pub process: ProcessId,
    /// Still only in the hands of its process.
    pub in_hand: bool,
}

/// What our processes were told, and what became of it.
#[derive(Debug, Default)]
pub struct Witness {
    /// Pairs.
    pub received: Vec<Received>,
    /// Successes.
    pub successes: Vec<Success>,
    /// Which trip a code belongs to.
    pub trips: BTreeMap<String, AuthorisationId>,
    /// Whose trip it is.
    pub owners: BTreeMap<AuthorisationId, ConnectionId>,
    /// Where each pair is, or was, in the vault.
    pub homes: BTreeMap<TokenId, (ConnectionId, PairKey)>,
    /// Codes that were sent, and how often.
    pub codes: BTreeMap<String, u32>,
}

impl Witness {
    /// A process has its answer.
    pub fn at_hand(&mut self, token: TokenId) {
        for one in self.received.iter_mut().filter(|one| one.token == token) {
            one.at_hand = true;
        }
    }

    /// A process begins to keep what it has in hand.
    pub fn keeping(&mut self, process: ProcessId) {
        let in_hand = self.received.iter_mut().filter(|one| one.process == process);
        in_hand.for_each(|one| one.tried |= one.at_hand);
    }

    /// What a process has in hand and has not begun to keep.
    #[must_use]
    pub fn left_lying(&self, process: ProcessId) -> Option<TokenId> {
        let mut of_it = self.received.iter().filter(|one| one.process == process);
        of_it.find(|one| one.is_left_lying()).map(|one| one.token)
    }

    /// A process has died: what it had in hand is lost with it.
    pub fn died(&mut self, process: ProcessId) {
        for one in self.received.iter_mut().filter(|one| one.process == process) {
            if one.kept == Kept::InHand {
                one.kept = Kept::Crashed;
            }
        }
        self.successes.retain(|one| one.process != process || !one.in_hand);
    }

    /// A pair is in the vault.
    pub fn stored(&mut self, token: TokenId, connection: ConnectionId, key: PairKey) {
        self.homes.insert(token, (connection, key));
        for one in self.received.iter_mut().filter(|one| one.token == token) {
            one.kept = Kept::Durable;
        }
    }

    /// A pair is in the rescue queue.
    pub fn rescued(&mut self, token: TokenId) {
        for one in self.received.iter_mut().filter(|one| one.token == token) {
            if one.kept != Kept::Durable {
                one.kept = Kept::Rescued;
            }
        }
    }

    /// A pair was dropped with a record.
    pub fn dropped(&mut self, authorisation: &AuthorisationId) {
        for one in self.received.iter_mut() {
            if one.authorisation.as_ref() == Some(authorisation) && matches!(one.kept, Kept::InHand | Kept::Rescued) {
                one.kept = Kept::Durable;
            }
        }
    }
}
