//! What became of a request.

use handover_core::{
    connection::{PairFate, Problem},
    event::{LookUpAnswer, Outcome},
    ids::Segment,
};
use handover_platform::http::{Answer, NetworkFailure};

use crate::{
    profile::{AnswerRule, LookUpAnswerRule, Meaning, Presence, Reply},
    scrub::Secrets,
};

/// What an answer is judged by.
pub(crate) struct Judge {
    pub answers: Vec<AnswerRule>,
    pub key: String,
    pub database: Segment,
    pub pair_if_refused: PairFate,
    pub exists_only_for_our_key: bool,
    pub secrets: Secrets,
    pub limit_seconds: u64,
}

impl Judge {
    pub fn outcome(&self, came: Result<Answer, NetworkFailure>) -> Outcome {
        match came {
            Err(failure) => self.failed(&failure),
            Ok(Answer {
                status, cut: Some(cut), ..
            }) => Outcome::Unanswered {
                reason: format!("HTTP {}, but {cut}", status.as_u16()),
            },
            Ok(answer) => self.answered(&Reply::new(answer.status.as_u16(), &answer.body)),
        }
    }

    fn failed(&self, failure: &NetworkFailure) -> Outcome {
        match failure {
            NetworkFailure::Unusable => Outcome::NotSent {
                reason: format!("nothing was sent: {failure}; check the channel's profile"),
                problem: Problem::Configuration,
            },
            _ if failure.surely_unsent() => Outcome::NotSent {
                reason: format!("nothing was sent: {failure}"),
                problem: Problem::ChannelUnavailable,
            },
            NetworkFailure::TimedOut => Outcome::Unanswered {
                reason: format!("sent, but no answer came within {} s", self.limit_seconds),
            },
            _ => Outcome::Unanswered {
                reason: format!("sent, but {failure}"),
            },
        }
    }

    fn answered(&self, reply: &Reply) -> Outcome {
        let Some(rule) = self.answers.iter().find(|rule| rule.condition().fits(reply)) else {
            let reason = format!(
                "HTTP {}, an answer that the channel's profile does not list",
                reply.status
            );
            return Outcome::Unanswered { reason };
        };
        match rule.means {
            Meaning::Registered => self.registered(rule, reply),
            Meaning::Exists if self.is_ours(rule, reply) => self.registered(rule, reply),
            Meaning::Exists | Meaning::Duplicate => self.refused(
                rule,
                reply,
                "duplicate: it is there already, and not made under our key",
            ),
            Meaning::Refused => self.refused(rule, reply, "refused"),
            Meaning::TryLater => Outcome::NotSent {
                reason: self.line("nothing was done, to be tried later", rule, reply),
                problem: Problem::ChannelUnavailable,
            },
            Meaning::Misconfigured => Outcome::NotSent {
                reason: self.line(
                    "nothing was done, the channel's profile has to be set right",
                    rule,
                    reply,
                ),
                problem: Problem::Configuration,
            },
            Meaning::Doubt => Outcome::Unanswered {
                reason: self.line("it may have been done", rule, reply),
            },
        }
    }

    /// A segment that the rule promises and the answer lacks leaves open what was made.
    fn registered(&self, rule: &AnswerRule, reply: &Reply) -> Outcome {
        match segment(rule.segment.as_deref(), reply, &self.database) {
            Some(segment) => Outcome::Registered { segment },
            None => Outcome::Unanswered {
                reason: format!(
                    "HTTP {}, which means registered, but without a segment where the profile expects it",
                    reply.status
                ),
            },
        }
    }

    fn is_ours(&self, rule: &AnswerRule, reply: &Reply) -> bool {
        match &rule.our_key {
            Some(pointer) => reply.text_at(pointer).as_ref() == Some(&self.key),
            None => self.exists_only_for_our_key,
        }
    }

    fn refused(&self, rule: &AnswerRule, reply: &Reply, what: &str) -> Outcome {
        Outcome::Refused {
            reason: self.line(what, rule, reply),
            pair: rule.pair.unwrap_or(self.pair_if_refused),
        }
    }

    /// What happened, with what the answer says of it as far as that can be shown.
    fn line(&self, what: &str, rule: &AnswerRule, reply: &Reply) -> String {
        let told: Vec<String> = rule
            .reason
            .iter()
            .filter_map(|pointer| self.secrets.scrub(&reply.text_at(pointer)?))
            .collect();
        if told.is_empty() {
            format!("{what} (HTTP {})", reply.status)
        } else {
            format!("{what} (HTTP {}): {}", reply.status, told.join(": "))
        }
    }
}

/// What a look-up says; whatever is not told clearly is unclear.
pub(crate) fn looked_up(
    rules: &[LookUpAnswerRule],
    key: &str,
    database: &Segment,
    came: Result<Answer, NetworkFailure>,
) -> LookUpAnswer {
    let Ok(Answer {
        status,
        body,
        cut: None,
        ..
    }) = came
    else {
        return LookUpAnswer::Unclear;
    };
    let reply = Reply::new(status.as_u16(), &body);
    let Some(rule) = rules.iter().find(|rule| rule.condition().fits(&reply)) else {
        return LookUpAnswer::Unclear;
    };
    let ours = rule
        .our_key
        .as_ref()
        .is_none_or(|pointer| reply.text_at(pointer).as_deref() == Some(key));
    match rule.means {
        Presence::Found if ours => {
            segment(rule.segment.as_deref(), &reply, database).map_or(LookUpAnswer::Unclear, LookUpAnswer::Found)
        }
        Presence::Absent => LookUpAnswer::Absent,
        Presence::Found | Presence::Unclear => LookUpAnswer::Unclear,
    }
}

fn segment(pointer: Option<&str>, reply: &Reply, database: &Segment) -> Option<Segment> {
    match pointer {
        None => Some(database.clone()),
        Some(pointer) => reply.text_at(pointer)?.parse().ok(),
    }
}
