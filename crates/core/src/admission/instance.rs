//! One moka cache. moka cannot be resized and sizes its sketch once, so a store may outlive several.

use std::hash::{BuildHasher, Hash, Hasher};
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

/// Weightless entries that go in with each entry until moka has sized its sketch.
///
/// With a weigher moka sizes it, when half full, for entries × weight / capacity: a quarter of what
/// will fit, so that counters collide and age four times too fast. Three more entries for each make
/// it what will fit.
const PADDING_PER_ENTRY: u32 = 3;

/// Padding taken out at a time once it has served.
const PADDING_PER_ROUND: u32 = 64;

/// A slot that no entry has: JS holds at most 2^24.
const PADDING_SLOT: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Instance {
    number: u32,
    cache: Cache<Key, u32, PassThrough>,
    capacity: u64,
    /// Filled by moka's listener, which only pushes and so cannot panic.
    evicted: Arc<Mutex<Vec<Resident>>>,
    /// Weightless entries that are in.
    padding: u32,
    /// How many entries moka sized its sketch for.
    sketched_for: Option<u64>,
}

impl Instance {
    pub(super) fn new(number: u32, capacity: u64) -> Self {
        let evicted = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&evicted);
        let cache = Cache::builder()
            .max_capacity(capacity)
            .weigher(|_: &Key, weight: &u32| *weight)
            .eviction_policy(EvictionPolicy::tiny_lfu())
            .eviction_listener(move |key: Arc<Key>, _, cause| {
                // Removals of our own are no news.
                if cause == RemovalCause::Size && key.resident.slot != PADDING_SLOT {
                    listener.lock().push(key.resident);
                }
            })
            .build_with_hasher(PassThrough::default());
        Self {
            number,
            cache,
            capacity,
            evicted,
            padding: 0,
            sketched_for: None,
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Counts a use of the key, resident or not.
    pub(super) fn touch(&self, record: &Record) {
        self.cache.get(&key_of(record));
    }

    /// A new entry.
    pub(super) fn insert(&mut self, record: &Record, weight: u32) {
        if self.sketched_for.is_none() {
            for _ in 0..PADDING_PER_ENTRY {
                self.padding += 1;
                self.cache.insert(padding_key(self.padding), 0);
            }
        }
        self.cache.insert(key_of(record), weight);
    }

    /// An entry that has another weight now.
    pub(super) fn reweigh(&self, record: &Record, weight: u32) {
        self.cache.insert(key_of(record), weight);
    }

    pub(super) fn remove(&self, record: &Record) {
        self.cache.invalidate(&key_of(record));
    }

    /// One round of maintenance; moka may end it after 100 ms with work left.
    pub(super) fn run_pending(&mut self) {
        self.cache.run_pending_tasks();
        let State {
            entries, weight, ..
        } = self.state();
        if self.sketched_for.is_none() && weight >= self.capacity / 2 {
            let sized = u128::from(entries) * u128::from(weight) / u128::from(self.capacity);
            let sized = u64::try_from(sized).unwrap_or(u64::MAX);
            self.sketched_for = Some(sized.max(SMALLEST_SKETCH));
        }
        if self.sketched_for.is_some() && self.padding > 0 {
            for _ in 0..PADDING_PER_ROUND.min(self.padding) {
                self.cache.invalidate(&padding_key(self.padding));
                self.padding -= 1;
            }
        }
    }

    pub(super) fn take_evicted(&self) -> Vec<(Resident, u32)> {
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

    /// Whether far more entries are in than moka sized its sketch for, because later ones are
    /// lighter: then counters collide and admission turns to chance.
    pub(super) fn has_outgrown_sketch(&self, entries: usize) -> bool {
        self.sketched_for
            .is_some_and(|sketched_for| entries as u64 > 2 * sketched_for)
    }
}

/// moka's sketch has room for at least this many.
const SMALLEST_SKETCH: u64 = 128;

fn padding_key(number: u32) -> Key {
    Key {
        hash: u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        resident: Resident {
            slot: PADDING_SLOT,
            ticket: number.cast_signed(),
        },
    }
}

fn key_of(record: &Record) -> Key {
    Key {
        hash: record.hash,
        resident: record.resident,
    }
}
