//! A list over slots, oldest to newest, with what its entries weigh.

use super::slab::{NONE, Region, Slab};

/// Links live in the entries.
#[derive(Debug)]
pub(super) struct List {
    oldest: u32,
    newest: u32,
    len: usize,
    weight: u64,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            oldest: NONE,
            newest: NONE,
            len: 0,
            weight: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What all of them weigh, in bytes.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    pub(super) fn newest(&self) -> Option<u32> {
        (self.newest != NONE).then_some(self.newest)
    }

    /// The one after `slot`, towards the newest.
    pub(super) fn newer_than(slab: &Slab, slot: u32) -> Option<u32> {
        slab.at(slot)
            .map(|entry| entry.newer)
            .filter(|&newer| newer != NONE)
    }

    pub(super) fn push(&mut self, slab: &mut Slab, slot: u32) {
        let newest = self.newest;
        let Some(entry) = slab.at_mut(slot) else {
            return;
        };
        entry.region = Region::Listed;
        entry.older = newest;
        entry.newer = NONE;
        self.weight += entry.weight;
        self.len += 1;
        match slab.at_mut(newest) {
            Some(former) => former.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
    }

    pub(super) fn remove(&mut self, slab: &mut Slab, slot: u32) {
        let Some(entry) = slab.at(slot) else { return };
        let (older, newer) = (entry.older, entry.newer);
        self.weight -= entry.weight;
        self.len -= 1;
        match slab.at_mut(older) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
        match slab.at_mut(newer) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
    }

    /// An entry of it weighs `weight` now instead of `former`.
    pub(super) fn reweigh(&mut self, former: u64, weight: u64) {
        self.weight = self.weight + weight - former;
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}
