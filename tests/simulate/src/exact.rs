//! Exact Online, with its own books.

use std::{collections::BTreeMap, time::Duration};

use crate::chance::{days, hours, minutes, seconds};

/// A code lives so long.
const CODE_LIFE: Duration = minutes(3);
/// An access token lives so long.
pub const ACCESS_LIFE: Duration = seconds(600);
/// No refresh sooner after the last answer.
pub const EARLIEST: Duration = seconds(570);
/// A refresh token that is not used lives so long.
const REFRESH_LIFE: Duration = days(30);
/// What every secret of these books begins with: whoever finds it in the clear has found a leak.
pub const MARK: &str = "stampNL001.";

/// When a refresh token that was exchanged dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldDies {
    /// At once.
    AtExchange,
    /// When the new one is first used.
    AtFirstUse,
}

/// Who presents a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presenter {
    /// Handover.
    Us,
    /// Invantive Cloud, to which it was handed over.
    Invantive,
}

/// A user of one app registration.
pub type User = u64;

/// Names one refresh token in the books.
pub type TokenId = u64;

#[derive(Debug)]
struct Code {
    user: User,
    challenge: String,
    issued_at: Duration,
    used: bool,
}

/// A refresh token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Whose.
    pub user: User,
    /// The consent it goes back to.
    pub chain: u64,
    issued_at: Duration,
    /// What it was exchanged for last.
    successor: Option<TokenId>,
    /// What it was received for.
    predecessor: Option<TokenId>,
    dead: bool,
    /// Presented so often by us, in a way that may have counted.
    pub by_us: u32,
}

/// A token answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The refresh token in the books.
    pub token: TokenId,
    /// Its text.
    pub refresh: String,
    /// The access token's text.
    pub access: String,
}

/// Why there is no token answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The application's secret is wrong.
    BadClient,
    /// The code is unknown, used, stale or of another browser.
    BadCode,
    /// Sooner than 570 s after the last answer.
    TooEarly,
    /// `Old refresh token used.`
    Used,
    /// Over 30 days.
    Expired,
    /// A later consent has ended the chain.
    ChainBroken,
}

/// The platform.
#[derive(Debug)]
pub struct Exact {
    /// When an exchanged refresh token dies.
    pub old_dies: OldDies,
    /// The application's secret counts as wrong until then.
    pub bad_client_until: Duration,
    /// Who consented is not told until then.
    pub me_fails_until: Duration,
    codes: BTreeMap<u64, Code>,
    tokens: BTreeMap<TokenId, Token>,
    access: BTreeMap<u64, (User, Duration)>,
    live: BTreeMap<User, u64>,
    last_answer: BTreeMap<u64, Duration>,
    errors: BTreeMap<User, Vec<Duration>>,
    calls: BTreeMap<User, Vec<Duration>>,
    numbers: u64,
}

fn number(text: &str) -> Option<u64> {
    text.strip_prefix(MARK)?.split_once('!')?.1.parse().ok()
}

