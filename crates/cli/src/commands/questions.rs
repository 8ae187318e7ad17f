//! What a person is asked after the screen of `take`.

use handover_core::{
    connection::{Connection, PairFate},
    ids::Segment,
};

use crate::{console::Console, time::Zone};

/// A reason stands in tables, lists and logs.
const LONGEST_REASON: usize = 200;

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Done(Segment),
    Refused { reason: String, pair: PairFate },
    PutBack(String),
    Nothing,
}

/// Asks until an answer fits; whoever stops answering has said nothing.
pub(super) struct Questions<'a, C> {
    pub console: &'a mut C,
    /// What no reason may hold. An empty one is none: every text holds that.
    pub secrets: &'a [&'a str],
}

impl<C: Console> Questions<'_, C> {
    pub fn ask(mut self, claimed: &Connection, zone: &Zone) -> Said {
        let until = claimed.effect.as_ref().map(|effect| zone.clock(effect.lease_ends_at));
        for line in [
            "How did it end?",
            "  d  done: the database exists",
            "  r  refused by Invantive Cloud",
            "  n  nothing was entered: put it back",
        ] {
            self.console.say(line);
        }
        self.console.say(&format!(
            "  l  later: leave it in my hands until {}",
            until.unwrap_or_default()
        ));
        self.how(&claimed.registration.database).unwrap_or(Said::Nothing)
    }

    fn how(&mut self, database: &Segment) -> Option<Said> {
        loop {
            match self.answer("d, r, n or l:")?.as_str() {
                "d" => return self.segment(database).map(Said::Done),
                "r" => {
                    let reason = self.reason("What did it say?", None)?;
                    let pair = self.fate()?;
                    return Some(Said::Refused { reason, pair });
                }
                "n" => {
                    return self
                        .reason("Why? [nothing was entered]", Some("nothing was entered"))
                        .map(Said::PutBack);
                }
                "l" => return Some(Said::Nothing),
                _ => {}
            }
        }
    }

    fn segment(&mut self, database: &Segment) -> Option<Segment> {
        loop {
            let given = self.answer(&format!("Its segment at Invantive Cloud? [{database}]"))?;
            if given.is_empty() {
                return Some(database.clone());
            }
            match given.parse() {
                Ok(segment) => return Some(segment),
                Err(error) => self.console.say(&error.to_string()),
            }
        }
    }

    fn reason(&mut self, question: &str, usual: Option<&str>) -> Option<String> {
        loop {
            let given = self.answer(question)?;
            let holds = |secret: &&str| !secret.is_empty() && given.contains(*secret);
            if self.secrets.iter().any(holds) {
                self.console
                    .say("That holds a secret, and is written down for all to read: say it without.");
            } else if given.len() > LONGEST_REASON || given.chars().any(char::is_control) {
                self.console
                    .say(&format!("Say it in one line of at most {LONGEST_REASON} bytes."));
            } else if !given.is_empty() {
                return Some(given);
            } else if let Some(usual) = usual {
                return Some(usual.to_owned());
            }
        }
    }

    fn fate(&mut self) -> Option<PairFate> {
        let question = "Was the token pair exchanged there? y, n, or ? if you do not know [?]";
        loop {
            match self.answer(question)?.as_str() {
                "y" => return Some(PairFate::Spent),
                "n" => return Some(PairFate::Unspent),
                "?" | "" => return Some(PairFate::Unknown),
                _ => {}
            }
        }
    }

    fn answer(&mut self, question: &str) -> Option<String> {
        self.console.ask(question).ok().flatten()
    }
}
