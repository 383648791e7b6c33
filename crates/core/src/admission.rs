//! Who stays in main: moka's `TinyLFU` over keys that are hash, slot and ticket.
//!
//! The values stay in JS. Main knows an entry by its slot there, its ticket (which tells this stay
//! in the slot from an earlier one) and the 64-bit hash of its URI. `Hash` feeds the hash to moka's
//! sketch, `Eq` compares slot and ticket: two URIs with one hash share a frequency, never an entry.

mod bounds;
mod instance;
mod record;
mod stalemate;

use std::num::NonZero;
use std::ops::Range;

pub use bounds::Bounds;
use instance::Instance;
use record::{Record, Records};
use stalemate::Stalemate;

/// An entry of main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Its slot in JS.
    pub slot: u32,
    /// Which stay in the slot.
    pub ticket: i32,
}

/// What JS asks for, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// An entry that left the window; `uses` hits while it was there.
    Offer {
        /// Who.
        resident: Resident,
        /// Hash of the URI.
        hash: u64,
        /// Its bytes.
        bytes: u64,
        /// Hits in the window, told as accesses.
        uses: u8,
    },
    /// An entry that was invalidated or has expired.
    Remove(Resident),
    /// An entry that was overwritten by one of other bytes.
    Reweigh {
        /// Who.
        resident: Resident,
        /// Its bytes now.
        bytes: u64,
    },
}

/// An entry that weighs as much as this many others takes the place of several.
const SEVERAL: u64 = 2;

/// The part of the capacity by which moka's sum of weights may be off.
const DRIFT_ALLOWED: u64 = 64;

/// A difference that a rebuild does not mend must not have `settle` rebuild for ever.
const ROUNDS_BETWEEN_MENDINGS: u64 = 1_000;

/// Slots looked at for each entry that has to leave.
const LOOKS_PER_ENTRY: u64 = 32;

/// Who is used less than this leaves first where room has to be made at once.
const USES_OF_VICTIMS: [u8; 3] = [1, 3, 16];

/// No resident.
const NOBODY: Resident = Resident {
    slot: u32::MAX,
    ticket: 0,
};

/// Maintenance that changed nothing this often in a row has nothing left that it can do.
const QUIET_ROUNDS: u32 = 3;

/// More accesses than this are not repeated when an entry enters an instance.
const MOST_REPLAYED: u8 = 3;

/// The policy of one store. All calls come from one thread at a time.
#[derive(Debug)]
pub struct Admission {
    bounds: Bounds,
    main: Instance,
    /// Takes the place of `main` once it has every record; told by instance number which is where.
    successor: Option<Instance>,
    /// Next slot to move to the successor.
    moved_to: u32,
    records: Records,
    instances: NonZero<u32>,
    /// Entries that left and that JS has not been told of.
    notices: Vec<Resident>,
    /// Rounds of maintenance so far.
    round: u64,
    stalemate: Stalemate,
    /// The round before which drift is not looked for: once mended it takes its time to come back.
    drift_due: u64,
    fault_armed: bool,
}

