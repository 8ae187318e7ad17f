//! A pair on its way to Invantive Cloud, and what happens when it arrives.

use handover_core::{connection::Problem, event::Outcome};

use crate::{
    act::Act,
    chance::{minutes, seconds},
    exact::Presenter,
    invantive::{Database, Fate, Submission},
    world::World,
};

/// A submission is sent. From here on it may have succeeded.
pub fn sent(world: &mut World, submission: Submission) -> usize {
    let id = submission.connection;
    let earlier = world
        .invantive
        .of(id)
        .find(|one| matches!(one.fate, Fate::Succeeded | Fate::UnderWay(_)));
    if let Some(earlier) = earlier {
        let found = format!(
            "{id} is submitted again, and an earlier submission is {:?}",
            earlier.fate
        );
        world.violated("one_submission_that_could_succeed", found);
    }
    world.invantive.sent(submission)
}

/// A submission arrives.
pub fn arrives(world: &mut World, number: usize) -> Outcome {
    let Some(submission) = world.invantive.submission(number).cloned() else {
        return put_off();
    };
    let manner = world.invantive.manner;
    let under_key = submission
        .authorisation
        .as_ref()
        .and_then(|key| world.invantive.under(submission.connection, key));
    if let Some(database) = under_key {
        let segment = database.segment.clone();
        settle(world, number, Fate::Succeeded);
        return Outcome::Registered { segment };
    }
    if world.chance.in_thousand(manner.puts_off) {
        settle(world, number, Fate::None);
        return put_off();
    }
    let is_good = world.exact.is_good(submission.token, world.now);
    if !is_good || world.chance.in_thousand(manner.refuses) {
        if manner.spends_refused {
            spend(world, &submission);
        }
        settle(world, number, Fate::Refused);
        return Outcome::Refused {
            reason: "refused".into(),
            pair: manner.pair_if_refused,
        };
    }
    let (user, chain) = world
        .exact
        .token(submission.token)
        .map(|token| (token.user, token.chain))
        .unwrap_or_default();
    let database = Database {
        authorisation: submission.authorisation.clone(),
        segment: submission.segment.clone(),
        user,
        chain,
        made_at: world.now,
    };
    world.invantive.make(submission.connection, database);
    settle(world, number, Fate::Succeeded);
    // From here on the chain is its own.
    let soon = world.chance.time(seconds(1), minutes(20));
    world.plan_act(soon, Act::Exchanges(number));
    Outcome::Registered {
        segment: submission.segment,
    }
}

fn settle(world: &mut World, number: usize, fate: Fate) {
    if let Some(submission) = world.invantive.submission(number) {
        submission.fate = fate;
    }
}

/// Invantive Cloud exchanges a pair that it was given.
pub fn spend(world: &mut World, submission: &Submission) {
    let refresh = format!("{}r!{}", crate::exact::MARK, submission.token);
    let now = world.now;
    let _ = world.exact.refresh(&refresh, Presenter::Invantive, now);
}

fn put_off() -> Outcome {
    Outcome::NotSent {
        reason: "try later".into(),
        problem: Problem::ChannelUnavailable,
    }
}
