//! A store whose values are bytes, shared by all threads that open it.
//!
//! Each thread has a handle of its own, with a near map in JS. A near hit reads a clock word and a
//! version word and counts itself in a cell; everything else comes through here, under one lock, and
//! returns with bounds, counters and versions exact.

mod changes;
mod contents;
mod deadlines;
mod dumps;
mod flights;
mod footprint;
mod handles;
mod hits;
mod list;
mod loads;
mod lookups;
mod messages;
pub mod names;
pub mod near;
mod order;
mod overtaken;
mod slab;
mod tags;
mod telling;
mod time;
pub mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::keeper::{self, Attention, Kept, SECOND_LOOK};
use crate::value::{EventKind, Value};
use contents::{Contents, KEEPER};
pub use dumps::{Dump, Restore, Restored};
use footprint::give_back_memory;
pub use handles::Wake;
pub use messages::{Event, Failure, Message, Outcome};
use near::NearBlock;
pub use order::{Policy, StoreBounds};
use time::{Clock, Moment};
use words::Words;

/// A store that nobody has used for this long lets the keeper sleep.
const DROWSY_AFTER_MS: f64 = 64.0;

/// Entries that the keeper frees under one lock, a few ms: no caller has to wait longer for it.
const EXPIRIES_PER_LOOK: usize = 1_000;

/// How often the keeper takes what near maps have counted; more often tells moka's sketch no more.
const HITS_EVERY_MS: f64 = 16.0;

/// The number of no handle.
pub const NOBODY: u32 = slab::NONE;

/// How a store is made.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreOptions {
    /// What it may hold.
    pub bounds: StoreBounds,
    /// Who stays.
    pub policy: Policy,
    /// Whether time is what each call says, and nothing happens in the background.
    pub manual: bool,
    /// What the clock reads at first, in ms.
    pub start_ms: f64,
}

/// Who calls, and when.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The number of its handle.
    pub handle: u32,
    /// The time, where time is JS's.
    pub at: f64,
}

/// How long an entry lives and what it is tagged with.
#[derive(Debug, Clone, Copy)]
pub struct Lifetime<'a> {
    /// ms; 0 = never expires.
    pub ttl_ms: f64,
    /// ms after the last access; 0 = off.
    pub idle_ttl_ms: f64,
    /// Each once.
    pub tags: &'a [String],
}

/// What happened since the store was made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Look-ups that found something.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Entries that had to make room.
    pub evictions: u64,
    /// Entries whose time was over.
    pub expirations: u64,
    /// Entries that somebody dropped.
    pub invalidations: u64,
}

/// What a store holds and has done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Census {
    /// Entries.
    pub entries: usize,
    /// Their bytes, as they were weighed.
    pub weight: u64,
    /// What happened.
    pub counters: Counters,
    /// Events for this handle that waited too long and were cut.
    pub overflowed: u64,
    /// Entries that it may hold.
    pub max_entries: u32,
    /// Bytes that it may hold.
    pub max_bytes: u64,
    /// Heavier entries are not kept.
    pub max_entry_bytes: u64,
}

/// What is known of an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// ms since 1970, or as the user's clock counts.
    pub created_at_ms: f64,
    /// The same.
    pub accessed_at_ms: f64,
    /// The same; infinite where it never expires.
    pub expires_at_ms: f64,
    /// Accesses of this value.
    pub access_count: u64,
    /// Bytes.
    pub weight: u64,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
}

/// What a thread finds that wants to load.
#[derive(Debug)]
pub enum Boarding {
    /// The value is there.
    Cached(Arc<Value>),
    /// It is to load; the number of the load.
    Lead(u64),
    /// Another thread loads; its outcome comes as a message.
    Follow(u64),
}

/// A place in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    slot: u32,
    ticket: i32,
}

impl Place {
    /// As two numbers, to be kept by JS.
    #[must_use]
    pub fn to_words(self) -> [i32; 2] {
        [self.slot.cast_signed(), self.ticket]
    }

