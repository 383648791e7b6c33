//! What a heap store has in Rust: its clock word, its rings, its admission policy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::admission::{Admission, Bounds, Operation, Resident};
use crate::block::{Block, Capacities, OPERATION_WORDS, word};
use crate::clock::{ClockWord, now_ms};
use crate::error::{Error, Result};
use crate::keeper::{self, Attention, Kept, SECOND_LOOK};

/// A store that nobody has used for this long lets the keeper sleep.
const DROWSY_AFTER_MS: i32 = 64;

/// Work that the keeper does for one store in one tick: two moka calls an offer and one an access,
/// so that the other virtual core stays the JS thread's.
const OPERATIONS_PER_TICK: usize = 200;
const ACCESSES_PER_TICK: usize = 1_000;
const MOVES_PER_TICK: u32 = 200;

/// How a core is made.
#[derive(Debug, Clone, Copy)]
pub struct HeapCoreOptions {
    /// Bounds of main; none where the store keeps its own order and needs the clock only.
    pub main: Option<Bounds>,
    /// Whether the keeper ticks the clock and works through the rings. Else time is the user's, and
    /// all work is done inline by [`HeapCore::settle`].
    pub background: bool,
    /// What the clock reads at first, in ms.
    pub start_ms: f64,
    /// Seeds of the key hash.
    pub seed: [i32; 2],
}

/// The half of a heap store that is not JS. Shared with the keeper thread.
#[derive(Debug)]
pub struct HeapCore {
    block: Arc<Block>,
    background: bool,
    clock: Mutex<ClockWord>,
    /// Whether the keeper has this store on its list.
    awake: AtomicBool,
    closed: AtomicBool,
    policy: Mutex<Option<Policy>>,
}

#[derive(Debug)]
struct Policy {
    admission: Admission,
    /// Accesses taken from the ring.
    accesses_read: i32,
    /// Entries that left, for which the notice ring had no room yet.
    waiting: std::collections::VecDeque<Resident>,
    fault: Option<Error>,
}

impl HeapCore {
    /// A core of its own memory; the keeper hears of it when it is first woken.
    #[must_use]
    pub fn new(options: HeapCoreOptions) -> Arc<Self> {
        let capacities = options.main.map_or(Capacities::CLOCK_ONLY, |bounds| {
            Capacities::for_entries(bounds.max_entries)
        });
        let block = Arc::new(Block::new(capacities, options.seed));
        ClockWord::sleep(block.word(word::CLOCK));
        Arc::new(Self {
            block,
            background: options.background,
            clock: Mutex::new(ClockWord::new(now_ms(), options.start_ms)),
            awake: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            policy: Mutex::new(options.main.map(|bounds| Policy {
                admission: Admission::new(bounds),
                accesses_read: 0,
                waiting: std::collections::VecDeque::new(),
                fault: None,
            })),
        })
    }

    /// The memory that JS maps; it lives as long as the longest holder.
    #[must_use]
    pub fn block(&self) -> &Arc<Block> {
        &self.block
    }

    /// The time now; the keeper ticks from here on.
    pub fn wake(self: &Arc<Self>) -> i32 {
        let clock = self.clock.lock();
        self.wake_locked(&clock)
    }

    /// Moves the clock's origin up: what read `t` reads `t - delta_ms`.
    pub fn rebase(self: &Arc<Self>, delta_ms: f64) -> i32 {
        let mut clock = self.clock.lock();
        clock.rebase(self.block.word(word::CLOCK), now_ms(), delta_ms);
        self.wake_locked(&clock)
    }

    /// Does all work that waits in the rings, inline; `finish` ends a rebuild too.
    ///
    /// Returns whether notices wait for room: take those of the ring and call again.
    ///
    /// # Errors
    /// [`Error::Internal`] after a panic here or in the background; the store was recovered.
    pub fn settle(&self, finish: bool) -> Result<bool> {
        self.with_policy(|policy, block| {
            policy.drain(block, usize::MAX, usize::MAX);
            policy.admission.settle(finish);
            policy.tell(block);
            !policy.waiting.is_empty()
        })
    }

    /// Forgets every entry and everything under way.
    ///
    /// # Errors
    /// As [`HeapCore::settle`].
    pub fn clear(&self) -> Result<()> {
        self.with_policy(|policy, block| {
            block.operations().skip();
            policy.accesses_read = block.accesses().head();
            policy.waiting.clear();
            policy.admission.clear();
        })
    }

    /// Takes new bounds; what no longer fits is told by notices. Returns as [`HeapCore::settle`].
    ///
    /// # Errors
    /// As [`HeapCore::settle`].
    pub fn resize(&self, bounds: Bounds, main_bytes: u64, max_entry_bytes: u64) -> Result<bool> {
        // A fault in what waited, or an earlier one, must not keep the old bounds.
        let drained = self.settle(false);
        let more = self.with_policy(|policy, block| {
            policy.admission.resize(bounds, main_bytes, max_entry_bytes);
            policy.tell(block);
            !policy.waiting.is_empty()
        })?;
        drained.map(|_| more)
    }

