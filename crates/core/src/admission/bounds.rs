//! What a store and its main region may hold, and what an entry weighs against it.

use crate::error::{Error, Result};

/// What may be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Entries that main may hold: `max_entries` without the window's share.
    pub main_entries: u32,
    /// Entries of the whole store, 1 to 2^24.
    pub max_entries: u32,
    /// Bytes of the whole store.
    pub max_bytes: u64,
}

/// moka bounds one weight; this scale makes it bound entries and bytes at once.
const SCALE: u64 = 1 << 30;

/// A sketch of twice the entries tells those apart as well that come back after they were refused.
const COUNTERS_PER_ENTRY: u64 = 2;

/// Entries that the first sketch is sized for. Counts age by the sketch's size: one for many more
/// entries than are held never forgets, and refuses every newcomer after the working set has shifted.
const FIRST_SKETCH: u64 = 128;

/// A sketch that was outgrown is followed by one for this many times the entries held.
const HEADROOM: u64 = 2;

impl Bounds {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the bound.
    pub fn new(main_entries: u32, max_entries: u32, max_bytes: u64) -> Result<Self> {
        let check = |name, value: f64, min: f64, max: f64| {
            if value >= min && value <= max {
                return Ok(());
            }
            Err(Error::OutOfRange {
                name,
                value,
                min,
                max,
            })
        };
        check(
            "maxEntries",
            f64::from(max_entries),
            1.0,
            f64::from(1 << 24),
        )?;
        check(
            "mainEntries",
            f64::from(main_entries),
            1.0,
            f64::from(max_entries),
        )?;
        #[expect(clippy::cast_precision_loss, reason = "only compared with 1")]
        check("maxBytes", max_bytes as f64, 1.0, 9_007_199_254_740_991.0)?;
        Ok(Self {
            main_entries,
            max_entries,
            max_bytes,
        })
    }

    /// Weight of one entry: the larger of its shares of bytes and of entries, so that a sum within
    /// [`Bounds::capacity`] holds both bounds.
    pub(super) fn weigh(&self, bytes: u64) -> u32 {
        let by_bytes = (u128::from(SCALE) * u128::from(bytes)).div_ceil(u128::from(self.max_bytes));
        let weight = by_bytes.max(u128::from(self.unit()));
        u32::try_from(weight).unwrap_or(u32::MAX)
    }

    /// How many entries to be ready for, where so many are held: what fits, as long as a sketch of
    /// that size costs next to nothing, else several times as many.
    pub(super) fn expected_entries(&self, held: usize) -> u64 {
        let ahead = (HEADROOM * held as u64).max(FIRST_SKETCH);
        ahead.min(COUNTERS_PER_ENTRY * u64::from(self.main_entries))
    }

    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.main_entries) * self.unit()
    }

    fn unit(&self) -> u64 {
        SCALE.div_ceil(u64::from(self.max_entries))
    }
}