    /// What [`Place::to_words`] gave; any other numbers are some place too.
    #[must_use]
    pub fn from_words(words: &[i32]) -> Option<Self> {
        let &[slot, ticket] = words else { return None };
        Some(Self {
            slot: slot.cast_unsigned(),
            ticket,
        })
    }
}

/// One store.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    words: Arc<Words>,
    clock: Option<Clock>,
    contents: Mutex<Contents>,
    /// Calls so far, by which the keeper knows whether the store is in use.
    calls: AtomicU32,
    rest: Mutex<Rest>,
    panics_next: AtomicBool,
}

/// What the keeper remembers of a store.
#[derive(Debug, Default)]
struct Rest {
    calls: u32,
    used_at: f64,
    took_hits_at: f64,
}

impl Store {
    /// A store that nobody has open yet.
    #[must_use]
    pub fn new(options: StoreOptions) -> Arc<Self> {
        let words = Arc::new(Words::new(options.bounds.max_entries));
        let clock = (!options.manual).then(|| Clock::new(&words, options.start_ms));
        let contents = Contents::new(
            options.bounds,
            options.policy,
            options.manual,
            Arc::clone(&words),
        );
        Arc::new(Self {
            options,
            words,
            clock,
            contents: Mutex::new(contents),
            calls: AtomicU32::new(0),
            rest: Mutex::default(),
            panics_next: AtomicBool::new(false),
        })
    }

    /// The memory that all its threads map.
    #[must_use]
    pub fn words(&self) -> &Arc<Words> {
        &self.words
    }

    /// How it was made.
    pub(crate) fn made_with(&self) -> &StoreOptions {
        &self.options
    }

    /// How it was made, with the bounds of now.
    #[must_use]
    pub fn options(&self) -> StoreOptions {
        StoreOptions {
            bounds: self.contents.lock().order.bounds(),
            ..self.options.clone()
        }
    }

    /// Opens it for one more thread; nothing where the last has closed it meanwhile.
    pub fn join(&self, block: Arc<NearBlock>, waker: Option<Arc<dyn Wake>>) -> Option<u32> {
        let mut contents = self.contents.lock();
        if contents.closed {
            return None;
        }
        Some(contents.handles.add(handles::Handle::new(block, waker)))
    }

    /// A thread has done with it, or has ended: its loads are the others' to do. The last one to leave
    /// frees everything.
    pub fn leave(&self, handle: u32) {
        let mut contents = self.contents.lock();
        let now = self.clock.as_ref().map(Clock::moment);
        let now = now.unwrap_or(Moment {
            ms: f64::NEG_INFINITY,
            reading: 0,
        });
        // Not where time is JS's: its clock may be gone with it.
        if !self.options.manual {
            contents.take_all_hits(now);
        }
        contents.listen(handle, 0);
        while contents
            .handles
            .get(handle)
            .is_some_and(|handle| handle.restores > 0)
        {
            contents.end_restore(handle);
        }
        if contents.handles.remove(handle).is_none() {
            return;
        }
        for flight in contents.flights.owned_by(handle) {
            if let Some((flown, _)) = contents.flights.land(flight) {
                for follower in flown.followers {
                    contents.land(follower, flight, Outcome::Orphaned);
                }
            }
        }
        contents.flights.forget_follower(handle);
        let wakes = contents.take_wakes();
        let remains = if contents.handles.open() == 0 {
            contents.closed = true;
            let bytes = contents.footprint.empty();
            contents.footprint.free_emptied(bytes);
            Some(contents.clear(now, KEEPER))
        } else {
            None
        };
        let trims = remains.is_some() && contents.footprint.take_freed();
        drop(contents);
        drop(remains);
        if trims {
            give_back_memory();
        }
        for waker in wakes {
            waker.wake();
        }
    }

    /// The reading now; the keeper ticks from here on.
    pub fn wake(self: &Arc<Self>) -> i32 {
        self.now(0.0).reading
    }

    /// A handle listens to these events from here on, as bits of `EventKind`.
    pub fn listen(self: &Arc<Self>, caller: Caller, heard: u8) {
        self.with(caller, |contents, _| contents.listen(caller.handle, heard));
    }