impl Admission {
    /// An empty policy.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            main: Instance::new(
                NonZero::<u32>::MIN,
                bounds.capacity(),
                bounds.expected_entries(0),
            ),
            successor: None,
            moved_to: 0,
            records: Records::default(),
            instances: NonZero::<u32>::MIN,
            notices: Vec::new(),
            round: 0,
            stalemate: Stalemate::default(),
            drift_due: 0,
            fault_armed: false,
        }
    }

    /// Applies one operation; what leaves because of it is told after [`Admission::maintain`].
    ///
    /// The records change first: they are what [`Admission::recover`] goes by.
    ///
    /// # Panics
    /// On purpose, where [`Admission::arm_fault`] was called.
    pub fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Offer {
                resident,
                hash,
                bytes,
                uses,
            } => {
                let instance = self.newest_mut().number();
                let weight = self.bounds.weigh(bytes);
                self.records.insert(Record {
                    resident,
                    hash,
                    bytes,
                    weight,
                    uses,
                    instance,
                    offered_in: self.short_round(),
                });
                self.fault_if_armed();
                self.make_room(resident);
                self.enter(resident);
            }
            Operation::Remove(resident) => {
                let record = self.records.remove(resident);
                self.fault_if_armed();
                if let Some(record) = record {
                    self.instance_of(&record).remove(&record);
                }
            }
            Operation::Reweigh { resident, bytes } => {
                // What moka has evicted must not come back as an entry without a record.
                self.collect_evicted();
                let former = self.records.get(resident).map(|record| record.weight);
                let weight = self.bounds.weigh(bytes);
                if former.is_some() {
                    self.records.reweigh(resident.slot, bytes, weight);
                }
                self.fault_if_armed();
                // Small entries weigh a place each, whatever their bytes: moka knows that weight.
                if former != Some(weight)
                    && let Some(record) = self.records.get(resident)
                {
                    self.instance_of(record).reweigh(record, weight);
                }
            }
        }
    }

    /// The entry in `slot` was read.
    pub fn access(&mut self, slot: u32) {
        if let Some(record) = self.records.used(slot) {
            self.stalemate.hit(self.records.len());
            self.instance_of(&record).touch(&record);
        }
    }

    /// A resident was asked for of whom [`Admission::access`] has told moka of late.
    pub fn note_hit(&mut self) {
        self.stalemate.hit(self.records.len());
    }

    /// Lets moka evict, and takes a step of a rebuild under way: at most `moves` entries.
    pub fn maintain(&mut self, moves: u32) {
        self.main.run_pending();
        self.collect_evicted();
        self.round += 1;
        if self.successor.is_none() {
            let held = self.records.len();
            if self.stalemate.is_found() {
                // The new instance's sketch knows nothing of residents that nobody asked for.
                self.records.forget_uses();
                self.begin_rebuild();
            } else if self.main.has_outgrown_sketch(held) {
                self.begin_rebuild();
            } else if self.round >= self.drift_due && self.has_drifted() {
                self.drift_due = self.round + ROUNDS_BETWEEN_MENDINGS;
                self.begin_rebuild();
            }
        }
        if self.successor.is_some() {
            self.move_some(moves);
        }
    }

    /// As [`Admission::maintain`] until nothing is left to do; `finish` ends a rebuild too.
    pub fn settle(&mut self, finish: bool) {
        let moves = if finish { u32::MAX } else { 0 };
        let mut quiet_rounds = 0;
        while quiet_rounds < QUIET_ROUNDS {
            let before = self.main.state();
            self.maintain(moves);
            let quiet = self.main.state() == before && !(finish && self.is_rebuilding());
            quiet_rounds = if quiet { quiet_rounds + 1 } else { 0 };
            if quiet && self.main.is_within_capacity() {
                return;
            }
        }
    }

    /// Entries that left since the last call.
    pub fn take_notices(&mut self) -> Vec<Resident> {
        std::mem::take(&mut self.notices)
    }

    /// Entries in main.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether main is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.len() == 0
    }

    /// Whether entries are on their way to a new instance.
    #[must_use]
    pub fn is_rebuilding(&self) -> bool {
        self.successor.is_some()
    }

    /// How often main was rebuilt.
    #[must_use]
    pub fn rebuilds(&self) -> u32 {
        self.instances.get() - 1
    }

    /// Gives back the room for entries that are gone. Where all are, moka too: scraps of them would
    /// keep pages that are free otherwise.
    pub fn shrink(&mut self) {
        if self.is_empty() && self.records.slots() > 0 {
            self.successor = None;
            self.main = self.next_instance();
        }
        self.records.shrink();
    }

    /// Forgets the entries in some slots, without notices. Returns whether there are more behind.
    pub fn drain(&mut self, slots: Range<u32>) -> bool {
        let end = slots.end.min(self.records.slots());
        for slot in slots.start..end {
            if let Some(&record) = self.records.at(slot) {
                self.instance_of(&record).remove(&record);
                self.records.remove(record.resident);
            }
        }
        self.main.run_pending();
        end < self.records.slots()
    }

    /// Forgets everything, without notices.
    pub fn clear(&mut self) {
        self.records = Records::default();
        self.notices.clear();
        self.successor = None;
        self.main = self.next_instance();
    }

    /// Takes new bounds. What no longer fits leaves at once, least used first, then oldest; the rest
    /// moves to an instance with the new capacity step by step.
    ///
    /// `max_entry_bytes` is the heaviest entry that may stay, `main_bytes` what main may hold.
    pub fn resize(&mut self, bounds: Bounds, main_bytes: u64, max_entry_bytes: u64) {
        self.settle(true);
        self.bounds = bounds;
        let entries = bounds.main_entries as usize;
        for record in self.records.excess(entries, main_bytes, max_entry_bytes) {
            self.main.remove(&record);
            self.records.remove(record.resident);
            self.notices.push(record.resident);
        }
        self.begin_rebuild();
    }

    /// Has entries leave, least used first as far as a look around tells, until so many entries and
    /// bytes are free that were held.
    pub fn shed(&mut self, entries: usize, bytes: u64) {
        self.settle(true);
        let mean = (self.records.weight() / self.records.len().max(1) as u64).max(1);
        let needed = u64::from(self.bounds.weigh(bytes)).max(entries as u64 * mean);
        let looks = usize::try_from(LOOKS_PER_ENTRY * (1 + needed / mean)).unwrap_or(usize::MAX);
        let leaving = USES_OF_VICTIMS
            .iter()
            .map(|&uses| self.records.less_used(uses, needed, looks, NOBODY))
            .find(|found| !found.is_empty())
            .unwrap_or_else(|| self.records.any(needed));
        for record in &leaving {
            self.main.remove(record);
            self.records.remove(record.resident);
            self.notices.push(record.resident);
        }
    }

    /// After a caught panic: moka's state is unknown, ours is not. A fresh instance takes every
    /// record that is left.
    pub fn recover(&mut self) {
        self.main = self.next_instance();
        self.successor = None;
        self.begin_rebuild();
        self.move_some(u32::MAX);
    }

    /// Makes the next operation panic, to test what a panic does.
    pub fn arm_fault(&mut self) {
        self.fault_armed = true;
    }

    /// Makes room for a newcomer that takes the place of several, where each of them is used less
    /// than it was asked for.
    ///
    /// moka would compare its count with the sum of theirs, so that one large entry, however often
    /// asked for, loses to many small ones that nobody asks for.
    fn make_room(&mut self, resident: Resident) {
        let Some(&record) = self.records.get(resident) else {
            return;
        };
        let uses = record.uses.max(self.stalemate.refusals_of(record.hash));
        let weight = u64::from(record.weight);
        let mean = (self.bounds.capacity() / self.records.len() as u64).max(1);
        if uses == 0 || weight < SEVERAL * mean || self.is_rebuilding() {
            return;
        }
        self.main.run_pending();
        self.collect_evicted();
        let free = self
            .bounds
            .capacity()
            .saturating_sub(self.main.state().weight());
        if weight <= free {
            return;
        }
        let needed = weight - free;
        let looks = usize::try_from(LOOKS_PER_ENTRY * (1 + needed / mean)).unwrap_or(usize::MAX);
        let leaving = self.records.less_used(uses, needed, looks, resident);
        // It stays until somebody was asked for more often, or those like it would take turns.
        if let Some(record) = self.records.get_mut(resident) {
            record.uses = uses;
        }
        for record in &leaving {
            self.main.remove(record);
            self.records.remove(record.resident);
            self.notices.push(record.resident);
        }
    }

    /// A record enters its instance.
    fn enter(&mut self, resident: Resident) {
        let Some(&record) = self.records.get(resident) else {
            return;
        };
        let instance = self.newest_mut();
        // moka's sketch counts look-ups only; an offer is a use of its own.
        for _ in 0..=record.uses.min(MOST_REPLAYED) {
            instance.touch(&record);
        }
        instance.insert(&record, record.weight);
    }

    /// Two rounds that look alike lie far longer apart than an offer takes.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    fn short_round(&self) -> u32 {
        self.round as u32
    }

    fn fault_if_armed(&mut self) {
        assert!(
            !std::mem::take(&mut self.fault_armed),
            "a fault was injected"
        );
    }

    fn newest_mut(&mut self) -> &mut Instance {
        self.successor.as_mut().unwrap_or(&mut self.main)
    }

    fn instance_of(&self, record: &Record) -> &Instance {
        match &self.successor {
            Some(successor) if successor.number() == record.instance => successor,
            _ => &self.main,
        }
    }

    /// Whether moka's sum of weights is off by more than a little: 0.12.16 loses count where an entry
    /// is reweighed and leaves in one batch, and would be overfull or shrink for ever.
    fn has_drifted(&self) -> bool {
        let off = self.main.state().weight().abs_diff(self.records.weight());
        off > self.bounds.capacity() / DRIFT_ALLOWED
    }

    fn collect_evicted(&mut self) {
        let mut evicted = self.main.take_evicted();
        if let Some(successor) = &mut self.successor {
            successor.run_pending();
            evicted.extend(successor.take_evicted());
        }
        for (resident, instance) in evicted {
            // An entry that moved on, or whose slot another stay has, is not the one that left.
            let Some(record) = self.records.get(resident) else {
                continue;
            };
            if record.instance != instance {
                continue;
            }
            if record.offered_in == self.short_round() {
                self.stalemate.refuse(record.hash, self.records.len());
            }
            self.records.remove(resident);
            self.notices.push(resident);
        }
    }

    fn next_instance(&mut self) -> Instance {
        self.instances = self.instances.saturating_add(1);
        let entries = self.bounds.expected_entries(self.records.len());
        Instance::new(self.instances, self.bounds.capacity(), entries)
    }

    fn begin_rebuild(&mut self) {
        self.successor = Some(self.next_instance());
        self.moved_to = 0;
    }

    fn move_some(&mut self, moves: u32) {
        let Some(successor) = &mut self.successor else {
            return;
        };
        let end = self
            .records
            .slots()
            .min(self.moved_to.saturating_add(moves));
        for slot in self.moved_to..end {
            let Some(&Record {
                bytes, instance, ..
            }) = self.records.at(slot)
            else {
                continue;
            };
            if instance == successor.number() {
                continue;
            }
            // By the bounds as they are now.
            let weight = self.bounds.weigh(bytes);
            self.records.reweigh(slot, bytes, weight);
            let Some(record) = self.records.at_mut(slot) else {
                continue;
            };
            self.main.remove(record);
            record.instance = successor.number();
            for _ in 0..record.uses.min(MOST_REPLAYED) {
                successor.touch(record);
            }
            successor.insert(record, weight);
        }
        self.moved_to = end;
        if end == self.records.slots()
            && let Some(successor) = self.successor.take()
        {
            self.main = successor;
        }
    }
}
