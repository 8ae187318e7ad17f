//! The terminal itself: taken over, drawn on, and given back whatever happens.

use std::{
    io::{self, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    event::{self, Event},
    execute, queue,
    style::{Attribute, Print, SetAttribute},
    terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen},
};
use handover_core::ports::Clock;
use zeroize::Zeroizing;

use super::{
    Action, Left, Line, Screen, Shade, Sheet, View,
    clipboard::{self, FORGET},
    frame, press,
};

/// Whether a terminal has to be given back. One per process, as there is one terminal: also what the panic hook sees.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// How often the time left is shown anew, and a signal noticed.
const TICK: Duration = Duration::from_millis(500);

/// A terminal on its alternate screen, which keeps no scrollback. Given back when dropped, on a panic too.
#[derive(Debug)]
pub struct TerminalScreen {
    /// Set by the signals that ask a process to end.
    ended: Arc<AtomicBool>,
    /// While false, those signals only set the flag above; afterwards they do again what they always do.
    outside: Arc<AtomicBool>,
    /// A secret may be on the clipboard.
    copied_secret: bool,
}

impl TerminalScreen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it is none.
    pub fn enter() -> io::Result<Self> {
        let screen = Self {
            ended: Arc::default(),
            outside: Arc::default(),
            copied_secret: false,
        };
        screen.heed_signals()?;
        // From here on the drop gives back what was taken.
        TAKEN.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // First, or what went wrong is said on a screen that is about to vanish.
            give_back();
            before(info);
        }));
        let mut out = io::stdout();
        execute!(
            out,
            EnterAlternateScreen,
            Hide,
            Clear(ClearType::All),
            MoveTo(0, 0),
            Print("One moment…")
        )?;
        Ok(screen)
    }

    #[cfg(unix)]
    fn heed_signals(&self) -> io::Result<()> {
        use signal_hook::{
            consts::{SIGHUP, SIGINT, SIGTERM},
            flag,
        };
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            flag::register_conditional_default(signal, Arc::clone(&self.outside))?;
            flag::register(signal, Arc::clone(&self.ended))?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn heed_signals(&self) -> io::Result<()> {
        Ok(())
    }

    fn work(&mut self, sheet: &Sheet<'_>, clock: &impl Clock) -> io::Result<Left> {
        let count = sheet.form.fields().count();
        let mut view = View::default();
        loop {
            if self.ended.load(Ordering::SeqCst) {
                return Ok(Left::Ended("the process was asked to end".into()));
            }
            let (width, height) = terminal::size()?;
            draw(&frame(sheet, &view, clock.now(), width, height), height)?;
            if !event::poll(TICK)? {
                continue;
            }
            let Event::Key(key) = event::read()? else { continue };
            match press(&mut view, key, count) {
                Action::Stay => {}
                Action::Leave => return Ok(Left::ByPerson),
                Action::Copy if clock.now() < sheet.lease_ends_at => self.copy(sheet, &mut view)?,
                Action::Copy => {}
            }
        }
    }

    fn copy(&mut self, sheet: &Sheet<'_>, view: &mut View) -> io::Result<()> {
        let Some(field) = sheet.form.fields().nth(view.selected) else {
            return Ok(());
        };
        let mut out = io::stdout();
        out.write_all(clipboard::copy(field.value.expose()).as_bytes())?;
        out.flush()?;
        self.copied_secret |= field.value.is_secret();
        view.notice = Some(format!(
            "{} handed to the clipboard. If pasting brings nothing, the terminal does not allow it (OSC 52): use v",
            field.label
        ));
        Ok(())
    }
}

impl Screen for TerminalScreen {
    fn show(mut self, sheet: &Sheet<'_>, clock: &impl Clock) -> Left {
        self.work(sheet, clock)
            .unwrap_or_else(|error| Left::Ended(format!("the terminal failed: {error}")))
    }
}

impl Drop for TerminalScreen {
    fn drop(&mut self) {
        if self.copied_secret {
            let _ = io::stdout().write_all(FORGET.as_bytes());
        }
        give_back();
        self.outside.store(true, Ordering::SeqCst);
        if !std::thread::panicking() {
            drop(panic::take_hook());
        }
    }
}

/// Once: a second time would wipe what stands on the ordinary screen. Nothing here may stop the rest: each is tried,
/// whatever became of the one before.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(out, Clear(ClearType::All), Show);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

fn draw(lines: &[Line], height: u16) -> io::Result<()> {
    // Room for any window, so that no copies are left behind by growing.
    let mut out = Zeroizing::new(Vec::with_capacity(128 * 1024));
    let mut row = 0;
    for line in lines {
        // Cleared first: behind a full line the cursor still stands on its last character.
        queue!(out, MoveTo(0, row), Clear(ClearType::CurrentLine))?;
        for attribute in attributes(line.shade) {
            queue!(out, SetAttribute(*attribute))?;
        }
        queue!(out, Print(line.text.as_str()), SetAttribute(Attribute::Reset))?;
        row += 1;
    }
    if row < height {
        queue!(out, MoveTo(0, row), Clear(ClearType::FromCursorDown))?;
    }
    let mut terminal = io::stdout();
    terminal.write_all(&out)?;
    terminal.flush()
}

/// No colours: they would have to suit every background.
fn attributes(shade: Shade) -> &'static [Attribute] {
    match shade {
        Shade::Plain => &[],
        Shade::Strong | Shade::Alert => &[Attribute::Bold],
        Shade::Chosen => &[Attribute::Reverse],
        Shade::Quiet => &[Attribute::Dim],
    }
}