impl Exact {
    /// With this policy.
    #[must_use]
    pub fn new(old_dies: OldDies) -> Self {
        Self {
            old_dies,
            bad_client_until: Duration::ZERO,
            me_fails_until: Duration::ZERO,
            codes: BTreeMap::new(),
            tokens: BTreeMap::new(),
            access: BTreeMap::new(),
            live: BTreeMap::new(),
            last_answer: BTreeMap::new(),
            errors: BTreeMap::new(),
            calls: BTreeMap::new(),
            numbers: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A customer consents: the code that their browser brings back.
    pub fn consent(&mut self, user: User, challenge: &str, now: Duration) -> String {
        let code = self.number();
        let issued = Code {
            user,
            challenge: challenge.to_owned(),
            issued_at: now,
            used: false,
        };
        self.codes.insert(code, issued);
        format!("{MARK}c!{code}")
    }

    /// Exchanges a code, sent with the challenge of its verifier.
    ///
    /// # Errors
    /// [`Refusal`], and nothing has changed.
    pub fn exchange(&mut self, code: &str, challenge: &str, now: Duration) -> Result<Answer, Refusal> {
        if now < self.bad_client_until {
            return Err(Refusal::BadClient);
        }
        let code = number(code)
            .and_then(|code| self.codes.get_mut(&code))
            .ok_or(Refusal::BadCode)?;
        let open = !code.used && code.challenge == challenge && now < code.issued_at + CODE_LIFE;
        if !open {
            return Err(Refusal::BadCode);
        }
        code.used = true;
        let user = code.user;
        let chain = self.number();
        self.live.insert(user, chain);
        Ok(self.issue(user, chain, None, now))
    }

    fn issue(&mut self, user: User, chain: u64, predecessor: Option<TokenId>, now: Duration) -> Answer {
        let token = self.number();
        let issued = Token {
            user,
            chain,
            issued_at: now,
            successor: None,
            predecessor,
            dead: false,
            by_us: 0,
        };
        self.tokens.insert(token, issued);
        self.access.insert(token, (user, now + ACCESS_LIFE));
        self.last_answer.insert(chain, now);
        self.calls.entry(user).or_default().push(now);
        Answer {
            token,
            refresh: format!("{MARK}r!{token}"),
            access: format!("{MARK}a!{token}"),
        }
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`Refusal`], and nothing has changed.
    pub fn refresh(&mut self, refresh: &str, by: Presenter, now: Duration) -> Result<Answer, Refusal> {
        let id = self.token_of(refresh).ok_or(Refusal::Used)?;
        let judged = if now < self.bad_client_until {
            Err(Refusal::BadClient)
        } else {
            self.judge(id, now)
        };
        let user = self.tokens.get(&id).map(|token| token.user).unwrap_or_default();
        if let Err(refusal) = judged {
            if by == Presenter::Us {
                self.errors.entry(user).or_default().push(now);
            }
            return Err(refusal);
        }
        Ok(self.rotate(id, now))
    }

    fn judge(&self, id: TokenId, now: Duration) -> Result<(), Refusal> {
        let token = self.tokens.get(&id).ok_or(Refusal::Used)?;
        if self.live.get(&token.user) != Some(&token.chain) {
            return Err(Refusal::ChainBroken);
        }
        if now >= token.issued_at + REFRESH_LIFE {
            return Err(Refusal::Expired);
        }
        if token.dead {
            return Err(Refusal::Used);
        }
        let last = self.last_answer.get(&token.chain).copied().unwrap_or_default();
        if now < last + EARLIEST {
            return Err(Refusal::TooEarly);
        }
        Ok(())
    }

    /// The token is good. It dies now, or lives on beside the one that it is exchanged for until that is used.
    fn rotate(&mut self, id: TokenId, now: Duration) -> Answer {
        let Some(token) = self.tokens.get(&id).cloned() else {
            return self.issue(0, 0, None, now);
        };
        // It is used, so the one before it dies at the latest now; so does what it was exchanged for earlier.
        for other in [token.predecessor, token.successor].into_iter().flatten() {
            if let Some(other) = self.tokens.get_mut(&other) {
                other.dead = true;
            }
        }
        let answer = self.issue(token.user, token.chain, Some(id), now);
        if let Some(token) = self.tokens.get_mut(&id) {
            token.successor = Some(answer.token);
            token.dead = self.old_dies == OldDies::AtExchange;
        }
        answer
    }

    /// Who an access token belongs to.
    #[must_use]
    pub fn me(&self, access: &str, now: Duration) -> Option<User> {
        if now < self.me_fails_until {
            return None;
        }
        let (user, ends) = self.access.get(&number(access)?)?;
        (now < *ends).then_some(*user)
    }

    /// The chain of a user that lives.
    #[must_use]
    pub fn live(&self, user: User) -> Option<u64> {
        self.live.get(&user).copied()
    }

    /// The refresh token with this text.
    #[must_use]
    pub fn token_of(&self, refresh: &str) -> Option<TokenId> {
        number(refresh).filter(|id| self.tokens.contains_key(id))
    }

    /// A refresh token.
    #[must_use]
    pub fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(&id)
    }

    /// We present it, in a way that may count.
    pub fn presented(&mut self, refresh: &str) -> Option<(TokenId, u32)> {
        let id = self.token_of(refresh)?;
        let token = self.tokens.get_mut(&id)?;
        token.by_us += 1;
        Some((id, token.by_us))
    }

    /// It was presented, in a way that surely did not count.
    pub fn not_presented(&mut self, refresh: &str) {
        let token = self.token_of(refresh).and_then(|id| self.tokens.get_mut(&id));
        if let Some(token) = token {
            token.by_us = token.by_us.saturating_sub(1);
        }
    }

    /// Whether it would be exchanged, were it not for the time since the last answer.
    #[must_use]
    pub fn is_good(&self, id: TokenId, now: Duration) -> bool {
        matches!(self.judge(id, now), Ok(()) | Err(Refusal::TooEarly))
    }

    /// The earliest exchange of the chain that a token belongs to.
    #[must_use]
    pub fn earliest(&self, id: TokenId) -> Duration {
        let last = self
            .tokens
            .get(&id)
            .and_then(|token| self.last_answer.get(&token.chain));
        last.copied().unwrap_or_default() + EARLIEST
    }

    /// The most errors of one user within an hour that our schedule brought about, and the most answers within a day.
    #[must_use]
    pub fn most(&self) -> (usize, usize) {
        let most = |times: &BTreeMap<User, Vec<Duration>>, within| {
            times
                .values()
                .map(|times| densest(times, within))
                .max()
                .unwrap_or_default()
        };
        (most(&self.errors, hours(1)), most(&self.calls, days(1)))
    }
}

fn densest(times: &[Duration], within: Duration) -> usize {
    let until = |first: &Duration| {
        times
            .iter()
            .filter(|time| (*first..*first + within).contains(*time))
            .count()
    };
    times.iter().map(until).max().unwrap_or_default()
}
