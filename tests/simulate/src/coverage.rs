//! Which call met which fault, and how often.

use std::{collections::BTreeMap, fmt::Write};

use crate::{
    call::{Call, Kind},
    fault::Fault,
    rows::NOT_REQUIRED,
};

/// A row of the table: whose call.
pub type Row = (&'static str, &'static str);

/// What one row counts.
#[derive(Debug, Clone)]
pub struct Counts {
    kind: Kind,
    calls: u64,
    faults: [u64; Fault::ALL.len()],
}

/// Counts of calls and faults.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    rows: BTreeMap<Row, Counts>,
    happenings: BTreeMap<&'static str, u64>,
}

/// Somebody else has written first, and a writer is turned away: processes at work on the same thing at once.
pub const WRITTEN_FIRST: &str = "writes turned away because another process was first";
/// A write that was made twice by the same process.
pub const SENT_TWICE: &str = "writes sent twice, for an answer that did not come";
/// Our clocks have jumped.
pub const JUMPED: &str = "jumps of our clocks";

/// What happens beside single calls.
pub const HAPPENINGS: [&str; 8] = [
    "messages delivered in time",
    "messages delivered twice",
    "messages delivered late",
    "messages delivered out of order",
    "messages delivered again, after their visibility",
    WRITTEN_FIRST,
    SENT_TWICE,
    JUMPED,
];

impl Coverage {
    /// A call was made.
    pub fn called(&mut self, caller: &'static str, call: Call) {
        self.row(caller, call).calls += 1;
    }

    /// A fault struck it.
    pub fn struck(&mut self, caller: &'static str, call: Call, fault: Fault) {
        let column = Fault::ALL.iter().position(|one| *one == fault);
        let counts = self.row(caller, call);
        if let Some(count) = column.and_then(|column| counts.faults.get_mut(column)) {
            *count += 1;
        }
    }

    /// One of [`HAPPENINGS`].
    pub fn happened(&mut self, what: &'static str) {
        *self.happenings.entry(what).or_default() += 1;
    }

    fn row(&mut self, caller: &'static str, call: Call) -> &mut Counts {
        self.rows.entry((caller, call.name)).or_insert(Counts {
            kind: call.kind,
            calls: 0,
            faults: [0; Fault::ALL.len()],
        })
    }

    /// What another run has counted.
    pub fn add(&mut self, other: &Self) {
        for (row, counts) in &other.rows {
            let call = Call {
                name: row.1,
                kind: counts.kind,
            };
            let mine = self.row(row.0, call);
            mine.calls += counts.calls;
            for (mine, theirs) in mine.faults.iter_mut().zip(counts.faults) {
                *mine += theirs;
            }
        }
        for (what, count) in &other.happenings {
            *self.happenings.entry(what).or_default() += count;
        }
    }

    /// All calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.rows.values().map(|counts| counts.calls).sum()
    }

    /// The rows that were reached.
    pub fn rows(&self) -> impl Iterator<Item = (Row, Kind)> {
        self.rows.iter().map(|(row, counts)| (*row, counts.kind))
    }

    /// What should have been reached and was not; also rows that `expected` does not know.
    #[must_use]
    pub fn gaps(&self, expected: &[Row]) -> Vec<String> {
        let mut gaps = Vec::new();
        for row in expected {
            match self.rows.get(row) {
                None => gaps.push(format!("{} {}: never called", row.0, row.1)),
                Some(counts) => gaps.extend(unreached(row, counts)),
            }
        }
        let unknown = self
            .rows
            .keys()
            .filter(|row| !expected.contains(row) && !NOT_REQUIRED.contains(row));
        gaps.extend(unknown.map(|row| format!("{} {}: not in the list of rows (src/rows.rs)", row.0, row.1)));
        let missing = HAPPENINGS.iter().filter(|what| !self.happenings.contains_key(*what));
        gaps.extend(missing.map(|what| format!("no {what}")));
        gaps
    }

    /// The table, in Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = String::new();
        let line = |table: &mut String, caller: &str, call: &str, cells: &[String]| {
            let _ = write!(table, "| {caller:<20} | {call:<32} |");
            for cell in cells {
                let _ = write!(table, " {cell:>12} |");
            }
            table.push('\n');
        };
        let mut head = vec!["calls".to_owned()];
        head.extend(Fault::ALL.iter().map(|fault| fault.as_str().to_owned()));
        line(&mut table, "caller", "call", &head);
        let _ = writeln!(
            table,
            "|{:-<22}|{:-<34}|{}",
            "",
            "",
            format!("{:->13}:|", "").repeat(head.len())
        );
        for ((caller, call), counts) in &self.rows {
            let mut cells = vec![counts.calls.to_string()];
            cells.extend(Fault::ALL.iter().zip(counts.faults).map(
                |(fault, count)| match fault.impossible(counts.kind) {
                    Some(_) => "-".to_owned(),
                    None => count.to_string(),
                },
            ));
            line(&mut table, caller, call, &cells);
        }
        let _ = writeln!(table);
        for what in HAPPENINGS {
            let count = self.happenings.get(what).copied().unwrap_or_default();
            let _ = writeln!(table, "{what}: {count}");
        }
        table
    }
}

fn unreached<'a>(row: &'a Row, counts: &'a Counts) -> impl Iterator<Item = String> + 'a {
    Fault::ALL
        .iter()
        .zip(counts.faults)
        .filter(|(fault, count)| *count == 0 && fault.impossible(counts.kind).is_none())
        .map(|(fault, _)| format!("{} {}: never `{}`", row.0, row.1, fault.as_str()))
}
