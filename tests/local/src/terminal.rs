//! The command `handover` on a terminal of its own: a pseudo-terminal.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::wait;

/// What a terminal remembers of one that runs in it.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    // Kept open: with the last end closed, what was written last would be lost.
    _screen: File,
    child: Child,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs `command` on a terminal of 40 lines and 120 columns.
    ///
    /// # Errors
    /// When there are no pseudo-terminals, or it cannot be run.
    pub fn run(mut command: Command) -> Result<Self> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("no pseudo-terminal")?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let name = ptsname(&keyboard, Vec::new())?;
        // Not to become the tests' own terminal.
        let flags = i32::try_from(OpenptFlags::NOCTTY.bits())?;
        let path = std::ffi::OsStr::from_bytes(name.to_bytes());
        let screen = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(path)?;
        tcsetwinsize(
            &screen,
            Winsize {
                ws_row: 40,
                ws_col: 120,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )?;
        let child = command
            .stdin(OwnedFd::from(screen.try_clone()?))
            .stdout(OwnedFd::from(screen.try_clone()?))
            .stderr(OwnedFd::from(screen.try_clone()?))
            .spawn()
            .context("could not run the command `handover`: run `make build`")?;
        let keyboard = File::from(keyboard);
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let (mut from, to) = (keyboard.try_clone()?, Arc::clone(&written));
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count) = from.read(&mut bytes) {
                let mut written = to.lock().unwrap_or_else(PoisonError::into_inner);
                written.extend_from_slice(bytes.get(..count).unwrap_or_default());
                if count == 0 {
                    return;
                }
            }
        });
        Ok(Self {
            keyboard,
            _screen: screen,
            child,
            written,
        })
    }

    /// Presses keys.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// Everything that was written to it so far, escape sequences included.
    #[must_use]
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until `text` was written.
    ///
    /// # Errors
    /// When it does not come; says what stands there.
    pub async fn until(&self, text: &str) -> Result<()> {
        let what = format!("the terminal to show `{text}`");
        let seen = wait::until(&what, Duration::from_secs(60), || async {
            Ok(self.written().contains(text).then_some(()))
        });
        seen.await.with_context(|| format!("it shows: {}", self.written()))
    }

    /// Waits until the command has ended; answers whether it exited with 0.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn ended(&mut self) -> Result<bool> {
        let child = Mutex::new(&mut self.child);
        let status = wait::until("the command to end", Duration::from_secs(60), || async {
            Ok(child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?)
        });
        Ok(status.await?.success())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
