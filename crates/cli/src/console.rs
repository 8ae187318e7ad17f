//! The person in front of the command: questions, secrets, and the screen of `take`.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    terminal::{Screen, TerminalScreen},
};

/// What secrets may measure together; more is a file that was not meant.
const LONGEST_INPUT: u64 = 64 * 1024;

/// The person in front of the command.
pub trait Console {
    /// The screen of `take`.
    type Screen: Screen;

    /// Whether questions can be asked and answered.
    fn is_interactive(&self) -> bool;

    /// Asks for a secret without showing it.
    ///
    /// # Errors
    /// When nothing can be read.
    fn secret(&mut self, prompt: &str) -> Result<Zeroizing<String>, Failure>;

    /// All of standard input.
    ///
    /// # Errors
    /// When it cannot be read, is no text, or far too long.
    fn input(&mut self) -> Result<Zeroizing<String>, Failure>;

    /// Shows a line while a question is put.
    fn say(&mut self, line: &str);

    /// Asks; `None` when the input has ended.
    ///
    /// # Errors
    /// When nothing can be read.
    fn ask(&mut self, question: &str) -> Result<Option<String>, Failure>;

    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it is none, or lets nobody.
    fn screen(&mut self) -> Result<Self::Screen, Failure>;
}

/// The real one.
#[derive(Debug, Default)]
pub struct TerminalConsole;

fn unreadable(error: &io::Error) -> Failure {
    Failure::Usage(format!("standard input could not be read: {error}"))
}

impl Console for TerminalConsole {
    type Screen = TerminalScreen;

    fn is_interactive(&self) -> bool {
        // Only this one counts: a secret typed into a terminal must not be echoed, whatever is redirected.
        io::stdin().is_terminal()
    }

    fn secret(&mut self, prompt: &str) -> Result<Zeroizing<String>, Failure> {
        rpassword::prompt_password(format!("{prompt}: "))
            .map(Zeroizing::new)
            .map_err(|error| unreadable(&error))
    }

    fn input(&mut self) -> Result<Zeroizing<String>, Failure> {
        // Room enough that growing leaves no copies behind.
        let mut text = Zeroizing::new(String::with_capacity(8 * 1024));
        io::stdin()
            .lock()
            .take(LONGEST_INPUT + 1)
            .read_to_string(&mut text)
            .map_err(|error| unreadable(&error))?;
        // Cut, it would be sealed as if it were whole.
        if u64::try_from(text.len()).is_ok_and(|length| length <= LONGEST_INPUT) {
            Ok(text)
        } else {
            Err(Failure::Usage(format!(
                "standard input is longer than {LONGEST_INPUT} bytes: that is no secret"
            )))
        }
    }

    fn say(&mut self, line: &str) {
        // A terminal that is gone is noticed by the question that follows.
        let _ = writeln!(io::stderr(), "{}", crate::output::plain(line));
    }

    fn ask(&mut self, question: &str) -> Result<Option<String>, Failure> {
        let mut out = io::stderr();
        let _ = write!(out, "{} ", crate::output::plain(question)).and_then(|()| out.flush());
        let mut answer = String::new();
        match io::stdin().lock().read_line(&mut answer) {
            Ok(0) => Ok(None),
            Ok(_) => Ok(Some(answer.trim().to_owned())),
            Err(error) => Err(unreadable(&error)),
        }
    }

    fn screen(&mut self) -> Result<TerminalScreen, Failure> {
        let terminals = io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
        if !terminals {
            return Err(Failure::Usage(
                "`take` shows secrets, and does so on a terminal only: run it without pipes or redirections".into(),
            ));
        }
        TerminalScreen::enter()
            .map_err(|error| Failure::Usage(format!("the terminal could not be taken over: {error}")))
    }
}

/// One secret: prompted for on a terminal, else all of standard input without the line's end.
///
/// # Errors
/// When it is empty, or more than one line.
pub fn one_secret(console: &mut impl Console, what: &str) -> Result<Zeroizing<String>, Failure> {
    let given = if console.is_interactive() {
        console.secret(what)?
    } else {
        console.input()?
    };
    let text = Zeroizing::new(given.trim_end_matches(['\r', '\n']).to_owned());
    check(&text, what)?;
    Ok(text)
}

/// Several secrets by name: prompted for on a terminal, else `name=value` lines on standard input.
///
/// # Errors
/// When one is missing, is none that was asked for, or cannot be used.
pub fn named_secrets(
    console: &mut impl Console,
    wanted: &[String],
) -> Result<Vec<(String, Zeroizing<String>)>, Failure> {
    if console.is_interactive() {
        return wanted
            .iter()
            .map(|name| {
                let value = console.secret(name)?;
                check(&value, name)?;
                Ok((name.clone(), value))
            })
            .collect();
    }
    let mut given: Vec<(String, Zeroizing<String>)> = Vec::new();
    if !wanted.is_empty() {
        let input = console.input()?;
        for (number, line) in (1..).zip(input.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            // Never quotes the line: it holds a secret, or what was meant as one.
            let (name, value) = line.split_once('=').ok_or_else(|| {
                Failure::Usage(format!("line {number} of standard input is not of the form name=value"))
            })?;
            let name = wanted.iter().find(|wanted| *wanted == name.trim()).ok_or_else(|| {
                Failure::Usage(format!(
                    "line {number} of standard input names no secret of the profile; it has {}",
                    wanted.join(", ")
                ))
            })?;
            if given.iter().any(|(known, _)| known == name) {
                return Err(Failure::Usage(format!(
                    "line {number} of standard input gives `{name}` again"
                )));
            }
            check(value, name)?;
            given.push((name.clone(), Zeroizing::new(value.to_owned())));
        }
    }
    match wanted
        .iter()
        .find(|name| !given.iter().any(|(known, _)| known == *name))
    {
        None => Ok(given),
        Some(missing) => Err(Failure::Usage(format!(
            "the profile's secret `{missing}` is missing: give it on standard input as a line {missing}=…"
        ))),
    }
}

fn check(secret: &str, what: &str) -> Result<(), Failure> {
    let problem = if secret.trim().is_empty() {
        "is empty: pipe it in (`… < file`), or run this on a terminal and type it"
    } else if secret.chars().any(char::is_control) {
        "is more than one line, or holds control characters"
    } else if secret.trim() != secret {
        "begins or ends with a blank"
    } else {
        return Ok(());
    };
    Err(Failure::Usage(format!("the {what} {problem}")))
}

/// Asks for a yes; anything else is a no.
///
/// # Errors
/// When nothing can be read.
pub fn confirm(console: &mut impl Console, question: &str) -> Result<bool, Failure> {
    let answer = console.ask(&format!("{question} [y/N]"))?;
    Ok(answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes")))
}

/// Goes on only where what will happen is meant: said with `--yes`, or answered on a terminal.
///
/// # Errors
/// When it is not meant, or nobody can be asked.
pub fn meant(console: &mut impl Console, yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !console.is_interactive() {
        return Err(Failure::Usage(format!("{what}; say --yes if that is meant")));
    }
    console.say(&format!("{what}."));
    if confirm(console, "Is that meant?")? {
        Ok(())
    } else {
        Err(Failure::Refused("nothing was changed".into()))
    }
}
