//! The processes that the local cloud runs functions in: found in `/proc`, and killed as a host that fails would.

use std::{fs, io::ErrorKind, path::PathBuf};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

/// The variable that tells a process which function it is.
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME=";

/// One execution environment of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its number, which another may bear after it.
    pub id: u32,
    /// When it was started, in ticks since the machine was: with `id` nobody else's.
    pub started: u64,
    /// The function's name.
    pub function: String,
}

/// What the kernel says of a process.
struct Stat {
    name: String,
    state: char,
    parent: u32,
    started: u64,
}

impl Process {
    /// Whether it works at this moment: the local cloud freezes the idle ones.
    #[must_use]
    pub fn at_work(&self) -> bool {
        stat(self.id).is_some_and(|stat| stat.started == self.started && matches!(stat.state, 'R' | 'S' | 'D'))
    }

    /// Ends it as `kill -9` does: at once, and it hears nothing of it. Answers whether it was still there.
    ///
    /// # Errors
    /// When it may not be killed.
    pub fn kill(&self) -> Result<bool> {
        let alive = stat(self.id).is_some_and(|stat| stat.started == self.started && stat.state != 'Z');
        let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw).filter(|_| alive) else {
            return Ok(false);
        };
        match kill_process(id, Signal::KILL) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot kill process {}", self.id)),
        }
    }

    fn holds(&self, socket: &str) -> bool {
        let files = fs::read_dir(format!("/proc/{}/fd", self.id)).into_iter().flatten();
        let mut targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        targets.any(|target| target.to_str() == Some(socket))
    }
}

/// The functions' processes below the one that `supervisor` started.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn below(supervisor: u32) -> Result<Vec<Process>> {
    let all: Vec<_> = numbers()?.into_iter().filter_map(|id| Some((id, stat(id)?))).collect();
    let of = |parent: u32| all.iter().filter(move |(_, stat)| stat.parent == parent);
    let processes = of(supervisor).flat_map(|(cloud, _)| of(*cloud));
    Ok(processes
        .filter(|(_, stat)| stat.name == "bootstrap")
        .filter_map(|(id, stat)| {
            Some(Process {
                id: *id,
                started: stat.started,
                function: function(*id)?,
            })
        })
        .collect())
}

/// Which of these processes has the connection between these two ports of this machine, the first of them its own. One
/// alone says nothing: the kernel gives it to several connections that lead elsewhere.
#[must_use]
pub fn connected(processes: &[Process], own: u16, other: u16) -> Option<&Process> {
    let socket = format!("socket:[{}]", inode(own, other)?);
    processes.iter().find(|process| process.holds(&socket))
}

fn numbers() -> Result<Vec<u32>> {
    let names = fs::read_dir("/proc").context("there is no /proc")?;
    let names = names.flatten().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
}

/// `None`: it is gone. The name stands in brackets and may hold anything, so the fields count from the last one.
fn stat(id: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (name, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split_whitespace();
    Some(Stat {
        name: name.split_once('(')?.1.to_owned(),
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        // Field 22 of all; two fields are before the last bracket and two were taken.
        started: fields.nth(17)?.parse().ok()?,
    })
}

fn function(id: u32) -> Option<String> {
    let variables = fs::read(format!("/proc/{id}/environ")).ok()?;
    let mut variables = variables.split(|byte| *byte == 0);
    let name = variables.find_map(|variable| variable.strip_prefix(FUNCTION.as_bytes()))?;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn inode(own: u16, other: u16) -> Option<String> {
    let (own, other) = (format!(":{own:04X}"), format!(":{other:04X}"));
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let mut lines = table.lines().skip(1).map(str::split_whitespace);
    lines.find_map(|mut fields| {
        let (local, remote, inode) = (fields.nth(1)?, fields.next()?, fields.nth(6)?);
        (local.ends_with(&own) && remote.ends_with(&other) && inode != "0").then(|| inode.to_owned())
    })
}

/// Removes what a process that was killed leaves in shared memory: libfaketime's, which is named by the process and
/// would meet the next one of its number.
///
/// # Errors
/// When it is there and stays.
pub fn sweep_shared_memory(process: &Process) -> Result<()> {
    for name in ["faketime_shm_", "sem.faketime_sem_"] {
        let path = PathBuf::from(format!("/dev/shm/{name}{}", process.id));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
