//! The memory that a store shares with every thread that opened it: its clock word and its version
//! words.

use crate::sync::{AtomicI32, Ordering};

/// Header words; `src/native/store-block.ts` has the same numbers.
pub mod word {
    /// The reading of the clock, or [`crate::clock::ASLEEP`].
    pub const CLOCK: usize = 0;
    /// How many handles listen to accesses.
    pub const ACCESS_LISTENERS: usize = 16;
    /// Where the version words begin. In between lie the words that prove the mapping, see
    /// [`crate::block::word`].
    pub const HEADER: usize = 112;
}

/// Fewest and most version words, 16 and 256 kB; there are no more after a resize.
const STRIPES: (usize, usize) = (1 << 12, 1 << 16);

/// Clock and versions of one store. Each version word counts the changes of all keys of its stripe.
///
/// A writer changes the store first and bumps after that, before its call returns; a reader takes
/// the version before it takes the value. So whoever knows that a write has returned finds another
/// version than with any older value.
#[derive(Debug)]
pub struct Words {
    words: Box<[AtomicI32]>,
}

impl Words {
    /// Words for a store of so many entries, all zero.
    #[must_use]
    pub fn new(max_entries: u32) -> Self {
        let stripes = (2 * max_entries as usize)
            .next_power_of_two()
            .clamp(STRIPES.0, STRIPES.1);
        Self::with_stripes(stripes)
    }

    fn with_stripes(stripes: usize) -> Self {
        Self {
            words: (0..word::HEADER + stripes)
                .map(|_| AtomicI32::new(0))
                .collect(),
        }
    }

    /// All words, for the mapping into JS.
    #[must_use]
    pub fn as_slice(&self) -> &[AtomicI32] {
        &self.words
    }

    /// One word.
    #[must_use]
    pub fn word(&self, at: usize) -> &AtomicI32 {
        &self.words[at]
    }

    /// Which word counts the changes of a key.
    #[must_use]
    pub fn stripe_of(&self, hash: u64) -> usize {
        let stripes = self.words.len() - word::HEADER;
        let bits = (hash >> 32) as usize;
        word::HEADER + (bits & (stripes - 1))
    }

    /// The version of a stripe.
    #[must_use]
    pub fn version(&self, stripe: usize) -> i32 {
        self.words[stripe].load(Ordering::Acquire)
    }

    /// A key of this stripe has changed.
    pub fn bump(&self, stripe: usize) {
        self.words[stripe].fetch_add(1, Ordering::Release);
    }

    /// Every key may have changed.
    pub fn bump_all(&self) {
        for word in &self.words[word::HEADER..] {
            word.fetch_add(1, Ordering::Release);
        }
    }
}

/// Every order in which a writer and a near reader can interleave; run by `npm run test:deep`.
#[cfg(all(test, loom))]
mod model {
    use super::{Words, word};
    use crate::sync::{AtomicI32, Ordering};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    const STRIPE: usize = word::HEADER;

    struct Shared {
        store: Mutex<i32>,
        words: Words,
        /// The last value whose set has returned.
        returned: AtomicI32,
    }

    /// One write, one fetch into a near map, one near hit. Returns what is wrong, if anything.
    fn race(bump_first: bool, version_last: bool) {
        loom::model(move || {
            let shared = Arc::new(Shared {
                store: Mutex::new(0),
                words: Words::with_stripes(1),
                returned: AtomicI32::new(0),
            });
            let writer = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    if bump_first {
                        shared.words.bump(STRIPE);
                    }
                    *shared.store.lock().unwrap() = 1;
                    if !bump_first {
                        shared.words.bump(STRIPE);
                    }
                    shared.returned.store(1, Ordering::Release);
                })
            };
            let before = shared.words.version(STRIPE);
            let value = *shared.store.lock().unwrap();
            let after = shared.words.version(STRIPE);
            let version = if version_last { after } else { before };
            // A near hit, later: the caller knows whether the set has returned.
            let known = shared.returned.load(Ordering::Acquire);
            let current = shared.words.word(STRIPE).load(Ordering::Relaxed);
            assert!(
                current != version || value >= known,
                "a value older than a set that has returned"
            );
            writer.join().unwrap();
        });
    }

    mod req_hazard_14_versions {
        use super::race;

        #[test]
        fn a_near_hit_is_never_older_than_a_set_that_has_returned() {
            race(false, false);
        }

        #[test]
        #[should_panic(expected = "older than a set")]
        fn a_writer_that_bumps_first_breaks_it() {
            race(true, false);
        }

        #[test]
        #[should_panic(expected = "older than a set")]
        fn a_reader_that_takes_the_version_last_breaks_it() {
            race(false, true);
        }
    }
}
