//! The adaptive policy as it changes sides: bounds, counters and contents.
#![cfg(not(loom))]

use std::sync::Arc;

use granary_core::store::near::NearBlock;
use granary_core::store::{Caller, Lifetime, Policy, Store, StoreBounds, StoreOptions};
use granary_core::value::Value;
use proptest::prelude::*;

const FOREVER: Lifetime<'_> = Lifetime {
    ttl_ms: 0.0,
    idle_ttl_ms: 0.0,
    tags: &[],
    revalidation: None,
};

/// One thread's, whose time goes on by 1 ms with each use.
struct Cache {
    store: Arc<Store>,
    caller: Caller,
    hits: u64,
    misses: u64,
    /// Keys that were new when they were set.
    entered: u64,
    dropped: u64,
}

impl Cache {
    fn new(policy: Policy, bounds: StoreBounds) -> Self {
        let store = Store::new(StoreOptions {
            bounds,
            policy,
            manual: true,
            start_ms: 0.0,
        });
        let handle = store.join(Arc::new(NearBlock::new(0)), None);
        let handle = handle.expect("a store that is open");
        Self {
            store,
            caller: Caller { handle, at: 0.0 },
            hits: 0,
            misses: 0,
            entered: 0,
            dropped: 0,
        }
    }

    fn get(&mut self, key: u64) -> bool {
        self.caller.at += 1.0;
        let found = self.store.get(self.caller, &key.to_string(), None);
        if let Some(value) = &found {
            assert_eq!(*value.bytes, key.to_le_bytes());
        }
        self.hits += u64::from(found.is_some());
        self.misses += u64::from(found.is_none());
        found.is_some()
    }

    fn set(&mut self, key: u64, weight: u64) {
        self.caller.at += 1.0;
        let (key, bytes) = (key.to_string(), Box::from(key.to_le_bytes()));
        self.entered += u64::from(self.store.peek(self.caller, &key).is_none());
        let value = Value { kind: 0, bytes };
        self.store.set(self.caller, &key, value, weight, &FOREVER);
    }

    fn drop(&mut self, key: u64) {
        let is_dropped = self.store.invalidate(self.caller, &key.to_string());
        self.dropped += u64::from(is_dropped);
    }

    /// Reads each key, and sets it where it is missing. Returns the share of hits.
    fn replay(&mut self, keys: impl Iterator<Item = u64>) -> f64 {
        let (mut hits, mut reads) = (0_u32, 0_u32);
        for key in keys {
            let is_hit = self.get(key);
            if !is_hit {
                self.set(key, 100);
            }
            hits += u32::from(is_hit);
            reads += 1;
        }
        f64::from(hits) / f64::from(reads)
    }

    fn check(&self) {
        let census = self.store.census(self.caller);
        assert!(census.entries <= census.max_entries as usize);
        assert!(census.weight <= census.max_bytes);
        let counters = census.counters;
        assert_eq!((counters.hits, counters.misses), (self.hits, self.misses));
        assert_eq!(counters.invalidations, self.dropped);
        let held = self.entered - self.dropped - counters.evictions;
        assert_eq!(census.entries as u64, held);
        assert!(self.store.take_fault().is_none());
    }
}

fn looping(count: u64, span: u64) -> impl Iterator<Item = u64> + Clone {
    (0..count).map(move |n| n % span)
}

/// Each key for some time, then never again.
fn drifting(count: u64, span: u64) -> impl Iterator<Item = u64> + Clone {
    (0..count).map(move |n| {
        let random = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let random = random.wrapping_mul(random ^ n) % 1_000;
        1_000_000 + n / 4 + span * random * random / 1_000_000 * random / 1_000
    })
}

fn bounds(max_entries: u32) -> StoreBounds {
    StoreBounds {
        max_entries,
        max_bytes: 1_000_000_000,
    }
}

#[test]
fn follows_the_workload_from_side_to_side() {
    let policies = [Policy::Adaptive, Policy::TinyLfu, Policy::Lru];
    let mut caches = policies.map(|policy| Cache::new(policy, bounds(300)));
    for phase in 0..4 {
        // The first half is for learning.
        let [adaptive, tinylfu, lru] = caches.each_mut().map(|cache| {
            if phase % 2 == 0 {
                cache.replay(drifting(12_000, 600));
                cache.replay(drifting(24_000, 600).skip(12_000))
            } else {
                cache.replay(looping(12_000, 600));
                cache.replay(looping(12_000, 600))
            }
        });
        // moka's own hits vary by two points with the seed of the hashes.
        let (best, worst) = (tinylfu.max(lru), tinylfu.min(lru));
        assert!(worst < best - 0.1, "phase {phase}: {tinylfu}, {lru}");
        let middle = f64::midpoint(best, worst);
        assert!(adaptive > middle, "phase {phase}: {adaptive} of {best}");
    }
    for cache in &caches {
        cache.check();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Loop { span: u64 },
    Drift { span: u64 },
    Set { key: u64, weight: u64 },
    Drop { key: u64 },
    Resize { entries: u32 },
    Settle,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (50_u64..800).prop_map(|span| Step::Loop { span }),
        3 => (50_u64..800).prop_map(|span| Step::Drift { span }),
        2 => (0_u64..800, 0_u64..200_000).prop_map(|(key, weight)| Step::Set { key, weight }),
        1 => (0_u64..800).prop_map(|key| Step::Drop { key }),
        1 => (1_u32..600).prop_map(|entries| Step::Resize { entries }),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn keeps_bounds_and_counts_whatever_happens(steps in steps()) {
        let max_bytes = 400_000;
        let mut cache = Cache::new(Policy::Adaptive, StoreBounds { max_entries: 300, max_bytes });
        for step in steps {
            match step {
                Step::Loop { span } => { cache.replay(looping(3_000, span)); }
                Step::Drift { span } => { cache.replay(drifting(3_000, span)); }
                Step::Set { key, weight } => cache.set(key, weight),
                Step::Drop { key } => cache.drop(key),
                Step::Resize { entries } => {
                    let bounds = StoreBounds { max_entries: entries, max_bytes };
                    cache.store.resize(cache.caller, bounds).expect("bounds within range");
                }
                Step::Settle => cache.store.settle(cache.caller),
            }
            cache.check();
        }
    }
}
