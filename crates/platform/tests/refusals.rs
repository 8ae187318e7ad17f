//! Every row of what is known of the token endpoint's refusals, each with the statuses that it may drift to.
#![allow(clippy::unwrap_used, reason = "tests")]

use handover_platform::{Grant, Refused, TokenRefusal, TokenRefusal::*, Transience};
use proptest::prelude::*;

fn meaning(grant: Grant, status: u16, header: Option<&str>, body: &str) -> TokenRefusal {
    Refused::read(grant, status, header, body.as_bytes()).meaning
}

#[test]
fn the_text_counts_before_the_status() {
    for (body, expected) in [
        (
            r#"{"error":"access_denied","error_description":"Rate limit exceeded: access_token not expired"}"#,
            TooEarly,
        ),
        (
            r#"{"error":"unauthorized_client","error_description":"Old refresh token used."}"#,
            UsedRefreshToken,
        ),
        (
            r#"{"error":"invalid_request","error_description":"The refresh token expired at 2026-01-01 and it is now 2026-03-01"}"#,
            Expired,
        ),
        (
            r#"{"error":"invalid_grant","error_description":"Token is not allowed, because of invalid or empty chainId"}"#,
            ChainBroken,
        ),
        (r#"{"error":"invalid_client"}"#, BadClient),
        (r#"{"error":"unauthorized_client"}"#, BadClient),
        ("Client with identifier 'x' not found", BadClient),
        (
            r#"{"error":"invalid_request","error_description":"Signed data extraction has failed"}"#,
            CodeStale,
        ),
        (
            r#"{"fault":{"faultstring":"Failed to execute the ExtractVariables: ExtractAccessToken"}}"#,
            GatewayFault,
        ),
        ("Rate limit exceeded", Transient(Transience::RateLimited)),
    ] {
        for status in [400, 401, 403, 500] {
            for grant in [Grant::Code, Grant::Refresh] {
                assert_eq!(meaning(grant, status, None, body), expected, "{status} {body}");
            }
        }
    }
}

#[test]
fn the_header_tells_when_the_body_does_not() {
    let refused = Refused::read(Grant::Refresh, 400, Some("TooEarlyToRefreshTokens"), b"");
    assert_eq!(refused.meaning, TooEarly);
    assert_eq!(
        refused.to_string(),
        "HTTP 400 (TooEarlyToRefreshTokens): refreshed too early"
    );
}

#[test]
fn without_a_known_text_status_and_form_are_left() {
    use Grant::{Code, Refresh};
    for (grant, status, body, expected) in [
        (Code, 400, "Bad Request", CodeUsedOrMismatch),
        (Code, 400, " \"Bad Request\"\n", CodeUsedOrMismatch),
        (Code, 400, r#"{"error":"invalid_grant"}"#, CodeUsedOrMismatch),
        (Refresh, 400, "Bad Request", Transient(Transience::Empty)),
        (Refresh, 400, r#"{"error":"invalid_grant"}"#, Unknown),
        (Refresh, 400, "", Transient(Transience::Empty)),
        (Refresh, 401, " \n", Transient(Transience::Empty)),
        (Refresh, 400, "<html>…", Transient(Transience::Page)),
        (Refresh, 503, "…", Transient(Transience::ServerError)),
        (Refresh, 429, "…", Transient(Transience::RateLimited)),
        (Refresh, 401, "Unauthorized", BadClient),
        (Refresh, 401, r#"{"error":"something_new"}"#, Unknown),
        (Refresh, 404, "Not Found", Unknown),
        (Code, 301, "", Moved),
        (Code, 302, "", Redirected),
        (Refresh, 303, "<html>…", Redirected),
        (Refresh, 304, "", Redirected),
        (Refresh, 307, "", Moved),
        (Refresh, 308, "<html>…", Moved),
        (Code, 200, "{}", NoToken),
        (Refresh, 200, "<html>…", NoToken),
    ] {
        assert_eq!(meaning(grant, status, None, body), expected, "{status} {body}");
    }
}

#[test]
fn an_access_token_says_yes_whatever_words_its_letters_make() {
    for body in [
        r#"{"access_token":"stampNL001.gAAAA_chainId"}"#,
        r#"{"access_token":"a","error":"invalid_client"}"#,
    ] {
        assert_eq!(meaning(Grant::Refresh, 200, None, body), NoToken, "{body}");
    }
}

#[test]
fn only_known_codes_and_plain_words_are_shown() {
    let shown = |header, body: &str| Refused::read(Grant::Code, 400, Some(header), body.as_bytes()).to_string();
    assert!(
        shown("Wrong client, sorry.", r#"{"error":"invalid_scope"}"#)
            .starts_with("HTTP 400 invalid_scope (Wrong client, sorry.): ")
    );
    for header in [
        "stampNL001.abcd",
        "abcd!IAAA",
        "a\u{e9}",
        "",
        " ",
        &"word ".repeat(30),
        &"a".repeat(41),
    ] {
        assert!(
            shown(header, r#"{"error":"secret_code"}"#).starts_with("HTTP 400: "),
            "{header}"
        );
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic_or_quote_the_body(
        status in any::<u16>(),
        body in proptest::collection::vec(any::<u8>(), 0..400),
        header in proptest::option::of("\\PC{0,200}"),
        code in any::<bool>(),
    ) {
        let grant = if code { Grant::Code } else { Grant::Refresh };
        let mut quoted = b"{\"error\":\"hush4711\",\"x\":\"hush4711 ".to_vec();
        quoted.extend_from_slice(&body);
        for body in [body, quoted] {
            let refused = Refused::read(grant, status, header.as_deref(), &body);
            prop_assert!(refused.to_string().len() < 400);
            let told = format!("{refused} {refused:?}");
            prop_assert!(!told.contains("hush4711"));
        }
    }
}
