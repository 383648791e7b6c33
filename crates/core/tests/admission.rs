//! The policy against a model of who was offered, removed and told of.
#![cfg(not(loom))]

mod store;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use granary_core::admission::{Admission, Bounds, Operation, Resident};
use proptest::prelude::*;
use store::{Store, hash, zipf};

const MAX_BYTES: u64 = 10_000;

fn bounds(main_entries: u32, max_entries: u32, max_bytes: u64) -> Bounds {
    Bounds::new(main_entries, max_entries, max_bytes).unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Offer { hash: u64, bytes: u64, uses: u8 },
    Remove { nth: usize },
    Reweigh { nth: usize, bytes: u64 },
    Access { nth: usize },
    Maintain { moves: u32 },
    Settle { finish: bool },
    Resize { entries: u32 },
    Fault,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = || 0..=MAX_BYTES / 2;
    let step = prop_oneof![
        // Few hashes: many entries share one.
        20 => (0..40_u64, bytes(), any::<u8>())
            .prop_map(|(hash, bytes, uses)| Step::Offer { hash, bytes: bytes / 20, uses }),
        2 => (any::<u64>(), bytes(), any::<u8>())
            .prop_map(|(hash, bytes, uses)| Step::Offer { hash, bytes, uses }),
        4 => any::<usize>().prop_map(|nth| Step::Remove { nth }),
        4 => (any::<usize>(), bytes()).prop_map(|(nth, bytes)| Step::Reweigh { nth, bytes }),
        8 => any::<usize>().prop_map(|nth| Step::Access { nth }),
        4 => (0..50_u32).prop_map(|moves| Step::Maintain { moves }),
        2 => any::<bool>().prop_map(|finish| Step::Settle { finish }),
        1 => (10..60_u32).prop_map(|entries| Step::Resize { entries }),
        1 => Just(Step::Fault),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 1..400)
}

/// Who is in main as far as JS knows.
struct Model {
    admission: Admission,
    /// By ticket, which no other stay has: the slot and the bytes.
    held: BTreeMap<i32, (u32, u64)>,
    free: Vec<u32>,
    next_ticket: i32,
    bounds: Bounds,
}

impl Model {
    fn new() -> Self {
        let bounds = bounds(45, 50, MAX_BYTES);
        Self {
            admission: Admission::new(bounds),
            held: BTreeMap::new(),
            free: (0..10_000).rev().collect(),
            next_ticket: 0,
            bounds,
        }
    }

    fn nth(&self, nth: usize) -> Option<Resident> {
        let (&ticket, &(slot, _)) = self.held.iter().nth(nth % self.held.len().max(1))?;
        Some(Resident { slot, ticket })
    }

    /// Applies an operation; one that panics is followed by what the core does then.
    fn apply(&mut self, operation: Operation) {
        let admission = &mut self.admission;
        if catch_unwind(AssertUnwindSafe(|| admission.apply(operation))).is_err() {
            admission.recover();
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Offer { hash, bytes, uses } => {
                let slot = self.free.pop().unwrap();
                self.next_ticket += 1;
                let ticket = self.next_ticket;
                let resident = Resident { slot, ticket };
                self.held.insert(resident.ticket, (resident.slot, bytes));
                self.apply(Operation::Offer {
                    resident,
                    hash,
                    bytes,
                    uses,
                });
            }
            Step::Remove { nth } => {
                let Some(resident) = self.nth(nth) else {
                    return;
                };
                self.held.remove(&resident.ticket);
                self.free.push(resident.slot);
                self.apply(Operation::Remove(resident));
            }
            Step::Reweigh { nth, bytes } => {
                let Some(resident) = self.nth(nth) else {
                    return;
                };
                self.held.insert(resident.ticket, (resident.slot, bytes));
                self.apply(Operation::Reweigh { resident, bytes });
            }
            Step::Access { nth } => {
                let Some(resident) = self.nth(nth) else {
                    return;
                };
                self.admission.access(resident.slot);
            }
            Step::Maintain { moves } => self.admission.maintain(moves),
            Step::Settle { finish } => self.admission.settle(finish),
            Step::Resize { entries } => {
                self.bounds = bounds(entries, entries + 5, MAX_BYTES);
                self.admission.resize(self.bounds, MAX_BYTES, MAX_BYTES / 2);
            }
            Step::Fault => self.admission.arm_fault(),
            Step::Clear => {
                self.admission.clear();
                let held = std::mem::take(&mut self.held);
                self.free.extend(held.into_values().map(|(slot, _)| slot));
            }
        }
        self.take_notices();
    }

