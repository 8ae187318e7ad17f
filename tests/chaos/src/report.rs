//! What is printed at the end.

use std::fmt::Write as _;

use handover_standin::books::Peer;

use crate::{
    director::Course,
    evidence::Evidence,
    judge::Verdict,
    killer::Kill,
    wire::{Call, Way},
};

/// The figures of a run, line by line; the last one says it all.
#[must_use]
pub fn figures(evidence: &Evidence, kills: &[Kill], course: &Course, verdict: &Verdict) -> String {
    let mut text = String::new();
    killed(&mut text, kills);
    landed(&mut text, kills);
    let books = &evidence.books;
    let issued = books
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Peer::Oem && exchange.accepted())
        .count();
    line(
        &mut text,
        format_args!(
            "{} consents, {issued} pairs issued to us, {} submissions, {} look-ups, {} databases",
            books.consents.len(),
            books.submissions.len(),
            books.lookups.len(),
            books.databases.len()
        ),
    );
    line(
        &mut text,
        format_args!(
            "{} rotations, {} refresh tokens presented once more to recover one",
            books.refresh_tokens_spent_by(Peer::Oem),
            verdict.recoveries
        ),
    );
    line(
        &mut text,
        format_args!(
            "clock moved {} times, {} h in all; {} sweeps, {} more died",
            course.jumps,
            course.moved.as_secs() / 3_600,
            course.sweeps,
            course.broken_sweeps
        ),
    );
    line(
        &mut text,
        format_args!(
            "{} answers died with their process: {} on their way to it, {} in its hands",
            verdict.died.on_the_way + verdict.died.in_hand,
            verdict.died.on_the_way,
            verdict.died.in_hand
        ),
    );
    for (word, found) in [
        ("lost", &verdict.lost),
        ("double", &verdict.double),
        ("stuck", &verdict.stuck),
        ("wrong", &verdict.wrong),
    ] {
        for one in found {
            line(&mut text, format_args!("{word}: {one}"));
        }
    }
    let wrong = if verdict.wrong.is_empty() {
        String::new()
    } else {
        format!(", {} wrong", verdict.wrong.len())
    };
    line(
        &mut text,
        format_args!(
            "{} kills, {} connections, {} lost, {} double, {} stuck{wrong}",
            kills.len(),
            evidence.connections.len(),
            verdict.lost.len(),
            verdict.double.len(),
            verdict.stuck.len()
        ),
    );
    text
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(text, "{words}").ok();
}

fn killed(text: &mut String, kills: &[Kill]) {
    let of = |function: &str| kills.iter().filter(|kill| kill.function == function).count();
    let idle = kills.iter().filter(|kill| !kill.at_work).count();
    line(
        text,
        format_args!(
            "killed: {} callbacks, {} workers, {} sweepers; {idle} of them idle",
            of("callback"),
            of("worker"),
            of("sweeper")
        ),
    );
}

/// Where the kills landed that met a call to the outside.
fn landed(text: &mut String, kills: &[Kill]) {
    let met = |name: &str, way: Way| {
        let during = kills.iter().filter_map(|kill| kill.during.as_ref());
        during
            .filter(|asked| asked.call.name() == name && asked.way == way)
            .count()
    };
    for name in Call::NAMES {
        line(
            text,
            format_args!(
                "in the middle of {name}: {} before its effect, {} after it",
                met(name, Way::Asked),
                met(name, Way::Answering)
            ),
        );
    }
}
