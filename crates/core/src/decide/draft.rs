//! A decision in the making.

use jiff::Timestamp;

use super::Decision;
use crate::{
    agenda,
    connection::{Attention, Connection, News, Pair, PairKey, Problem, Request, State, Tidings, Wishes},
    event::{Actor, Record, What},
    ids::{ConnectionId, Revision},
    ports::{Claimed, LiveChain},
};

pub(super) struct Draft<'a> {
    pub connection: Connection,
    pub now: Timestamp,
    by: &'a Actor,
    records: Vec<Record>,
    keep: Option<PairKey>,
    destroy: Vec<PairKey>,
    /// A chain that has to be known as the live one.
    pub requires: Option<LiveChain>,
}

impl<'a> Draft<'a> {
    pub fn new(connection: &Connection, by: &'a Actor, now: Timestamp) -> Self {
        Self {
            connection: connection.clone(),
            now,
            by,
            records: Vec::new(),
            keep: None,
            destroy: Vec::new(),
            requires: None,
        }
    }

    pub fn record(&mut self, what: What) {
        self.connection.records = self.connection.records.saturating_add(1);
        self.records.push(Record {
            number: self.connection.records,
            at: self.now,
            by: self.by.clone(),
            what,
        });
    }

    /// What was to be recorded with this write is not.
    pub fn drop_records(&mut self) {
        self.records.clear();
    }

    pub fn attention(&mut self, problem: Problem, text: impl Into<String>) {
        let attention = Attention {
            problem,
            text: text.into(),
            since: self.now,
        };
        self.connection.attention = Some(match self.connection.attention.take() {
            Some(earlier) => attention.after(earlier),
            None => attention,
        });
    }

    /// One of `problems`, if a person was told of it, is settled.
    pub fn settle(&mut self, problems: &[Problem]) {
        self.connection
            .attention
            .take_if(|attention| problems.contains(&attention.problem));
    }

    /// Another connection will be told what became of its chain.
    pub fn tell(&mut self, other: &Claimed, news: News) {
        let tidings = Tidings {
            to: other.connection,
            chain: other.authorisation.clone(),
            of: self.connection.chain.as_ref().map(|chain| chain.authorisation.clone()),
            news,
        };
        // The same word once more counts as the last one: what was said in between is over.
        self.connection.to_tell.retain(|untold| *untold != tidings);
        self.connection.to_tell.push(tidings);
    }

    /// No chain is contested any more. The earlier ones, which wait for a word of this one, hear `news`.
    pub fn end_contests(&mut self, news: &News) {
        for contest in std::mem::take(&mut self.connection.contests) {
            if contest.ours_is_later {
                self.tell(&contest.with, news.clone());
            }
        }
    }

    /// The contest with that connection is over; says whether there was one.
    pub fn drop_contest(&mut self, with: ConnectionId) -> bool {
        let before = self.connection.contests.len();
        self.connection
            .contests
            .retain(|contest| contest.with.connection != with);
        self.connection.contests.len() < before
    }

    /// The pair just received is kept; the one before it goes.
    pub fn keep_pair(&mut self, pair: Pair) {
        self.destroy_pair();
        self.keep = Some(pair.key.clone());
        self.connection.pair = Some(pair);
    }

    /// The pair just kept came home late: since its answer, tokens may have been presented in vain.
    pub fn rest_the_pair(&mut self) {
        let not_before = agenda::earliest(&self.connection, self.now);
        if let Some(pair) = &mut self.connection.pair {
            pair.rotate_at = Some(not_before);
        }
    }

    pub fn destroy_pair(&mut self) {
        // Without it no contest can be settled.
        let by = self.connection.id;
        self.end_contests(&News::Unsettled { by });
        if let Some(pair) = self.connection.pair.take() {
            // One that was to be stored with this very write is simply not stored.
            if self.keep.take_if(|kept| *kept == pair.key).is_none() {
                self.destroy.push(pair.key);
            }
        }
    }

    /// Leaves nothing that could still move the state.
    pub fn close(&mut self, state: State) {
        self.destroy_pair();
        self.connection.state = state;
        self.connection.link = None;
        self.connection.effect = None;
        self.connection.wishes = Wishes::default();
        self.connection.retry_at = None;
    }

    pub fn finish(mut self) -> Decision {
        self.connection.revision = self.connection.revision.next();
        self.connection.updated_at = self.now;
        self.connection.wake_at = agenda::next_wake(&self.connection, self.now);
        Decision {
            connection: self.connection,
            requires: self.requires,
            records: self.records,
            keep: self.keep,
            destroy: self.destroy,
        }
    }
}

pub(super) fn created(id: ConnectionId, request: Request, by: &Actor, now: Timestamp) -> Decision {
    let due = request.registration.due;
    let expires_at = request.link.expires_at;
    let connection = Connection {
        id,
        revision: Revision(0),
        created_at: now,
        updated_at: now,
        reference: request.reference,
        application: request.application,
        registration: request.registration,
        return_url: request.return_url,
        lifetimes: request.lifetimes,
        upkeep: request.upkeep,
        state: State::Invited,
        link: Some(request.link),
        pair: None,
        consented_at: None,
        chain: None,
        identity: None,
        identity_misses: 0,
        identity_needed: false,
        contests: Vec::new(),
        to_tell: Vec::new(),
        doubted: Vec::new(),
        unclear_since: None,
        fresh_access_token: false,
        late_success: None,
        effect: None,
        wishes: Wishes::default(),
        attempts: 0,
        retries: 0,
        retry_at: None,
        attention: None,
        records: 0,
        forgotten_at: None,
        erase_to: None,
        wake_at: None,
    };
    let mut draft = Draft::new(&connection, by, now);
    draft.record(What::Created { due });
    draft.record(What::LinkOpened { expires_at });
    draft.finish()
}