    fn take_notices(&mut self) {
        for resident in self.admission.take_notices() {
            let held = self.held.remove(&resident.ticket);
            assert!(held.is_some(), "told of {resident:?}, which is not held");
            self.free.push(resident.slot);
        }
        assert_eq!(
            self.admission.len(),
            self.held.len(),
            "neither held nor told of"
        );
    }

    /// The sum of each entry's larger share of both bounds, in parts of the whole store.
    fn share(&self) -> f64 {
        let of_entries = 1.0 / f64::from(self.bounds.max_entries);
        let shares = self.held.values().map(|&(_, bytes)| {
            let of_bytes = f64::from(u32::try_from(bytes).unwrap()) / f64::from(10_000);
            of_bytes.max(of_entries)
        });
        shares.sum()
    }
}

proptest! {
    #[test]
    fn whoever_was_offered_is_held_or_told_of_once(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        // An armed fault that met no operation would meet none in settle either.
        model.admission.settle(true);
        model.take_notices();
        let whole = f64::from(model.bounds.main_entries) / f64::from(model.bounds.max_entries);
        // moka may lose count by a little; what is more is mended.
        prop_assert!(model.share() <= whole * (1.0 + 1.0 / 64.0), "{} of {whole}", model.share());
        prop_assert!(!model.admission.is_rebuilding());
    }
}

mod req_hazard_10_growth {
    use super::*;

    #[test]
    fn new_weights_of_entries_that_leave_at_once_do_not_make_the_sum_drift() {
        let mut store = Store::new(bounds(90, 100, 10_000));
        for round in 0..400 {
            // In one batch: known, heavier or lighter, gone.
            let (before, after) = if round % 2 == 0 { (1, 900) } else { (900, 1) };
            let leaving = store.offer(1_000 + round, hash(round), before);
            store.settle();
            if store.holds(1_000 + round) {
                store.admission.apply(Operation::Reweigh {
                    resident: leaving,
                    bytes: after,
                });
                store.withdraw(1_000 + round);
            }
        }
        for key in 0..2_000 {
            store.read(key % 120, 10);
        }
        store.settle();
        assert_eq!(store.len(), 90, "moka counts another sum than there is");
    }
}

mod req_hazard_7 {
    use super::*;

    #[test]
    fn two_residents_of_one_hash_live_side_by_side_and_leave_alone() {
        let mut store = Store::new(bounds(90, 100, 1_000_000));
        let first = store.offer(1, 0xfeed, 10);
        let second = store.offer(2, 0xfeed, 10);
        store.settle();
        assert_eq!(store.admission.len(), 2, "one has replaced the other");
        store.admission.apply(Operation::Remove(first));
        store.settle();
        assert_eq!(store.admission.len(), 1);
        // Who is left can be reweighed, used and evicted.
        store.admission.apply(Operation::Reweigh {
            resident: second,
            bytes: 500_000,
        });
        store.settle();
        assert!(store.holds(2));
        for key in 100..400 {
            for _ in 0..4 {
                store.read(key, 10);
            }
        }
        store.settle();
        assert!(
            !store.holds(2),
            "the colliding entry can no longer be evicted"
        );
    }

    #[test]
    fn a_thousand_keys_of_one_hash_make_way_for_those_of_others() {
        let mut store = Store::new(bounds(900, 1_000, 1 << 30));
        let honest = || zipf(1.0, 5_000, 0).take(30_000);
        store.hit_ratio(honest(), 10);
        let before = store.hit_ratio(honest(), 10);
        for key in 0..1_000 {
            store.offer(1_000_000 + key, 0xfeed, 10);
        }
        store.settle();
        assert!(store.len() <= 900);
        store.hit_ratio(honest(), 10);
        let after = store.hit_ratio(honest(), 10);
        assert!(after > before - 0.05, "{before} before, {after} after");
    }
}

mod req_hazard_11_sketch {
    use super::*;

    /// A tenth of the store's bytes.
    const LARGE: u64 = 100_000;
    const SMALL: u64 = 10;

    #[test]
    fn small_entries_after_large_ones_get_a_sketch_of_their_size() {
        let bounds = bounds(90_000, 100_000, 1_000_000);
        let learn = || zipf(0.8, 500_000, 0).take(150_000);
        let judge = || zipf(0.8, 500_000, 1_000_000).take(50_000);
        let mut fresh = Store::new(bounds);
        fresh.hit_ratio(learn(), SMALL);
        let reference = fresh.hit_ratio(judge(), SMALL);

        let mut store = Store::new(bounds);
        for key in 0..200 {
            store.read(1_000_000 + key, LARGE);
        }
        store.settle();
        assert_eq!(store.admission.rebuilds(), 0);
        store.hit_ratio(learn(), SMALL);
        assert!(
            store.admission.rebuilds() >= 1,
            "the sketch was never rebuilt"
        );
        let ratio = store.hit_ratio(judge(), SMALL);
        assert!(ratio > reference - 0.02, "{ratio} against {reference}");
    }

