//! Changes of seeds: what libFuzzer does to them, without being guided, and shrunk by proptest to the few that matter.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use crate::corpus::Bytes;

/// The most changes of one seed.
const MOST: usize = 5;
/// The longest part that is removed, repeated or taken from elsewhere.
const LONGEST: usize = 64;

#[derive(Debug, Clone)]
enum Change {
    /// One bit is another.
    Flip(Index, u8),
    /// One byte is this.
    Set(Index, u8),
    /// This comes between.
    Insert(Index, Bytes),
    /// This stands in the place of so many bytes.
    Replace(Index, usize, Bytes),
    /// So many bytes are there again.
    Repeat(Index, usize),
    /// So many bytes of another seed come between.
    Splice(Index, Bytes, Index, usize),
    /// Nothing follows.
    Cut(Index),
}

/// One of `seeds`, as it is or changed.
pub fn changed(seeds: Vec<Bytes>, words: Vec<Bytes>) -> impl Strategy<Value = Bytes> {
    let change = change(seeds.clone(), words);
    (select(seeds), vec(change, 0..=MOST)).prop_map(|(seed, changes)| {
        let mut bytes = seed.0;
        changes.iter().for_each(|change| change.apply(&mut bytes));
        Bytes(bytes)
    })
}

fn change(seeds: Vec<Bytes>, words: Vec<Bytes>) -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let length = 0..=LONGEST;
    // A few, often: a random byte in a text is mostly rubbish at once.
    let byte = prop_oneof![any::<u8>(), select(b"\0 \"'{}[]:,.=&%\\/+-0129zA\n".to_vec())];
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (at(), byte.clone()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), byte).prop_map(|(at, byte)| Change::Insert(at, Bytes(vec![byte]))),
        (at(), select(words.clone())).prop_map(|(at, word)| Change::Insert(at, word)),
        (at(), length.clone(), select(words)).prop_map(|(at, length, word)| Change::Replace(at, length, word)),
        (at(), length.clone()).prop_map(|(at, length)| Change::Replace(at, length, Bytes(Vec::new()))),
        (at(), length.clone()).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at(), select(seeds), at(), length).prop_map(|(at, seed, from, length)| Change::Splice(at, seed, from, length)),
        at().prop_map(Change::Cut),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match self {
            Self::Flip(at, bit) => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            Self::Set(at, to) => {
                let at = place(at);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = *to);
            }
            Self::Insert(at, word) => put(bytes, place(at), 0, &word.0),
            Self::Replace(at, length, word) => put(bytes, place(at), *length, &word.0),
            Self::Repeat(at, length) => {
                let at = place(at);
                let part = part(bytes, at, *length).to_vec();
                put(bytes, at, 0, &part);
            }
            Self::Splice(at, seed, from, length) => {
                let from = from.index(seed.0.len() + 1);
                put(bytes, place(at), 0, part(&seed.0, from, *length));
            }
            Self::Cut(at) => bytes.truncate(place(at)),
        }
    }
}

fn part(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    &bytes[at..bytes.len().min(at + length)]
}

fn put(bytes: &mut Vec<u8>, at: usize, over: usize, word: &[u8]) {
    let end = bytes.len().min(at + over);
    bytes.splice(at..end, word.iter().copied());
}
