//! Time that counts suspend, and the clock word that a store reads without a call.

use crate::sync::{AtomicI32, Ordering, fence};

/// What the clock word holds while nobody ticks it: larger than every reading, so that every entry
/// with a deadline takes the slow path, which wakes the clock.
pub const ASLEEP: i32 = i32::MAX;

/// Largest reading; JS moves the origin up long before (at 2^30).
const LAST_READING: i32 = ASLEEP - 1;

/// Milliseconds since an arbitrary start, monotonic, suspend included.
#[must_use]
pub fn now_ms() -> f64 {
    platform::now_ms()
}

#[cfg(unix)]
mod platform {
    /// `CLOCK_MONOTONIC` stands still in suspend on Linux and goes on elsewhere.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;

    pub(super) fn now_ms() -> f64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the pointer is to a timespec of our own.
        unsafe { libc::clock_gettime(CLOCK, &raw mut time) };
        #[expect(
            clippy::cast_precision_loss,
            reason = "ms since boot stay far below 2^53"
        )]
        let ms = time.tv_sec as f64 * 1_000.0 + (time.tv_nsec / 1_000_000) as f64;
        ms
    }
}

#[cfg(windows)]
mod platform {
    use windows_sys::Win32::System::WindowsProgramming::QueryInterruptTimePrecise;

    pub(super) fn now_ms() -> f64 {
        let mut hundred_ns = 0;
        // SAFETY: the pointer is to an integer of our own.
        unsafe { QueryInterruptTimePrecise(&raw mut hundred_ns) };
        #[expect(
            clippy::cast_precision_loss,
            reason = "ms since boot stay far below 2^53"
        )]
        let ms = (hundred_ns / 10_000) as f64;
        ms
    }
}

/// The clock word of one store, in ms since an origin that moves.
///
/// Awake, the word only grows. Asleep, it holds [`ASLEEP`] until [`ClockWord::wake`].
#[derive(Debug)]
pub struct ClockWord {
    /// `now_ms` at reading 0.
    origin_ms: f64,
}

impl ClockWord {
    /// A clock that reads `start` at `now`.
    #[must_use]
    pub fn new(now: f64, start: f64) -> Self {
        Self {
            origin_ms: now - start,
        }
    }

    /// What the clock reads at `now`.
    #[must_use]
    pub fn reading(&self, now: f64) -> i32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "clamped to the range of i32"
        )]
        let reading = (now - self.origin_ms).clamp(0.0, f64::from(LAST_READING)) as i32;
        reading
    }

    /// The keeper's tick. A sleeping word stays asleep: [`ASLEEP`] is larger than any reading.
    pub fn tick(&self, word: &AtomicI32, now: f64) {
        word.fetch_max(self.reading(now), Ordering::Release);
    }

    /// Publishes that nobody ticks from here on.
    pub fn sleep(word: &AtomicI32) {
        word.store(ASLEEP, Ordering::SeqCst);
    }

    /// Publishes that nobody ticks, then looks whether work came meanwhile: then the word is a
    /// reading again. Returns whether it sleeps.
    ///
    /// A producer whose work came before it read a word that was still awake is seen by that look;
    /// one that read the word before and brings its work after is left to a second look.
    pub fn fall_asleep(&self, word: &AtomicI32, now: f64, has_work: impl FnOnce() -> bool) -> bool {
        Self::sleep(word);
        // The look must not overtake what it follows.
        fence(Ordering::SeqCst);
        if has_work() {
            self.wake(word, now);
            return false;
        }
        true
    }

    /// Writes a real reading; returns the word, which never goes back.
    pub fn wake(&self, word: &AtomicI32, now: f64) -> i32 {
        let reading = self.reading(now);
        match word.compare_exchange(ASLEEP, reading, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => reading,
            Err(current) => {
                word.fetch_max(reading, Ordering::SeqCst);
                current.max(reading)
            }
        }
    }

    /// Moves the origin up: what read `t` reads `t - delta`.
    pub fn rebase(&mut self, word: &AtomicI32, now: f64, delta: f64) {
        self.origin_ms += delta;
        word.store(self.reading(now), Ordering::SeqCst);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{ASLEEP, ClockWord, now_ms};
    use crate::sync::{AtomicI32, Ordering};

    #[test]
    fn time_passes() {
        let before = now_ms();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(now_ms() - before >= 4.0);
    }

    #[test]
    fn ticks_do_not_wake_and_wakes_do_not_go_back() {
        let clock = ClockWord::new(1_000.0, 0.0);
        let word = AtomicI32::new(ASLEEP);
        clock.tick(&word, 1_005.0);
        assert_eq!(word.load(Ordering::Relaxed), ASLEEP);
        assert_eq!(clock.wake(&word, 1_010.0), 10);
        assert_eq!(clock.wake(&word, 1_009.0), 10);
        clock.tick(&word, 1_012.0);
        assert_eq!(word.load(Ordering::Relaxed), 12);
    }

    #[test]
    fn readings_saturate_below_asleep_and_rebase_brings_them_back() {
        let mut clock = ClockWord::new(0.0, f64::from(i32::MAX) - 5.0);
        let word = AtomicI32::new(ASLEEP);
        assert_eq!(clock.wake(&word, 100.0), ASLEEP - 1);
        clock.rebase(&word, 100.0, f64::from(i32::MAX) - 5.0);
        assert_eq!(word.load(Ordering::Relaxed), 100);
    }
}

