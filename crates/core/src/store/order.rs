//! Who stays: an exact list, or a window of newcomers in front of moka.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::duel::{Duel, Side};
use super::list::List;
use super::shares::Shares;
use super::slab::{Entry, NEVER_TOLD, Region, Slab};
use crate::admission::{Admission, Operation, Resident};
use crate::error::Error;

/// Below this many entries a sketch has too little to count, shares of the bounds are too coarse, and
/// exact order is as cheap: every store begins with it and changes when it has this many.
pub(super) const FEWEST_FOR_ADMISSION: usize = 64;

/// Entries that a rebuild moves for each batch that leaves the window.
const MOVES_PER_BATCH: u32 = 200;

/// Entries that go from a list of all to main at a time, when main is founded late: no caller waits
/// for all of them.
const MOVES_PER_STEP: usize = 32;

/// Slots that moka forgets at a time once it has no say any more: to drop it as a whole takes longer
/// than anybody should wait, 190 ms with 90,000 entries.
const DROPS_PER_STEP: u32 = 64;

/// moka hears of near hits of an entry once while this part of all entries is replaced.
const EPOCHS_PER_TURNOVER: usize = 4;

/// What a store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreBounds {
    /// Entries, 1 to 2^24.
    pub max_entries: u32,
    /// Bytes.
    pub max_bytes: u64,
}

/// Who stays, as the option `policy` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Whichever of the two serves the workload better of late.
    Adaptive,
    /// A window of newcomers in front of moka.
    TinyLfu,
    /// Exact order of last use.
    Lru,
}

/// moka and what it decides on.
#[derive(Debug)]
struct Main {
    admission: Admission,
    shares: Shares,
    /// Whether the list still has what is to be main's, and leaves it step by step.
    is_filling: bool,
}

/// moka that has no say any more.
#[derive(Debug)]
struct Retired {
    admission: Admission,
    /// The first slot that it may still know.
    next: u32,
}

/// The order of leaving. Who has to leave is out of it at once, and waits for the caller to take it
/// out of the slab.
#[derive(Debug)]
pub(super) struct Order {
    bounds: StoreBounds,
    policy: Policy,
    /// All entries while there is no main, else the window.
    list: List,
    main: Option<Main>,
    /// Which of both there is to be, where there is a choice.
    side: Side,
    duel: Option<Duel>,
    retired: Option<Retired>,
    /// Advances with newcomers: moka hears of near hits of an entry once in each.
    epoch: u32,
    /// Newcomers until the next.
    until_epoch: usize,
    /// Bytes of all entries but those that are leaving.
    pub(super) weight: u64,
    leaving: Vec<u32>,
    /// A panic in moka that was caught; its instance was made anew from the records.
    pub(super) fault: Option<Error>,
}

impl Order {
    pub(super) fn new(bounds: StoreBounds, policy: Policy) -> Self {
        Self {
            bounds,
            policy,
            list: List::new(),
            main: None,
            side: Side::Frequency,
            duel: None,
            retired: None,
            epoch: NEVER_TOLD + 1,
            until_epoch: 0,
            weight: 0,
            leaving: Vec::new(),
            fault: None,
        }
    }

    pub(super) fn bounds(&self) -> StoreBounds {
        self.bounds
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// Heavier entries are not kept.
    pub(super) fn max_entry_bytes(&self) -> u64 {
        if self.is_exact_for_good() {
            self.bounds.max_bytes
        } else {
            self.bounds.max_bytes.div_ceil(2)
        }
    }

    /// Whether each hit counts for the order, so that none may come late.
    pub(super) fn is_exact(&self) -> bool {
        self.main.is_none()
    }

    /// Who has to leave since the last call: to be taken out of the slab before anything else.
    pub(super) fn take_leaving(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.leaving)
    }

    /// A new entry, already in the slab. It does not leave itself.
    ///
    /// Sides change here only: while nobody comes, nobody has to leave.
    pub(super) fn admit(&mut self, slab: &mut Slab, slot: u32) {
        let Some(&Entry { hash, weight, .. }) = slab.at(slot) else {
            return;
        };
        self.weight += weight;
        self.count_newcomer(slab);
        self.list.push(slab, slot);
        self.observe(hash, weight);
        self.take_side(slab);
        self.trim(slab, Some(slot));
        self.found_main(slab, Some(slot));
        self.drop_retired(DROPS_PER_STEP);
    }

    /// As [`Order::touch`] of hits that a near map has counted. moka takes longer for one than ten of them
    /// do, and counts to 15: it hears of one while a quarter of the entries may be replaced.
    pub(super) fn touch_near(&mut self, slab: &mut Slab, slot: u32, times: u32) {
        let Some(entry) = slab.at_mut(slot) else {
            return;
        };
        match (&mut self.main, entry.region) {
            (Some(main), Region::Main) if entry.told_in == self.epoch => {
                let (hash, weight) = (entry.hash, entry.weight);
                main.admission.note_hit();
                self.observe(hash, weight);
            }
            _ => {
                if entry.region == Region::Main {
                    entry.told_in = self.epoch;
                }
                self.touch(slab, slot, times);
            }
        }
    }

