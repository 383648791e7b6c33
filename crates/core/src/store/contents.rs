//! All that the lock of a store protects: entries, order, deadlines, loads, handles.

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;

use super::deadlines::{Deadlines, due_of};
use super::flights::Flights;
use super::footprint::Footprint;
use super::handles::Handles;
use super::messages::Outcome;
use super::order::{Order, Policy, StoreBounds};
use super::overtaken::Overtaken;
use super::slab::{Entry, NEVER_TOLD, NONE, Region, Slab};
use super::stale::Stale;
use super::tags::Tags;
use super::time::Moment;
use super::words::Words;
use super::{Counters, Lifetime, Place};
use crate::error::Error;
use crate::value::{Cause, EventKind, Value};

/// Causes what no handle does.
pub(super) const KEEPER: u32 = NONE;

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) slab: Slab,
    pub(super) order: Order,
    pub(super) deadlines: Deadlines,
    pub(super) stale: Stale,
    pub(super) flights: Flights,
    pub(super) handles: Handles,
    pub(super) counters: Counters,
    pub(super) overtaken: Overtaken,
    /// Nobody has it open any more: whoever still finds it by its name makes another.
    pub(super) closed: bool,
    tags: Tags,
    /// Keys in order; made when somebody first asks for a prefix.
    prefixes: Option<BTreeSet<Arc<str>>>,
    /// Whether any thread is to be woken when the lock is free again.
    pub(super) has_wakes: bool,
    /// What went wrong and nobody was told.
    pub(super) fault: Option<Error>,
    pub(super) words: Arc<Words>,
    /// Whether time is what JS says.
    pub(super) manual: bool,
    stays: i32,
    lives: u32,
    pub(super) footprint: Footprint,
}

impl Contents {
    pub(super) fn new(
        bounds: StoreBounds,
        policy: Policy,
        manual: bool,
        words: Arc<Words>,
    ) -> Self {
        Self {
            slab: Slab::new(RandomState::new()),
            order: Order::new(bounds, policy),
            deadlines: Deadlines::default(),
            stale: Stale::default(),
            flights: Flights::default(),
            handles: Handles::default(),
            counters: Counters::default(),
            overtaken: Overtaken::default(),
            closed: false,
            tags: Tags::default(),
            prefixes: None,
            has_wakes: false,
            fault: None,
            words,
            manual,
            stays: 0,
            lives: 0,
            footprint: Footprint::default(),
        }
    }

    /// After a panic of our own: nothing is known to be whole but the handles.
    pub(super) fn start_afresh(&mut self) {
        let bounds = self.order.bounds();
        let fresh = Self::new(
            bounds,
            self.order.policy(),
            self.manual,
            Arc::clone(&self.words),
        );
        let former = std::mem::replace(self, fresh);
        self.handles = former.handles;
        self.counters = former.counters;
        self.counters.evictions += former.slab.len() as u64;
        self.closed = former.closed;
        self.stays = former.stays;
        self.lives = former.lives;
        self.has_wakes = former.has_wakes;
        // A restore under way must not bring back what is invalidated from here on.
        self.overtaken = former.overtaken;
        // A loader of before must not land in a load of after.
        self.flights = former.flights.successor();
        for number in self.handles.numbers() {
            for flight in former.flights.owned_by(number) {
                for follower in former.flights.followers_of(flight) {
                    self.land(follower, flight, Outcome::Orphaned);
                }
            }
        }
        self.words.bump_all();
    }

    /// A handle is gone, whatever it had under way: its loads are the others' to do.
    pub(super) fn part_with(&mut self, handle: u32) {
        self.listen(handle, 0);
        let Some(parted) = self.handles.remove(handle) else {
            return;
        };
        for _ in 0..parted.restores {
            self.overtaken.end();
        }
        for flight in self.flights.owned_by(handle) {
            if let Some((flown, _)) = self.flights.land(flight) {
                for follower in flown.followers {
                    self.land(follower, flight, Outcome::Orphaned);
                }
            }
        }
        self.flights.forget_follower(handle);
    }

    /// Nobody has it open. Returns whether memory is worth giving back, and what is to be dropped
    /// before that, without the lock.
    pub(super) fn close(&mut self, now: Moment) -> (bool, impl Sized + use<>) {
        self.closed = true;
        let bytes = self.footprint.empty();
        self.footprint.free_emptied(bytes);
        let remains = self.clear(now, KEEPER);
        (self.footprint.take_freed(), remains)
    }

    /// A living entry; one that has expired leaves.
    pub(super) fn find(&mut self, key: &str, now: Moment, actor: u32) -> Option<u32> {
        let slot = self.slab.find(self.slab.hash(key), key)?;
        self.outlives(slot, now, actor).then_some(slot)
    }

