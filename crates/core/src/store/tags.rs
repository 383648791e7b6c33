//! Entries by tag.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Slots by tag.
#[derive(Debug, Default)]
pub(super) struct Tags {
    slots: HashMap<Arc<str>, BTreeSet<u32>>,
}

impl Tags {
    /// The tag as it is held already, so that its text is kept once.
    pub(super) fn intern(&self, tag: &str) -> Arc<str> {
        match self.slots.get_key_value(tag) {
            Some((held, _)) => Arc::clone(held),
            None => tag.into(),
        }
    }

    pub(super) fn add(&mut self, tags: &[Arc<str>], slot: u32) {
        for tag in tags {
            self.slots.entry(Arc::clone(tag)).or_default().insert(slot);
        }
    }

    pub(super) fn remove(&mut self, tags: &[Arc<str>], slot: u32) {
        for tag in tags {
            let Some(slots) = self.slots.get_mut(tag) else {
                continue;
            };
            slots.remove(&slot);
            if slots.is_empty() {
                self.slots.remove(tag);
            }
        }
    }

    pub(super) fn with(&self, tag: &str) -> Vec<u32> {
        let slots = self.slots.get(tag);
        slots.map_or_else(Vec::new, |slots| slots.iter().copied().collect())
    }

    /// Gives back the room for tags that are gone.
    pub(super) fn shrink(&mut self) {
        if self.slots.capacity() > 4 * self.slots.len() {
            self.slots.shrink_to_fit();
        }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}
