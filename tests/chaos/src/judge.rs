//! Compares the books of the stand-ins with the tables: what was lost, what happened twice, what is stuck.

use handover_core::{
    connection::{PairFate, PairKey, State},
    decide,
    event::{Record, What},
};
use handover_standin::books::{Exchange, ExchangeOutcome, Grant, Peer, Submission};
use jiff::Timestamp;

use crate::{
    evidence::{Evidence, Kept},
    wire::{Asked, Call, Way},
};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Pairs that came to a living process and are nowhere.
    pub lost: Vec<String>,
    /// What happened twice and may happen once.
    pub double: Vec<String>,
    /// Connections that are not registered.
    pub stuck: Vec<String>,
    /// Where books and tables disagree otherwise, and pairs that a finished connection still keeps.
    pub wrong: Vec<String>,
    /// Refresh tokens that were presented once more to recover an intent that the history tells of.
    pub recoveries: u32,
    /// Pairs whose process was killed before it had stored them: the one window that nobody can close.
    pub died: Died,
}

/// Pairs that died with the process that had asked for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Died {
    /// The platform had made them, and their answer was still on its way.
    pub on_the_way: u32,
    /// Their answer had been given to the process.
    pub in_hand: u32,
}

impl Verdict {
    /// Whether there is nothing to find fault with.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        [&self.lost, &self.double, &self.stuck, &self.wrong]
            .iter()
            .all(|found| found.is_empty())
    }
}

/// Judges what a run has left behind.
#[must_use]
pub fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    codes(evidence, &mut verdict);
    refresh_tokens(evidence, &mut verdict);
    for kept in &evidence.connections {
        pairs(evidence, kept, &mut verdict);
        registrations(evidence, kept, &mut verdict);
        end(evidence, kept, &mut verdict);
    }
    verdict
}

fn codes(evidence: &Evidence, verdict: &mut Verdict) {
    let twice = evidence.books.codes.iter().filter(|code| code.presented.times() > 1);
    verdict
        .double
        .extend(twice.map(|code| format!("{}: a code was presented {} times", code.user, code.presented.times())));
}

/// A refresh token is ours to present once, once more to recover an intent that the history tells of, and never after it
/// may have been handed over.
fn refresh_tokens(evidence: &Evidence, verdict: &mut Verdict) {
    let books = &evidence.books;
    for token in &books.refresh_tokens {
        let ours: Vec<_> = books
            .exchanges
            .iter()
            .filter(|exchange| exchange.by == Peer::Oem && exchange.presented == token.value)
            .map(|exchange| exchange.at)
            .collect();
        match ours.as_slice() {
            [] | [_] => {}
            [first, second] if recovery(evidence, &token.user, *first, *second) => verdict.recoveries += 1,
            times => verdict.double.push(format!(
                "{}: a refresh token was presented {} times: {times:?}",
                token.user,
                times.len()
            )),
        }
        let handed_over = books
            .submissions
            .iter()
            .filter(|submission| submission.refresh_token.as_ref() == Some(&token.value))
            .map(|submission| submission.at)
            .min();
        if handed_over.is_some_and(|handed_over| ours.iter().any(|at| *at >= handed_over)) {
            verdict.double.push(format!(
                "{}: a refresh token was presented after it was handed over",
                token.user
            ));
        }
    }
}

/// Whether the history told of a recovery after the one and before the other.
fn recovery(evidence: &Evidence, user: &str, after: Timestamp, before: Timestamp) -> bool {
    let mut of_user = evidence.connections.iter().filter(|kept| kept.customer == user);
    let recovers = |record: &Record| matches!(record.what, What::RotationBegan { recovers: Some(_), .. });
    of_user.any(|kept| {
        let mut history = kept.history.iter();
        history.any(|record| recovers(record) && (after..=before).contains(&record.at))
    })
}

/// Every pair that the platform issued to us is accounted for.
fn pairs(evidence: &Evidence, kept: &Kept, verdict: &mut Verdict) {
    let ours = |exchange: &&Exchange| {
        exchange.by == Peer::Oem && exchange.user.as_deref() == Some(kept.customer.as_str()) && exchange.accepted()
    };
    for exchange in evidence.books.exchanges.iter().filter(ours) {
        if accounted_for(evidence, kept, exchange) {
            continue;
        }
        match asked_for(evidence, exchange) {
            Some(Asked { process, way, .. }) if evidence.killed.contains(process) => {
                let died = &mut verdict.died;
                let count = if *way == Way::Answered {
                    &mut died.in_hand
                } else {
                    &mut died.on_the_way
                };
                *count += 1;
            }
            asked => verdict.lost.push(format!(
                "{}: a pair that was issued at {} is nowhere; it was asked for by {:?}, and got so far: {:?}",
                kept.customer,
                exchange.at,
                asked.map(|asked| &asked.process),
                asked.map(|asked| asked.way)
            )),
        }
    }
}

fn asked_for<'a>(evidence: &'a Evidence, exchange: &Exchange) -> Option<&'a Asked> {
    let of_this = |asked: &&Asked| matches!(&asked.call, Call::Exchange(presented) if *presented == exchange.presented);
    evidence.asked.iter().find(of_this)
}

