//! A core driven through its rings, as JS does it.
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use granary_core::Error;
use granary_core::admission::Bounds;
use granary_core::block::word;
use granary_core::clock::ASLEEP;
use granary_core::heap_core::{HeapCore, HeapCoreOptions};

const OFFER: i32 = 1;
const REMOVE: i32 = 2;

const PATIENCE: Duration = Duration::from_secs(5);

fn bounds(entries: u32) -> Bounds {
    Bounds::new(entries, entries, 1 << 30).unwrap()
}

fn core(entries: u32, background: bool) -> Arc<HeapCore> {
    HeapCore::new(HeapCoreOptions {
        main: Some(bounds(entries)),
        background,
        start_ms: 0.0,
        seed: [1, 2],
    })
}

/// Returns false where the ring is full.
fn tell(core: &HeapCore, kind: i32, slot: i32, ticket: i32) -> bool {
    let hash = slot.wrapping_mul(0x9e37_79b1_u32.cast_signed());
    core.block()
        .operations()
        .push([kind, slot, ticket, hash, !hash, 10, 0, 0])
}

fn offer_all(core: &HeapCore, slots: std::ops::Range<i32>) {
    for slot in slots {
        while !tell(core, OFFER, slot, slot) {
            core.settle(false).unwrap();
        }
    }
}

/// Settles until no notice waits; all that were told.
fn settle(core: &HeapCore) -> Vec<[i32; 2]> {
    let mut told = Vec::new();
    loop {
        let more = core.settle(true).unwrap();
        told.extend(std::iter::from_fn(|| core.block().notices().pop()));
        if !more {
            return told;
        }
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn reading(core: &HeapCore) -> i32 {
    core.block().word(word::CLOCK).load(Ordering::SeqCst)
}

mod req_hazard_8 {
    use super::*;

    #[test]
    fn a_notice_names_the_stay_and_not_only_the_slot() {
        let core = core(100, false);
        offer_all(&core, 0..100);
        assert!(settle(&core).is_empty());
        // Slot 5 has another stay; the first one's removal and its notice are both under way.
        assert!(tell(&core, REMOVE, 5, 5));
        assert!(tell(&core, OFFER, 5, 1_005));
        // A removal that comes late, of a stay that is over, touches nobody.
        assert!(tell(&core, REMOVE, 5, 5));
        let told = settle(&core);
        assert!(!told.contains(&[5, 5]), "told of a stay that JS had ended");
        let present = 100 - told.len();
        assert_eq!(core.census().0, present);
    }

    #[test]
    fn notices_that_find_no_room_wait_and_none_is_told_twice() {
        let core = core(100, false);
        let mut told = Vec::new();
        for slot in 0..5_000 {
            while !tell(&core, OFFER, slot, slot) {
                // Notices stay where they are: their ring holds 512.
                core.settle(false).unwrap();
            }
        }
        assert!(core.settle(false).unwrap(), "all notices found room");
        told.extend(settle(&core));
        let count = told.len();
        told.sort_unstable();
        told.dedup();
        assert_eq!((told.len(), count), (4_900, 4_900));
        assert_eq!(core.census().0, 100);
    }
}

mod req_hazard_4 {
    use super::*;

    #[test]
    fn an_unused_store_falls_asleep_and_work_that_slipped_in_is_done() {
        let core = core(1_000, true);
        assert!(core.wake() < ASLEEP);
        wait_until("the clock sleeps", || reading(&core) == ASLEEP);
        // As a producer does that had read the clock just before it fell asleep.
        let began = Instant::now();
        offer_all(&core, 0..200);
        wait_until("the second look", || core.census().0 == 200);
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(reading(&core), ASLEEP, "a look wakes nobody");
    }

    #[test]
    fn a_store_in_use_is_served_without_a_call() {
        let core = core(1_000, true);
        core.wake();
        offer_all(&core, 0..200);
        wait_until("the offers are taken", || core.census().0 == 200);
        let before = reading(&core);
        wait_until("the clock moves", || {
            let now = reading(&core);
            // JS notes that it has used the clock.
            core.block()
                .word(word::USED_AT)
                .store(now, Ordering::Relaxed);
            now > before + 20
        });
    }
}

mod req_panic_caught {
    use super::*;

    #[test]
    fn a_fault_inline_is_told_once_and_nobody_is_lost() {
        let core = core(1_000, false);
        offer_all(&core, 0..200);
        core.arm_fault();
        let outcome = core.settle(true);
        assert!(matches!(outcome, Err(Error::Internal(_))), "{outcome:?}");
        assert!(settle(&core).is_empty());
        assert_eq!(core.census().0, 200);
        offer_all(&core, 200..2_000);
        assert_eq!(settle(&core).len(), 1_000, "the policy goes on");
    }

    #[test]
    fn a_fault_in_the_background_is_told_by_the_next_call_once() {
        let core = core(1_000, true);
        core.arm_fault();
        offer_all(&core, 0..200);
        core.wake();
        wait_until("the keeper goes on after the fault", || {
            core.census().0 == 200
        });
        assert!(matches!(core.settle(true), Err(Error::Internal(_))));
        assert!(settle(&core).is_empty());
        assert_eq!(core.census().0, 200);
    }

    #[test]
    fn a_fault_does_not_keep_the_old_bounds() {
        let core = core(1_000, false);
        offer_all(&core, 0..200);
        core.arm_fault();
        assert!(core.resize(bounds(100), 1 << 30, 1 << 29).is_err());
        settle(&core);
        assert_eq!(core.census().0, 100);
        offer_all(&core, 1_000..1_300);
        settle(&core);
        assert_eq!(core.census().0, 100);
    }
}

mod req_hazard_5 {
    use super::*;

    #[test]
    fn a_reading_stops_at_the_end_of_its_range_and_a_rebase_brings_it_back() {
        let options = HeapCoreOptions {
            main: None,
            background: true,
            start_ms: 2_147_483_647.0 + 86_400_000.0,
            seed: [1, 2],
        };
        let core = HeapCore::new(options);
        let last = core.wake();
        assert_eq!(last, ASLEEP - 1);
        let left = core.rebase(f64::from(last));
        assert!((86_400_001..86_405_000).contains(&left), "{left}");
        assert!(core.rebase(f64::from(left)) < 5_000);
    }
}

#[test]
fn a_closed_core_does_nothing_and_its_clock_sleeps() {
    let core = core(1_000, true);
    core.wake();
    core.close();
    assert!(tell(&core, OFFER, 0, 0));
    core.settle(true).unwrap();
    assert_eq!(core.census(), (0, 0));
    assert_eq!(reading(&core), ASLEEP);
}
