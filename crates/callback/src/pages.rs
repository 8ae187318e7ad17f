//! The pages customers see. Short, in plain words, and each says what to do next.
//!
//! No script and nothing from elsewhere; what is shown of stored values is escaped by the template.

use std::{sync::LazyLock, time::Duration};

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use handover_core::ports::ReadError;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use url::Url;

use crate::gateway::Answer;

const STYLE: &str = include_str!("style.css");

/// Names the one style sheet by its hash; everything else is shut.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()).as_ref());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Seconds between two looks at an exchange that is under way.
const LOOK_AGAIN: u32 = 3;
/// Seconds before a customer is sent on.
const ONWARD: u32 = 5;
/// After which an outage is worth another try, in seconds.
const OUTAGE: i64 = 60;

/// How a page looks.
#[derive(Clone, Copy)]
enum Mood {
    Done,
    Busy,
    Attention,
}

impl Mood {
    fn class(self) -> &'static str {
        match self {
            Self::Done => "mark done",
            Self::Busy => "mark busy",
            Self::Attention => "mark attention",
        }
    }
}

struct Page<'a> {
    status: u16,
    mood: Mood,
    brand: Option<&'a str>,
    title: &'a str,
    /// `content` of `<meta http-equiv="refresh">`.
    refresh: Option<String>,
    text: Markup,
}

impl Page<'_> {
    fn answer(self) -> Answer {
        let Self {
            status,
            mood,
            brand,
            title,
            refresh,
            text,
        } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(refresh) = &refresh { meta http-equiv="refresh" content=(refresh); }
                    title { (title) @if let Some(brand) = brand { " – " (brand) } }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        @if let Some(brand) = brand { p.brand { (brand) } }
                        div class=(mood.class()) aria-hidden="true" {}
                        h1 { (title) }
                        (text)
                    }
                }
            }
        };
        Answer::page(status, page.into_string(), &POLICY)
    }
}

/// Whom to turn to: by name where it is known.
fn who(brand: Option<&str>) -> &str {
    brand.unwrap_or("the company that sent you the link")
}

fn attention<'a>(status: u16, brand: Option<&'a str>, title: &'a str, text: Markup) -> Answer {
    Page {
        status,
        mood: Mood::Attention,
        brand,
        title,
        refresh: None,
        text,
    }
    .answer()
}

pub(crate) fn not_found() -> Answer {
    let text = html! { p { "There is nothing at this address. Please open the link you were sent." } };
    attention(404, None, "Page not found", text)
}

pub(crate) fn unknown_link() -> Answer {
    let text = html! {
        p { "Please check that you opened the whole link. If you did, ask the company that sent it to you for a new one." }
    };
    attention(404, None, "This link does not work", text)
}

pub(crate) fn closed_link(brand: Option<&str>) -> Answer {
    let text = html! {
        p { "It has lapsed, it was used already, or a newer one has taken its place." }
        p { "If you have connected already, there is nothing left to do. Otherwise please ask " (who(brand)) " for a new link." }
    };
    attention(410, brand, "This link can no longer be used", text)
}

pub(crate) fn opened_too_often(brand: Option<&str>, wait: Duration) -> Answer {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    let text = html! {
        p { "This link was opened many times within the last hour. Please go on in one of those windows, or open it again in "
            (minutes) @if minutes == 1 { " minute." } @else { " minutes." } }
    };
    attention(429, brand, "Opened too often", text).retry_after(i64::try_from(wait.as_secs()).unwrap_or(OUTAGE))
}

pub(crate) fn under_way(brand: Option<&str>) -> Answer {
    let text = html! {
        p { "Another window, or we ourselves, are at work on this connection at this moment. If you are not connected in a minute, please open the link you were sent again." }
    };
    Page {
        status: 409,
        mood: Mood::Busy,
        brand,
        title: "Already under way",
        refresh: None,
        text,
    }
    .answer()
    .retry_after(OUTAGE)
}

pub(crate) fn unavailable() -> Answer {
    let text = html! {
        p { "Something on our side is not available right now. Nothing is lost: please reload this page in a minute." }
    };
    attention(503, None, "Please try again in a minute", text).retry_after(OUTAGE)
}

pub(crate) fn too_long() -> Answer {
    let text = html! { p { "Please open the link you were sent again, and go on from there." } };
    attention(414, None, "This address is too long", text)
}

pub(crate) fn malformed() -> Answer {
    let text = html! { p { "Please open the link you were sent again, and go on from there." } };
    attention(400, None, "This address is not complete", text)
}

