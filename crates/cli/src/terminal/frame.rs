//! What stands on the screen: lines of text, from the form, the keys pressed so far and the time.

use handover_invantive::assisted::{Field, HINTS};
use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use zeroize::Zeroizing;

use super::{Sheet, View};
use crate::{output::plain, time};

/// The same for every secret: its length is nobody's business.
const MASK: &str = "••••••••";
/// With so many seconds left the end of the lease is worth a second look.
const SOON: i64 = 300;
/// Smaller than this nothing can be read.
const SMALLEST: (u16, u16) = (40, 12);
const KEYS: &str = "up/down field   c copy   v show or hide   q leave";

/// How a line is set off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shade {
    /// As it is.
    Plain,
    /// What a part begins with.
    Strong,
    /// The field in hand.
    Chosen,
    /// What is there for completeness.
    Quiet,
    /// What must not be missed.
    Alert,
}

/// One line. Wiped when dropped: it may hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is set off.
    pub shade: Shade,
    /// What it says.
    pub text: Zeroizing<String>,
}

impl Line {
    fn new(shade: Shade, text: &str) -> Self {
        Self {
            shade,
            text: Zeroizing::new(plain(text)),
        }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({:?}, {} bytes hidden)", self.shade, self.text.len())
    }
}

/// The screen at `now`: at most `height` lines of at most `width` columns.
#[must_use]
pub fn frame(sheet: &Sheet<'_>, view: &View, now: Timestamp, width: u16, height: u16) -> Vec<Line> {
    if width < SMALLEST.0 || height < SMALLEST.1 {
        let mut lines = vec![Line::new(Shade::Alert, "Make the window larger, or press q.")];
        lines.truncate(height.into());
        lines.iter_mut().for_each(|line| cut(line, width.into()));
        return lines;
    }
    let mut lines = head(sheet, now, width.into());
    let foot = foot(view);
    let room = usize::from(height).saturating_sub(lines.len() + foot.len());
    let body = if now < sheet.lease_ends_at {
        fields(sheet, view, width.into())
    } else {
        over()
    };
    lines.extend(window(body, room));
    lines.extend(foot);
    lines.iter_mut().for_each(|line| cut(line, width.into()));
    lines
}

fn head(sheet: &Sheet<'_>, now: Timestamp, width: usize) -> Vec<Line> {
    let left = sheet.lease_ends_at.duration_since(now).as_secs();
    let shade = if left <= SOON { Shade::Alert } else { Shade::Plain };
    let until = sheet.zone.clock(sheet.lease_ends_at);
    let lease = match u64::try_from(left) {
        // Seconds only at the end: a number that moves draws the eye.
        Ok(left) if left >= 60 => format!("Yours until {until}, for {} more minutes", left / 60),
        Ok(left) if left > 0 => format!("Yours until {until}, for {} more", time::words(left)),
        _ => format!("Was yours until {until}"),
    };
    let attention = sheet.form.attention.as_deref().map(|text| by_words(text, width));
    // Two lines of it say what it is about; the rest stands in `show`.
    let attention = attention.unwrap_or_default().into_iter().take(2);
    let mut lines = vec![
        Line::new(Shade::Strong, &sheet.form.heading),
        Line::new(Shade::Quiet, &sheet.form.facts),
    ];
    lines.extend(attention.map(|part| Line::new(Shade::Alert, &part)));
    lines.push(Line::new(shade, &lease));
    lines.push(Line::new(Shade::Plain, ""));
    lines
}

fn foot(view: &View) -> Vec<Line> {
    vec![
        Line::new(Shade::Alert, view.notice.as_deref().unwrap_or_default()),
        Line::new(Shade::Quiet, KEYS),
    ]
}

/// Nothing outlives its lease: somebody else may be at work on this connection now.
fn over() -> Vec<(Line, bool)> {
    [
        "Your time has ended, and the fields are gone: it counts as in doubt now, and others may act on it.",
        "Enter nothing more. Leave with q and say how far you came.",
    ]
    .map(|text| (Line::new(Shade::Alert, text), false))
    .into()
}

