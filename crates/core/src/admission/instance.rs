//! One moka cache. moka cannot be resized and sizes its sketch once, so a store may outlive several.

use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::num::NonZero;
use std::sync::Arc;

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use parking_lot::Mutex;

use super::Resident;
use super::record::Record;

/// Identity is slot and ticket; the hash is only where moka counts and looks.
#[derive(Debug, Clone, Copy)]
struct Key {
    hash: u64,
    resident: Resident,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.resident == other.resident
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The hash was made in JS, seeded per process.
#[derive(Debug, Clone, Copy, Default)]
struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl BuildHasher for PassThrough {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self::default()
    }
}

/// What tells whether maintenance had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    entries: u64,
    weight: u64,
    evicted: usize,
}

/// A slot that no entry has: JS holds at most 2^24.
const BALLAST_SLOT: u32 = u32::MAX;

/// Ballast that is made heavy; fewer than what moka takes in at a time, so that it sees all at once.
const MOST_HEAVY: u64 = 32;

/// Weight of heavy ballast in capacities. moka looks at the capacity when an entry comes, not when
/// one changes its weight.
const HEAVINESS: u64 = 4;

impl State {
    pub(super) fn weight(self) -> u64 {
        self.weight
    }
}

#[derive(Debug)]
pub(super) struct Instance {
    number: NonZero<u32>,
    cache: Cache<Key, u32, PassThrough>,
    capacity: u64,
    /// Filled by moka's listener, which only pushes and so cannot panic.
    evicted: Arc<Mutex<Vec<Resident>>>,
    /// How many entries moka sized its sketch for.
    sketched_for: u64,
    /// Whether moka may have a new weight yet to count.
    reweighed: Cell<bool>,
}

impl Instance {
    /// `entries` is how many it should be able to tell apart by frequency.
    pub(super) fn new(number: NonZero<u32>, capacity: u64, entries: u64) -> Self {
        let evicted = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&evicted);
        let cache = Cache::builder()
            .max_capacity(capacity)
            .weigher(|_: &Key, weight: &u32| *weight)
            .eviction_policy(EvictionPolicy::tiny_lfu())
            .eviction_listener(move |key: Arc<Key>, _, cause| {
                // Removals of our own are no news.
                if cause == RemovalCause::Size && key.resident.slot != BALLAST_SLOT {
                    listener.lock().push(key.resident);
                }
            })
            .build_with_hasher(PassThrough::default());
        let sketched_for = entries.max(SMALLEST_SKETCH);
        size_sketch(&cache, capacity, sketched_for);
        Self {
            number,
            cache,
            capacity,
            evicted,
            sketched_for,
            reweighed: Cell::new(false),
        }
    }

    pub(super) fn number(&self) -> NonZero<u32> {
        self.number
    }

    /// Counts a use of the key, resident or not.
    pub(super) fn touch(&self, record: &Record) {
        self.cache.get(&key_of(record));
    }

    /// A new entry.
    pub(super) fn insert(&self, record: &Record, weight: u32) {
        self.cache.insert(key_of(record), weight);
    }

    /// An entry that has another weight now.
    pub(super) fn reweigh(&self, record: &Record, weight: u32) {
        self.cache.insert(key_of(record), weight);
        self.reweighed.set(true);
    }

    pub(super) fn remove(&self, record: &Record) {
        // moka 0.12.16 passes over a new weight whose entry has left meanwhile, and then takes off
        // the new weight where it had counted the old: its sum would drift for ever.
        if self.reweighed.get() {
            self.run_pending();
        }
        self.cache.invalidate(&key_of(record));
    }

    /// One round of maintenance; moka may end it after 100 ms with work left.
    pub(super) fn run_pending(&self) {
        self.cache.run_pending_tasks();
        self.reweighed.set(false);
    }

    pub(super) fn take_evicted(&self) -> Vec<(Resident, NonZero<u32>)> {
        let evicted = std::mem::take(&mut *self.evicted.lock());
        evicted
            .into_iter()
            .map(|resident| (resident, self.number))
            .collect()
    }

    pub(super) fn state(&self) -> State {
        State {
            entries: self.cache.entry_count(),
            weight: self.cache.weighted_size(),
            evicted: self.evicted.lock().len(),
        }
    }

    pub(super) fn is_within_capacity(&self) -> bool {
        self.cache.weighted_size() <= self.capacity
    }

    /// Whether more entries are in than the sketch was sized for: then counters collide and
    /// admission turns to chance.
    pub(super) fn has_outgrown_sketch(&self, entries: usize) -> bool {
        entries as u64 > self.sketched_for
    }
}

/// moka's sketch has room for at least this many.
const SMALLEST_SKETCH: u64 = 128;

/// Makes moka size its sketch now, and for `entries`.
///
/// With a weigher, moka has none before it is half full, forgets all uses until then, and sizes it
/// once, for entries × weight / capacity: a quarter of what will fit, so that counters collide and
/// age four times too fast. Ballast makes that product what is wanted, then leaves.
fn size_sketch(cache: &Cache<Key, u32, PassThrough>, capacity: u64, entries: u64) {
    let heavy_weight = u32::try_from(HEAVINESS * capacity).unwrap_or(u32::MAX);
    let heavy = entries.div_ceil(HEAVINESS).isqrt().clamp(1, MOST_HEAVY);
    let ratio = (heavy * u64::from(heavy_weight) / capacity).max(1);
    let ballast = entries.div_ceil(ratio).max(heavy);
    for number in 0..ballast {
        cache.insert(ballast_key(number), 0);
    }
    cache.run_pending_tasks();
    for number in 0..heavy {
        cache.insert(ballast_key(number), heavy_weight);
    }
    cache.run_pending_tasks();
    for number in 0..ballast {
        cache.invalidate(&ballast_key(number));
    }
    cache.run_pending_tasks();
}

fn ballast_key(number: u64) -> Key {
    Key {
        hash: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        resident: Resident {
            slot: BALLAST_SLOT,
            ticket: i32::try_from(number).unwrap_or(i32::MAX),
        },
    }
}

fn key_of(record: &Record) -> Key {
    Key {
        hash: record.hash,
        resident: record.resident,
    }
}
