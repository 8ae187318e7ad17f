//! What the keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What the person looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The field in hand, from 0.
    pub selected: usize,
    /// Whether that field's secret is shown. One at a time, and hidden again by moving on.
    pub revealed: bool,
    /// What happened last.
    pub notice: Option<String>,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing but to be shown again.
    Stay,
    /// The field in hand on the clipboard.
    Copy,
    /// Out.
    Leave,
}

/// What `key` makes of `view`, with so many fields.
pub fn press(view: &mut View, key: KeyEvent, fields: usize) -> Action {
    if key.kind == KeyEventKind::Release {
        return Action::Stay;
    }
    let last = fields.saturating_sub(1);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let to = match key.code {
        KeyCode::Char('c' | 'd') if control => return Action::Leave,
        KeyCode::Char('q') | KeyCode::Esc => return Action::Leave,
        KeyCode::Char('c') | KeyCode::Enter => return Action::Copy,
        KeyCode::Char('v') => {
            view.revealed = !view.revealed;
            view.notice = None;
            return Action::Stay;
        }
        KeyCode::Down | KeyCode::Tab | KeyCode::Char('j') => (view.selected + 1).min(last),
        KeyCode::Up | KeyCode::BackTab | KeyCode::Char('k') => view.selected.saturating_sub(1),
        KeyCode::Home => 0,
        KeyCode::End => last,
        _ => return Action::Stay,
    };
    *view = View {
        selected: to,
        ..View::default()
    };
    Action::Stay
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn moving_stays_on_the_form_and_hides_what_was_shown() {
        let mut view = View::default();
        assert_eq!(press(&mut view, key(KeyCode::Up), 3), Action::Stay);
        assert_eq!(view.selected, 0);
        press(&mut view, key(KeyCode::Char('v')), 3);
        assert!(view.revealed);
        press(&mut view, key(KeyCode::Down), 3);
        assert_eq!((view.selected, view.revealed), (1, false));
        press(&mut view, key(KeyCode::End), 3);
        press(&mut view, key(KeyCode::Tab), 3);
        assert_eq!(view.selected, 2);
        press(&mut view, key(KeyCode::Home), 0);
        assert_eq!(view.selected, 0);
    }

    #[test]
    fn there_are_several_ways_out_and_one_to_copy() {
        let mut view = View::default();
        for out in [KeyCode::Char('q'), KeyCode::Esc] {
            assert_eq!(press(&mut view, key(out), 3), Action::Leave);
        }
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(press(&mut view, control_c, 3), Action::Leave);
        assert_eq!(press(&mut view, key(KeyCode::Char('c')), 3), Action::Copy);
        assert_eq!(press(&mut view, key(KeyCode::Char('x')), 3), Action::Stay);
        let released = KeyEvent {
            kind: KeyEventKind::Release,
            ..key(KeyCode::Char('q'))
        };
        assert_eq!(press(&mut view, released, 3), Action::Stay);
    }
}
