//! What a heap store has in Rust: the clock word that its hits read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::block::{Block, word};
use crate::clock::{ClockWord, now_ms};
use crate::keeper::{self, Attention, Kept};

/// A store that nobody has used for this long lets the keeper sleep.
const DROWSY_AFTER_MS: i32 = 64;

/// The clock of one heap store. Shared with the keeper thread, which ticks it while the store is used.
#[derive(Debug)]
pub struct HeapClock {
    block: Arc<Block>,
    clock: Mutex<ClockWord>,
    /// Whether the keeper has this store on its list.
    awake: AtomicBool,
    closed: AtomicBool,
}

impl HeapClock {
    /// A clock in memory of its own, asleep; the keeper hears of it when it is first woken.
    #[must_use]
    pub fn new(start_ms: f64) -> Arc<Self> {
        let block = Arc::new(Block::new());
        ClockWord::sleep(block.word(word::CLOCK));
        Arc::new(Self {
            block,
            clock: Mutex::new(ClockWord::new(now_ms(), start_ms)),
            awake: AtomicBool::new(false),
            closed: AtomicBool::new(false),
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

    /// The keeper lets go of it. Its memory stays while JS has it mapped.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        ClockWord::sleep(self.block.word(word::CLOCK));
    }

    fn wake_locked(self: &Arc<Self>, clock: &ClockWord) -> i32 {
        let reading = clock.wake(self.block.word(word::CLOCK), now_ms());
        self.block
            .word(word::USED_AT)
            .store(reading, crate::sync::Ordering::Relaxed);
        if !self.closed.load(Ordering::SeqCst) && !self.awake.swap(true, Ordering::SeqCst) {
            let kept: Arc<dyn Kept> = Arc::clone(self) as Arc<dyn Kept>;
            keeper::keep(Arc::downgrade(&kept));
        }
        reading
    }
}

impl Kept for HeapClock {
    fn tick(&self) {
        self.clock
            .lock()
            .tick(self.block.word(word::CLOCK), now_ms());
    }

    fn work(&self) -> Attention {
        if self.closed.load(Ordering::SeqCst) {
            return Attention::Never;
        }
        let clock = self.clock.lock();
        let now = now_ms();
        let is_used = || clock.reading(now).saturating_sub(self.block.used_at()) <= DROWSY_AFTER_MS;
        if is_used() {
            return Attention::NextTick;
        }
        let sleeps = clock.fall_asleep(self.block.word(word::CLOCK), now, is_used);
        // Whoever wakes the store asks for the flag under the lock of the clock.
        self.awake.store(!sleeps, Ordering::SeqCst);
        if sleeps {
            Attention::Never
        } else {
            Attention::NextTick
        }
    }

    fn look_again(&self) -> Attention {
        Attention::Never
    }
}
