//! Expired entries that may be revalidated.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::deadlines::due_of;
use super::slab::Entry;

/// By what an entry may be revalidated once it has expired.
#[derive(Debug, Clone, PartialEq)]
pub struct Revalidation {
    /// As JS writes it; nothing here reads it.
    pub validator: Box<str>,
    /// ms after its time to live.
    pub stale_ttl_ms: f64,
}

/// What has expired and may be revalidated: never served, and the first to leave where a living entry
/// needs the room.
///
/// Invalidations by tag or prefix look at each of them: an index would cost more than it saves, since
/// what is asked for leaves with the answer, and the rest when its time is over.
#[derive(Debug, Default)]
pub(super) struct Stale {
    entries: HashMap<Arc<str>, Shelved>,
    /// In the order of expiry.
    by_age: BTreeMap<u64, Arc<str>>,
    /// When each may be revalidated no more.
    by_due: BTreeSet<(u64, u64)>,
    pub(super) weight: u64,
    shelved: u64,
}

#[derive(Debug)]
struct Shelved {
    entry: Entry,
    number: u64,
    due: u64,
}

impl Entry {
    /// The time up to which it may be revalidated, inclusive; none where it may not.
    fn stale_until(&self) -> Option<f64> {
        let revalidation = self.revalidation.as_ref()?;
        Some(self.deadline() + revalidation.stale_ttl_ms)
    }
}

impl Stale {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns what it replaces, and the entry itself where it may not be revalidated at `now`.
    pub(super) fn put(&mut self, entry: Entry, now: f64) -> [Option<Entry>; 2] {
        let Some(until) = entry.stale_until().filter(|&until| now <= until) else {
            return [Some(entry), None];
        };
        let former = self.remove(&entry.key);
        self.shelved += 1;
        let number = self.shelved;
        let due = due_of(until);
        self.weight += entry.weight;
        let key = Arc::clone(&entry.key);
        self.by_age.insert(number, Arc::clone(&key));
        self.by_due.insert((due, number));
        self.entries.insert(key, Shelved { entry, number, due });
        [former, None]
    }

    pub(super) fn get(&self, key: &str, now: f64) -> Option<&Entry> {
        let entry = &self.entries.get(key)?.entry;
        entry
            .stale_until()
            .is_some_and(|until| now <= until)
            .then_some(entry)
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Entry> {
        if self.entries.is_empty() {
            return None;
        }
        let Shelved { entry, number, due } = self.entries.remove(key)?;
        self.by_age.remove(&number);
        self.by_due.remove(&(due, number));
        self.weight -= entry.weight;
        Some(entry)
    }

    /// The one that expired first.
    pub(super) fn remove_oldest(&mut self) -> Option<Entry> {
        let (_, key) = self.by_age.first_key_value()?;
        let key = Arc::clone(key);
        self.remove(&key)
    }

    /// One that may be revalidated no more.
    pub(super) fn remove_due(&mut self, now: f64) -> Option<Entry> {
        let &(due, number) = self.by_due.first()?;
        if due > due_of(now) {
            return None;
        }
        let key = Arc::clone(self.by_age.get(&number)?);
        if self.get(&key, now).is_some() {
            return None;
        }
        self.remove(&key)
    }

    /// Keys in the order of expiry.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_age.values()
    }

    pub(super) fn tagged(&self, tag: &str) -> Vec<Arc<str>> {
        let is_tagged = |shelved: &&Shelved| shelved.entry.tags.iter().any(|other| &**other == tag);
        let shelved = self.entries.values().filter(is_tagged);
        shelved
            .map(|shelved| Arc::clone(&shelved.entry.key))
            .collect()
    }

    pub(super) fn with_prefix(&self, prefix: &str) -> Vec<Arc<str>> {
        let keys = self.keys().filter(|key| key.starts_with(prefix));
        keys.map(Arc::clone).collect()
    }

    /// The first whole ms at which one may be revalidated no more.
    pub(super) fn next_due(&self) -> Option<u64> {
        self.by_due.first().map(|&(due, _)| due)
    }
}