/// Whether it was handed over, exchanged, is kept, or went with a record that says so.
fn accounted_for(evidence: &Evidence, kept: &Kept, exchange: &Exchange) -> bool {
    let ExchangeOutcome::Issued {
        refresh_token, chain, ..
    } = &exchange.outcome
    else {
        return true;
    };
    let books = &evidence.books;
    let handed_over = |submission: &Submission| submission.refresh_token.as_ref() == Some(refresh_token);
    if books.submissions.iter().any(handed_over) {
        return true;
    }
    if books.exchanges.iter().any(|later| later.presented == *refresh_token) {
        return true;
    }
    let began = books.exchanges.iter().find(|first| {
        first.grant == Grant::AuthorizationCode
            && matches!(&first.outcome, ExchangeOutcome::Issued { chain: of, .. } if of == chain)
    });
    let trip = began.and_then(|began| kept.trips.iter().find(|trip| trip.code == began.presented));
    trip.is_some_and(|trip| {
        let key = PairKey {
            authorisation: trip.authorisation.clone(),
            generation: generation(kept, exchange),
        };
        evidence.sealed.contains(&key) || told(&kept.history, &key)
    })
}

/// Which generation an exchange was for: claims do not overlap, so that of the last one before it.
fn generation(kept: &Kept, exchange: &Exchange) -> u32 {
    if exchange.grant == Grant::AuthorizationCode {
        return decide::FIRST_GENERATION;
    }
    let before = kept.history.iter().filter(|record| record.at <= exchange.at);
    let mut claims = before.rev().filter_map(|record| match record.what {
        What::RotationBegan { generation, .. } => Some(generation),
        _ => None,
    });
    claims.next().unwrap_or_default()
}

/// Whether the history says what became of the pair.
fn told(history: &[Record], key: &PairKey) -> bool {
    let dropped =
        |what: &What| matches!(what, What::PairDropped { authorisation, .. } if *authorisation == key.authorisation);
    if history.iter().any(|record| dropped(&record.what)) {
        return true;
    }
    let mut after = history.iter().skip_while(|record| !stores(&record.what, key)).skip(1);
    after.any(|record| {
        matches!(
            record.what,
            What::Authorized { .. }
                | What::PairLost { .. }
                | What::Expired
                | What::Cancelled
                | What::Failed {
                    pair: PairFate::Spent | PairFate::Unknown,
                    ..
                }
        )
    })
}

fn stores(what: &What, key: &PairKey) -> bool {
    match what {
        What::Authorized { authorisation, .. } => {
            key.generation == decide::FIRST_GENERATION && *authorisation == key.authorisation
        }
        What::Rotated { generation, .. } => *generation == key.generation,
        _ => false,
    }
}

/// One database, and no submission after one that may have made it.
fn registrations(evidence: &Evidence, kept: &Kept, verdict: &mut Verdict) {
    let ours = |reference: &Option<String>| reference.as_ref() == Some(&kept.customer);
    let databases: Vec<_> = evidence
        .books
        .databases
        .iter()
        .filter(|database| ours(&database.reference))
        .collect();
    if databases.len() > 1 {
        verdict
            .double
            .push(format!("{}: {} databases", kept.customer, databases.len()));
    }
    let submissions: Vec<_> = evidence
        .books
        .submissions
        .iter()
        .filter(|submission| ours(&submission.reference))
        .collect();
    let made = submissions
        .iter()
        .position(|submission| submission.outcome == "created");
    if let Some(made) = made
        && made + 1 < submissions.len()
    {
        let outcomes: Vec<_> = submissions
            .iter()
            .map(|submission| submission.outcome.as_str())
            .collect();
        verdict.double.push(format!(
            "{}: submitted again after it was registered: {outcomes:?}",
            kept.customer
        ));
    }
    let told = match &kept.connection.state {
        State::Registered(done) => Some(done.segment.as_str()),
        _ => None,
    };
    let there = databases.first().map(|database| database.segment.as_str());
    if told != there {
        verdict.wrong.push(format!(
            "{}: registered as {told:?}, and Invantive Cloud has {there:?}",
            kept.customer
        ));
    }
    let broken = databases.iter().filter_map(|database| database.broken.as_ref());
    verdict
        .wrong
        .extend(broken.map(|words| format!("{}: the database is cut off: {words}", kept.customer)));
}

fn end(evidence: &Evidence, kept: &Kept, verdict: &mut Verdict) {
    let status = kept.connection.state.status();
    if !status.is_final() {
        verdict.stuck.push(format!(
            "{} is {status}, {:?}; its people: {:?}",
            kept.customer, kept.connection, kept.trouble
        ));
        return;
    }
    if !matches!(kept.connection.state, State::Registered(_)) {
        verdict.stuck.push(format!("{} is {status}", kept.customer));
    }
    let sealed = kept
        .trips
        .iter()
        .filter(|trip| {
            evidence
                .sealed
                .iter()
                .any(|key| key.authorisation == trip.authorisation)
        })
        .count();
    if sealed > 0 {
        verdict.wrong.push(format!(
            "{}: finished, and {sealed} pairs are still sealed",
            kept.customer
        ));
    }
}
