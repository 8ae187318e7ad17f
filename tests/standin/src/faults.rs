//! Faults that are asked for: what real networks and gateways do, at a place and a number of times.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// `GET /api/oauth2/auth`.
    Authorize,
    /// `POST /api/oauth2/token`, whatever is presented.
    Token,
    /// `POST /api/oauth2/token` with an authorisation code.
    TokenCode,
    /// `POST /api/oauth2/token` with a refresh token.
    TokenRefresh,
    /// Invantive Cloud's own exchange at Exact Online, for a registration whose access token has ended. Whatever the
    /// kind, it hears no answer.
    InvantiveExchange,
    /// `GET /api/v1/current/Me`.
    Me,
    /// `POST /api/databases` and the form.
    Register,
    /// `GET /api/databases`.
    Lookup,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The effect happens, then the connection is closed without an answer.
    LostAnswer,
    /// The effect happens, then the answer waits for `delay_seconds`.
    Delay,
    /// The request waits for `delay_seconds`, then the effect happens, whether or not the client is still there.
    DelayBefore,
    /// The connection is closed before any effect.
    ConnectionClosedBefore,
    /// 200 without a body.
    EmptyBody,
    /// 200 with a page.
    HtmlBody,
    /// 400 with the plain text `Bad Request`.
    BadRequest,
    /// 500 of the gateway, as seen at Exact Online.
    #[serde(rename = "gateway_500")]
    Gateway500,
    /// 400 with an error that says nothing.
    #[serde(rename = "false_400")]
    False400,
    /// 401 `Old refresh token used.` although the token is fine.
    #[serde(rename = "false_401")]
    False401,
    /// 403 of a gateway.
    #[serde(rename = "forbidden_403")]
    Forbidden403,
    /// 429 without a word about when.
    #[serde(rename = "too_many_429")]
    TooMany429,
    /// 503.
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    /// 400 `invalid_client`.
    InvalidClient,
    /// The effect happens, and half of the answer's body arrives as if it were all of it.
    MalformedJson,
    /// The effect happens, and `expires_in` is a number.
    NumberExpiresIn,
    /// The effect happens, and `expires_in` is missing.
    NoExpiresIn,
    /// The effect happens, and `token_type` is written `Bearer`.
    CapitalBearer,
    /// The effect happens, and the answer has no refresh token.
    NoRefreshToken,
}

impl FaultKind {
    /// Whether the request has its effect unless the request for the fault says otherwise.
    pub const fn has_effect(self) -> bool {
        matches!(
            self,
            Self::LostAnswer
                | Self::Delay
                | Self::DelayBefore
                | Self::MalformedJson
                | Self::NumberExpiresIn
                | Self::NoExpiresIn
                | Self::CapitalBearer
                | Self::NoRefreshToken
        )
    }
}

/// The body of `POST /__standin/faults`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// What.
    pub fault: FaultKind,
    /// How many requests it strikes.
    #[serde(default = "once")]
    pub times: u32,
    /// How many requests pass before it strikes.
    #[serde(default)]
    pub after: u32,
    /// How long a delay is, in real time.
    #[serde(default = "usual_delay")]
    pub delay_seconds: u64,
    /// Whether the request has its effect all the same; what is usual for the kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<bool>,
    /// Another status for the answer than the kind's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

const fn once() -> u32 {
    1
}

/// A 35 s answer has been seen (exactonline/exactonline-api-dotnet-client#152).
const fn usual_delay() -> u64 {
    35
}

impl Fault {
    /// `fault` at `at`, once, now.
    pub const fn once(at: At, fault: FaultKind) -> Self {
        Self {
            at,
            fault,
            times: 1,
            after: 0,
            delay_seconds: usual_delay(),
            effect: None,
            status: None,
        }
    }

    /// Whether the request has its effect.
    pub fn has_effect(&self) -> bool {
        self.effect.unwrap_or_else(|| self.fault.has_effect())
    }
}

/// A fault that was asked for, and how it stands; what `GET /__standin/faults` lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultStanding {
    /// What was asked for.
    pub fault: Fault,
    /// How many requests came by before it struck.
    pub passed: u32,
    /// When it struck.
    pub struck_at: Vec<Timestamp>,
    /// How many requests it will still strike.
    pub left: u32,
}

/// All faults that were asked for, in order.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    standing: Vec<FaultStanding>,
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        let left = fault.times;
        self.standing.push(FaultStanding {
            fault,
            passed: 0,
            struck_at: Vec::new(),
            left,
        });
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.standing.clear();
    }

    /// All of them, the exhausted ones included.
    pub fn all(&self) -> &[FaultStanding] {
        &self.standing
    }

    /// The fault that strikes a request at any of `places`, if one does. The first that is left wins, and only it
    /// counts the request.
    pub fn take(&mut self, places: &[At], now: Timestamp) -> Option<Fault> {
        let here = self
            .standing
            .iter_mut()
            .find(|one| one.left > 0 && places.contains(&one.fault.at))?;
        if here.passed < here.fault.after {
            here.passed = here.passed.saturating_add(1);
            return None;
        }
        here.left = here.left.saturating_sub(1);
        here.struck_at.push(now);
        Some(here.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_after_so_many_and_so_often() {
        let mut faults = Faults::default();
        faults.add(Fault {
            after: 1,
            times: 2,
            ..Fault::once(At::Token, FaultKind::EmptyBody)
        });
        let now = Timestamp::UNIX_EPOCH;
        let struck: Vec<_> = (0..5)
            .map(|_| faults.take(&[At::Token, At::TokenCode], now).is_some())
            .collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert_eq!(faults.all()[0].struck_at.len(), 2);
        assert!(faults.take(&[At::Me], now).is_none());
    }

    #[test]
    fn the_names_are_those_of_the_readme() {
        for (kind, name) in [
            (FaultKind::Gateway500, "gateway_500"),
            (FaultKind::False400, "false_400"),
            (FaultKind::Unavailable503, "unavailable_503"),
            (FaultKind::LostAnswer, "lost_answer"),
            (FaultKind::ConnectionClosedBefore, "connection_closed_before"),
            (FaultKind::NumberExpiresIn, "number_expires_in"),
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
        }
    }
}