    fn count_newcomer(&mut self, slab: &Slab) {
        self.until_epoch = self.until_epoch.saturating_sub(1);
        if self.until_epoch == 0 {
            self.until_epoch = (self.held(slab) / EPOCHS_PER_TURNOVER).max(1);
            self.epoch = self.epoch.wrapping_add(1).max(NEVER_TOLD + 1);
        }
    }

    /// A resident was read `times` times.
    pub(super) fn touch(&mut self, slab: &mut Slab, slot: u32, times: u32) {
        let Some(entry) = slab.at_mut(slot) else {
            return;
        };
        self.observe(entry.hash, entry.weight);
        match (&mut self.main, entry.region) {
            (None, _) => self.move_to_newest(slab, slot),
            (Some(_), Region::Listed) => {
                let times = u8::try_from(times).unwrap_or(u8::MAX);
                entry.uses = entry.uses.saturating_add(times);
            }
            (Some(_), Region::Main) => {
                // Near hits that come together count once, as bursts do on the heap: each call of
                // moka's takes longer than ten of them.
                self.guarded(|main| main.admission.access(slot));
            }
        }
    }

    /// A resident has another value, which weighs `weight`. It does not leave itself.
    pub(super) fn overwrite(&mut self, slab: &mut Slab, slot: u32, weight: u64) {
        let Some(entry) = slab.at_mut(slot) else {
            return;
        };
        let former = std::mem::replace(&mut entry.weight, weight);
        let (region, resident) = (entry.region, resident(slot, entry.ticket));
        self.weight = self.weight + weight - former;
        if region == Region::Listed {
            self.list.reweigh(former, weight);
        } else if weight > former && self.is_over(slab) {
            // moka might have it leave for its own growth; as a newcomer it is safe until later sets.
            self.apply(Operation::Remove(resident));
            self.list.push(slab, slot);
        } else if weight != former {
            let bytes = weight;
            self.apply(Operation::Reweigh { resident, bytes });
        }
        self.touch(slab, slot, 1);
        self.trim(slab, Some(slot));
    }

    /// A resident is about to leave the slab.
    pub(super) fn forget(&mut self, slab: &mut Slab, slot: u32) {
        let Some(entry) = slab.at(slot) else { return };
        self.weight -= entry.weight;
        match entry.region {
            Region::Listed => self.list.remove(slab, slot),
            Region::Main => self.apply(Operation::Remove(resident(slot, entry.ticket))),
        }
    }

    /// All, least recently used first; to be asked while nobody is leaving.
    pub(super) fn by_use(&self, slab: &Slab) -> Vec<u32> {
        if self.main.is_none() {
            let next = |&slot: &u32| List::newer_than(slab, slot);
            return std::iter::successors(self.list.oldest(), next).collect();
        }
        // Tickets count arrivals, from the first one that is still here.
        let first = slab.arrivals().next().and_then(|slot| slab.at(slot));
        let first = first.map_or(0, |entry| entry.ticket);
        let place = |(slot, entry): (u32, &Entry)| {
            let arrival = entry.ticket.wrapping_sub(first).cast_unsigned();
            (entry.accessed_at, arrival, slot)
        };
        let mut places: Vec<(f64, u32, u32)> = slab.entries().map(place).collect();
        places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        places.into_iter().map(|(.., slot)| slot).collect()
    }

    /// Settles all pending work of the policy.
    pub(super) fn settle(&mut self, slab: &mut Slab) {
        self.guarded(|main| main.admission.settle(true));
        self.take_refused(slab);
        self.trim(slab, None);
        while self.main.as_ref().is_some_and(|main| main.is_filling) {
            self.trim(slab, None);
        }
        self.drop_retired(u32::MAX);
    }

    /// Gives back the room for entries that are gone.
    pub(super) fn shrink(&mut self) {
        self.leaving.shrink_to_fit();
        self.guarded(|main| main.admission.shrink());
    }

    /// Takes new bounds.
    pub(super) fn resize(&mut self, slab: &mut Slab, bounds: StoreBounds) {
        self.bounds = bounds;
        self.duel = None;
        if self.main.is_some() && self.is_exact_for_good() {
            self.dissolve_main(slab);
        }
        let max_entry_bytes = self.max_entry_bytes();
        let shares = Shares::of(bounds);
        self.guarded(|main| {
            main.shares = shares;
            main.admission
                .resize(shares.core, shares.main_bytes, max_entry_bytes);
        });
        self.take_refused(slab);
        // What is too heavy by itself leaves first, so that nothing else has to for it.
        let mut next = self.list.oldest();
        while let Some(slot) = next {
            next = List::newer_than(slab, slot);
            if slab
                .at(slot)
                .is_some_and(|entry| entry.weight > max_entry_bytes)
            {
                self.let_go(slab, slot);
            }
        }
        self.trim(slab, None);
        self.found_main(slab, None);
    }

