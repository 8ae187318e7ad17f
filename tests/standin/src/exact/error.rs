//! What the token endpoint refuses with, in the words that users of client libraries report.

use jiff::Timestamp;

use crate::{
    answer::Answer,
    settings::{App, SpentCodeAnswer},
};

/// Why the token endpoint refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Sooner than the earliest refresh.
    TooEarly,
    /// A refresh token that was exchanged already.
    OldRefreshToken,
    /// A refresh token that was not used for 30 days.
    Expired {
        /// When it expired.
        expired_at: Timestamp,
        /// The time of the refusal.
        now: Timestamp,
    },
    /// The chain has ended: a newer consent, or a grant that was withdrawn.
    ChainBroken,
    /// A client id or secret that does not fit.
    InvalidClient,
    /// A code that was used already.
    CodeUsed,
    /// A redirect URI that is not the one of the consent.
    RedirectMismatch,
    /// A code that is older than 3 minutes.
    CodeStale,
    /// A code or refresh token that was never issued: mangled on its way.
    Mangled,
    /// A verifier that does not fit the challenge (only where that is enforced).
    VerifierMismatch,
    /// Neither of the two grants.
    UnsupportedGrant,
    /// The key is blocked for its errors.
    KeyBlocked,
    /// More than 200 token calls a day.
    TooManyCalls,
}

impl Refusal {
    /// Its name in the books.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::TooEarly => "too_early",
            Self::OldRefreshToken => "old_refresh_token",
            Self::Expired { .. } => "refresh_token_expired",
            Self::ChainBroken => "chain_broken",
            Self::InvalidClient => "invalid_client",
            Self::CodeUsed => "code_used",
            Self::RedirectMismatch => "redirect_mismatch",
            Self::CodeStale => "code_stale",
            Self::Mangled => "mangled",
            Self::VerifierMismatch => "verifier_mismatch",
            Self::UnsupportedGrant => "unsupported_grant",
            Self::KeyBlocked => "key_blocked",
            Self::TooManyCalls => "too_many_calls",
        }
    }

    /// The answer: status, body and the `Reason` header where one was seen.
    pub fn answer(&self, app: &App) -> Answer {
        match self {
            Self::TooEarly => self.too_early(app),
            Self::OldRefreshToken => error(app.used_token_status, "unauthorized_client", &self.description()),
            Self::Expired { .. } | Self::CodeStale | Self::Mangled => {
                error(400, "invalid_request", &self.description())
            }
            Self::ChainBroken => self.chain_broken(),
            Self::InvalidClient => Answer::json(app.bad_client_status, r#"{"error":"invalid_client"}"#),
            Self::CodeUsed | Self::RedirectMismatch | Self::VerifierMismatch => spent_code(app),
            Self::UnsupportedGrant => Answer::json(400, r#"{"error":"unsupported_grant_type"}"#),
            Self::KeyBlocked | Self::TooManyCalls => error(429, "too_many_requests", &self.description()),
        }
    }

    /// Exact Online's own words, or the nearest there is to them.
    pub fn description(&self) -> String {
        match self {
            Self::TooEarly => "Rate limit exceeded: access_token not expired".to_owned(),
            Self::OldRefreshToken => "Old refresh token used.".to_owned(),
            Self::Expired { expired_at, now } => expiry(*expired_at, *now),
            Self::ChainBroken => "Token is not allowed, because of invalid or empty chainId".to_owned(),
            Self::CodeStale | Self::Mangled => "Signed data extraction has failed".to_owned(),
            Self::KeyBlocked | Self::TooManyCalls => "Rate limit exceeded".to_owned(),
            Self::InvalidClient => "invalid_client".to_owned(),
            Self::CodeUsed | Self::RedirectMismatch | Self::VerifierMismatch => "Bad Request".to_owned(),
            Self::UnsupportedGrant => String::new(),
        }
    }

    fn too_early(&self, app: &App) -> Answer {
        let text = self.description();
        error(app.too_early_status, "access_denied", &text).with("Reason", format!("TooEarlyToRefreshTokens: {text}"))
    }

    /// The blanks inside the braces, and the header, are as seen in picqer/exact-php-client#573.
    fn chain_broken(&self) -> Answer {
        let text = self.description();
        Answer::json(
            400,
            format!(r#"{{ "error":"invalid_grant","error_description":"{text}" }}"#),
        )
        .with("Reason", format!("Unknown: {text}"))
    }
}

fn spent_code(app: &App) -> Answer {
    match app.spent_code_answer {
        SpentCodeAnswer::Plain => Answer::text(400, "Bad Request"),
        SpentCodeAnswer::Json => Answer::json(400, r#"{"error":"invalid_grant"}"#),
    }
}

/// Slashes are escaped, as Exact Online's serialiser does.
fn error(status: u16, error: &str, description: &str) -> Answer {
    let description = description.replace('/', "\\/");
    Answer::json(
        status,
        format!(r#"{{"error":"{error}","error_description":"{description}"}}"#),
    )
}

/// `The refresh token expired at 10/11/2022 9:18:20 PM and it is now 10/28/2022 4:15:50 PM.`
fn expiry(expired_at: Timestamp, now: Timestamp) -> String {
    format!(
        "The refresh token expired at {} and it is now {}.",
        american(expired_at),
        american(now)
    )
}

fn american(at: Timestamp) -> String {
    at.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_status_body_and_reason() {
        let app = App::default();
        let at = |text: &str| text.parse().unwrap();
        let expired = Refusal::Expired {
            expired_at: at("2022-10-11T21:18:20Z"),
            now: at("2022-10-28T16:15:50Z"),
        };
        let rows = [
            (
                Refusal::TooEarly,
                400,
                "access_denied",
                "Rate limit exceeded: access_token not expired",
            ),
            (
                Refusal::OldRefreshToken,
                401,
                "unauthorized_client",
                "Old refresh token used.",
            ),
            (
                expired,
                400,
                "invalid_request",
                "The refresh token expired at 10/11/2022 9:18:20 PM and it is now 10/28/2022 4:15:50 PM.",
            ),
            (
                Refusal::ChainBroken,
                400,
                "invalid_grant",
                "Token is not allowed, because of invalid or empty chainId",
            ),
            (
                Refusal::CodeStale,
                400,
                "invalid_request",
                "Signed data extraction has failed",
            ),
            (
                Refusal::Mangled,
                400,
                "invalid_request",
                "Signed data extraction has failed",
            ),
        ];
        for (refusal, status, error, description) in rows {
            let answer = refusal.answer(&app);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((answer.status, &body["error"]), (status, &serde_json::json!(error)));
            assert_eq!(body["error_description"], description);
        }
        assert_eq!(
            Refusal::InvalidClient.answer(&app).body,
            r#"{"error":"invalid_client"}"#
        );
        assert_eq!(Refusal::CodeUsed.answer(&app), Answer::text(400, "Bad Request"));
    }

    #[test]
    fn statuses_that_drift_are_settings() {
        let app = App {
            too_early_status: 401,
            used_token_status: 400,
            bad_client_status: 401,
            spent_code_answer: SpentCodeAnswer::Json,
            ..App::default()
        };
        assert_eq!(Refusal::TooEarly.answer(&app).status, 401);
        assert_eq!(Refusal::OldRefreshToken.answer(&app).status, 400);
        assert_eq!(Refusal::InvalidClient.answer(&app).status, 401);
        assert_eq!(
            Refusal::RedirectMismatch.answer(&app).body,
            r#"{"error":"invalid_grant"}"#
        );
    }
}
