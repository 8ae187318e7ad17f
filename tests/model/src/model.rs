//! Everything that may happen next, in every order.

use handover_core::{
    agenda::{self, Step, Task},
    connection::{Connection, State as Stands},
    event::Event,
};
use jiff::Timestamp;
use stateright::{Model, Property};

use crate::{
    breaks::Break,
    configuration::Configuration,
    operator::Act,
    outside::Answer,
    promises::{Happened, properties},
    state::{Process, State},
};

/// What a submission may come to.
pub const SUBMITTING: &[Answer] = &[
    Answer::Done,
    Answer::Refused,
    Answer::DoneAnswerLost,
    Answer::Lost,
    Answer::Unharmed,
];
/// What an exchange may come to.
pub const EXCHANGING: &[Answer] = &[Answer::Done, Answer::Refused, Answer::DoneAnswerLost, Answer::Lost];
/// The first processes are workers, the others tabs.
const WORKERS: usize = 2;

/// The protocol, opened in one way and bounded.
#[derive(Debug)]
pub struct Protocol {
    /// How it opens, and its bounds.
    pub configuration: &'static Configuration,
    /// A precaution that is left out.
    pub broken: Option<Break>,
    /// What happened in some step.
    pub happened: Happened,
}

/// One step of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "who does it, and to which connection")]
pub enum Action {
    /// The clock goes on to the next deadline.
    Wait { to: Timestamp },
    /// The sweeper wakes a connection.
    Sweep { of: usize },
    /// A worker reads a connection and prepares.
    Look { who: usize, of: usize },
    /// It writes its claim.
    Claim { who: usize },
    /// It sends, and this becomes of it.
    Send { who: usize, answer: Answer },
    /// A tab comes back with a code, and claims.
    Consent { who: usize, of: usize },
    /// It sends the code.
    SendCode { who: usize },
    /// The code is answered.
    AnswerCode { who: usize, answer: Answer },
    /// The outcome is written.
    Store { who: usize },
    /// The table does not take it.
    StoreFails { who: usize },
    /// A process dies.
    Crash { who: usize },
    /// A process is killed at the end of its invocation.
    Die { who: usize },
    /// A rescue message is delivered.
    BringHome { which: usize, again: bool },
    /// The platform is asked who consented.
    Identify { of: usize },
    /// Another connection is told.
    Tell { of: usize, noted: bool },
    /// A doubt is looked up.
    LookUp { of: usize },
    /// The operator acts.
    Operate { of: usize, act: Act },
    /// A break's own.
    RetryAfterDoubt { of: usize },
}

impl Protocol {
    fn acts_on(&self, state: &State, of: usize, connection: &Connection, acts: &mut Vec<Action>) {
        match agenda::step(connection, state.now) {
            Step::Decide(_) => acts.push(Action::Sweep { of }),
            Step::Perform(Task::LookUp) => acts.push(Action::LookUp { of }),
            _ => {}
        }
        // Due at once, but for an effect under way: the agenda counts from the last change, which is not modelled.
        if !connection.to_tell.is_empty() && connection.effect.is_none() {
            acts.push(Action::Tell { of, noted: true });
            if state.left.crashes > 0 {
                acts.push(Action::Tell { of, noted: false });
            }
        }
        let holds = state.holder.as_ref().map(|holder| &holder.authorisation)
            == connection.chain.as_ref().map(|chain| &chain.authorisation);
        // By the callback or the worker as soon as there is a pair; and before an attempt, where another holds the place.
        let takes_place = agenda::step(connection, state.now) == Step::Perform(Task::Register) && !holds;
        if connection.pair.is_some() && (connection.identity.is_none() || takes_place) {
            acts.push(Action::Identify { of });
        }
        if state.left.acts > 0 {
            acts.extend(Act::ALL.map(|act| Action::Operate { of, act }));
        }
        if self.broken == Some(Break::RetryAfterDoubt) && matches!(connection.state, Stands::InDoubt(_)) {
            acts.push(Action::RetryAfterDoubt { of });
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.configuration.open().into_iter().collect()
    }

    fn actions(&self, state: &State, acts: &mut Vec<Action>) {
        // One violation is enough.
        if !state.broken.is_empty() {
            return;
        }
        if state.left.waits > 0
            && let Some(to) = state.connections.iter().flat_map(|one| deadlines(one, state.now)).min()
        {
            acts.push(Action::Wait { to });
        }
        for (of, connection) in state.connections.iter().enumerate() {
            self.acts_on(state, of, connection, acts);
        }
        for (who, process) in state.processes.iter().enumerate() {
            if who < WORKERS {
                self.worker_acts(state, who, process, acts);
            } else {
                self.tab_acts(state, who, process, acts);
            }
        }
        for (which, (_, _, delivered)) in state.rescued.iter().enumerate() {
            acts.push(Action::BringHome { which, again: false });
            if !delivered && state.left.duplicates > 0 {
                acts.push(Action::BringHome { which, again: true });
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Wait { to } => {
                state.now = to;
                state.left.waits = state.left.waits.checked_sub(1)?;
                Some(())
            }
            Action::Sweep { of } => self.write(state, of, Event::Woke).ok(),
            Action::Look { who, of } => self.look(state, who, of),
            Action::Claim { who } => self.claim(state, who),
            Action::Send { who, answer } => self.send(state, who, answer),
            Action::Consent { who, of } => self.consent(state, who, of),
            Action::SendCode { who } => Self::send_code(state, who),
            Action::AnswerCode { who, answer } => Self::answer_code(state, who, answer),
            Action::Store { who } => self.store(state, who),
            Action::StoreFails { who } => self.store_fails(state, who),
            Action::Crash { who } => {
                state.left.crashes = state.left.crashes.checked_sub(1)?;
                Self::die(state, who)
            }
            Action::Die { who } => Self::die(state, who),
            Action::BringHome { which, again } => self.bring_home(state, which, again),
            Action::Identify { of } => self.identify(state, of),
            Action::Tell { of, noted } => self.tell(state, of, noted),
            Action::LookUp { of } => self.look_up(state, of),
            Action::Operate { of, act } => self.act(state, of, act),
            Action::RetryAfterDoubt { of } => self.retry_after_doubt(state, of),
        }?;
        sort_workers(state);
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }
}

/// Workers are all alike: which of the two is at what makes no difference.
fn sort_workers(state: &mut State) {
    if let Some([one, two]) = state.processes.get_mut(..WORKERS)
        && rank(one) < rank(two)
    {
        std::mem::swap(one, two);
    }
}

fn rank(process: &Process) -> u8 {
    match process {
        Process::Idle => 0,
        Process::Ready { .. } => 1,
        Process::Claimed { .. } => 2,
        Process::Sent { .. } => 3,
        Process::Knows { .. } => 4,
    }
}

/// The moments at which something changes for a connection by itself.
fn deadlines(connection: &Connection, now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let pair = connection.pair.as_ref();
    [
        agenda::next_wake(connection, now),
        connection.effect.as_ref().map(|effect| effect.lease_ends_at),
        connection.due_at(),
        connection.retry_at,
        pair.map(|pair| pair.refresh_ends_at),
        pair.and_then(|pair| pair.rotate_at),
        pair.and_then(|pair| pair.open_intent.as_ref())
            .map(|intent| intent.recover_at),
    ]
    .into_iter()
    .flatten()
    .filter(move |at| *at > now)
}
