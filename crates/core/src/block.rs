//! The memory that a heap store's clock is read from: one block of 32-bit words, laid over by a typed
//! array in JS, where plain reads and writes do: a late or torn view costs a tick, nothing else.

use crate::sync::{AtomicI32, Ordering};

/// Words of one cache line: what each side writes stands on lines of its own.
const LINE: usize = 16;

/// Where each word stands; `src/native/heap-block.ts` has the same numbers.
pub mod word {
    use super::LINE;

    /// The reading of the clock, or [`crate::clock::ASLEEP`].
    pub const CLOCK: usize = 0;
    /// JS writes the reading at which it last used the clock.
    pub const USED_AT: usize = LINE;
    /// The core writes a number here after the block was mapped …
    pub const NONCE: usize = 6 * LINE;
    /// … and JS its complement there: both sides see one memory.
    pub const NONCE_ECHO: usize = 6 * LINE + 1;
    /// Words of the block.
    pub const END: usize = 7 * LINE;
}

/// One block; its address never changes.
#[derive(Debug)]
pub struct Block {
    words: Box<[AtomicI32]>,
}

impl Block {
    /// A block of zeros.
    #[must_use]
    pub fn new() -> Self {
        Self {
            words: (0..word::END).map(|_| AtomicI32::new(0)).collect(),
        }
    }

    /// One word.
    #[must_use]
    pub fn word(&self, at: usize) -> &AtomicI32 {
        &self.words[at]
    }

    /// When JS last used the clock, by its own reading.
    #[must_use]
    pub fn used_at(&self) -> i32 {
        self.word(word::USED_AT).load(Ordering::Relaxed)
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
}

impl Default for Block {
    fn default() -> Self {
        Self::new()
    }
}
