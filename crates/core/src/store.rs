//! A store whose values are bytes, shared by all threads that open it.
//!
//! Each thread has a handle of its own, with a near map in JS. A near hit reads a clock word and a
//! version word and counts itself in a cell; everything else comes through here, under one lock, and
//! returns with bounds, counters and versions exact.

mod census;
mod changes;
mod contents;
mod deadlines;
mod duel;
mod dumps;
mod flights;
mod footprint;
mod handles;
mod hits;
mod keeping;
mod list;
mod loads;
mod lookups;
mod messages;
pub mod names;
pub mod near;
mod order;
mod overtaken;
mod segments;
mod shares;
mod sketch;
mod slab;
mod stale;
mod tags;
mod telling;
mod time;
pub mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::keeper::{self, Kept};
use crate::value::{EventKind, Value};
pub use census::{Census, Counters, Info, StaleInfo};
use contents::Contents;
pub use dumps::{Dump, Restore, Restored};
use footprint::give_back_memory;
pub use handles::Wake;
use keeping::Rest;
pub use messages::{Event, Failure, Message, Outcome};
use near::NearBlock;
pub use order::{Policy, StoreBounds};
pub use stale::Revalidation;
use time::{Clock, Moment};
use words::Words;

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
    /// Where it may be revalidated once it has expired.
    pub revalidation: Option<&'a Arc<Revalidation>>,
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
        // Where time is JS's, its clock may be gone with it.
        let now = self.clock.as_ref().map_or(Moment::LONG_AGO, Clock::moment);
        let (remains, wakes) = locked(&self.contents, |contents| {
            if !self.options.manual {
                contents.take_all_hits(now);
            }
            contents.part_with(handle);
            (contents.handles.open() == 0).then(|| contents.close(now))
        });
        if remains.is_some_and(|(trims, _)| trims) {
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
        let (messages, wakes) = locked(&self.contents, |contents| {
            let handle = contents.handles.get_mut(handle)?;
            let messages = handle.mailbox.take();
            handle.count_messages();
            Some(messages)
        });
        for waker in wakes {
            waker.wake();
        }
        messages.unwrap_or_default()
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
