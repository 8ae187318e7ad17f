//! The platform and Invantive Cloud: what they may answer, and what that does to their books.

use handover_core::{
    application::PlatformKind,
    connection::{PairFate, PairKey, Problem},
    event::{Brought, Event, Outcome},
    ids::{AuthorisationId, EffectId},
    ports::RefreshRefusal,
};

use crate::{
    promises::Promise,
    state::{Platform, Presented, State, Submitted},
};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is done and answered.
    Done,
    /// It is done, and the answer is lost. A fault.
    DoneAnswerLost,
    /// It never arrived, and nobody knows. A fault.
    Lost,
    /// It is refused, and nothing happened: too early, too many, the client. A fault.
    Unharmed,
    /// Of a registration: refused, and the profile says that the pair is unspent.
    Refused,
    /// Of a refresh: what the books say of a token that is not the live one.
    AsTheBooksSay,
}

impl Answer {
    /// Whether it counts among the faults.
    pub fn is_fault(self) -> bool {
        matches!(self, Self::DoneAnswerLost | Self::Lost | Self::Unharmed)
    }
}

impl Platform {
    /// What a refresh with the token of `pair` may come to.
    pub fn answers(&self, pair: &PairKey) -> &'static [Answer] {
        use Answer::{AsTheBooksSay, Done, DoneAnswerLost, Lost, Unharmed};
        if self.live.as_ref() != Some(&pair.authorisation) {
            &[AsTheBooksSay, Lost, Unharmed]
        } else if pair.generation == self.newest {
            &[Done, DoneAnswerLost, Lost, Unharmed]
        } else if Some(pair.generation) == self.before {
            // Some report that it lives until the new one is used.
            &[AsTheBooksSay, Done, DoneAnswerLost, Lost, Unharmed]
        } else {
            &[AsTheBooksSay, Lost, Unharmed]
        }
    }

    /// A code was exchanged: a new chain, which ends the one before.
    pub fn exchange(&mut self, authorisation: &AuthorisationId) {
        self.live = Some(authorisation.clone());
        self.newest = 1;
        self.before = None;
    }

    fn refresh(&mut self, from: &PairKey, into: &PairKey) {
        self.before = (from.generation == self.newest).then_some(from.generation);
        self.newest = into.generation;
    }

    fn refusal(&self, pair: &PairKey) -> RefreshRefusal {
        if self.live.as_ref() == Some(&pair.authorisation) {
            RefreshRefusal::Used
        } else {
            RefreshRefusal::ChainBroken
        }
    }
}

/// Presents the token of `from`. Says what the process hears.
pub fn present(
    state: &mut State,
    effect: EffectId,
    (from, into): (&PairKey, &PairKey),
    recovers: Option<EffectId>,
    answer: Answer,
) -> Event {
    note_presented(state, effect, from, recovers, answer);
    let now = state.now;
    match answer {
        Answer::Done => {
            state.platform.refresh(from, into);
            Event::Received(Brought {
                effect,
                pair: into.clone(),
                sent_at: now,
                answered_at: now,
                expires_in: None,
                platform: PlatformKind::ExactOnline,
                client_id: client(),
            })
        }
        Answer::DoneAnswerLost => {
            state.platform.refresh(from, into);
            unclear(effect)
        }
        Answer::Unharmed => failed(effect, RefreshRefusal::Unharmed),
        Answer::AsTheBooksSay => failed(effect, state.platform.refusal(from)),
        Answer::Lost | Answer::Refused => unclear(effect),
    }
}

/// Our own books of what was presented. What was not harmless counts, whatever the platform made of it.
fn note_presented(state: &mut State, effect: EffectId, pair: &PairKey, recovers: Option<EffectId>, answer: Answer) {
    let before: Vec<_> = state
        .presented
        .iter()
        .filter(|presented| presented.pair == *pair && !presented.harmless)
        .map(|presented| presented.by)
        .collect();
    let once = match before.as_slice() {
        [] => true,
        [first] => recovers == Some(*first),
        _ => false,
    };
    if !once {
        state.breaks(Promise::PresentedOnce);
    }
    let handed_over = |submitted: &Submitted| submitted.pair == *pair && submitted.accepted;
    if state.submitted.iter().any(handed_over) {
        state.breaks(Promise::NoneAfterHandOver);
    }
    state.presented.push(Presented {
        pair: pair.clone(),
        by: effect,
        harmless: answer == Answer::Unharmed,
    });
}

/// No answer, or none that says either.
pub fn unclear(effect: EffectId) -> Event {
    failed(effect, RefreshRefusal::Unclear)
}

fn failed(effect: EffectId, refusal: RefreshRefusal) -> Event {
    Event::RotationFailed {
        effect,
        refusal,
        problem: Problem::PlatformUnavailable,
        reason: String::new(),
    }
}

/// Submits a registration with `pair`. Says what the process hears.
pub fn submit(state: &mut State, of: usize, effect: EffectId, pair: &PairKey, answer: Answer) -> Event {
    if state.submitted.iter().any(|before| before.of == of && before.accepted) {
        state.breaks(Promise::RegisteredOnce);
    }
    if state
        .presented
        .iter()
        .any(|before| before.pair == *pair && !before.harmless)
    {
        state.breaks(Promise::PresentedOnce);
    }
    state.submitted.push(Submitted {
        by: effect,
        of,
        pair: pair.clone(),
        accepted: matches!(answer, Answer::Done | Answer::DoneAnswerLost),
    });
    let outcome = match answer {
        Answer::Done => registered(),
        Answer::Refused => Outcome::Refused {
            reason: String::new(),
            pair: PairFate::Unspent,
        },
        Answer::Unharmed => Outcome::NotSent {
            reason: String::new(),
            problem: Problem::ChannelUnavailable,
        },
        Answer::Lost | Answer::DoneAnswerLost | Answer::AsTheBooksSay => Outcome::Unanswered { reason: String::new() },
    };
    Event::AttemptEnded { effect, outcome }
}

/// The database exists.
pub fn registered() -> Outcome {
    Outcome::Registered {
        segment: handover_core::ids::Segment::forgotten(),
    }
}

/// The app registration's client id.
#[allow(clippy::expect_used, reason = "a constant")]
pub fn client() -> handover_core::ids::ClientId {
    "client".parse().expect("one line")
}
