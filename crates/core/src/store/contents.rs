//! All that the lock of a store protects: entries, order, deadlines, loads, handles.

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::deadlines::{Deadlines, due_of};
use super::flights::Flights;
use super::footprint::Footprint;
use super::handles::{Handles, Hits, Wake};
use super::messages::{Event, Outcome};
use super::near::word as near_word;
use super::order::{Order, Policy, StoreBounds};
use super::overtaken::Overtaken;
use super::slab::{Entry, NONE, Region, Slab};
use super::tags::Tags;
use super::time::Moment;
use super::words::{Words, word};
use super::{Counters, Lifetime, Place};
use crate::error::Error;
use crate::value::{Cause, EventKind, Value};

/// Longest time for which a near map trusts a version word without asking: far less than what the
/// word needs to count once around.
const MOST_TRUSTED_MS: f64 = 60_000.0;

/// Below every age, as JS compares them.
const NOT_TRUSTED_MS: f64 = -1.0;

/// Causes what no handle does.
pub(super) const KEEPER: u32 = NONE;

#[derive(Debug)]
pub(super) struct Contents {
    pub(super) slab: Slab,
    pub(super) order: Order,
    pub(super) deadlines: Deadlines,
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
    has_wakes: bool,
    /// What went wrong and nobody was told.
    fault: Option<Error>,
    words: Arc<Words>,
    /// Whether time is what JS says.
    manual: bool,
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

    /// Whose threads have messages of others waiting.
    pub(super) fn take_wakes(&mut self) -> Vec<Arc<dyn Wake>> {
        if !std::mem::take(&mut self.has_wakes) {
            return Vec::new();
        }
        self.handles
            .iter_mut()
            .filter_map(|handle| {
                let is_meant = std::mem::take(&mut handle.to_wake);
                handle.waker.clone().filter(|_| is_meant)
            })
            .collect()
    }

    /// Keeps what went wrong for whoever asks next.
    pub(super) fn note_fault(&mut self, panic: Option<Error>) {
        let Some(fault) = self.order.fault.take().or(panic) else {
            return;
        };
        self.fault.get_or_insert(fault);
        self.show_fault(1);
    }

    pub(super) fn take_fault(&mut self) -> Option<Error> {
        self.show_fault(0);
        self.fault.take()
    }