/// All lines of the form; those of the field in hand are marked.
fn fields(sheet: &Sheet<'_>, view: &View, width: usize) -> Vec<(Line, bool)> {
    let form = sheet.form;
    let mut lines: Vec<(Line, bool)> = Vec::new();
    let mut number = 0;
    for step in &form.steps {
        lines.push((
            Line::new(Shade::Strong, &format!("{}  {}", step.number, step.title)),
            false,
        ));
        put(&mut lines, &step.fields, &mut number, view, width);
    }
    lines.push((Line::new(Shade::Strong, "   Also on the form"), false));
    put(&mut lines, &form.beside, &mut number, view, width);
    lines.push((Line::new(Shade::Plain, ""), false));
    for hint in HINTS {
        for part in by_words(hint, width.saturating_sub(3)) {
            lines.push((Line::new(Shade::Quiet, &format!("   {part}")), false));
        }
    }
    lines
}

fn put(lines: &mut Vec<(Line, bool)>, fields: &[Field], number: &mut usize, view: &View, width: usize) {
    let widest = fields
        .iter()
        .map(|field| field.label.width())
        .max()
        .unwrap_or_default()
        .max(14);
    for field in fields {
        let chosen = *number == view.selected;
        *number += 1;
        let (mark, shade) = if chosen {
            (">", Shade::Chosen)
        } else {
            (" ", Shade::Plain)
        };
        let pad = " ".repeat(widest.saturating_sub(field.label.width()));
        let label = format!("   {mark} {}{pad}  ", field.label);
        let hidden = field.value.is_secret() && !(chosen && view.revealed);
        let value = Zeroizing::new(if hidden {
            MASK.to_owned()
        } else {
            plain(field.value.expose())
        });
        let room = width.saturating_sub(label.width()).max(10);
        // Only the field in hand takes more than a line: the rest is an overview.
        let parts = if chosen { wrapped(&value, room) } else { vec![value] };
        let indent = " ".repeat(label.width());
        for (part, before) in parts
            .iter()
            .zip(std::iter::once(&label).chain(std::iter::repeat(&indent)))
        {
            let text = Zeroizing::new(format!("{before}{}", part.as_str()));
            lines.push((Line { shade, text }, chosen));
        }
    }
}

fn wrapped(text: &str, width: usize) -> Vec<Zeroizing<String>> {
    let mut parts = vec![Zeroizing::new(String::with_capacity(width * 4))];
    let mut taken = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or_default();
        if taken + columns > width {
            parts.push(Zeroizing::new(String::with_capacity(width * 4)));
            taken = 0;
        }
        taken += columns;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

fn by_words(text: &str, width: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match parts.last_mut() {
            Some(part) if part.width() + 1 + word.width() <= width => {
                part.push(' ');
                part.push_str(word);
            }
            _ => parts.push(word.to_owned()),
        }
    }
    parts
}

/// So many lines that the field in hand is among them.
fn window(lines: Vec<(Line, bool)>, room: usize) -> Vec<Line> {
    let first = lines.iter().position(|(_, chosen)| *chosen).unwrap_or_default();
    let furthest = lines.len().saturating_sub(room);
    let from = first.saturating_sub(room / 3).min(furthest);
    let mut shown: Vec<Line> = lines.into_iter().skip(from).take(room).map(|(line, _)| line).collect();
    // The foot stays at the foot.
    while shown.len() < room {
        shown.push(Line::new(Shade::Plain, ""));
    }
    shown
}

fn cut(line: &mut Line, width: usize) {
    if line.text.width() <= width {
        return;
    }
    let mut taken = 0;
    let mut kept = Zeroizing::new(String::with_capacity(width * 4));
    for c in line.text.chars() {
        taken += c.width().unwrap_or_default();
        if taken + 1 > width {
            break;
        }
        kept.push(c);
    }
    if width > 0 {
        kept.push('…');
    }
    line.text = kept;
}
