//! Nothing secret in what is told.

use std::collections::HashSet;

/// So many bytes in a row tell.
const TELLING: usize = 12;

/// Panics when a part of `foreign` that could be of a token stands in `told`: twelve bytes in a row of the characters
/// that tokens are made of, a letter and a digit among them. Words, which our own texts share with answers, have none.
pub(crate) fn tells_nothing(foreign: &[u8], told: &str) {
    tells_less_than(TELLING, foreign, told);
}

/// The same for parts of another length.
pub(crate) fn tells_less_than(telling: usize, foreign: &[u8], told: &str) {
    let parts = parts(telling, foreign);
    for part in told.as_bytes().windows(telling) {
        assert!(!parts.contains(part), "{} in: {told}", part.escape_ascii());
    }
}

/// The same for a secret beside `others`, which may be alike, and are told.
pub(crate) fn hides(secret: &str, others: &[&str], told: &str) {
    for part in parts(TELLING, secret.as_bytes()) {
        let part = String::from_utf8_lossy(part);
        let alike = others.iter().any(|other| other.contains(&*part));
        assert!(alike || !told.contains(&*part), "{part} in: {told}");
    }
}

fn parts(length: usize, text: &[u8]) -> HashSet<&[u8]> {
    text.windows(length).filter(|part| could_be_of_a_token(part)).collect()
}

fn could_be_of_a_token(part: &[u8]) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!+/=".contains(byte);
    part.iter().all(known) && part.iter().any(u8::is_ascii_digit) && part.iter().any(u8::is_ascii_alphabetic)
}

/// A text for people: one line, not too long.
pub(crate) fn is_one_short_line(told: &str, longest: usize) {
    assert!(told.chars().count() <= longest, "{} bytes: {told}", told.len());
    assert!(!told.chars().any(char::is_control), "{told:?}");
}
