//! What one handle shares with its store: cells in which JS counts the hits of its near map, and
//! words in which the store answers.

use std::sync::atomic::{AtomicI32, Ordering};

/// Header words; `src/native/store-block.ts` has the same numbers.
pub mod word {
    /// Which version word guards the entry of the last answer.
    pub const STRIPE: usize = 0;
    /// The version of that answer.
    pub const VERSION: usize = 1;
    /// For how many ms the answer may be trusted while its version stands.
    pub const TRUSTED_MS: usize = 2;
    /// The clock at that answer.
    pub const READING: usize = 3;
    /// How the bytes of that answer were made.
    pub const KIND: usize = 4;
    /// Whether a fault of the core waits to be told.
    pub const FAULT: usize = 5;
    /// The deadline of that answer on the store's time, as f64 in two words.
    pub const DEADLINE: usize = 6;
    /// How many messages wait for the handle.
    pub const MESSAGES: usize = 16;
    /// JS counts its near hits.
    pub const SEQUENCE: usize = 32;
    /// Where the cells begin, and after them the last sequence of each block of cells. In between lie
    /// the words that prove the mapping, see [`crate::block::word`].
    pub const HEADER: usize = 112;
}

/// Words of one cell, side by side in one cache line: the time of its last hit (two words), how many
/// there were, and the sequence of the last.
const CELL_WORDS: usize = 4;
const COUNT: usize = 2;
const CELL_SEQUENCE: usize = 3;

/// Cells of one block; whether any of them had hits is told by one word.
pub(super) const BLOCK: usize = 64;

/// The memory of one handle; its address never changes.
#[derive(Debug)]
pub struct NearBlock {
    words: Box<[AtomicI32]>,
    cells: usize,
}

impl NearBlock {
    /// A block of zeros for a near map of so many entries.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        // Even, so that JS can lay 64-bit numbers over it.
        let length = word::HEADER + CELL_WORDS * cells + cells.div_ceil(BLOCK).next_multiple_of(2);
        Self {
            words: (0..length).map(|_| AtomicI32::new(0)).collect(),
            cells,
        }
    }

    /// All words, for the mapping into JS.
    #[must_use]
    pub fn as_slice(&self) -> &[AtomicI32] {
        &self.words
    }

    /// One header word.
    #[must_use]
    pub fn word(&self, at: usize) -> &AtomicI32 {
        &self.words[at]
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Writes a word of the answer.
    pub fn answer(&self, at: usize, value: i32) {
        self.words[at].store(value, Ordering::Relaxed);
    }

    /// Writes the deadline of the answer.
    pub fn answer_deadline(&self, deadline: f64) {
        let [low, high] = halves(deadline);
        self.answer(word::DEADLINE, low);
        self.answer(word::DEADLINE + 1, high);
    }

    /// Near hits that JS has counted, all cells together.
    #[must_use]
    pub fn sequence(&self) -> i32 {
        self.words[word::SEQUENCE].load(Ordering::Acquire)
    }

    pub(super) fn count_of(&self, cell: usize) -> i32 {
        self.words[word::HEADER + CELL_WORDS * cell + COUNT].load(Ordering::Relaxed)
    }

    pub(super) fn sequence_of(&self, cell: usize) -> i32 {
        self.words[word::HEADER + CELL_WORDS * cell + CELL_SEQUENCE].load(Ordering::Relaxed)
    }

    pub(super) fn sequence_of_block(&self, block: usize) -> i32 {
        self.words[word::HEADER + CELL_WORDS * self.cells + block].load(Ordering::Acquire)
    }

    /// The reading at the last hit of a cell.
    pub(super) fn reading_of(&self, cell: usize) -> i32 {
        self.words[word::HEADER + CELL_WORDS * cell].load(Ordering::Relaxed)
    }

    /// The time of the last hit of a cell where JS keeps the time: both halves are of one write, since
    /// such a store has one handle, whose thread is here.
    pub(super) fn time_of(&self, cell: usize) -> f64 {
        let at = word::HEADER + CELL_WORDS * cell;
        let [low, high] = [0, 1].map(|half| self.words[at + half].load(Ordering::Relaxed));
        join(low, high)
    }
}

/// A number as JS sees it through an `Int32Array`: the low half first on every platform that is
/// supported.
fn halves(value: f64) -> [i32; 2] {
    let bits = value.to_bits();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of the word"
    )]
    let halves = [bits as i32, (bits >> 32) as i32];
    halves
}

fn join(low: i32, high: i32) -> f64 {
    f64::from_bits(u64::from(low.cast_unsigned()) | (u64::from(high.cast_unsigned()) << 32))
}