    fn show_fault(&self, shown: i32) {
        for handle in self.handles.iter() {
            handle.block.answer(near_word::FAULT, shown);
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

    // Look-ups

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
        self.expire(slot, actor);
        false
    }

    /// One more access of a living entry.
    pub(super) fn access(&mut self, slot: u32, now: Moment) {
        self.counters.hits += 1;
        if let Some(entry) = self.slab.at_mut(slot) {
            entry.access_count += 1;
            entry.accessed_at = entry.accessed_at.max(now.ms);
        }
        self.order.touch(&mut self.slab, slot, 1);
    }

    /// Tells a handle's near map how far it may trust the entry that it is given.
    ///
    /// `cell` counts the hits from here on; none where the entry is not for the near map.
    pub(super) fn answer(&mut self, actor: u32, slot: u32, cell: Option<usize>, now: Moment) {
        let Some(entry) = self.slab.at(slot) else {
            return;
        };
        let (life, hash, deadline, kind) =
            (entry.life, entry.hash, entry.deadline(), entry.value.kind);
        let stripe = self.words.stripe_of(hash);
        let version = self.words.version(stripe);
        let is_watched = self.is_watched_by_others(actor);
        let Some(handle) = self.handles.get_mut(actor) else {
            return;
        };
        let hits = cell.and_then(|cell| handle.bind(cell, slot, life));
        let block = &handle.block;
        // Others have begun to listen since the caller looked: each hit has to come by.
        let deadline = if is_watched {
            f64::NEG_INFINITY
        } else {
            deadline
        };
        let trusted_ms = (deadline - now.ms).clamp(NOT_TRUSTED_MS, MOST_TRUSTED_MS);
        #[expect(clippy::cast_possible_truncation, reason = "clamped")]
        block.answer(near_word::TRUSTED_MS, trusted_ms as i32);
        block.answer(near_word::STRIPE, i32::try_from(stripe).unwrap_or(0));
        block.answer(near_word::VERSION, version);
        block.answer(near_word::READING, now.reading);
        block.answer(near_word::KIND, i32::from(kind));
        block.answer_deadline(deadline);
        if let Some(hits) = hits {
            self.count(hits, actor, now);
        }
    }

    // Hits of near maps

    /// Takes what near maps have counted: before anybody has to leave, and whenever somebody asks.
    pub(super) fn take_hits(&mut self, now: Moment) {
        self.take_hits_of(false, now);
    }

    /// The same without exception, where counts are to be exact over all threads.
    pub(super) fn take_all_hits(&mut self, now: Moment) {
        self.take_hits_of(true, now);
    }

    fn take_hits_of(&mut self, all: bool, now: Moment) {
        for number in self.handles.numbers() {
            let handle = self.handles.get_mut(number);
            let hits = handle.map(|handle| handle.take_hits(all));
            for hits in hits.into_iter().flatten() {
                self.count(hits, number, now);
            }
        }
    }

    /// As [`Contents::take_hits`] where a late hit would be in the wrong order.
    pub(super) fn take_ordered_hits(&mut self, now: Moment) {
        if self.order.is_exact() {
            self.take_hits(now);
        }
    }

    fn count(&mut self, hits: Hits, handle: u32, now: Moment) {
        self.counters.hits += u64::from(hits.times);
        let at = self.handles.get(handle).map_or(now.ms, |handle| {
            if self.manual {
                handle.block.time_of(hits.cell)
            } else {
                now.of_reading(handle.block.reading_of(hits.cell))
            }
        });
        let Some(entry) = self.slab.at_mut(hits.slot) else {
            return;
        };
        // The value that it hit may be gone.
        if entry.life != hits.life {
            return;
        }
        entry.access_count += u64::from(hits.times);
        entry.accessed_at = entry.accessed_at.max(at.min(now.ms));
        self.order.touch(&mut self.slab, hits.slot, hits.times);
    }

    // Changes

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

    /// All keys, least recently used first.
    pub(super) fn keys_by_use(&self) -> Vec<Arc<str>> {
        let slots = self.order.by_use(&self.slab);
        let entries = slots.into_iter().filter_map(|slot| self.slab.at(slot));
        entries.map(|entry| Arc::clone(&entry.key)).collect()
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
        (slab, order)
    }

    /// Frees what has expired. Returns how many.
    pub(super) fn expire_due(&mut self, now: Moment, actor: u32) -> u32 {
        let due = self.deadlines.take_due(now.ms);
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
            self.expire(slot, actor);
        }
        u32::try_from(slots.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn resize(&mut self, bounds: StoreBounds, now: Moment, actor: u32) {
        self.take_hits(now);
        self.order.resize(&mut self.slab, bounds);
        self.evict_leaving(Cause::Resize, actor);
    }

    pub(super) fn settle(&mut self, now: Moment, actor: u32) {
        self.take_all_hits(now);
        self.expire_due(now, actor);
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

    /// Tells every handle that listens; the actor's own call takes it before it returns.
    pub(super) fn tell(
        &mut self,
        kind: EventKind,
        cause: Cause,
        key: &Arc<str>,
        value: &Arc<Value>,
        actor: u32,
    ) {
        self.tell_all(kind, cause, key, value, actor, true);
    }

    /// As [`Contents::tell`] of what the actor tells itself.
    pub(super) fn tell_others(
        &mut self,
        kind: EventKind,
        key: &Arc<str>,
        value: &Arc<Value>,
        actor: u32,
    ) {
        self.tell_all(kind, Cause::None, key, value, actor, false);
    }

    fn tell_all(
        &mut self,
        kind: EventKind,
        cause: Cause,
        key: &Arc<str>,
        value: &Arc<Value>,
        actor: u32,
        actor_too: bool,
    ) {
        for number in self.handles.numbers() {
            let is_own = number == actor;
            let Some(handle) = self.handles.get_mut(number) else {
                continue;
            };
            if handle.heard & kind as u8 == 0 || is_own && !actor_too {
                continue;
            }
            let event = Event {
                kind,
                cause,
                key: Arc::clone(key),
                value: Some(Arc::clone(value)),
            };
            handle.mailbox.tell(event, is_own);
            handle.count_messages();
            if !is_own {
                handle.to_wake = true;
                self.has_wakes = true;
            }
        }
    }

    /// Tells a handle how a load has ended that it waits for.
    pub(super) fn land(&mut self, follower: u32, flight: u64, outcome: Outcome) {
        if let Some(handle) = self.handles.get_mut(follower) {
            handle.mailbox.land(flight, outcome);
            handle.count_messages();
            handle.to_wake = true;
            self.has_wakes = true;
        }
    }

    /// A handle listens to other events from here on, as bits of `EventKind`.
    pub(super) fn listen(&mut self, actor: u32, heard: u8) {
        let Some(handle) = self.handles.get_mut(actor) else {
            return;
        };
        handle.heard = heard;
        let accessed = EventKind::Accessed as u8;
        let listeners = self
            .handles
            .iter()
            .filter(|handle| handle.heard & accessed != 0);
        let listeners = i32::try_from(listeners.count()).unwrap_or(i32::MAX);
        let word = self.words.word(word::ACCESS_LISTENERS);
        if word.swap(listeners, Ordering::SeqCst) != listeners {
            // From here on every hit has to come by, or none has: near maps ask anew.
            self.words.bump_all();
        }
    }

    /// Whether handles other than `actor` listen to accesses.
    pub(super) fn is_watched_by_others(&self, actor: u32) -> bool {
        let accessed = EventKind::Accessed as u8;
        self.handles.numbers().any(|number| {
            let heard = self.handles.get(number).map_or(0, |handle| handle.heard);
            number != actor && heard & accessed != 0
        })
    }

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
            due: super::deadlines::NEVER,
            ticket: self.stays,
            life: self.lives,
            region: Region::Listed,
            uses: 0,
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
        let slot = self.insert(entry);
        self.admit(slot, actor);
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

    fn expire(&mut self, slot: u32, actor: u32) {
        if let Some(entry) = self.remove(slot) {
            self.counters.expirations += 1;
            let (key, value) = (&entry.key, &entry.value);
            self.tell(EventKind::Expired, Cause::None, key, value, actor);
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
