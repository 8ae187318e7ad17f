//! Lambda's share of a processor. It gives a function as much of one as its memory is of 1,769 MB, in small portions;
//! here the process is stopped when it has had its portion, and goes on when the next is due. Starts are spared, as
//! Lambda spares them.

use std::{
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::cpu_ms;

/// A processor's worth of memory at Lambda, in MB.
const WHOLE: f64 = 1_769.0;
/// How often portions are given out.
const PERIOD_MS: f64 = 20.0;
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Holds a process to its share, until dropped.
#[derive(Debug)]
pub struct Share(#[allow(dead_code, reason = "its end is what the thread waits for")] Sender<()>);

impl Share {
    /// Holds process `id` to the share of a function with `memory` MB.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub fn hold(id: u32, memory: f64) -> Result<Self> {
        let process = i32::try_from(id).ok().and_then(Pid::from_raw).context("no process")?;
        let mut used = cpu_ms(id)?;
        let share = memory / WHOLE;
        let portion = share * PERIOD_MS;
        let (end, ended) = channel();
        thread::Builder::new().name("share".into()).spawn(move || {
            let (mut left, mut looked, mut stopped) = (portion, Instant::now(), false);
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(LOOK) {
                let Ok(now_used) = cpu_ms(id) else { return };
                let passed = looked.elapsed().as_secs_f64() * 1_000.0;
                looked = Instant::now();
                // What was not used in a period is gone; what was taken too much has to be made up for.
                left = (left + share * passed - (now_used - used)).min(portion);
                used = now_used;
                let enough = left <= 0.0;
                if enough != stopped {
                    stopped = enough;
                    // It may have ended meanwhile.
                    kill_process(process, if enough { Signal::STOP } else { Signal::CONT }).ok();
                }
            }
            kill_process(process, Signal::CONT).ok();
        })?;
        Ok(Self(end))
    }
}