    /// Everybody has left. What moka still holds is returned, to be dropped at leisure.
    pub(super) fn clear(&mut self) -> impl Sized + use<> {
        self.list.clear();
        self.leaving.clear();
        self.weight = 0;
        self.duel = None;
        (self.main.take(), self.retired.take())
    }

    /// Makes the next operation of moka panic, to test what a panic does.
    pub(super) fn arm_fault(&mut self) {
        self.guarded(|main| main.admission.arm_fault());
    }

    fn is_exact_for_good(&self) -> bool {
        self.policy == Policy::Lru || (self.bounds.max_entries as usize) < FEWEST_FOR_ADMISSION
    }

    /// Entries that are not leaving.
    fn held(&self, slab: &Slab) -> usize {
        slab.len() - self.leaving.len()
    }

    fn is_over(&self, slab: &Slab) -> bool {
        self.held(slab) > self.bounds.max_entries as usize || self.weight > self.bounds.max_bytes
    }

    fn move_to_newest(&mut self, slab: &mut Slab, slot: u32) {
        if self.list.newest() != Some(slot) {
            self.list.remove(slab, slot);
            self.list.push(slab, slot);
        }
    }

    /// Has those leave that the bounds have no room for; `newcomer` stays.
    fn trim(&mut self, slab: &mut Slab, newcomer: Option<u32>) {
        if let Some(main) = &self.main {
            let shares = main.shares;
            if main.is_filling {
                self.step_to_main(slab, shares, newcomer);
            } else if self.is_over(slab) {
                self.empty_window(slab, shares, newcomer);
            } else {
                self.fill_main(slab, shares, newcomer);
            }
            self.take_refused(slab);
        }
        while self.is_over(slab) {
            if self.shed_from_main(slab) {
                continue;
            }
            let Some(slot) = self.oldest_but(slab, newcomer) else {
                return;
            };
            self.let_go(slab, slot);
        }
    }

    /// The oldest of a list of all go to main; those who have to leave meanwhile do so by last use.
    fn step_to_main(&mut self, slab: &mut Slab, shares: Shares, newcomer: Option<u32>) {
        let mut moves = 0;
        let is_filling = loop {
            let is_larger =
                self.list.len() > shares.window_entries || self.list.weight() > shares.window_bytes;
            let Some(slot) = self.oldest_but(slab, newcomer).filter(|_| is_larger) else {
                break false;
            };
            if self.is_over(slab) {
                self.let_go(slab, slot);
            } else if moves < MOVES_PER_STEP {
                self.offer(slab, slot);
                moves += 1;
            } else {
                break true;
            }
        };
        self.guarded(|main| {
            main.is_filling = is_filling;
            main.admission.maintain(MOVES_PER_BATCH);
        });
    }

    /// There is room for all: what the window has too much of moves on as long as main has room.
    fn fill_main(&mut self, slab: &mut Slab, shares: Shares, newcomer: Option<u32>) {
        while self.list.len() > shares.window_entries || self.list.weight() > shares.window_bytes {
            let main_entries = self.held(slab) - self.list.len();
            let main_bytes = self.weight - self.list.weight();
            let Some(slot) = self.oldest_but(slab, newcomer) else {
                return;
            };
            let weight = slab.at(slot).map_or(0, |entry| entry.weight);
            if main_entries >= shares.core.main_entries as usize
                || main_bytes + weight > shares.main_bytes
            {
                return;
            }
            self.offer(slab, slot);
        }
    }

    /// Offers to moka what the window has too much of, oldest first, and lets moka decide.
    fn empty_window(&mut self, slab: &mut Slab, shares: Shares, newcomer: Option<u32>) {
        let (entries, bytes) = shares.emptied_window();
        while self.list.len() > entries || self.list.weight() > bytes {
            let Some(slot) = self.oldest_but(slab, newcomer) else {
                break;
            };
            self.offer(slab, slot);
        }
        self.guarded(|main| {
            main.admission.maintain(MOVES_PER_BATCH);
            main.admission.settle(false);
        });
    }

    fn offer(&mut self, slab: &mut Slab, slot: u32) {
        self.list.remove(slab, slot);
        let Some(entry) = slab.at_mut(slot) else {
            return;
        };
        entry.region = Region::Main;
        let offer = Operation::Offer {
            resident: resident(slot, entry.ticket),
            hash: entry.hash,
            bytes: entry.weight,
            uses: std::mem::take(&mut entry.uses),
        };
        self.apply(offer);
    }

