//! Writes the seeds of the target `item`, as the store writes its items: to be run again when their form has changed.
#![allow(clippy::unwrap_used, reason = "a tool of the tests")]

use std::{collections::BTreeMap, fs, path::Path};

use handover_aws::contract::scene::{self, at};
use handover_core::{
    connection::{Attempter, LookUpRule, PairFate},
    event::Event,
    ports::{Change, Store},
    registration::{Channel, ChannelKind, later},
};
use handover_fuzz::written;
use serde_json::Value;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/item");
    let mut items = BTreeMap::new();
    for item in all() {
        items.entry(name(&item)).or_insert(item);
    }
    for (name, item) in items {
        fs::write(folder.join(format!("made-{name}")), item.to_string()).unwrap();
    }
}

/// Its kind: items of one are much the same.
fn name(item: &Value) -> String {
    let text = |name: &str| item.pointer(name).and_then(Value::as_str);
    let kind = text("/pk/S").unwrap().split('#').next().unwrap().to_lowercase();
    match (text("/what/S"), text("/status/S").filter(|_| kind == "conn")) {
        (Some(what), _) => format!("event-{what}"),
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
    let due = later(
        identified.connection.consented_at.unwrap(),
        std::time::Duration::from_secs(27 * 86_400),
    );
    let rotation = scene::rotation(&identified.connection, due);
    let rotated = scene::rotated(&rotation.connection, due);
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
