//! Who has a store open, each in its own thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::messages::Mailbox;
use super::near::{BLOCK, NearBlock, word};
use super::slab::NONE;

/// How a store wakes the thread of a handle, which then takes its messages.
pub trait Wake: std::fmt::Debug + Send + Sync {
    /// Called from any thread, with no lock of the store held; must not wait.
    fn wake(&self);
}

/// What a cell of a near map counts the hits of.
#[derive(Debug, Clone, Copy)]
struct Binding {
    slot: u32,
    life: u32,
    /// The count that was taken.
    seen: i32,
}

/// Hits that a near map has counted since they were last taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hits {
    pub(super) slot: u32,
    pub(super) life: u32,
    pub(super) times: u32,
    /// The cell, whose time is the last one's.
    pub(super) cell: usize,
    sequence: i32,
}

/// One thread that has the store open.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) block: Arc<NearBlock>,
    pub(super) waker: Option<Arc<dyn Wake>>,
    pub(super) mailbox: Mailbox,
    /// Events that it listens to, as bits of `EventKind`.
    pub(super) heard: u8,
    cells: Vec<Binding>,
    /// The last sequence of each block of cells that was seen.
    blocks: Vec<i32>,
    /// Near hits that were taken, all cells together.
    taken: i32,
    /// The same when the keeper last looked.
    noticed: i32,
    /// Restores that it has under way.
    pub(super) restores: usize,
    /// Whether its thread is to be woken when the lock is free again.
    pub(super) to_wake: bool,
}

impl Handle {
    pub(super) fn new(block: Arc<NearBlock>, waker: Option<Arc<dyn Wake>>) -> Self {
        Self {
            block,
            waker,
            mailbox: Mailbox::default(),
            heard: 0,
            cells: Vec::new(),
            blocks: Vec::new(),
            taken: 0,
            noticed: 0,
            restores: 0,
            to_wake: false,
        }
    }

    /// From here on a cell counts the hits of another value. What it has counted is taken before.
    pub(super) fn bind(&mut self, cell: usize, slot: u32, life: u32) -> Option<Hits> {
        if cell >= self.block.cells() {
            return None;
        }
        let unbound = Binding {
            slot: NONE,
            life: 0,
            seen: 0,
        };
        if cell >= self.cells.len() {
            self.cells.resize(cell + 1, unbound);
            self.blocks.resize(self.cells.len().div_ceil(BLOCK), 0);
        }
        let hits = self.hits_of(cell);
        let seen = self.block.count_of(cell);
        self.cells[cell] = Binding { slot, life, seen };
        hits
    }

    /// Takes all hits that were not taken yet, in the order of each entry's last.
    ///
    /// Unless `all` are looked at, only blocks of cells that tell of hits are: on a machine that
    /// reorders writes, a thread's last hit may then be taken with its next one.
    pub(super) fn take_hits(&mut self, all: bool) -> Vec<Hits> {
        let sequence = self.block.sequence();
        if sequence == self.taken && !all {
            return Vec::new();
        }
        let mut hits: Vec<Hits> = Vec::new();
        for block in 0..self.cells.len().div_ceil(BLOCK) {
            let told = self.block.sequence_of_block(block);
            let known = std::mem::replace(&mut self.blocks[block], told);
            if all || told != known {
                let cells = block * BLOCK..self.cells.len().min((block + 1) * BLOCK);
                hits.extend(cells.filter_map(|cell| self.hits_of(cell)));
            }
        }
        let base = self.taken;
        hits.sort_by_key(|hits| hits.sequence.wrapping_sub(base));
        self.taken = sequence;
        hits
    }

    /// Whether its near map had hits since the last call.
    pub(super) fn notice(&mut self) -> bool {
        let sequence = self.block.sequence();
        std::mem::replace(&mut self.noticed, sequence) != sequence
    }

    /// Writes how many messages wait.
    pub(super) fn count_messages(&self) {
        let waiting = i32::try_from(self.mailbox.len()).unwrap_or(i32::MAX);
        self.block
            .word(word::MESSAGES)
            .store(waiting, Ordering::SeqCst);
    }

    fn hits_of(&mut self, cell: usize) -> Option<Hits> {
        let binding = self.cells.get_mut(cell)?;
        let count = self.block.count_of(cell);
        let times = count.wrapping_sub(binding.seen).cast_unsigned();
        if times == 0 {
            return None;
        }
        binding.seen = count;
        Some(Hits {
            slot: binding.slot,
            life: binding.life,
            times,
            cell,
            sequence: self.block.sequence_of(cell),
        })
    }
}

/// Handles by number.
#[derive(Debug, Default)]
pub(super) struct Handles {
    handles: Vec<Option<Handle>>,
    open: usize,
}

impl Handles {
    pub(super) fn add(&mut self, handle: Handle) -> u32 {
        self.open += 1;
        let at = self.handles.iter().position(Option::is_none);
        let at = at.unwrap_or_else(|| {
            self.handles.push(None);
            self.handles.len() - 1
        });
        self.handles[at] = Some(handle);
        u32::try_from(at).unwrap_or(NONE)
    }

    pub(super) fn remove(&mut self, handle: u32) -> Option<Handle> {
        let removed = self.handles.get_mut(handle as usize)?.take()?;
        self.open -= 1;
        Some(removed)
    }

    pub(super) fn get(&self, handle: u32) -> Option<&Handle> {
        self.handles.get(handle as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, handle: u32) -> Option<&mut Handle> {
        self.handles.get_mut(handle as usize)?.as_mut()
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// Numbers are given again: whoever loops over them skips those that are not open.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.handles.len()).unwrap_or(NONE)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Handle> {
        self.handles.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Handle> {
        self.handles.iter_mut().flatten()
    }
}
