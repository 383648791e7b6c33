//! Changes of a store by its callers.

use std::sync::Arc;

use super::footprint::give_back_memory;
use super::{Caller, Lifetime, Store, StoreBounds};
use crate::error::Result;
use crate::value::Value;

impl Store {
    /// Stores a value; whoever has to make room has left when this returns.
    pub fn set(
        self: &Arc<Self>,
        caller: Caller,
        key: &str,
        value: Value,
        weight: u64,
        lifetime: &Lifetime<'_>,
    ) {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            let value = Arc::new(value);
            contents.store(key, (value, weight, lifetime), now, caller.handle, false);
        });
    }

    /// Drops an entry. Returns whether there was one.
    pub fn invalidate(self: &Arc<Self>, caller: Caller, key: &str) -> bool {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            contents.invalidate_key(key, now, caller.handle)
        })
    }

    /// Drops several entries. Returns how many there were.
    pub fn invalidate_keys(self: &Arc<Self>, caller: Caller, keys: &[String]) -> u32 {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            let dropped = keys
                .iter()
                .filter(|key| contents.invalidate_key(key, now, caller.handle));
            u32::try_from(dropped.count()).unwrap_or(u32::MAX)
        })
    }

    /// Drops every entry whose key starts with `prefix`. Returns how many there were.
    pub fn invalidate_prefix(self: &Arc<Self>, caller: Caller, prefix: &str) -> u32 {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            contents.flights.detach_prefix(prefix);
            contents.overtaken.prefix(prefix);
            let keys = contents.with_prefix(prefix);
            let dropped = keys
                .iter()
                .filter(|key| contents.invalidate_key(key, now, caller.handle));
            let dropped = u32::try_from(dropped.count()).unwrap_or(u32::MAX);
            for key in contents.stale.with_prefix(prefix) {
                contents.drop_stale(&key);
            }
            dropped
        })
    }

    /// Drops every entry with this tag. Returns how many there were.
    pub fn invalidate_tag(self: &Arc<Self>, caller: Caller, tag: &str) -> u32 {
        self.with(caller, |contents, now| {
            contents.take_ordered_hits(now);
            contents.flights.detach_tag(tag);
            contents.overtaken.tag(tag);
            let mut dropped = 0;
            for slot in contents.tagged(tag) {
                if contents.outlives(slot, now, caller.handle) {
                    contents.invalidate(slot, caller.handle);
                    dropped += 1;
                }
            }
            for key in contents.stale.tagged(tag) {
                contents.drop_stale(&key);
            }
            dropped
        })
    }

    /// Keys that start with `prefix`, or all, of which some are to be dropped.
    pub fn keys_with_prefix(self: &Arc<Self>, caller: Caller, prefix: &str) -> Vec<Arc<str>> {
        self.with(caller, |contents, _| {
            // Which of them is dropped is JS's to say: a dump is older than what it says of any.
            contents.overtaken.part_of_prefix(prefix, caller.handle);
            let mut keys = contents.with_prefix(prefix);
            keys.extend(contents.stale.with_prefix(prefix));
            keys
        })
    }

    /// Drops everything.
    pub fn clear(self: &Arc<Self>, caller: Caller) {
        let mut remains = None;
        let bytes = self.with(caller, |contents, now| {
            contents.flights.detach_prefix("");
            contents.overtaken.prefix("");
            let bytes = contents.footprint.empty();
            remains = Some(contents.clear(now, caller.handle));
            bytes
        });
        drop(remains);
        self.with(caller, |contents, _| contents.footprint.free_emptied(bytes));
    }

    /// Frees what has expired. Returns how many.
    pub fn expire(self: &Arc<Self>, caller: Caller) -> u32 {
        self.with(caller, |contents, now| {
            contents.expire_due(now, caller.handle, usize::MAX)
        })
    }

    /// Frees what has expired, settles all pending policy work, takes what near maps have counted, and
    /// gives memory back to the system.
    pub fn settle(self: &Arc<Self>, caller: Caller) {
        let trims = self.with(caller, |contents, now| {
            contents.settle(now, caller.handle);
            contents.shrink();
            contents.footprint.take_freed()
        });
        if trims {
            give_back_memory();
        }
    }

    /// Takes other bounds.
    ///
    /// # Errors
    /// [`Error::OutOfRange`]
    pub fn resize(self: &Arc<Self>, caller: Caller, bounds: StoreBounds) -> Result<()> {
        bounds.check()?;
        self.with(caller, |contents, now| {
            contents.resize(bounds, now, caller.handle);
        });
        Ok(())
    }
}
