//! What the policy knows of each entry in main, by slot.

use std::num::NonZero;

use super::Resident;

/// Uses are counted up to here.
const MOST_USES: u8 = 15;

/// Accesses per record after which all counts are halved, so that old fame fades.
const USES_PER_AGE: usize = 10;

/// One entry of main.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) resident: Resident,
    pub(super) hash: u64,
    pub(super) bytes: u64,
    /// What it weighs in its instance.
    pub(super) weight: u32,
    /// Accesses, saturating and ageing: what a rebuild carries over and a shrinking store goes by.
    pub(super) uses: u8,
    /// Number of the instance that holds it; never zero, so that an empty slot takes no more than this.
    pub(super) instance: NonZero<u32>,
    /// The round of maintenance before which it was offered, as far as 32 bits tell.
    pub(super) offered_in: u32,
}

// There is one for each entry.
const _: () = assert!(size_of::<Option<Record>>() == 40);

#[derive(Debug, Default)]
pub(super) struct Records {
    slots: Vec<Option<Record>>,
    len: usize,
    /// Sum of all weights.
    weight: u64,
    uses_since_ageing: usize,
    /// Where the next search for room begins, so that all slots have their turn.
    hand: usize,
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What all of them weigh.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    /// The record in `slot` has other bytes, or is weighed by other bounds.
    pub(super) fn reweigh(&mut self, slot: u32, bytes: u64, weight: u32) {
        if let Some(record) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) {
            self.weight = self.weight + u64::from(weight) - u64::from(record.weight);
            record.bytes = bytes;
            record.weight = weight;
        }
    }

    /// One more than the highest slot ever used.
    pub(super) fn slots(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn insert(&mut self, mut record: Record) {
        record.uses = record.uses.min(MOST_USES);
        let at = record.resident.slot as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, None);
        }
        self.weight += u64::from(record.weight);
        match self.slots[at].replace(record) {
            Some(former) => self.weight -= u64::from(former.weight),
            None => self.len += 1,
        }
    }

    pub(super) fn get(&self, resident: Resident) -> Option<&Record> {
        let record = self.slots.get(resident.slot as usize)?.as_ref()?;
        (record.resident == resident).then_some(record)
    }

    pub(super) fn get_mut(&mut self, resident: Resident) -> Option<&mut Record> {
        let record = self.slots.get_mut(resident.slot as usize)?.as_mut()?;
        (record.resident == resident).then_some(record)
    }

    pub(super) fn at(&self, slot: u32) -> Option<&Record> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn at_mut(&mut self, slot: u32) -> Option<&mut Record> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn remove(&mut self, resident: Resident) -> Option<Record> {
        let record = *self.get(resident)?;
        self.slots[resident.slot as usize] = None;
        self.len -= 1;
        self.weight -= u64::from(record.weight);
        Some(record)
    }

    /// Gives back the slots behind the last one in use, where less than half is in use.
    pub(super) fn shrink(&mut self) {
        if self.len > self.slots.len() / 2 {
            return;
        }
        let last = self.slots.iter().rposition(Option::is_some);
        self.slots.truncate(last.map_or(0, |last| last + 1));
        self.slots.shrink_to_fit();
    }

    /// Counts a use of whoever is in `slot`.
    pub(super) fn used(&mut self, slot: u32) -> Option<Record> {
        self.uses_since_ageing += 1;
        if self.uses_since_ageing > USES_PER_AGE * self.len.max(1) {
            self.uses_since_ageing = 0;
            for record in self.slots.iter_mut().flatten() {
                record.uses /= 2;
            }
        }
        let record = self.at_mut(slot)?;
        record.uses = (record.uses + 1).min(MOST_USES);
        Some(*record)
    }

    /// As if nobody had been used.
    pub(super) fn forget_uses(&mut self) {
        for record in self.slots.iter_mut().flatten() {
            record.uses = 0;
        }
    }

    /// Entries that weigh `needed` together, each used less than `uses`, among the next `looks` slots
    /// but that of the newcomer; none where there are not enough of them.
    pub(super) fn less_used(
        &mut self,
        uses: u8,
        needed: u64,
        looks: usize,
        newcomer: Resident,
    ) -> Vec<Record> {
        let mut found = Vec::new();
        let mut missing = needed;
        for step in 0..looks.min(self.slots.len()) {
            let at = (self.hand + step) % self.slots.len();
            let Some(record) =
                self.slots[at].filter(|record| record.uses < uses && record.resident != newcomer)
            else {
                continue;
            };
            missing = missing.saturating_sub(u64::from(record.weight));
            found.push(record);
            if missing == 0 {
                self.hand = at + 1;
                return found;
            }
        }
        self.hand += looks;
        Vec::new()
    }

    /// Entries that weigh `needed` together, or all.
    pub(super) fn any(&self, needed: u64) -> Vec<Record> {
        let mut missing = needed;
        let mut found = Vec::new();
        for record in self.slots.iter().flatten() {
            if missing == 0 {
                break;
            }
            missing = missing.saturating_sub(u64::from(record.weight));
            found.push(*record);
        }
        found
    }

    /// What has to leave for the rest to fit: too heavy ones, then the least used, then the oldest.
    pub(super) fn excess(&self, entries: usize, bytes: u64, max_entry_bytes: u64) -> Vec<Record> {
        let mut left = self.len;
        let mut held: u64 = self.slots.iter().flatten().map(|record| record.bytes).sum();
        let mut order: Vec<&Record> = self.slots.iter().flatten().collect();
        order.sort_by_key(|record| {
            (
                record.bytes <= max_entry_bytes,
                record.uses,
                record.resident.ticket,
            )
        });
        let mut leaving = Vec::new();
        for record in order {
            if left <= entries && held <= bytes && record.bytes <= max_entry_bytes {
                break;
            }
            left -= 1;
            held -= record.bytes;
            leaving.push(*record);
        }
        leaving
    }
}
