//! Which entry is to be looked at for expiry, and when.

use std::collections::BTreeSet;

/// An entry that never expires is not in the index.
pub(super) const NEVER: u64 = u64::MAX;

/// Times are offset by this, so that those before the clock's zero (entries restored from a dump,
/// clocks of the user's own) are in order too.
const OFFSET_MS: f64 = 2_251_799_813_685_248.0;

/// Entries by the first whole ms at which they have expired.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    due: BTreeSet<(u64, u32)>,
}

/// The first whole ms after a deadline.
pub(super) fn due_of(deadline: f64) -> u64 {
    if deadline == f64::INFINITY {
        return NEVER;
    }
    to_key(deadline.floor() + 1.0)
}

/// The time of what `due_of` gave.
#[expect(clippy::cast_precision_loss, reason = "within 2^52")]
pub(super) fn time_of(due: u64) -> f64 {
    due as f64 - OFFSET_MS
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what u64 holds"
)]
fn to_key(time: f64) -> u64 {
    (time + OFFSET_MS).clamp(0.0, 2.0 * OFFSET_MS) as u64
}

impl Deadlines {
    pub(super) fn insert(&mut self, due: u64, slot: u32) {
        if due != NEVER {
            self.due.insert((due, slot));
        }
    }

    pub(super) fn remove(&mut self, due: u64, slot: u32) {
        if due != NEVER {
            self.due.remove(&(due, slot));
        }
    }

    /// Takes out who is due at `now`, earliest first, at most so many. With a clock of fractions some may not have
    /// expired yet: the caller looks and enters them anew.
    pub(super) fn take_due(&mut self, now: f64, most: usize) -> Vec<(u64, u32)> {
        let bound = to_key(now.ceil());
        let mut taken = Vec::new();
        while taken.len() < most && self.due.first().is_some_and(|&(due, _)| due <= bound) {
            taken.extend(self.due.pop_first());
        }
        taken
    }

    /// When to look next, on the store's time.
    pub(super) fn next(&self) -> Option<f64> {
        self.due.first().map(|&(due, _)| time_of(due))
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
    }
}
