//! What the keeper does for a store: ticks its clock, frees what has expired, gives memory back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::contents::{Contents, KEEPER};
use super::deadlines::time_of;
use super::footprint::give_back_memory;
use super::time::Moment;
use super::{Store, locked};
use crate::keeper::{Attention, Kept, SECOND_LOOK};

/// A store that nobody has used for this long lets the keeper sleep.
const DROWSY_AFTER_MS: f64 = 64.0;

/// Entries that the keeper frees under one lock, a few ms: no caller has to wait longer for it.
const EXPIRIES_PER_LOOK: usize = 1_000;

/// How often the keeper takes what near maps have counted; more often tells moka's sketch no more.
const HITS_EVERY_MS: f64 = 16.0;

/// The keeper waits on a clock that may stand still in suspend, and deadlines do not.
const LONGEST_REST_MS: f64 = 60_000.0;

/// Deadlines closer together than this share one look of the keeper's.
const COALESCE_MS: f64 = 8.0;

/// What the keeper remembers of a store.
#[derive(Debug, Default)]
pub(super) struct Rest {
    calls: u32,
    used_at: f64,
    took_hits_at: f64,
}

impl Store {
    /// What the keeper does for it.
    fn keep(contents: &mut Contents, now: Moment, rest: &mut Rest) -> Option<f64> {
        let is_drained = now.ms - rest.took_hits_at < HITS_EVERY_MS;
        if !is_drained && !contents.order.is_exact() {
            contents.take_hits(now);
            rest.took_hits_at = now.ms;
        }
        contents.expire_due(now, KEEPER, EXPIRIES_PER_LOOK);
        let stale = contents.stale.next_due().map(time_of);
        contents
            .deadlines
            .next()
            .into_iter()
            .chain(stale)
            .reduce(f64::min)
    }

    /// While nobody uses the store, what has expired or was dropped goes back to the system.
    fn give_back_fallen(&self) {
        let (has_fallen, _) = locked(&self.contents, |contents| {
            let has_fallen = contents.footprint.take_fall();
            if has_fallen {
                contents.shrink();
            }
            has_fallen
        });
        if has_fallen {
            give_back_memory();
        }
    }
}

impl Kept for Store {
    fn tick(&self) {
        if let Some(clock) = &self.clock {
            clock.tick(&self.words);
        }
    }

    fn work(&self) -> Attention {
        let Some(clock) = &self.clock else {
            return Attention::Never;
        };
        let now = clock.moment();
        let mut rest = self.rest.lock();
        // Whoever has the lock is at work on this store already.
        if self.contents.is_locked() {
            return Attention::NextTick;
        }
        let ((is_over, next, has_hits), wakes) = locked(&self.contents, |contents| {
            let mut has_hits = false;
            for handle in contents.handles.iter_mut() {
                has_hits |= handle.notice();
            }
            let next = Self::keep(contents, now, &mut rest);
            (contents.closed, next, has_hits)
        });
        for waker in wakes {
            waker.wake();
        }
        let calls = self.calls.load(Ordering::Relaxed);
        if has_hits || calls != rest.calls {
            rest.calls = calls;
            rest.used_at = now.ms;
        }
        if !is_over && now.ms - rest.used_at <= DROWSY_AFTER_MS {
            return Attention::NextTick;
        }
        clock.fall_asleep(&self.words);
        if is_over {
            return Attention::Never;
        }
        self.give_back_fallen();
        // What came as it fell asleep may have an earlier deadline: the second look sees it.
        Attention::After(next.map_or(SECOND_LOOK, |next| until(next, now.ms).min(SECOND_LOOK)))
    }

    fn look_again(&self) -> Attention {
        let Some(clock) = &self.clock else {
            return Attention::Never;
        };
        if clock.is_awake() {
            return Attention::Never;
        }
        let now = clock.moment();
        let mut rest = self.rest.lock();
        let (next, wakes) = locked(&self.contents, |contents| {
            Self::keep(contents, now, &mut rest)
        });
        for waker in wakes {
            waker.wake();
        }
        self.give_back_fallen();
        next.map_or(Attention::Never, |next| {
            Attention::After(until(next, now.ms))
        })
    }
}

fn until(next: f64, now: f64) -> Duration {
    let wait = (next - now).clamp(COALESCE_MS, LONGEST_REST_MS);
    Duration::from_secs_f64(wait / 1_000.0)
}
