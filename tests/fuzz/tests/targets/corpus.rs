//! The seeds and the words that the changes are made of, which libFuzzer uses, too.

use std::{fmt, fs, path::Path};

/// An input, shown as the text of a byte string.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Sorted by name, so that every run is the same.
pub fn seeds(corpus: &str) -> Vec<Bytes> {
    let files = fs::read_dir(here().join("corpus").join(corpus)).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| Bytes(fs::read(path).unwrap())).collect()
}

/// The words of the dictionary: a quoted one a line, with `\"`, `\\` and `\xNN`.
pub fn words() -> Vec<Bytes> {
    let dictionary = fs::read_to_string(here().join("dictionary.txt")).unwrap();
    let lines = dictionary
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| Bytes(word(line))).collect()
}

fn word(line: &str) -> Vec<u8> {
    let quoted = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
    let mut bytes = quoted.unwrap_or_else(|| panic!("{line}")).bytes();
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        word.push(match byte {
            b'\\' => escaped(&mut bytes),
            plain => plain,
        });
    }
    word
}

fn escaped(rest: &mut impl Iterator<Item = u8>) -> u8 {
    match rest.next().unwrap() {
        b'x' => {
            let digits: String = rest.take(2).map(char::from).collect();
            u8::from_str_radix(&digits, 16).unwrap()
        }
        itself => itself,
    }
}

/// The targets that libFuzzer has a binary for.
pub fn binaries() -> Vec<String> {
    let files = fs::read_dir(here().join("fuzz/fuzz_targets")).unwrap();
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<_> = files.map(|file| stem(&file.unwrap().path())).collect();
    names.sort();
    names
}
