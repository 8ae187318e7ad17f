//! Text of somebody else's, made fit for a log line.

use std::collections::HashSet;

use zeroize::Zeroizing;

/// The longest text taken over.
const LONGEST: usize = 200;
/// How much of a text is looked at.
const LOOKED_AT: usize = 4096;
/// So many characters in a row of a secret are a secret.
const TELLING: usize = 16;

/// What was sent and must not come back in a message. No `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    pub fn add(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.0.push(Zeroizing::new(secret.to_owned()));
        }
    }

    /// `text` in one line, cut; `None` when it holds a secret, or enough of one.
    ///
    /// A service that quotes what it was sent is dropped as a whole: what is left around a cut-out token may still tell.
    pub fn scrub(&self, text: &str) -> Option<String> {
        let line: String = text
            .chars()
            .take(LOOKED_AT)
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        if self.are_in(&line) {
            return None;
        }
        let line: String = line.trim().chars().take(LONGEST).collect();
        Some(line).filter(|line| !line.is_empty())
    }

    fn are_in(&self, line: &str) -> bool {
        let parts: HashSet<&[u8]> = line.as_bytes().windows(TELLING).collect();
        let part_of = |secret: &str| secret.as_bytes().windows(TELLING).any(|part| parts.contains(part));
        self.0
            .iter()
            .any(|secret| line.contains(secret.as_str()) || part_of(secret))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.add("");
        secrets.add("hush");
        secrets.add("stampNL001.abcdefghij!IAAAAklmnopqrst");
        secrets
    }

    #[test]
    fn a_text_that_quotes_what_was_sent_is_dropped() {
        for text in [
            "no hush please",
            "token stampNL001.abcdefghij!IAAAAklmnopqrst is used",
            "token …abcdefghij!IAAAA… is used",
            "stampNL001\n.abcdefghij!IAAA".replace('\n', "\u{0}").as_str(),
            "",
            " \n ",
        ] {
            assert_eq!(secrets().scrub(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_left_is_one_short_line() {
        assert_eq!(
            secrets().scrub("two\nlines\u{7}\u{1b}[31m").as_deref(),
            Some("two lines[31m")
        );
        assert_eq!(secrets().scrub(&"é".repeat(900)).unwrap().chars().count(), 200);
        assert_eq!(
            secrets().scrub("abcdefghij!IAAA is under 16").as_deref(),
            Some("abcdefghij!IAAA is under 16")
        );
    }

    proptest! {
        #[test]
        fn no_secret_gets_through(before in "\\PC{0,300}", after in "\\PC{0,40}", from in 0_usize..20, more in 0_usize..20) {
            let secret = "stampNL001.abcdefghij!IAAAAklmnopqrst";
            let part = &secret[from..(from + TELLING + more).min(secret.len())];
            let shown = secrets().scrub(&format!("{before}{part}{after}")).unwrap_or_default();
            prop_assert!(!shown.contains(part) || part.len() < TELLING);
        }
    }
}
