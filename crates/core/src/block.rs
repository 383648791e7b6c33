//! The memory that a heap store shares with its core: one block of 32-bit words, laid over by a
//! typed array in JS.
//!
//! What each side writes stands on cache lines of its own. JS uses `Atomics` on ring heads and tails;
//! the clock word, `USED_AT` and the access ring are plain on its side: a late or torn view of them
//! costs a tick or an access, nothing else.

use crate::ring::{AccessRing, Ring};
use crate::sync::{AtomicI32, Ordering};

/// Words of one cache line.
const LINE: usize = 16;

/// Header words; `src/native/heap-block.ts` has the same numbers.
pub mod word {
    use super::LINE;

    /// The reading of the clock, or [`crate::clock::ASLEEP`].
    pub const CLOCK: usize = 0;
    /// JS writes the reading at which it last used the clock.
    pub const USED_AT: usize = LINE;
    /// JS counts the access records that it wrote.
    pub const ACCESS_HEAD: usize = LINE + 1;
    /// JS counts the operations that it wrote.
    pub const OPERATION_HEAD: usize = 2 * LINE;
    /// The core counts the operations that it took.
    pub const OPERATION_TAIL: usize = 3 * LINE;
    /// The core counts the notices that it wrote.
    pub const NOTICE_HEAD: usize = 4 * LINE;
    /// JS counts the notices that it took.
    pub const NOTICE_TAIL: usize = 5 * LINE;
    /// The core writes a number here after the block was mapped …
    pub const NONCE: usize = 6 * LINE;
    /// … and JS its complement there: both sides see one memory.
    pub const NONCE_ECHO: usize = 6 * LINE + 1;
    /// Seeds of the two lanes of the key hash, drawn once per process.
    pub const SEED: usize = 6 * LINE + 2;
    /// Records that fit each ring: accesses, operations, notices.
    pub const CAPACITIES: usize = 6 * LINE + 4;
    /// Where the access ring begins; the others follow.
    pub const HEADER: usize = 7 * LINE;
}

/// Words of one operation record.
pub const OPERATION_WORDS: usize = 8;
/// Words of one notice.
pub const NOTICE_WORDS: usize = 2;

/// How many records each ring holds; powers of two.
#[derive(Debug, Clone, Copy)]
pub struct Capacities {
    /// Accesses; the ring overwrites.
    pub accesses: usize,
    /// Offers, removals and new weights.
    pub operations: usize,
    /// Entries that left.
    pub notices: usize,
}

impl Capacities {
    /// A store without a main region needs the clock only.
    pub const CLOCK_ONLY: Self = Self {
        accesses: 0,
        operations: 0,
        notices: 0,
    };

    /// Rings in proportion to a store of `max_entries`, within 16 and 80 kB.
    #[must_use]
    pub fn for_entries(max_entries: u32) -> Self {
        let share = (max_entries / 4).next_power_of_two() as usize;
        Self {
            accesses: (4 * share).clamp(1_024, 4_096),
            operations: share.clamp(256, 1_024),
            notices: (2 * share).clamp(512, 4_096),
        }
    }
}

/// One block; its address never changes.
#[derive(Debug)]
pub struct Block {
    words: Box<[AtomicI32]>,
    capacities: Capacities,
}

impl Block {
    /// A block of zeros with its capacities and seeds written.
    #[must_use]
    pub fn new(capacities: Capacities, seed: [i32; 2]) -> Self {
        let length = word::HEADER
            + capacities.accesses
            + capacities.operations * OPERATION_WORDS
            + capacities.notices * NOTICE_WORDS;
        let block = Self {
            words: (0..length).map(|_| AtomicI32::new(0)).collect(),
            capacities,
        };
        let sizes = [
            capacities.accesses,
            capacities.operations,
            capacities.notices,
        ];
        for (at, size) in sizes.into_iter().enumerate() {
            block.words[word::CAPACITIES + at].store(to_word(size), Ordering::Relaxed);
        }
        for (at, lane) in seed.into_iter().enumerate() {
            block.words[word::SEED + at].store(lane, Ordering::Relaxed);
        }
        block
    }

    /// One header word.
    #[must_use]
    pub fn word(&self, at: usize) -> &AtomicI32 {
        &self.words[at]
    }

    /// Where the block lies, for the mapping into JS.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.words.as_ptr().cast()
    }

    /// Bytes of the block.
    #[must_use]
    pub fn byte_length(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// JS tells which slots were read.
    #[must_use]
    pub fn accesses(&self) -> AccessRing<'_> {
        let start = word::HEADER;
        AccessRing::new(
            &self.words[word::ACCESS_HEAD],
            &self.words[start..start + self.capacities.accesses],
        )
    }

    /// JS tells what to offer, remove and weigh anew.
    #[must_use]
    pub fn operations(&self) -> Ring<'_, OPERATION_WORDS> {
        let start = word::HEADER + self.capacities.accesses;
        let length = self.capacities.operations * OPERATION_WORDS;
        Ring::new(
            &self.words[word::OPERATION_HEAD],
            &self.words[word::OPERATION_TAIL],
            &self.words[start..start + length],
        )
    }

    /// The core tells which entries left.
    #[must_use]
    pub fn notices(&self) -> Ring<'_, NOTICE_WORDS> {
        let start =
            word::HEADER + self.capacities.accesses + self.capacities.operations * OPERATION_WORDS;
        Ring::new(
            &self.words[word::NOTICE_HEAD],
            &self.words[word::NOTICE_TAIL],
            &self.words[start..],
        )
    }
}

fn to_word(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}