    /// The keeper lets go of this store. Its memory stays while JS has it mapped.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        *self.policy.lock() = None;
        ClockWord::sleep(self.block.word(word::CLOCK));
    }

    /// Makes the next operation panic, to test what a panic does.
    pub fn arm_fault(&self) {
        if let Some(policy) = &mut *self.policy.lock() {
            policy.admission.arm_fault();
        }
    }

    /// Entries in main and rebuilds so far, for tests and figures.
    #[must_use]
    pub fn census(&self) -> (usize, u32) {
        let policy = self.policy.lock();
        policy.as_ref().map_or((0, 0), |policy| {
            (policy.admission.len(), policy.admission.rebuilds())
        })
    }

    fn wake_locked(self: &Arc<Self>, clock: &ClockWord) -> i32 {
        let reading = clock.wake(self.block.word(word::CLOCK), now_ms());
        self.block
            .word(word::USED_AT)
            .store(reading, crate::sync::Ordering::Relaxed);
        if self.background
            && !self.closed.load(Ordering::SeqCst)
            && !self.awake.swap(true, Ordering::SeqCst)
        {
            let kept: Arc<dyn Kept> = Arc::clone(self) as Arc<dyn Kept>;
            keeper::keep(Arc::downgrade(&kept));
        }
        reading
    }

    fn with_policy<T: Default>(&self, work: impl FnOnce(&mut Policy, &Block) -> T) -> Result<T> {
        let mut guard = self.policy.lock();
        let Some(policy) = &mut *guard else {
            return Ok(T::default());
        };
        let outcome = policy.guarded(|policy| work(policy, &self.block));
        match policy.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(outcome.unwrap_or_default()),
        }
    }

    fn is_drowsy(&self, reading: i32) -> bool {
        let used_at = self
            .block
            .word(word::USED_AT)
            .load(crate::sync::Ordering::Relaxed);
        reading.saturating_sub(used_at) > DROWSY_AFTER_MS
    }

    fn has_work(&self, policy: Option<&Policy>) -> bool {
        policy.is_some_and(|policy| {
            !self.block.operations().is_empty()
                || self.block.accesses().head() != policy.accesses_read
                || policy.admission.is_rebuilding()
        })
    }
}

impl Kept for HeapCore {
    fn tick(&self) {
        self.clock
            .lock()
            .tick(self.block.word(word::CLOCK), now_ms());
    }

    fn work(&self) -> Attention {
        if self.closed.load(Ordering::SeqCst) {
            return Attention::Never;
        }
        // Whoever has the lock is at work on this store already.
        let Some(mut guard) = self.policy.try_lock() else {
            return Attention::NextTick;
        };
        if let Some(policy) = &mut *guard {
            policy.guarded(|policy| {
                policy.drain(&self.block, OPERATIONS_PER_TICK, ACCESSES_PER_TICK);
                policy.admission.maintain(MOVES_PER_TICK);
                policy.tell(&self.block);
            });
        }
        let clock = self.clock.lock();
        let now = now_ms();
        if self.has_work(guard.as_ref()) || !self.is_drowsy(clock.reading(now)) {
            return Attention::NextTick;
        }
        let word = self.block.word(word::CLOCK);
        let sleeps = clock.fall_asleep(word, now, || self.has_work(guard.as_ref()));
        // Whoever wakes the store asks for the flag under the lock of the clock.
        self.awake.store(!sleeps, Ordering::SeqCst);
        if sleeps {
            Attention::After(SECOND_LOOK)
        } else {
            Attention::NextTick
        }
    }

    fn look_again(&self) -> Attention {
        if self.awake.load(Ordering::SeqCst) {
            return Attention::Never;
        }
        if let Some(policy) = &mut *self.policy.lock() {
            policy.guarded(|policy| {
                policy.drain(&self.block, usize::MAX, usize::MAX);
                policy.admission.maintain(MOVES_PER_TICK);
                policy.tell(&self.block);
            });
        }
        Attention::Never
    }
}

impl Policy {
    /// Runs `work`; a panic in it is kept as `fault`, and the policy starts afresh from its records.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(self)));
        match outcome {
            Ok(value) => Some(value),
            Err(payload) => {
                self.fault = Some(Error::from_panic(payload.as_ref()));
                if catch_unwind(AssertUnwindSafe(|| self.admission.recover())).is_err() {
                    self.admission.clear();
                }
                None
            }
        }
    }

    fn drain(&mut self, block: &Block, operations: usize, accesses: usize) {
        let ring = block.accesses();
        for _ in 0..accesses {
            let Some(slot) = ring.take(&mut self.accesses_read) else {
                break;
            };
            self.admission.access(slot.cast_unsigned());
        }
        let ring = block.operations();
        for _ in 0..operations {
            let Some(record) = ring.pop() else { break };
            if let Some(operation) = decode(record) {
                self.admission.apply(operation);
            }
        }
    }

    /// Moves notices into the ring as far as there is room.
    fn tell(&mut self, block: &Block) {
        self.waiting.extend(self.admission.take_notices());
        let ring = block.notices();
        while let Some(resident) = self.waiting.front() {
            if !ring.push([resident.slot.cast_signed(), resident.ticket]) {
                return;
            }
            self.waiting.pop_front();
        }
    }
}

/// Kinds of operation records, as JS writes them.
mod kind {
    pub(super) const OFFER: i32 = 1;
    pub(super) const REMOVE: i32 = 2;
    pub(super) const REWEIGH: i32 = 3;
}

fn decode(record: [i32; OPERATION_WORDS]) -> Option<Operation> {
    let [
        kind,
        slot,
        ticket,
        hash_low,
        hash_high,
        bytes_low,
        bytes_high,
        uses,
    ] = record;
    let resident = Resident {
        slot: slot.cast_unsigned(),
        ticket,
    };
    let join = |low: i32, high: i32| {
        u64::from(low.cast_unsigned()) | (u64::from(high.cast_unsigned()) << 32)
    };
    let bytes = join(bytes_low, bytes_high);
    match kind {
        kind::OFFER => Some(Operation::Offer {
            resident,
            hash: join(hash_low, hash_high),
            bytes,
            uses: u8::try_from(uses).unwrap_or(u8::MAX),
        }),
        kind::REMOVE => Some(Operation::Remove(resident)),
        kind::REWEIGH => Some(Operation::Reweigh { resident, bytes }),
        _ => None,
    }
}
