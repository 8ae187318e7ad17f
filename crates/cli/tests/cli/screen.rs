//! The screen of `take` on a terminal of its own: a pseudo-terminal, and what a terminal would show of it.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{Read, Write},
    num::NonZero,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    process::{Child, Command, ExitStatus},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use handover_cli::terminal::TerminalScreen;
use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

const SECRET: &str = "made-up-client-secret";
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Shown {
    /// What a terminal makes of it.
    screen: Option<vt100::Parser>,
    /// What came, byte for byte.
    raw: Vec<u8>,
}

struct Terminal {
    master: File,
    tty: File,
    child: Child,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

fn cells(of: u16) -> NonZero<u16> {
    NonZero::new(of).unwrap()
}

impl Terminal {
    fn running(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        // Not to become the test's own terminal: O_NOCTTY.
        let noctty = i32::try_from(OpenptFlags::NOCTTY.bits()).unwrap();
        let tty = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(noctty)
            .open(OsStr::from_bytes(name.to_bytes()));
        let tty = tty.unwrap();
        let size = Winsize {
            ws_row: 40,
            ws_col: 110,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&tty, size).unwrap();
        let end = || OwnedFd::from(tty.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let master = File::from(master);
        let shown: Arc<(Mutex<Shown>, Condvar)> = Arc::default();
        shown.0.lock().unwrap().screen = Some(vt100::Parser::new(cells(40), cells(110), 1_000));
        let (mut from, to) = (master.try_clone().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count) = from.read(&mut bytes)
                && count > 0
            {
                let mut shown = to.0.lock().unwrap();
                shown.raw.extend_from_slice(&bytes[..count]);
                shown.screen.as_mut().unwrap().process(&bytes[..count]);
                to.1.notify_all();
            }
        });
        Self {
            master,
            tty,
            child,
            shown,
        }
    }

    fn rehearsing() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handover"));
        command
            .args(["take", "--rehearse"])
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC");
        Self::running(command)
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until what is shown is so.
    fn until(&self, what: &str, so: impl Fn(&vt100::Screen) -> bool) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut shown = self.shown.0.lock().unwrap();
        loop {
            let screen = shown.screen.as_ref().unwrap().screen();
            if so(screen) {
                return screen.contents();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited for {what}; shown is:\n{}", screen.contents());
            shown = self.shown.1.wait_timeout(shown, left).unwrap().0;
        }
    }

    fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contents().contains(text))
    }

    fn ends(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// All that can be scrolled back to.
    fn scrollback(&self) -> String {
        let mut shown = self.shown.0.lock().unwrap();
        let screen = shown.screen.as_mut().unwrap().screen_mut();
        screen.set_scrollback(usize::MAX);
        let all = screen.contents();
        screen.set_scrollback(0);
        all + &screen.contents()
    }

    fn raw_has(&self, bytes: &str) -> bool {
        self.shown
            .0
            .lock()
            .unwrap()
            .raw
            .windows(bytes.len())
            .any(|part| part == bytes.as_bytes())
    }

    /// Lines are edited and echoed again, as before.
    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.tty).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

#[test]
fn a_rehearsal_shows_copies_and_leaves_nothing() {
    let mut terminal = Terminal::rehearsing();
    let first = terminal.shows("1  Open the form");
    assert!(
        terminal
            .until("the other screen", vt100::Screen::alternate_screen)
            .contains("Rehearsal BV")
    );
    assert!(!first.contains(SECRET), "{first}");

    terminal.press("jjjj");
    terminal.shows("> Client Secret");
    terminal.press("v");
    terminal.shows(SECRET);
    terminal.press("v");
    terminal.until("it hidden again", |screen| !screen.contents().contains(SECRET));
    terminal.press("c");
    terminal.shows("Client Secret handed to the clipboard");
    assert!(terminal.raw_has("\u{1b}]52;c;bWFkZS11cC1jbGllbnQtc2VjcmV0\u{7}"));

    terminal.press("v");
    terminal.shows(SECRET);
    // Ctrl-C.
    terminal.press("\u{3}");
    terminal.shows("How did it end?");
    assert!(
        !terminal
            .until("the ordinary screen", |screen| !screen.alternate_screen())
            .contains(SECRET)
    );
    assert!(
        terminal.raw_has("\u{1b}]52;c;\u{7}"),
        "the clipboard is to be forgotten"
    );
    assert!(terminal.is_as_before());
    terminal.press("d\n");
    terminal.shows("Its segment at Invantive Cloud? [rehearsal-bv]");
    terminal.press("\n");
    let last = terminal.shows("it would have ended as: registered.");
    assert!(terminal.ends().success());
    assert!(!terminal.scrollback().contains("made-up"), "{last}");
}

#[test]
fn a_process_that_is_asked_to_end_gives_the_terminal_back() {
    let mut terminal = Terminal::rehearsing();
    terminal.shows("1  Open the form");
    let pid = Pid::from_raw(i32::try_from(terminal.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    terminal.shows("it would have ended as: open.");
    assert!(terminal.ends().success());
    assert!(terminal.is_as_before());
    assert!(!terminal.shows("rehearsal").contains("Open the form"));
}

#[test]
fn a_panic_gives_the_terminal_back_and_can_be_read() {
    // This very test program, as the one that panics.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "screen::panics_on_purpose", "--ignored", "--nocapture"])
        .env("RUST_BACKTRACE", "0");
    let mut terminal = Terminal::running(command);
    let text = terminal.shows("on purpose, to see what is left");
    assert!(!terminal.ends().success());
    terminal.until("the ordinary screen", |screen| !screen.alternate_screen());
    assert!(terminal.raw_has("\u{1b}[?1049h"), "{text}");
    assert!(terminal.is_as_before());
}

#[test]
#[ignore = "only to be run by the test above, on a terminal of its own"]
fn panics_on_purpose() {
    let _screen = TerminalScreen::enter().unwrap();
    panic!("on purpose, to see what is left");
}