/// Says the same whatever did not fit: no oracle for somebody who tries states.
pub(crate) fn other_browser() -> Answer {
    let text = html! {
        p { "It was opened in another browser, too long ago, or without the cookie that belongs to it." }
        p { "Please allow cookies, open the link you were sent again in this browser, and go on from there." }
    };
    attention(403, None, "This page does not belong to this browser", text)
}

pub(crate) fn lapsed_trip() -> Answer {
    let text = html! { p { "That took longer than an hour. Please open the link you were sent again." } };
    attention(410, None, "Too much time has passed", text)
}

pub(crate) fn consent_refused(brand: Option<&str>) -> Answer {
    let text = html! {
        p { "No access was given, so nothing was connected." }
        p { "If that was not what you wanted, open the link you were sent again and give your consent. For questions please turn to "
            (who(brand)) "." }
    };
    attention(200, brand, "Not connected", text)
}

/// What cannot be used will not be usable in a minute; what cannot be reached may be there again.
pub(crate) fn unread(error: &ReadError) -> Answer {
    match error {
        ReadError::Rejected(_) => misconfigured(None),
        ReadError::Unavailable(_) => unavailable(),
    }
}

pub(crate) fn misconfigured(brand: Option<&str>) -> Answer {
    let text = html! {
        p { "The connection is not set up correctly. This is not your fault, and trying again does not help." }
        p { "Please contact " (who(brand)) ", who can mend it." }
    };
    attention(409, brand, "Please contact us", text)
}

pub(crate) fn waiting(brand: Option<&str>) -> Answer {
    let text = html! {
        p role="status" { "If you have given your consent, this page shows the result by itself." }
        p { "If you have not, please open the link you were sent again." }
    };
    busy(brand, "Waiting for your consent", text)
}

pub(crate) fn still_working(brand: Option<&str>) -> Answer {
    let text = html! {
        p role="status" { "Your consent has arrived and is being processed. That can take a minute; this page shows the result by itself." }
    };
    busy(brand, "Still working", text)
}

fn busy(brand: Option<&str>, title: &str, text: Markup) -> Answer {
    let refresh = Some(LOOK_AGAIN.to_string());
    Page {
        status: 200,
        mood: Mood::Busy,
        brand,
        title,
        refresh,
        text,
    }
    .answer()
}

pub(crate) fn connected(brand: Option<&str>, onward: Option<&Url>) -> Answer {
    let text = html! {
        p role="status" { "Thank you. Your consent has arrived safely; there is nothing left for you to do." }
        @if let Some(url) = onward {
            p { a.button href=(url) rel="noreferrer" { "Continue" } }
            p.hint { "You will be taken there in a few seconds." }
        } @else {
            p { "You can close this window." }
        }
    };
    let refresh = onward.map(|url| format!("{ONWARD};url={url}"));
    Page {
        status: 200,
        mood: Mood::Done,
        brand,
        title: "Connected",
        refresh,
        text,
    }
    .answer()
}

pub(crate) fn failed(brand: Option<&str>) -> Answer {
    let text = html! {
        p { "The connection could not be made. Nothing was changed in your administration." }
        p { "Please open the link you were sent again and give your consent once more. If that does not help either, please contact "
            (who(brand)) "." }
    };
    attention(200, brand, "That did not work", text)
}

pub(crate) fn ended(brand: Option<&str>) -> Answer {
    let text = html! {
        p { "This connection is not open any more." }
        p { "If it should be, please ask " (who(brand)) " for a new link." }
    };
    attention(200, brand, "No longer connected", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let answer = failed(Some("<script>alert(\"1\")</script> & Sons"));
        assert!(!answer.body.contains("<script"), "{}", answer.body);
        assert!(
            answer
                .body
                .contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; Sons")
        );
        let url = Url::parse("https://app.acme.example/?a=\"><script>").unwrap();
        assert!(!connected(None, Some(&url)).body.contains("<script"));
    }

    #[test]
    fn the_policy_knows_the_style_as_it_stands_in_the_page() {
        let answer = not_found();
        let inside = answer
            .body
            .split_once("<style>")
            .unwrap()
            .1
            .split_once("</style>")
            .unwrap()
            .0;
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, inside.as_bytes()).as_ref());
        assert!(answer.headers["content-security-policy"].contains(&format!("style-src 'sha256-{hash}'")));
        assert!(!answer.body.contains("style=") && !answer.body.contains("<script"));
    }
}