    /// Those that moka has refused or evicted leave. Returns whether there were any.
    fn take_refused(&mut self, slab: &Slab) -> bool {
        let Some(main) = &mut self.main else {
            return false;
        };
        let leaving_before = self.leaving.len();
        for Resident { slot, ticket } in main.admission.take_notices() {
            let Some(entry) = slab.at(slot) else { continue };
            if entry.ticket == ticket && entry.region == Region::Main {
                self.weight -= entry.weight;
                self.leaving.push(slot);
            }
        }
        self.leaving.len() > leaving_before
    }

    /// The window alone cannot make the room: those of main that were least used leave. Returns
    /// whether anybody did.
    fn shed_from_main(&mut self, slab: &Slab) -> bool {
        let StoreBounds {
            max_entries,
            max_bytes,
        } = self.bounds;
        let entries = self.held(slab).saturating_sub(max_entries as usize);
        let bytes = self.weight.saturating_sub(max_bytes);
        self.guarded(|main| main.admission.shed(entries, bytes));
        self.take_refused(slab)
    }

    fn oldest_but(&self, slab: &Slab, newcomer: Option<u32>) -> Option<u32> {
        let oldest = self.list.oldest()?;
        if Some(oldest) == newcomer {
            List::newer_than(slab, oldest)
        } else {
            Some(oldest)
        }
    }

    fn let_go(&mut self, slab: &mut Slab, slot: u32) {
        self.list.remove(slab, slot);
        self.weight -= slab.at(slot).map_or(0, |entry| entry.weight);
        self.leaving.push(slot);
    }

    fn observe(&mut self, hash: u64, bytes: u64) {
        if let Some(duel) = &mut self.duel {
            duel.observe(hash, bytes);
        }
    }

    /// Where the policy has a choice, takes the side that leads; nobody is leaving.
    fn take_side(&mut self, slab: &mut Slab) {
        let held = self.held(slab);
        let is_bound = self.policy != Policy::Adaptive || self.is_exact_for_good();
        if is_bound || held < FEWEST_FOR_ADMISSION {
            return;
        }
        let by_bytes = held as u128 * u128::from(self.bounds.max_bytes);
        let by_bytes = by_bytes / u128::from(self.weight.max(1));
        let fitting = u64::try_from(by_bytes).unwrap_or(u64::MAX);
        let fitting = fitting.min(self.bounds.max_entries.into());
        match &self.duel {
            Some(duel) if duel.suits(fitting) => self.side = duel.leader(),
            _ => self.duel = Some(Duel::new(self.bounds, fitting, self.side)),
        }
        if self.side == Side::Recency && self.main.is_some() {
            self.dissolve_main(slab);
        }
    }

    /// Where there is enough to count, moka decides from here on; the newest stay in the window.
    fn found_main(&mut self, slab: &mut Slab, newcomer: Option<u32>) {
        let held = self.held(slab);
        let is_exact = self.is_exact_for_good() || self.side == Side::Recency;
        if self.main.is_some() || is_exact || held < FEWEST_FOR_ADMISSION {
            return;
        }
        let shares = Shares::of(self.bounds);
        self.main = Some(Main {
            admission: Admission::new(shares.core),
            shares,
            is_filling: held > FEWEST_FOR_ADMISSION,
        });
        self.trim(slab, newcomer);
    }

    /// Exact order from here on, by last access.
    fn dissolve_main(&mut self, slab: &mut Slab) {
        let slots = self.by_use(slab);
        self.retired = self.main.take().map(|main| Retired {
            admission: main.admission,
            next: 0,
        });
        self.list.clear();
        for slot in slots {
            if let Some(entry) = slab.at_mut(slot) {
                entry.uses = 0;
            }
            self.list.push(slab, slot);
        }
    }

    /// Drops some of what moka still holds that has no say any more, and moka after the last.
    fn drop_retired(&mut self, slots: u32) {
        let Some(retired) = &mut self.retired else {
            return;
        };
        let end = retired.next.saturating_add(slots);
        let from = std::mem::replace(&mut retired.next, end);
        let outcome = catch_unwind(AssertUnwindSafe(|| retired.admission.drain(from..end)));
        if !matches!(outcome, Ok(true)) {
            self.retired = None;
        }
    }

    fn apply(&mut self, operation: Operation) {
        self.guarded(|main| main.admission.apply(operation));
    }

    /// A panic of moka's leaves our records whole: a fresh instance takes them all.
    fn guarded(&mut self, work: impl FnOnce(&mut Main)) {
        let Some(main) = &mut self.main else { return };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(main)));
        if let Err(payload) = outcome {
            self.fault = Some(Error::from_panic(payload.as_ref()));
            main.admission.recover();
        }
    }
}

fn resident(slot: u32, ticket: i32) -> Resident {
    Resident { slot, ticket }
}
