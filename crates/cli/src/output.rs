//! What is printed: for people, calm and aligned; for scripts, one JSON document.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use jiff::Timestamp;

use crate::{failure::Failure, time::Zone};

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text.
    People,
    /// JSON.
    Json,
}

/// How a page looks.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whether the terminal shows colours, and wants to (<https://no-color.org>).
    pub colour: bool,
    /// In which zone times are shown.
    pub zone: Zone,
    /// What distances in time count from.
    pub now: Timestamp,
}

/// What a command answers.
pub trait Answer: Serialize {
    /// Tells it to people.
    fn tell(&self, page: &mut Page);

    /// What did not work, although the command did. Part of the JSON too.
    fn warnings(&self) -> &[String] {
        &[]
    }
}

/// An answer, ready to be printed. `Debug` hides it: a customer's link may be in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Printed {
    /// For standard output.
    pub text: String,
    /// For standard error.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Printed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Printed({} bytes hidden)", self.text.len())
    }
}

/// Turns an answer into text.
///
/// # Errors
/// Only when it cannot be written as JSON, which is a mistake in its type.
pub fn print(answer: &impl Answer, format: Format, look: &Look) -> Result<Printed, Failure> {
    match format {
        Format::Json => {
            let text = serde_json::to_string_pretty(answer)
                .map_err(|error| Failure::Unusable(format!("the answer cannot be written as JSON: {error}")))?;
            Ok(Printed {
                text: text + "\n",
                warnings: Vec::new(),
            })
        }
        Format::People => {
            let mut page = Page::new(look.clone());
            answer.tell(&mut page);
            Ok(Printed {
                text: page.text,
                warnings: answer.warnings().to_vec(),
            })
        }
    }
}

/// An error, as it is printed to standard error.
#[must_use]
pub fn error(failure: &Failure, format: Format) -> String {
    match format {
        Format::Json => {
            let document = serde_json::json!({ "error": failure.to_string(), "kind": failure.kind() });
            format!("{document}\n")
        }
        Format::People => format!("handover: {}\n", plain(&failure.to_string())),
    }
}

/// How a piece of text is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// What a part begins with.
    Strong,
    /// What is there for completeness.
    Quiet,
    /// What somebody has to look at.
    Alert,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Quiet => Some("2"),
            Self::Alert => Some("33"),
        }
    }
}

/// Text in the making. Everything that is put on it loses its control characters: names and reasons come from
/// elsewhere, and a terminal would obey them.
#[derive(Debug)]
pub struct Page {
    look: Look,
    text: String,
}

impl Page {
    /// An empty one.
    #[must_use]
    pub fn new(look: Look) -> Self {
        Self {
            look,
            text: String::new(),
        }
    }

    /// How it looks.
    #[must_use]
    pub fn look(&self) -> &Look {
        &self.look
    }

    /// What stands on it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One line.
    pub fn line(&mut self, text: &str) {
        self.toned(Tone::Plain, text);
    }

    /// One line in a tone.
    pub fn toned(&mut self, tone: Tone, text: &str) {
        self.put(tone, plain(text).trim_end());
        self.text.push('\n');
    }

    /// An empty line, between parts.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Labels on the left, values on the right.
    pub fn pairs(&mut self, pairs: &[(&str, String)]) {
        let widest = pairs.iter().map(|(label, _)| label.width()).max().unwrap_or_default();
        for (label, value) in pairs {
            self.put(Tone::Quiet, label);
            self.pad(label.width(), widest + 2);
            self.line(value);
        }
    }

    /// A table; the last column is as wide as it likes.
    pub fn table(&mut self, headings: &[&str], rows: &[Vec<Cell>]) {
        let widths: Vec<usize> = headings
            .iter()
            .enumerate()
            .map(|(column, heading)| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                cells
                    .map(|cell| cell.text.width())
                    .chain([heading.width()])
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let headings: Vec<Cell> = headings
            .iter()
            .map(|heading| Cell::toned(Tone::Quiet, heading))
            .collect();
        for row in std::iter::once(&headings).chain(rows) {
            for (column, cell) in row.iter().enumerate() {
                self.put(cell.tone, &cell.text);
                if column + 1 < row.len() {
                    self.pad(cell.text.width(), widths.get(column).copied().unwrap_or_default() + 2);
                }
            }
            let kept = self.text.trim_end_matches(' ').len();
            self.text.truncate(kept);
            self.text.push('\n');
        }
    }

    fn put(&mut self, tone: Tone, text: &str) {
        match tone.code().filter(|_| self.look.colour && !text.is_empty()) {
            Some(code) => {
                let _ = std::fmt::Write::write_fmt(&mut self.text, format_args!("\u{1b}[{code}m{text}\u{1b}[0m"));
            }
            None => self.text.push_str(text),
        }
    }

    fn pad(&mut self, taken: usize, width: usize) {
        self.text.extend(std::iter::repeat_n(' ', width.saturating_sub(taken)));
    }
}

/// A cell of a table.
#[derive(Debug, Clone)]
pub struct Cell {
    tone: Tone,
    text: String,
}

impl Cell {
    /// Plain.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::toned(Tone::Plain, text)
    }

    /// In a tone.
    #[must_use]
    pub fn toned(tone: Tone, text: &str) -> Self {
        Self {
            tone,
            text: plain(text),
        }
    }
}

/// `text` without what a terminal would obey: control characters, and those that change the direction of writing.
#[must_use]
pub fn plain(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn look(colour: bool) -> Look {
        Look {
            colour,
            zone: Zone::new(TimeZone::UTC),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn tables_are_aligned_by_what_is_seen() {
        let mut page = Page::new(look(false));
        let row = |cells: [&str; 3]| cells.map(Cell::new).to_vec();
        page.table(
            &["id", "name", ""],
            &[row(["1", "Bäckerei 日本", "x"]), row(["22", "b", ""])],
        );
        assert_eq!(page.text(), "id  name\n1   Bäckerei 日本  x\n22  b\n");
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let mut page = Page::new(look(true));
        page.toned(Tone::Strong, "x");
        assert_eq!(page.text(), "\u{1b}[1mx\u{1b}[0m\n");
        let mut page = Page::new(look(false));
        page.toned(Tone::Strong, "x");
        assert_eq!(page.text(), "x\n");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_came_from_elsewhere() {
        let mut page = Page::new(look(false));
        page.line("a\u{1b}[2Jb\r\n\u{9b}c\u{202e}d\u{7}");
        page.pairs(&[("name", "x\u{1b}]52;c;aGk=\u{7}".into())]);
        page.table(&["h"], &[vec![Cell::new("\u{1b}c")]]);
        assert!(
            page.text().chars().all(|c| c == '\n' || !c.is_control()),
            "{:?}",
            page.text()
        );
        let shown = error(&Failure::Refused("\u{1b}[31mno".into()), Format::People);
        assert_eq!(shown, "handover:  [31mno\n");
    }

    #[test]
    fn errors_are_documents_too() {
        let shown = error(&Failure::Usage("say \"which\"".into()), Format::Json);
        let document: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(
            document,
            serde_json::json!({ "error": "say \"which\"", "kind": "usage" })
        );
    }
}
