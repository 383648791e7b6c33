//! Entries by slot and by key, in the order in which their keys came.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use super::stale::Revalidation;
use crate::value::Value;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// No epoch of the order.
pub(super) const NEVER_TOLD: u32 = 0;

/// Where an entry is in the order of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    /// In the list: the window, or all there is.
    Listed,
    /// In main, where moka decides.
    Main,
}

/// One entry. Times are in ms on the store's clock.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<str>,
    pub(super) hash: u64,
    pub(super) value: Arc<Value>,
    pub(super) weight: u64,
    pub(super) born: f64,
    /// 0 = never expires.
    pub(super) ttl_ms: f64,
    /// 0 = off.
    pub(super) idle_ttl_ms: f64,
    pub(super) accessed_at: f64,
    pub(super) access_count: u64,
    pub(super) tags: Box<[Arc<str>]>,
    pub(super) revalidation: Option<Arc<Revalidation>>,
    /// When it is looked at for expiry, as the deadline index has it.
    pub(super) due: u64,
    /// Tells this stay in the slot from an earlier one's.
    pub(super) ticket: i32,
    /// Tells this value of the key from an earlier one.
    pub(super) life: u32,
    pub(super) region: Region,
    /// Hits while in the window.
    pub(super) uses: u8,
    /// The order's epoch in which moka last heard of a near hit.
    pub(super) told_in: u32,
    /// Neighbours in the list of its region.
    pub(super) older: u32,
    pub(super) newer: u32,
    /// Neighbours in the order of arrival.
    pub(super) before: u32,
    pub(super) after: u32,
}

impl Entry {
    /// Bytes that its key and value take, whatever it was weighed as.
    pub(super) fn held_bytes(&self) -> u64 {
        (self.key.len() + self.value.bytes.len()) as u64
    }

    /// The time up to which it lives, inclusive.
    pub(super) fn deadline(&self) -> f64 {
        let by_age = if self.ttl_ms > 0.0 {
            self.born + self.ttl_ms
        } else {
            f64::INFINITY
        };
        if self.idle_ttl_ms > 0.0 {
            by_age.min(self.accessed_at + self.idle_ttl_ms)
        } else {
            by_age
        }
    }
}

/// All entries of a store.
#[derive(Debug)]
pub(super) struct Slab {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    table: HashTable<u32>,
    hasher: RandomState,
    first: u32,
    last: u32,
    len: usize,
}

impl Slab {
    pub(super) fn new(hasher: RandomState) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            table: HashTable::new(),
            hasher,
            first: NONE,
            last: NONE,
            len: 0,
        }
    }

    pub(super) fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn find(&self, hash: u64, key: &str) -> Option<u32> {
        let is_it = |&slot: &u32| self.at(slot).is_some_and(|entry| &*entry.key == key);
        self.table.find(hash, is_it).copied()
    }

    pub(super) fn at(&self, slot: u32) -> Option<&Entry> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Enters an entry whose key is not there, as the last one.
    pub(super) fn insert(&mut self, mut entry: Entry) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
        });
        entry.before = self.last;
        entry.after = NONE;
        match self.at_mut(self.last) {
            Some(last) => last.after = slot,
            None => self.first = slot,
        }
        self.last = slot;
        let hash = entry.hash;
        self.slots[slot as usize] = Some(entry);
        let slots = &self.slots;
        self.table.insert_unique(hash, slot, |&slot| {
            slots[slot as usize].as_ref().map_or(0, |entry| entry.hash)
        });
        self.len += 1;
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.slots.get_mut(slot as usize)?.take()?;
        if let Ok(found) = self.table.find_entry(entry.hash, |&other| other == slot) {
            found.remove();
        }
        match self.at_mut(entry.before) {
            Some(before) => before.after = entry.after,
            None => self.first = entry.after,
        }
        match self.at_mut(entry.after) {
            Some(after) => after.before = entry.before,
            None => self.last = entry.before,
        }
        self.free.push(slot);
        self.len -= 1;
        Some(entry)
    }

    /// Slots in the order of arrival, from `start` on.
    pub(super) fn arrivals_from(&self, start: u32) -> impl Iterator<Item = u32> + '_ {
        let mut next = start;
        std::iter::from_fn(move || {
            let slot = next;
            next = self.at(slot)?.after;
            Some(slot)
        })
    }

    /// Slots in the order of arrival.
    pub(super) fn arrivals(&self) -> impl Iterator<Item = u32> + '_ {
        self.arrivals_from(self.first)
    }

    /// All, by slot: the quickest way through them.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }

    /// Gives back the slots behind the last one in use, and the room of the table, where less than
    /// half is in use. The lowest slots are taken next, so that the end comes free.
    pub(super) fn shrink(&mut self) {
        if self.len > self.slots.len() / 2 {
            return;
        }
        let last = self.slots.iter().rposition(Option::is_some);
        self.slots.truncate(last.map_or(0, |last| last + 1));
        self.slots.shrink_to_fit();
        let slots = &self.slots;
        let empty = (0u32..).zip(slots).filter(|(_, entry)| entry.is_none());
        self.free = empty.map(|(slot, _)| slot).collect();
        self.free.reverse();
        self.table.shrink_to(self.len, |&slot| {
            slots[slot as usize].as_ref().map_or(0, |entry| entry.hash)
        });
    }

    /// Empties it; the entries are the caller's to drop, which may take a while.
    pub(super) fn take(&mut self) -> Self {
        let fresh = Self::new(self.hasher.clone());
        std::mem::replace(self, fresh)
    }
}
