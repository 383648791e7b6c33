//! The time of a store: ms since an origin that stays, and the reading that JS sees of it.

use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::words::{Words, word};
use crate::clock::{ASLEEP, ClockWord, now_ms};
use crate::sync::Ordering;

/// From here on (12.4 days) the readings begin anew, so that they stay small integers.
const REBASE_AT: i32 = 1 << 30;

/// One moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// ms on the store's time.
    pub(super) ms: f64,
    /// What the clock word reads then.
    pub(super) reading: i32,
}

impl Moment {
    /// Before everything.
    pub(super) const LONG_AGO: Self = Self {
        ms: f64::NEG_INFINITY,
        reading: 0,
    };

    /// The store's time at another reading.
    pub(super) fn of_reading(self, reading: i32) -> f64 {
        self.ms - f64::from(self.reading) + f64::from(reading)
    }
}

/// Time that passes by itself; a store whose time is JS's own has none.
#[derive(Debug)]
pub(super) struct Clock {
    inner: Mutex<Inner>,
    /// ms since 1970 at 0 of the store's time.
    wall_origin_ms: f64,
}

#[derive(Debug)]
struct Inner {
    word: ClockWord,
    /// The store's time at reading 0.
    shift_ms: f64,
    /// Whether the keeper has the store on its list.
    awake: bool,
}

impl Clock {
    /// A clock that sleeps, and will first read `start_ms`.
    pub(super) fn new(words: &Words, start_ms: f64) -> Self {
        ClockWord::sleep(words.word(word::CLOCK));
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall_ms = wall.map_or(0.0, |since| since.as_secs_f64() * 1_000.0);
        Self {
            inner: Mutex::new(Inner {
                word: ClockWord::new(now_ms(), start_ms),
                shift_ms: 0.0,
                awake: false,
            }),
            wall_origin_ms: (wall_ms - start_ms).round(),
        }
    }

    /// The time now, and whether the keeper has to be told; the word is awake after that.
    pub(super) fn wake(&self, words: &Words) -> (Moment, bool) {
        let mut inner = self.inner.lock();
        let clock = words.word(word::CLOCK);
        let now = now_ms();
        let current = clock.load(Ordering::Relaxed);
        // Threads that read the word are not disturbed by one that has nothing new to write.
        let mut reading = if current != ASLEEP && inner.word.reading(now) <= current {
            current
        } else {
            inner.word.wake(clock, now)
        };
        // More than once after a sleep of weeks: the word stops at its largest reading.
        while reading >= REBASE_AT {
            // Near maps compare readings of before and after only where they trust the version too.
            words.bump_all();
            inner.word.rebase(clock, now_ms(), f64::from(reading));
            inner.shift_ms += f64::from(reading);
            reading = inner.word.wake(clock, now_ms());
        }
        let moment = Moment {
            ms: inner.shift_ms + f64::from(reading),
            reading,
        };
        (moment, !std::mem::replace(&mut inner.awake, true))
    }

    /// The time now, whether or not the word sleeps.
    pub(super) fn moment(&self) -> Moment {
        let inner = self.inner.lock();
        let reading = inner.word.reading(now_ms());
        Moment {
            ms: inner.shift_ms + f64::from(reading),
            reading,
        }
    }

    /// Whether the keeper has the store on its list.
    pub(super) fn is_awake(&self) -> bool {
        self.inner.lock().awake
    }

    /// Moves the word on unless it sleeps.
    pub(super) fn tick(&self, words: &Words) {
        self.inner
            .lock()
            .word
            .tick(words.word(word::CLOCK), now_ms());
    }

    /// Lets the word sleep; whoever wakes it next tells the keeper.
    pub(super) fn fall_asleep(&self, words: &Words) {
        let mut inner = self.inner.lock();
        ClockWord::sleep(words.word(word::CLOCK));
        inner.awake = false;
    }

    /// ms since 1970.
    pub(super) fn to_wall_ms(&self, ms: f64) -> f64 {
        self.wall_origin_ms + ms
    }
}
