//! Where a connection stands and what comes next, in words.

use handover_core::connection::{Cause, Status};

use super::{ConnectionView, RegisteredView, UnderWay};
use crate::time::Zone;

/// What comes next, in words.
#[must_use]
pub fn next_in_words(what: &str) -> &'static str {
    match what {
        "lease_ends" => "what is under way has to be over",
        "pair_ends" => "the token pair ends",
        "link_lapses" => "the link lapses",
        "warn" => "you are told how long the pair still lives",
        "hand_to_operator" => "it is handed to a person",
        "register" => "the registration is attempted",
        "look_up" => "the channel is asked whether the database exists",
        "ask_identity" => "Exact Online is asked who consented",
        "renew" => "the token pair is renewed",
        "recover" => "the old refresh token is presented once more, to recover the renewal that came to no clear end",
        "settle" => "the token pair is renewed, which shows which of two consents lives",
        "complete" => "the token pair is renewed, for the access token that is missing",
        "freshen" => "the token pair is renewed, for an access token that still lives",
        "tell" => "another connection is told what became of its consent",
        "alarm" => "the alarm is raised that the database has lost its authorisation, or may have",
        "erase" => "the history is erased",
        "retire" => "it is removed, with its history",
        _ => "somebody is reminded",
    }
}

/// Where a connection stands, in words, and what to do if there is something.
#[must_use]
pub fn state_in_words(view: &ConnectionView, zone: &Zone) -> (String, Option<String>) {
    let id = view.id;
    let new_link = Some(format!("make a new link: handover link {id}"));
    if let Some(told) = view.under_way.as_ref().and_then(|effect| under_way(effect, zone)) {
        return (told, None);
    }
    match view.status {
        Status::Authorized | Status::AwaitingOperator if view.held_back() => (held_back(view, zone), None),
        Status::Invited if view.link_expires_at.is_some() => ("waits for the customer to open the link".into(), None),
        Status::Invited => ("no link is open".into(), new_link),
        Status::Authorized if view.attempts > 0 => (
            "the token pair is kept; an earlier attempt had no effect and comes back".into(),
            None,
        ),
        Status::Authorized => ("the token pair is kept until the registration is due".into(), None),
        Status::AwaitingOperator => (
            "due, and waits for a person".into(),
            Some(format!("take it in hand: handover take {id}")),
        ),
        Status::Registering => {
            let by = view.under_way.as_ref();
            let who = by.map_or("somebody", |effect| effect.by.as_str());
            let until = by.map(|effect| format!(", until {} at the latest", zone.clock(effect.lease_ends_at)));
            (
                format!("an attempt by {who} is under way{}", until.unwrap_or_default()),
                None,
            )
        }
        Status::InDoubt => in_doubt(view),
        Status::Failed => {
            let reason = view.failure.as_deref().unwrap_or("no reason was given");
            let advice = if view.pair.is_some() {
                Some(format!("mend what it says, then: handover retry {id}"))
            } else {
                new_link
            };
            (format!("refused for good: {reason}"), advice)
        }
        Status::Reauthorize => {
            let cause = view.reauthorize.map(|cause| cause.to_string()).unwrap_or_default();
            let open = view.link_expires_at.is_some();
            let waits = match view.reauthorize {
                _ if open => "; waits for the customer to open the new link",
                Some(Cause::Lost { .. }) => "; it goes on by itself if its answer is found after all",
                _ => "",
            };
            (
                format!("needs a new consent: {cause}{waits}"),
                new_link.filter(|_| !open),
            )
        }
        Status::Registered => registered(view.registered.as_ref()),
        Status::Cancelled => ("given up".into(), None),
    }
}

/// What is under way, unless the status says it.
fn under_way(effect: &UnderWay, zone: &Zone) -> Option<String> {
    let until = zone.clock(effect.lease_ends_at);
    match (effect.what, effect.recovers) {
        ("exchange", _) => Some("the customer has consented, and the code is being exchanged right now".into()),
        ("rotation", None) => Some(format!("the token pair is being renewed, until {until} at the latest")),
        ("rotation", Some(_)) => Some(format!(
            "the old refresh token is being presented once more, until {until} at the latest"
        )),
        _ => None,
    }
}

fn held_back(view: &ConnectionView, zone: &Zone) -> String {
    let open = view.pair.as_ref().and_then(|pair| pair.open_intent);
    if let Some(open) = open {
        return format!(
            "the token pair is held back: a renewal came to no clear end, which is settled from {} on",
            zone.with_utc(open.recover_at)
        );
    }
    let with: Vec<String> = view.contests.iter().map(|contest| contest.with.to_string()).collect();
    format!(
        "the token pair is held back: the same user consented at the same time, as {}, and a renewal has to show which \
         lives",
        with.join(", ")
    )
}

fn registered(done: Option<&RegisteredView>) -> (String, Option<String>) {
    let segment = done.map(|done| done.segment.to_string()).unwrap_or_default();
    if let Some(by) = done.and_then(|done| done.superseded_by) {
        return (
            format!("the database is {segment}, but its authorisation was lost to {by}"),
            Some(format!(
                "{segment} reads nothing from Exact Online any more: look with `handover show {by}` whether that one is \
                 to take its place, or connect the customer anew"
            )),
        );
    }
    if done.is_some_and(|done| done.authorisation_uncertain) {
        return (
            format!("the database is {segment}, but its authorisation may have been lost to another consent"),
            Some(format!(
                "look whether {segment} still gets data from Exact Online; if not, connect the customer anew"
            )),
        );
    }
    (
        format!("the database is {segment}; the token pair is destroyed here"),
        None,
    )
}

fn in_doubt(view: &ConnectionView) -> (String, Option<String>) {
    let (id, database) = (view.id, &view.database);
    let doubt = view.doubt.as_ref();
    let reason = doubt.map(|doubt| doubt.reason.as_str()).unwrap_or_default();
    let asks = doubt.is_some_and(|doubt| doubt.can_be_looked_up);
    let meanwhile = if asks { "; the channel is being asked" } else { "" };
    (
        format!("an attempt may have succeeded: {reason}{meanwhile}"),
        Some(format!(
            "look at Invantive Cloud whether {database} exists, then: handover resolve {id} --registered {database}, or \
             --not-registered"
        )),
    )
}