    /// Whether it lives; if not, it leaves.
    pub(super) fn outlives(&mut self, slot: u32, now: Moment, actor: u32) -> bool {
        let is_past = |contents: &Self| {
            let entry = contents.slab.at(slot);
            entry.is_none_or(|entry| now.ms > entry.deadline())
        };
        if !is_past(self) {
            return true;
        }
        // A hit that a near map has counted may have put the end off.
        if self
            .slab
            .at(slot)
            .is_some_and(|entry| entry.idle_ttl_ms > 0.0)
        {
            self.take_hits(now);
            if !is_past(self) {
                return true;
            }
        }
        self.expire(slot, now, actor);
        false
    }

    /// Stores a value: the one way into the store.
    pub(super) fn store(
        &mut self,
        key: &str,
        (value, weight, lifetime): (Arc<Value>, u64, &Lifetime<'_>),
        now: Moment,
        actor: u32,
        loaded: bool,
    ) {
        self.flights.detach(key);
        self.overtaken.key(key);
        let resident = self.find(key, now, actor);
        self.drop_stale(key);
        if weight > self.order.max_entry_bytes() {
            if let Some(slot) = resident {
                self.remove(slot);
            }
            self.counters.evictions += 1;
            let key = key.into();
            self.tell(EventKind::Evicted, Cause::TooLarge, &key, &value, actor);
            return;
        }
        let tags = self.intern(lifetime.tags).into_boxed_slice();
        let slot = if let Some(slot) = resident {
            self.replace(slot, value, lifetime, tags, now);
            slot
        } else {
            let entry = Entry {
                weight,
                ttl_ms: lifetime.ttl_ms,
                idle_ttl_ms: lifetime.idle_ttl_ms,
                tags,
                revalidation: lifetime.revalidation.cloned(),
                ..self.new_entry(key, value, now)
            };
            self.insert(entry)
        };
        if loaded && let Some(entry) = self.slab.at(slot) {
            let (key, value) = (Arc::clone(&entry.key), Arc::clone(&entry.value));
            self.tell(EventKind::Loaded, Cause::None, &key, &value, actor);
        }
        if resident.is_none() {
            self.admit(slot, actor);
        } else {
            self.order.overwrite(&mut self.slab, slot, weight);
            self.evict_leaving(Cause::Size, actor);
        }
        self.make_room();
    }

    /// An entry is dropped by somebody.
    pub(super) fn invalidate(&mut self, slot: u32, actor: u32) {
        if let Some(entry) = self.remove(slot) {
            self.counters.invalidations += 1;
            let (key, value) = (&entry.key, &entry.value);
            self.tell(EventKind::Invalidated, Cause::None, key, value, actor);
        }
    }

    /// The same by key. Loads of it under way must not store their values. Returns whether there was
    /// an entry.
    pub(super) fn invalidate_key(&mut self, key: &str, now: Moment, actor: u32) -> bool {
        self.flights.detach(key);
        self.overtaken.key(key);
        let found = self.find(key, now, actor);
        self.drop_stale(key);
        match found {
            Some(slot) => self.invalidate(slot, actor),
            None => self.words.bump(self.words.stripe_of(self.slab.hash(key))),
        }
        found.is_some()
    }

    /// Those with a tag, living or not.
    pub(super) fn tagged(&self, tag: &str) -> Vec<u32> {
        self.tags.with(tag)
    }

    /// Keys that start with `prefix`, living or not; no look at any other.
    pub(super) fn with_prefix(&mut self, prefix: &str) -> Vec<Arc<str>> {
        if prefix.is_empty() {
            let entries = self.slab.arrivals().filter_map(|slot| self.slab.at(slot));
            return entries.map(|entry| Arc::clone(&entry.key)).collect();
        }
        let slab = &self.slab;
        let prefixes = self.prefixes.get_or_insert_with(|| {
            let keys = slab.arrivals().filter_map(|slot| slab.at(slot));
            keys.map(|entry| Arc::clone(&entry.key)).collect()
        });
        let from = (
            std::ops::Bound::Included(prefix),
            std::ops::Bound::Unbounded,
        );
        prefixes
            .range::<str, _>(from)
            .take_while(|key| key.starts_with(prefix))
            .map(Arc::clone)
            .collect()
    }

    /// Who came next after a place that was read before, or first.
    pub(super) fn arrival_after(&self, place: Option<Place>) -> Option<u32> {
        let ticket_of = |slot: u32| self.slab.at(slot).map(|entry| entry.ticket);
        let Some(Place { slot, ticket }) = place else {
            return self.slab.arrivals().next();
        };
        if ticket_of(slot) == Some(ticket) {
            return self.slab.arrivals_from(slot).nth(1);
        }
        // Its entry has left. Tickets count arrivals.
        self.slab
            .arrivals()
            .find(|&slot| ticket_of(slot).is_some_and(|other| other.wrapping_sub(ticket) > 0))
    }

    /// All keys, least recently used first, and before them what may be revalidated.
    pub(super) fn keys_by_use(&self) -> Vec<Arc<str>> {
        let slots = self.order.by_use(&self.slab);
        let entries = slots.into_iter().filter_map(|slot| self.slab.at(slot));
        let keys = entries.map(|entry| Arc::clone(&entry.key));
        self.stale.keys().map(Arc::clone).chain(keys).collect()
    }

    /// A restore of a handle begins; see [`Overtaken::begin`].
    pub(super) fn begin_restore(&mut self, actor: u32) -> u64 {
        if let Some(handle) = self.handles.get_mut(actor) {
            handle.restores += 1;
        }
        self.overtaken.begin()
    }

    pub(super) fn end_restore(&mut self, actor: u32) {
        let Some(handle) = self.handles.get_mut(actor) else {
            return;
        };
        if handle.restores > 0 {
            handle.restores -= 1;
            self.overtaken.end();
        }
    }

    /// The tag as it is held already.
    pub(super) fn intern_one(&self, tag: &str) -> Arc<str> {
        self.tags.intern(tag)
    }

    /// Tags as they are held already.
    pub(super) fn intern(&self, tags: &[String]) -> Vec<Arc<str>> {
        tags.iter().map(|tag| self.tags.intern(tag)).collect()
    }

    /// Drops all entries; what they hold is returned, to be dropped without the lock.
    pub(super) fn clear(&mut self, now: Moment, actor: u32) -> impl Sized + use<> {
        self.take_hits(now);
        let order = self.order.clear();
        self.deadlines.clear();
        self.tags.clear();
        self.prefixes = None;
        let slab = self.slab.take();
        let stale = std::mem::take(&mut self.stale);
        self.words.bump_all();
        for entry in slab.arrivals().filter_map(|slot| slab.at(slot)) {
            let expired = now.ms > entry.deadline();
            let kind = if expired {
                self.counters.expirations += 1;
                EventKind::Expired
            } else {
                self.counters.invalidations += 1;
                EventKind::Invalidated
            };
            self.tell(kind, Cause::None, &entry.key, &entry.value, actor);
        }
        (slab, order, stale)
    }

    /// Frees what has expired, at most so many. Returns how many.
    pub(super) fn expire_due(&mut self, now: Moment, actor: u32, most: usize) -> u32 {
        self.sweep_stale(now);
        let due = self.deadlines.take_due(now.ms, most);
        if due.is_empty() {
            return 0;
        }
        self.take_hits(now);
        let mut slots: Vec<(f64, u32)> = Vec::new();
        for (_, slot) in due {
            let Some(entry) = self.slab.at_mut(slot) else {
                continue;
            };
            let deadline = entry.deadline();
            if now.ms > deadline {
                slots.push((deadline, slot));
            } else {
                entry.due = due_of(deadline);
                self.deadlines.insert(entry.due, slot);
            }
        }
        slots.sort_by(|a, b| a.0.total_cmp(&b.0));
        for &(_, slot) in &slots {
            self.expire(slot, now, actor);
        }
        u32::try_from(slots.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn resize(&mut self, bounds: StoreBounds, now: Moment, actor: u32) {
        self.take_hits(now);
        self.order.resize(&mut self.slab, bounds);
        self.evict_leaving(Cause::Resize, actor);
        self.make_room();
    }

    pub(super) fn settle(&mut self, now: Moment, actor: u32) {
        self.take_all_hits(now);
        self.expire_due(now, actor, usize::MAX);
        self.order.settle(&mut self.slab);
        self.evict_leaving(Cause::Size, actor);
    }

    /// Gives back the room that tables have for entries that are gone.
    pub(super) fn shrink(&mut self) {
        self.slab.shrink();
        self.order.shrink();
        self.tags.shrink();
    }

    // Telling

    /// An entry that begins its life in no place yet, of no weight, which never expires.
    pub(super) fn new_entry(&mut self, key: &str, value: Arc<Value>, now: Moment) -> Entry {
        self.stays = self.stays.wrapping_add(1);
        self.lives = self.lives.wrapping_add(1);
        Entry {
            key: key.into(),
            hash: self.slab.hash(key),
            value,
            weight: 0,
            born: now.ms,
            ttl_ms: 0.0,
            idle_ttl_ms: 0.0,
            accessed_at: now.ms,
            access_count: 0,
            tags: Box::default(),
            revalidation: None,
            due: super::deadlines::NEVER,
            ticket: self.stays,
            life: self.lives,
            region: Region::Listed,
            uses: 0,
            told_in: NEVER_TOLD,
            older: NONE,
            newer: NONE,
            before: NONE,
            after: NONE,
        }
    }

    /// Puts an entry in its place; the order is to be told by [`Contents::admit`].
    fn insert(&mut self, entry: Entry) -> u32 {
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.insert(Arc::clone(&entry.key));
        }
        let hash = entry.hash;
        self.footprint.take(&entry);
        let slot = self.slab.insert(entry);
        self.schedule(slot);
        self.words.bump(self.words.stripe_of(hash));
        slot
    }

    fn admit(&mut self, slot: u32, actor: u32) {
        self.order.admit(&mut self.slab, slot);
        self.evict_leaving(Cause::Size, actor);
    }

    /// Puts an entry in its place, and has those leave that have no room any more.
    pub(super) fn enter(&mut self, entry: Entry, actor: u32) {
        self.drop_stale(&entry.key);
        let slot = self.insert(entry);
        self.admit(slot, actor);
        self.make_room();
    }

    /// Keeps what has expired, where it may be revalidated.
    pub(super) fn shelve(&mut self, entry: Entry, now: Moment) {
        self.footprint.take(&entry);
        for left in self.stale.put(entry, now.ms).into_iter().flatten() {
            self.footprint.free(&left);
        }
        self.make_room();
    }

    pub(super) fn drop_stale(&mut self, key: &str) {
        if let Some(entry) = self.stale.remove(key) {
            self.footprint.free(&entry);
        }
    }

    /// Living entries have the room that they need.
    pub(super) fn make_room(&mut self) {
        let StoreBounds {
            max_entries,
            max_bytes,
        } = self.order.bounds();
        while self.stale.len() > 0
            && (self.slab.len() + self.stale.len() > max_entries as usize
                || self.order.weight + self.stale.weight > max_bytes)
        {
            if let Some(entry) = self.stale.remove_oldest() {
                self.footprint.free(&entry);
            }
        }
    }

    fn sweep_stale(&mut self, now: Moment) {
        while let Some(entry) = self.stale.remove_due(now.ms) {
            self.footprint.free(&entry);
        }
    }

    fn replace(
        &mut self,
        slot: u32,
        value: Arc<Value>,
        lifetime: &Lifetime<'_>,
        tags: Box<[Arc<str>]>,
        now: Moment,
    ) {
        self.lives = self.lives.wrapping_add(1);
        let life = self.lives;
        let Some(entry) = self.slab.at_mut(slot) else {
            return;
        };
        let former_due = entry.due;
        let former_tags = std::mem::replace(&mut entry.tags, tags);
        self.footprint.free(entry);
        entry.revalidation = lifetime.revalidation.cloned();
        entry.value = value;
        entry.born = now.ms;
        entry.ttl_ms = lifetime.ttl_ms;
        entry.idle_ttl_ms = lifetime.idle_ttl_ms;
        entry.accessed_at = now.ms;
        entry.access_count = 0;
        entry.life = life;
        self.footprint.take(entry);
        let hash = entry.hash;
        self.deadlines.remove(former_due, slot);
        self.tags.remove(&former_tags, slot);
        self.schedule(slot);
        self.words.bump(self.words.stripe_of(hash));
    }

    /// Enters tags and deadline of an entry into their indexes.
    fn schedule(&mut self, slot: u32) {
        let Some(entry) = self.slab.at_mut(slot) else {
            return;
        };
        entry.due = due_of(entry.deadline());
        self.deadlines.insert(entry.due, slot);
        self.tags.add(&entry.tags, slot);
    }

    fn expire(&mut self, slot: u32, now: Moment, actor: u32) {
        if let Some(entry) = self.remove(slot) {
            self.counters.expirations += 1;
            let (key, value) = (&entry.key, &entry.value);
            self.tell(EventKind::Expired, Cause::None, key, value, actor);
            if entry.revalidation.is_some() {
                self.shelve(entry, now);
            }
        }
    }

    fn evict_leaving(&mut self, cause: Cause, actor: u32) {
        for slot in self.order.take_leaving() {
            if let Some(entry) = self.take_out(slot) {
                self.counters.evictions += 1;
                self.tell(EventKind::Evicted, cause, &entry.key, &entry.value, actor);
            }
        }
    }

    fn remove(&mut self, slot: u32) -> Option<Entry> {
        self.order.forget(&mut self.slab, slot);
        self.take_out(slot)
    }

    /// Takes out who has left the order already.
    fn take_out(&mut self, slot: u32) -> Option<Entry> {
        let entry = self.slab.remove(slot)?;
        self.footprint.free(&entry);
        self.deadlines.remove(entry.due, slot);
        self.tags.remove(&entry.tags, slot);
        if let Some(prefixes) = &mut self.prefixes {
            prefixes.remove(&entry.key);
        }
        self.words.bump(self.words.stripe_of(entry.hash));
        Some(entry)
    }
}
