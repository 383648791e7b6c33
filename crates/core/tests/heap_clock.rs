//! The clock of a heap store, read through its block as JS does it.
#![cfg(not(loom))]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use granary_core::block::word;
use granary_core::clock::ASLEEP;
use granary_core::heap_clock::HeapClock;

const PATIENCE: Duration = Duration::from_secs(5);

fn reading(clock: &HeapClock) -> i32 {
    clock.block().word(word::CLOCK).load(Ordering::Relaxed)
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

mod req_hazard_4 {
    use super::*;

    #[test]
    fn an_unused_clock_falls_asleep_and_wakes_with_a_real_reading() {
        let clock = HeapClock::new(0.0);
        let first = clock.wake();
        assert!(first < ASLEEP);
        wait_until("the clock sleeps", || reading(&clock) == ASLEEP);
        let second = clock.wake();
        assert!(
            (first + 64..ASLEEP).contains(&second),
            "{first} then {second}"
        );
        wait_until("it ticks again", || {
            (second + 1..ASLEEP).contains(&reading(&clock))
        });
    }

    #[test]
    fn a_clock_in_use_ticks_on_without_a_call() {
        let clock = HeapClock::new(0.0);
        let first = clock.wake();
        wait_until("the clock has gone far past its time to sleep", || {
            let now = reading(&clock);
            assert_ne!(now, ASLEEP);
            // JS notes that it has used the clock.
            clock
                .block()
                .word(word::USED_AT)
                .store(now, Ordering::Relaxed);
            now > first + 200
        });
    }

    #[test]
    fn it_sleeps_and_wakes_over_and_over() {
        let clock = HeapClock::new(0.0);
        let mut last = 0;
        for _ in 0..5 {
            let now = clock.wake();
            assert!((last..ASLEEP).contains(&now), "{last} then {now}");
            last = now;
            wait_until("the clock sleeps", || reading(&clock) == ASLEEP);
        }
    }
}

mod req_hazard_5 {
    use super::*;

    #[test]
    fn a_reading_stops_at_the_end_of_its_range_and_a_rebase_brings_it_back() {
        let clock = HeapClock::new(2_147_483_647.0 + 86_400_000.0);
        let last = clock.wake();
        assert_eq!(last, ASLEEP - 1);
        let left = clock.rebase(f64::from(last));
        assert!((86_400_001..86_405_000).contains(&left), "{left}");
        assert!(clock.rebase(f64::from(left)) < 5_000);
    }
}

#[test]
fn a_closed_clock_sleeps_and_the_keeper_holds_nothing_of_it() {
    let clock = HeapClock::new(0.0);
    clock.wake();
    clock.close();
    assert_eq!(reading(&clock), ASLEEP);
    wait_until("the keeper lets go", || Arc::weak_count(&clock) == 0);
    assert_eq!(reading(&clock), ASLEEP, "a tick must not wake it");
}
