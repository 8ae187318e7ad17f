//! The log's events: the read-me lists each of them, with its level.

use std::{collections::BTreeSet, fs, path::Path};

/// What is logged in these sources: level and name.
fn logged(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            logged(&path, found);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for line in text.split("tracing::").skip(1) {
            let Some((level, rest)) = line.split_once("!(") else {
                continue;
            };
            if !["error", "warn", "info", "debug", "trace"].contains(&level) {
                continue;
            }
            let (_, rest) = rest.split_once("\"handover.").expect("an event's name");
            let (name, _) = rest.split_once('"').unwrap();
            found.insert((format!("handover.{name}"), level.to_owned()));
        }
    }
}

#[test]
fn the_read_me_lists_what_is_logged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    logged(&root.join("src"), &mut found);
    let text = fs::read_to_string(root.join("README.md")).unwrap();
    let listed: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `handover."))
        .map(|row| {
            let (name, rest) = row.split_once("` | ").unwrap();
            let (level, _) = rest.split_once(" | ").unwrap();
            (format!("handover.{name}"), level.to_owned())
        })
        .collect();
    assert_eq!(found, listed);
}
