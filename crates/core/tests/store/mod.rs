//! The JS half of a store, as far as the policy sees it: slots, tickets, who is where.

use granary_core::admission::{Admission, Bounds, Operation, Resident};
use std::collections::HashMap;

/// moka works in batches; the keeper runs it about this often.
const OPERATIONS_PER_ROUND: u32 = 64;

/// Keys without a window: each miss offers its key at once.
pub(crate) struct Store {
    pub(crate) admission: Admission,
    held: HashMap<u64, Resident>,
    keys: Vec<Option<u64>>,
    free: Vec<u32>,
    next_ticket: i32,
    since_round: u32,
}

impl Store {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            admission: Admission::new(bounds),
            held: HashMap::new(),
            keys: Vec::new(),
            free: Vec::new(),
            next_ticket: 0,
            since_round: 0,
        }
    }

    /// Reads a key, or offers it with so many bytes. Returns whether it was held.
    pub(crate) fn read(&mut self, key: u64, bytes: u64) -> bool {
        let resident = self.held.get(&key).copied();
        if let Some(resident) = resident {
            self.admission.access(resident.slot);
        } else {
            self.offer(key, hash(key), bytes);
        }
        self.since_round += 1;
        if self.since_round == OPERATIONS_PER_ROUND {
            self.since_round = 0;
            self.admission.maintain(200);
            self.take_notices();
        }
        resident.is_some()
    }

    pub(crate) fn offer(&mut self, key: u64, hash: u64, bytes: u64) -> Resident {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.keys.push(None);
            u32::try_from(self.keys.len() - 1).unwrap()
        });
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let resident = Resident { slot, ticket };
        self.keys[slot as usize] = Some(key);
        self.held.insert(key, resident);
        self.admission.apply(Operation::Offer {
            resident,
            hash,
            bytes,
            uses: 0,
        });
        resident
    }

    /// Removes a key that is held.
    pub(crate) fn withdraw(&mut self, key: u64) {
        let resident = self.held.remove(&key).expect("a key that is held");
        self.keys[resident.slot as usize] = None;
        self.free.push(resident.slot);
        self.admission.apply(Operation::Remove(resident));
    }

    pub(crate) fn settle(&mut self) {
        self.admission.settle(true);
        self.take_notices();
    }

    pub(crate) fn holds(&self, key: u64) -> bool {
        self.held.contains_key(&key)
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Reads each key once; the share of hits.
    pub(crate) fn hit_ratio(&mut self, keys: impl IntoIterator<Item = u64>, bytes: u64) -> f64 {
        let (mut hits, mut reads) = (0_u32, 0_u32);
        for key in keys {
            hits += u32::from(self.read(key, bytes));
            reads += 1;
        }
        f64::from(hits) / f64::from(reads)
    }

    fn take_notices(&mut self) {
        for resident in self.admission.take_notices() {
            let key = self.keys[resident.slot as usize].take();
            let key = key.expect("a notice for a slot that holds nothing");
            assert_eq!(self.held.remove(&key), Some(resident), "a notice twice");
            self.free.push(resident.slot);
        }
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn hash(key: u64) -> u64 {
    let mut mixed = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Keys from 0 with frequency 1 / rank^`skew`, always the same ones.
pub(crate) fn zipf(skew: f64, keys: u32, seed: u64) -> impl Iterator<Item = u64> {
    let mut total = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            total += f64::from(rank).powf(-skew);
            total
        })
        .collect();
    (seed..).map(move |n| {
        #[expect(clippy::cast_precision_loss, reason = "53 random bits are enough")]
        let point = (hash(n) >> 11) as f64 / (1_u64 << 53) as f64 * total;
        sums.partition_point(|&sum| sum < point) as u64
    })
}
