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
    use crate::sync::{AtomicI32, Ordering};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// What JS and keeper share.
    struct Shared {
        word: AtomicI32,
        used_at: AtomicI32,
        clock: Mutex<ClockWord>,
    }

    impl Shared {
        fn new(word: i32) -> Arc<Self> {
            Arc::new(Self {
                word: AtomicI32::new(word),
                used_at: AtomicI32::new(0),
                clock: Mutex::new(ClockWord::new(0.0, 0.0)),
            })
        }

        /// JS: reads the word plainly, and notes that it did; a call into the core where it sleeps.
        fn read_as_js(&self, now: f64) -> i32 {
            let mut reading = self.word.load(Ordering::Relaxed);
            if reading == ASLEEP {
                reading = self.clock.lock().unwrap().wake(&self.word, now);
            }
            self.used_at.store(reading, Ordering::Relaxed);
            reading
        }

        /// The keeper, for a store that was not used since `then`. Returns whether it sleeps.
        fn fall_asleep(&self, now: f64, then: i32) -> bool {
            let clock = self.clock.lock().unwrap();
            clock.fall_asleep(&self.word, now, || {
                self.used_at.load(Ordering::Relaxed) > then
            })
        }
    }

    mod req_deep_clock {
        use super::*;

        #[test]
        fn no_reading_is_the_sleeping_value_however_it_falls_asleep() {
            loom::model(|| {
                let shared = Shared::new(1);
                let keeper = {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || shared.fall_asleep(5.0, 0))
                };
                let first = shared.read_as_js(7.0);
                let second = shared.read_as_js(7.0);
                let sleeps = keeper.join().unwrap();
                assert!(
                    (1..ASLEEP).contains(&first),
                    "a deadline would be formed of it"
                );
                assert!((first..ASLEEP).contains(&second), "{first} then {second}");
                let word = shared.word.load(Ordering::Relaxed);
                assert!(
                    sleeps || word != ASLEEP,
                    "it sleeps and is on nobody's list"
                );
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
                            shared.clock.lock().unwrap().tick(&shared.word, now);
                        }
                        shared.fall_asleep(8.0, 0);
                    })
                };
                let first = shared.read_as_js(7.0);
                let second = shared.read_as_js(8.0);
                keeper.join().unwrap();
                assert!((first..ASLEEP).contains(&second), "{first} then {second}");
            });
        }
    }
}
