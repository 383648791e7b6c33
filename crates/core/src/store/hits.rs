//! Look-ups: what near maps are told of an entry, and the hits that they have counted.

use super::contents::Contents;
use super::handles::Hits;
use super::near::word as near_word;
use super::time::Moment;

/// Longest time for which a near map trusts a version word without asking: far less than what the
/// word needs to count once around.
const MOST_TRUSTED_MS: f64 = 60_000.0;

/// Below every age, as JS compares them.
const NOT_TRUSTED_MS: f64 = -1.0;

impl Contents {
    /// One more access of a living entry.
    pub(super) fn access(&mut self, slot: u32, now: Moment) {
        self.counters.hits += 1;
        if let Some(entry) = self.slab.at_mut(slot) {
            entry.access_count += 1;
            entry.accessed_at = entry.accessed_at.max(now.ms);
        }
        self.order.touch(&mut self.slab, slot, 1);
    }

    /// Tells a handle's near map how far it may trust the entry that it is given.
    ///
    /// `cell` counts the hits from here on; none where the entry is not for the near map.
    pub(super) fn answer(&mut self, actor: u32, slot: u32, cell: Option<usize>, now: Moment) {
        let Some(entry) = self.slab.at(slot) else {
            return;
        };
        let (life, hash, deadline, kind) =
            (entry.life, entry.hash, entry.deadline(), entry.value.kind);
        let stripe = self.words.stripe_of(hash);
        let version = self.words.version(stripe);
        let is_watched = self.is_watched_by_others(actor);
        let Some(handle) = self.handles.get_mut(actor) else {
            return;
        };
        let hits = cell.and_then(|cell| handle.bind(cell, slot, life));
        let block = &handle.block;
        // Others have begun to listen since the caller looked: each hit has to come by.
        let deadline = if is_watched {
            f64::NEG_INFINITY
        } else {
            deadline
        };
        let trusted_ms = (deadline - now.ms).clamp(NOT_TRUSTED_MS, MOST_TRUSTED_MS);
        #[expect(clippy::cast_possible_truncation, reason = "clamped")]
        block.answer(near_word::TRUSTED_MS, trusted_ms as i32);
        block.answer(near_word::STRIPE, i32::try_from(stripe).unwrap_or(0));
        block.answer(near_word::VERSION, version);
        block.answer(near_word::READING, now.reading);
        block.answer(near_word::KIND, i32::from(kind));
        block.answer_deadline(deadline);
        if let Some(hits) = hits {
            self.count(hits, actor, now);
        }
    }

    /// Takes what near maps have counted: before anybody has to leave, and whenever somebody asks.
    pub(super) fn take_hits(&mut self, now: Moment) {
        self.take_hits_of(false, now);
    }

    /// The same without exception, where counts are to be exact over all threads.
    pub(super) fn take_all_hits(&mut self, now: Moment) {
        self.take_hits_of(true, now);
    }

    fn take_hits_of(&mut self, all: bool, now: Moment) {
        for number in self.handles.numbers() {
            let handle = self.handles.get_mut(number);
            let hits = handle.map(|handle| handle.take_hits(all));
            for hits in hits.into_iter().flatten() {
                self.count(hits, number, now);
            }
        }
    }

    /// As [`Contents::take_hits`] where a late hit would be in the wrong order.
    pub(super) fn take_ordered_hits(&mut self, now: Moment) {
        if self.order.is_exact() {
            self.take_hits(now);
        }
    }

    fn count(&mut self, hits: Hits, handle: u32, now: Moment) {
        self.counters.hits += u64::from(hits.times);
        let at = self.handles.get(handle).map_or(now.ms, |handle| {
            if self.manual {
                handle.block.time_of(hits.cell)
            } else {
                now.of_reading(handle.block.reading_of(hits.cell))
            }
        });
        let Some(entry) = self.slab.at_mut(hits.slot) else {
            return;
        };
        // The value that it hit may be gone.
        if entry.life != hits.life {
            return;
        }
        entry.access_count += u64::from(hits.times);
        entry.accessed_at = entry.accessed_at.max(at.min(now.ms));
        self.order.touch_near(&mut self.slab, hits.slot, hits.times);
    }
}
