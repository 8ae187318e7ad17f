//! A list in order of arrival whose entries are also found by their value.

use std::collections::HashMap;

/// Entries in order, each under a value of its own.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    entries: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            places: HashMap::new(),
        }
    }
}

impl<T> Shelf<T> {
    /// Adds an entry under `value`.
    pub fn push(&mut self, value: &str, entry: T) {
        self.places.insert(value.to_owned(), self.entries.len());
        self.entries.push(entry);
    }

    /// The entry under `value`.
    pub fn get(&self, value: &str) -> Option<&T> {
        self.places.get(value).and_then(|place| self.entries.get(*place))
    }

    /// The entry under `value`, to be changed.
    pub fn get_mut(&mut self, value: &str) -> Option<&mut T> {
        self.places.get(value).and_then(|place| self.entries.get_mut(*place))
    }

    /// Everything, oldest first.
    pub fn all(&self) -> &[T] {
        &self.entries
    }

    /// Everything, to be changed.
    pub fn all_mut(&mut self) -> &mut [T] {
        &mut self.entries
    }
}