    #[test]
    fn the_sketch_is_sized_for_what_fits() {
        // Half of the reads go to nearly as many keys as fit, the rest to keys that come once. With
        // the sketch that moka makes by itself, a quarter of it, 37 % are hits; with this one 50 %.
        let mut store = Store::new(bounds(1_000, 1_000, 1 << 30));
        let reads = |from: u64| {
            let range = from..from + 60_000;
            range.map(|n| {
                if n % 2 == 0 {
                    hash(n) % 950
                } else {
                    1_000_000 + n
                }
            })
        };
        store.hit_ratio(reads(0), 1);
        let ratio = store.hit_ratio(reads(60_000), 1);
        assert!(ratio > 0.47, "{ratio}");
        // Zipf: 29 % against 35 %.
        let mut store = Store::new(bounds(1_000, 1_000, 1 << 30));
        store.hit_ratio(zipf(0.7, 20_000, 0).take(100_000), 1);
        let ratio = store.hit_ratio(zipf(0.7, 20_000, 200_000).take(60_000), 1);
        assert!(ratio > 0.33, "{ratio}");
    }

    #[test]
    fn a_rebuild_is_incremental_and_carries_frequencies() {
        let mut store = Store::new(bounds(900, 1_000, 1 << 30));
        for key in 0..900 {
            store.read(key, 10);
        }
        // The first half is used often.
        for _ in 0..5 {
            for key in 0..450 {
                store.read(key, 10);
            }
        }
        store.settle();
        let held = store.len();
        store
            .admission
            .resize(bounds(900, 1_000, 1 << 30), 1 << 30, 1 << 29);
        assert!(store.admission.is_rebuilding(), "all at once");
        store.admission.maintain(100);
        assert!(store.admission.is_rebuilding(), "all at once");
        store.settle();
        assert!(!store.admission.is_rebuilding());
        assert_eq!(store.len(), held, "lost by the rebuild");
        // Keys that come once displace the unused half at most.
        for key in 0..2_000 {
            store.read(10_000 + key, 10);
        }
        store.settle();
        let kept = (0..450).filter(|&key| store.holds(key)).count();
        assert!(kept > 430, "{kept} of 450 often used ones kept");
    }

    #[test]
    fn shrinking_keeps_what_is_used_most() {
        let mut store = Store::new(bounds(900, 1_000, 1 << 30));
        for key in 0..900 {
            store.read(key, 10);
        }
        for _ in 0..3 {
            for key in (0..900).step_by(10) {
                store.read(key, 10);
            }
        }
        store.settle();
        store
            .admission
            .resize(bounds(90, 100, 1 << 30), 1 << 30, 1 << 29);
        store.settle();
        let kept = (0..900).step_by(10).filter(|&key| store.holds(key)).count();
        assert_eq!((store.len(), kept), (90, 90));
    }
}

mod req_hazard_11_sync {
    use super::*;

    #[test]
    fn settle_goes_on_where_moka_stops_early() {
        // Far more work than one call of moka's maintenance does.
        let mut store = Store::new(bounds(50_000, 50_000, 1 << 40));
        for key in 0..120_000 {
            store.offer(key, hash(key), 1);
        }
        store.settle();
        assert!(store.len() <= 50_000, "{} held", store.len());
        assert!(store.len() > 49_000, "{} held", store.len());
        assert_eq!(store.len(), store.admission.len());
    }
}

mod req_panic_caught {
    use super::*;

    #[test]
    fn a_fault_loses_nobody_and_the_policy_goes_on() {
        let mut store = Store::new(bounds(900, 1_000, 1 << 30));
        for key in 0..800 {
            store.read(key, 10);
        }
        store.settle();
        store.admission.arm_fault();
        let outcome = catch_unwind(AssertUnwindSafe(|| store.offer(5_000, hash(5_000), 10)));
        assert!(outcome.is_err());
        store.admission.recover();
        store.settle();
        assert_eq!(store.len(), 801);
        for key in 10_000..14_000 {
            store.read(key, 10);
        }
        store.settle();
        assert!(store.len() <= 900);
    }
}
