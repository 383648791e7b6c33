//! When the system gets back what a store has freed: allocators keep it for later.

use super::slab::Entry;

/// Bytes that make it worth while to ask the allocator, which may take it milliseconds.
const WORTH_ASKING: u64 = 8 << 20;

/// What an entry takes besides key and value, about; figures in ARCHITECTURE.md.
const ENTRY_BYTES: u64 = 580;

/// Bytes that a store has taken and freed, whatever its entries were weighed as.
#[derive(Debug, Default)]
pub(super) struct Footprint {
    held: u64,
    /// Freed since memory was last given back.
    freed: u64,
    /// Held at most since then.
    most: u64,
}

impl Footprint {
    /// An entry has come.
    pub(super) fn take(&mut self, entry: &Entry) {
        self.held += bytes_of(entry);
        self.most = self.most.max(self.held);
    }

    /// An entry has left.
    pub(super) fn free(&mut self, entry: &Entry) {
        self.held -= bytes_of(entry);
        self.freed += bytes_of(entry);
    }

    /// All entries have left; returns what they take as long as nobody has dropped them.
    pub(super) fn empty(&mut self) -> u64 {
        std::mem::take(&mut self.held)
    }

    /// What [`Footprint::empty`] told of was dropped. Allocators have nothing to give back before that.
    pub(super) fn free_emptied(&mut self, bytes: u64) {
        self.freed += bytes;
        self.most = self.most.max(bytes);
    }

    /// Whether so much was freed that the allocator may hold back a lot. Counts anew from here.
    pub(super) fn take_freed(&mut self) -> bool {
        let is_worth_it = self.freed >= WORTH_ASKING;
        self.freed = 0;
        self.most = self.held;
        is_worth_it
    }

    /// Whether less than half is left of what was held, or nothing. Counts anew where it is. What is freed and
    /// taken again, as in a store at its bounds, is no reason.
    pub(super) fn take_fall(&mut self) -> bool {
        let fallen = self.most - self.held;
        if self.held == 0 && fallen > 0 && self.freed >= WORTH_ASKING {
            return self.take_freed();
        }
        let has_fallen = self.held < fallen && fallen >= WORTH_ASKING;
        if has_fallen {
            self.most = self.held;
        }
        has_fallen
    }
}

fn bytes_of(entry: &Entry) -> u64 {
    entry.held_bytes() + ENTRY_BYTES
}

/// Has the allocator return free pages to the system. Elsewhere than with glibc they go back by
/// themselves, or the allocator has no such call.
pub(super) fn give_back_memory() {
    // SAFETY: no arguments but a number; the allocator takes its own locks.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}