    /// Accesses that only the thread of `handle` has seen: its loads that have ended.
    pub fn tell_accessed(self: &Arc<Self>, caller: Caller, key: &str, value: Value, times: u32) {
        self.with(caller, |contents, _| {
            let (key, value) = (Arc::from(key), Arc::new(value));
            for _ in 0..times {
                contents.tell_others(EventKind::Accessed, &key, &value, caller.handle);
            }
        });
    }

    /// What waits for a handle.
    pub fn take_messages(&self, handle: u32) -> Vec<Message> {
        let mut contents = self.contents.lock();
        contents
            .handles
            .get_mut(handle)
            .map_or_else(Vec::new, |handle| {
                let messages = handle.mailbox.take();
                handle.count_messages();
                messages
            })
    }

    /// What went wrong inside since the last call; the store is whole again.
    pub fn take_fault(&self) -> Option<Error> {
        self.contents.lock().take_fault()
    }

    /// Makes the next operation panic, in moka where there is one, to test what a panic does.
    pub fn arm_fault(&self, own: bool) {
        if own {
            self.panics_next.store(true, Ordering::Relaxed);
        } else {
            self.contents.lock().order.arm_fault();
        }
    }

    fn to_wall_ms(&self, ms: f64) -> f64 {
        self.clock.as_ref().map_or(ms, |clock| clock.to_wall_ms(ms))
    }

    /// The time of a call; `at` where time is JS's.
    fn now(self: &Arc<Self>, at: f64) -> Moment {
        let Some(clock) = &self.clock else {
            return Moment { ms: at, reading: 0 };
        };
        let (now, is_news) = clock.wake(&self.words);
        if is_news {
            let kept: Arc<dyn Kept> = Arc::clone(self) as Arc<dyn Kept>;
            keeper::keep(Arc::downgrade(&kept));
        }
        now
    }

    /// Does `work` under the lock; a panic in it is kept as a fault.
    fn with<T: Default>(
        self: &Arc<Self>,
        caller: Caller,
        work: impl FnOnce(&mut Contents, Moment) -> T,
    ) -> T {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let now = self.now(caller.at);
        let (outcome, wakes) = locked(&self.contents, |contents| {
            assert!(
                !self.panics_next.swap(false, Ordering::Relaxed),
                "a fault was injected"
            );
            work(contents, now)
        });
        for waker in wakes {
            waker.wake();
        }
        outcome
    }

    /// What the keeper does for it.
    fn keep(contents: &mut Contents, now: Moment, rest: &mut Rest) -> Option<f64> {
        let is_drained = now.ms - rest.took_hits_at < HITS_EVERY_MS;
        if !is_drained && !contents.order.is_exact() {
            contents.take_hits(now);
            rest.took_hits_at = now.ms;
        }
        contents.expire_due(now, KEEPER, EXPIRIES_PER_LOOK);
        contents.deadlines.next()
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

impl StoreBounds {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the bound.
    pub fn check(&self) -> Result<()> {
        crate::admission::Bounds::new(1, self.max_entries, self.max_bytes).map(|_| ())
    }
}

type Wakes = Vec<Arc<dyn Wake>>;

fn locked<T: Default>(
    contents: &Mutex<Contents>,
    work: impl FnOnce(&mut Contents) -> T,
) -> (T, Wakes) {
    let mut contents = contents.lock();
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut contents)));
    let outcome = match outcome {
        Ok(value) => {
            contents.note_fault(None);
            value
        }
        Err(payload) => {
            contents.start_afresh();
            contents.note_fault(Some(Error::from_panic(payload.as_ref())));
            T::default()
        }
    };
    let wakes = contents.take_wakes();
    (outcome, wakes)
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

/// The keeper waits on a clock that may stand still in suspend, and deadlines do not.
const LONGEST_REST_MS: f64 = 60_000.0;

/// Deadlines closer together than this share one look of the keeper's.
const COALESCE_MS: f64 = 8.0;

fn until(next: f64, now: f64) -> Duration {
    let wait = (next - now).clamp(COALESCE_MS, LONGEST_REST_MS);
    Duration::from_secs_f64(wait / 1_000.0)
}
