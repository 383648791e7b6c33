//! How the bounds are divided between window and main.

use super::order::StoreBounds;
use crate::admission::Bounds;

/// The window's share of both bounds, as its inverse; figures in ARCHITECTURE.md.
pub(super) const WINDOW_PART: u64 = 10;

/// How far below its share the window is emptied at a time, as a part of it and at most: moka's
/// maintenance costs several times what an entry costs.
const SLACK_PART: usize = 8;
const MOST_SLACK: usize = 64;

/// What is whose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    pub(super) window_entries: usize,
    pub(super) window_bytes: u64,
    /// What main holds when all is settled.
    pub(super) main_bytes: u64,
    pub(super) core: Bounds,
}

impl Shares {
    pub(super) fn of(bounds: StoreBounds) -> Self {
        let entries = u64::from(bounds.max_entries);
        let window = (entries / WINDOW_PART).max(1);
        let window_bytes = u128::from(bounds.max_bytes) * u128::from(window) / u128::from(entries);
        let window_bytes = u64::try_from(window_bytes).unwrap_or(u64::MAX);
        let main_entries = u32::try_from((entries - window).max(1)).unwrap_or(u32::MAX);
        Self {
            window_entries: usize::try_from(window).unwrap_or(usize::MAX),
            window_bytes,
            main_bytes: bounds.max_bytes - window_bytes,
            core: Bounds {
                main_entries,
                max_entries: bounds.max_entries,
                max_bytes: bounds.max_bytes,
            },
        }
    }

    /// What the window may hold after it was emptied, in entries and bytes.
    pub(super) fn emptied_window(&self) -> (usize, u64) {
        let slack = (self.window_entries / SLACK_PART).clamp(1, MOST_SLACK);
        (
            self.window_entries.saturating_sub(slack),
            self.window_bytes - self.window_bytes / SLACK_PART as u64,
        )
    }
}
