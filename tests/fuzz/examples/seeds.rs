//! Writes the seeds of the targets `item` and `message`, as store and queue write them: to be run again when their form
//! has changed.
#![allow(clippy::unwrap_used, reason = "a tool of the tests")]

use std::{collections::BTreeMap, fs, path::Path};

use handover_aws::contract::scene::{self, at};
use handover_core::{
    connection::{Attempter, LookUpRule, PairFate},
    event::Event,
    ports::{Change, Store},
    registration::{Channel, ChannelKind, earlier, later},
};
use handover_fuzz::written;
use serde_json::Value;

fn main() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let rescued = handover_aws::queue::write(&scene::rescued(at(5))).unwrap();
    fs::write(corpus.join("message/made-rescue"), rescued).unwrap();
    let mut items = BTreeMap::new();
    for item in all() {
        items.entry(name(&item)).or_insert(item);
    }
    for (name, item) in items {
        fs::write(corpus.join(format!("item/made-{name}")), item.to_string()).unwrap();
    }
}

/// Its kind: items of one are much the same.
fn name(item: &Value) -> String {
    let text = |name: &str| item.pointer(name).and_then(Value::as_str);
    let kind = text("/pk/S").unwrap().split('#').next().unwrap().to_lowercase();
    let under_way = item.pointer("/doc/M/effect").is_some();
    match (text("/what/S"), text("/status/S").filter(|_| kind == "conn")) {
        (Some(what), _) => format!("event-{what}"),
        (_, Some(status)) if under_way => format!("state-{status}-under-way"),
        (_, Some(status)) => format!("state-{status}"),
        _ => kind,
    }
}

fn all() -> Vec<Value> {
    let journey = journey();
    let link = journey.iter().find_map(|change| change.link.clone()).unwrap();
    let (opened, trip) = scene::trip(&link, at(1));
    let application = scene::application("exact-nl");
    let channel = Channel {
        id: "invantive".parse().unwrap(),
        kind: ChannelKind::Http,
        description: "https://registrations.example.com".into(),
    };
    let changes = journey
        .iter()
        .flat_map(|change| written(async |store| store.write(change).await));
    changes
        .chain(written(async |store| {
            store.open_authorisation(&link, &opened, &trip).await
        }))
        .chain(written(async |store| {
            store.put_application(&application, &scene::sealed()).await
        }))
        .chain(written(async |store| store.put_channel(&channel, None).await))
        .collect()
}

/// A connection from its link to its registered database, and what else may become of it.
fn journey() -> Vec<Change> {
    let (invited, link) = scene::invited(at(0));
    let (opened, trip) = scene::trip(&link, at(1));
    let linked = Change {
        link: Some(opened),
        ..invited.clone()
    };
    let consent = scene::consent(&invited.connection, &trip, at(2));
    let exchanged = scene::exchanged(&consent.connection, &trip.id, at(3));
    let identified = scene::identified(
        &exchanged.connection,
        "0a1b2c3d-0000-4000-8000-000000000001",
        None,
        at(4),
    );
    let due = identified.connection.wake_at.unwrap();
    let attempt = scene::next(&identified.connection, attempt_at(due), due);
    let lost = later(due, std::time::Duration::from_secs(200));
    let doubt = scene::next(&attempt.connection, Event::Woke, lost);
    let registered = scene::registered(&attempt.connection, due);
    let cancelled = scene::next(&identified.connection, Event::CancelAsked, at(5));
    let ends = identified.connection.pair.as_ref().unwrap().refresh_ends_at;
    let renewal = earlier(ends, std::time::Duration::from_secs(3 * 86_400));
    let rotation = scene::rotation(&identified.connection, renewal);
    let rotated = scene::rotated(&rotation.connection, renewal);
    vec![
        linked, consent, exchanged, identified, attempt, doubt, registered, cancelled, rotation, rotated,
    ]
}

fn attempt_at(now: jiff::Timestamp) -> Event {
    Event::AttemptBegun {
        effect: scene::effect(),
        by: Attempter::Worker,
        lease_ends_at: later(now, std::time::Duration::from_secs(120)),
        look_up: Some(LookUpRule {
            delay_seconds: 900,
            pair_if_absent: PairFate::Unspent,
        }),
        accept_unknown_identity: false,
    }
}