/// Every order in which keeper and JS thread can interleave; run by `npm run test:deep`.
#[cfg(all(test, loom))]
mod model {
    use super::{ASLEEP, ClockWord};
    use crate::ring::Ring;
    use crate::sync::{AtomicI32, Ordering, fence};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// What JS and keeper share, and what the lock of a core protects.
    struct Shared {
        word: AtomicI32,
        head: AtomicI32,
        tail: AtomicI32,
        words: Vec<AtomicI32>,
        /// The clock, and how often it was woken.
        clock: Mutex<(ClockWord, u32)>,
    }

    impl Shared {
        fn new(word: i32) -> Arc<Self> {
            Arc::new(Self {
                word: AtomicI32::new(word),
                head: AtomicI32::new(0),
                tail: AtomicI32::new(0),
                words: (0..2).map(|_| AtomicI32::new(0)).collect(),
                clock: Mutex::new((ClockWord::new(0.0, 0.0), 0)),
            })
        }

        fn ring(&self) -> Ring<'_, 1> {
            Ring::new(&self.head, &self.tail, &self.words)
        }

        /// JS: reads the word plainly; a call into the core where it sleeps.
        fn read_as_js(&self) -> i32 {
            let reading = self.word.load(Ordering::Relaxed);
            if reading != ASLEEP {
                return reading;
            }
            let mut clock = self.clock.lock().unwrap();
            clock.1 += 1;
            clock.0.wake(&self.word, 7.0)
        }

        /// JS: `Atomics.store` of the head is a barrier.
        fn push_as_js(&self, value: i32) {
            assert!(self.ring().push([value]));
            fence(Ordering::SeqCst);
        }

        /// The keeper, for a store that nobody has used for long. Returns whether it sleeps.
        fn fall_asleep(&self) -> bool {
            let clock = self.clock.lock().unwrap();
            clock
                .0
                .fall_asleep(&self.word, 5.0, || !self.ring().is_empty())
        }
    }

    mod req_deep_rings {
        use super::*;

        #[test]
        fn work_before_a_waking_reading_is_never_slept_over() {
            loom::model(|| {
                let shared = Shared::new(1);
                let keeper = {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.fall_asleep())
                };
                shared.push_as_js(42);
                // The next operation of JS begins with a reading.
                let reading = shared.read_as_js();
                let sleeps = keeper.join().unwrap();
                let woken = shared.clock.lock().unwrap().1 > 0;
                assert_ne!(reading, ASLEEP, "a deadline would be formed of it");
                assert!(!sleeps || woken, "work was slept over");
            });
        }

        #[test]
        fn work_after_a_reading_waits_for_the_second_look_at_most() {
            loom::model(|| {
                let shared = Shared::new(1);
                let keeper = {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        shared.fall_asleep();
                    })
                };
                let reading = shared.read_as_js();
                shared.push_as_js(42);
                keeper.join().unwrap();
                assert_ne!(reading, ASLEEP, "a deadline would be formed of it");
                assert_eq!(shared.ring().pop(), Some([42]), "seen by the second look");
                assert_eq!(shared.ring().pop(), None);
            });
        }

        #[test]
        fn readings_never_go_back() {
            loom::model(|| {
                let shared = Shared::new(ASLEEP);
                let keeper = {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        for now in [6.0, 8.0] {
                            shared.clock.lock().unwrap().0.tick(&shared.word, now);
                        }
                        let clock = shared.clock.lock().unwrap();
                        clock.0.fall_asleep(&shared.word, 8.0, || false);
                    })
                };
                let first = shared.read_as_js();
                let second = shared.read_as_js();
                keeper.join().unwrap();
                assert!((first..ASLEEP).contains(&second), "{first} then {second}");
            });
        }
    }
}
