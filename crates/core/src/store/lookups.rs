//! Look-ups, and what is known of a store and its entries.

use std::sync::Arc;

use super::{Caller, Census, Info, Place, StaleInfo, Store, StoreBounds};
use crate::value::{EventKind, Value};

impl Store {
    /// A look-up that counts as an access. The answer's words tell the near map how far to trust it;
    /// `cell` is where it counts its hits, none where it does not keep the value.
    pub fn get(
        self: &Arc<Self>,
        caller: Caller,
        key: &str,
        cell: Option<usize>,
    ) -> Option<Arc<Value>> {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            let Some(slot) = contents.find(key, now, caller.handle) else {
                contents.counters.misses += 1;
                return None;
            };
            contents.access(slot, now);
            contents.answer(caller.handle, slot, cell, now);
            let entry = contents.slab.at(slot)?;
            let value = Arc::clone(&entry.value);
            if contents.is_watched_by_others(caller.handle) {
                let key = Arc::clone(&entry.key);
                contents.tell_others(EventKind::Accessed, &key, &value, caller.handle);
            }
            Some(value)
        })
    }

    /// A look-up that leaves no trace.
    pub fn peek(self: &Arc<Self>, caller: Caller, key: &str) -> Option<Arc<Value>> {
        self.with(caller, |contents, now| {
            let slot = contents.find(key, now, caller.handle)?;
            contents.answer(caller.handle, slot, None, now);
            contents.slab.at(slot).map(|entry| Arc::clone(&entry.value))
        })
    }

    /// The value that has expired, while it is still held; none of one that lives.
    pub fn last_known(self: &Arc<Self>, caller: Caller, key: &str) -> Option<Arc<Value>> {
        self.with(caller, |contents, now| {
            let slot = contents.slab.find(contents.slab.hash(key), key)?;
            if now.ms <= contents.slab.at(slot)?.deadline() {
                return None;
            }
            contents.answer(caller.handle, slot, None, now);
            contents.slab.at(slot).map(|entry| Arc::clone(&entry.value))
        })
    }

    /// What has expired and left, and may be revalidated.
    pub fn stale(self: &Arc<Self>, caller: Caller, key: &str) -> Option<StaleInfo> {
        self.with(caller, |contents, now| {
            let entry = contents.stale.get(key, now.ms)?;
            Some(StaleInfo {
                value: Arc::clone(&entry.value),
                weight: entry.weight,
                ttl_ms: entry.ttl_ms,
                idle_ttl_ms: entry.idle_ttl_ms,
                tags: entry.tags.to_vec(),
                revalidation: entry.revalidation.clone()?,
            })
        })
    }

    /// What is known of an entry.
    pub fn info(self: &Arc<Self>, caller: Caller, key: &str) -> Option<Info> {
        let mut info = self.with(caller, |contents, now| {
            contents.take_hits(now);
            let slot = contents.find(key, now, caller.handle)?;
            let entry = contents.slab.at(slot)?;
            Some(Info {
                created_at_ms: entry.born,
                accessed_at_ms: entry.accessed_at,
                expires_at_ms: entry.deadline(),
                access_count: entry.access_count,
                weight: entry.weight,
                tags: entry.tags.to_vec(),
                revalidation: entry.revalidation.clone(),
            })
        })?;
        info.created_at_ms = self.to_wall_ms(info.created_at_ms);
        info.accessed_at_ms = self.to_wall_ms(info.accessed_at_ms);
        info.expires_at_ms = self.to_wall_ms(info.expires_at_ms);
        Some(info)
    }

    /// What it holds and has done.
    pub fn census(self: &Arc<Self>, caller: Caller) -> Census {
        let census = self.try_census(caller);
        // After a fault the store is whole, and bounds of 0 would be nobody's.
        census
            .or_else(|| self.try_census(caller))
            .unwrap_or_default()
    }

    fn try_census(self: &Arc<Self>, caller: Caller) -> Option<Census> {
        self.with(caller, |contents, now| {
            contents.take_all_hits(now);
            let StoreBounds {
                max_entries,
                max_bytes,
            } = contents.order.bounds();
            let overflowed = contents
                .handles
                .get(caller.handle)
                .map_or(0, |handle| handle.mailbox.overflowed);
            Some(Census {
                entries: contents.slab.len() + contents.stale.len(),
                weight: contents.order.weight + contents.stale.weight,
                stale: contents.stale.len(),
                counters: contents.counters,
                overflowed,
                max_entries,
                max_bytes,
            })
        })
    }

    /// Entries.
    #[must_use]
    pub fn len(&self) -> usize {
        let contents = self.contents.lock();
        contents.slab.len() + contents.stale.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all entries, as they were weighed.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let contents = self.contents.lock();
        contents.order.weight + contents.stale.weight
    }

    /// Heavier entries are not kept.
    #[must_use]
    pub fn max_entry_bytes(&self) -> u64 {
        self.contents.lock().order.max_entry_bytes()
    }

    /// The next places in the order of arrival, whether or not their entries live.
    pub fn places(
        self: &Arc<Self>,
        caller: Caller,
        after: Option<Place>,
        most: usize,
    ) -> Vec<Place> {
        self.with(caller, |contents, _| {
            let start = contents.arrival_after(after);
            let slots = start
                .into_iter()
                .flat_map(|slot| contents.slab.arrivals_from(slot));
            let place = |slot| {
                let ticket = contents.slab.at(slot)?.ticket;
                Some(Place { slot, ticket })
            };
            slots.take(most).filter_map(place).collect()
        })
    }

    /// The living entry of a place.
    pub fn at_place(
        self: &Arc<Self>,
        caller: Caller,
        Place { slot, ticket }: Place,
    ) -> Option<(Arc<str>, Arc<Value>)> {
        self.with(caller, |contents, now| {
            let is_there = contents.slab.at(slot)?.ticket == ticket;
            if !is_there || !contents.outlives(slot, now, caller.handle) {
                return None;
            }
            contents.answer(caller.handle, slot, None, now);
            let entry = contents.slab.at(slot)?;
            Some((Arc::clone(&entry.key), Arc::clone(&entry.value)))
        })
    }
}
