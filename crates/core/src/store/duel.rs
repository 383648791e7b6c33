//! Which order serves the workload better: that of last use, or window and main.

use hashbrown::HashTable;

use super::order::StoreBounds;
use super::segments::Segments;
use super::shares::WINDOW_PART;
use super::sketch::Sketch;

/// Entries of a shadow at most, and half of that at least where the store holds more.
const SHADOW_ENTRIES: u64 = 512;

/// What remains of a score after each round of as many accesses as a shadow has entries.
const DECAY: f64 = 0.98;

/// A lead below so many standard deviations of a count of hits may be chance.
const MARGIN: f64 = 0.15;

/// An estimate of the entries that fit is good enough within this factor.
const ESTIMATE_TOLERANCE: u64 = 2;

/// The cost of all that a store may hold, shared out by the bound that binds each entry.
const FULL_COST: u32 = 1 << 28;

/// Where the bits of a hash begin that say whether its key is followed.
const SAMPLE_SHIFT: u32 = 40;

/// Which of the two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// A window of newcomers in front of a main region of what is used often.
    Frequency,
    /// Exact order of last use.
    Recency,
}

#[derive(Debug)]
struct Shadow {
    segments: Segments,
    score: f64,
}

#[derive(Debug, Clone, Copy)]
struct Followed {
    hash: u64,
    /// In how many shadows it is.
    places: u8,
}

/// A sample of the keys, taken by hash, goes through one small cache for each side, scaled down like
/// the sample (as in miniature simulations; Waldspurger et al., USENIX ATC 2017). The side whose
/// shadow hits most, of late, leads. The heap's storage does the same, in `src/cache/window-duel.ts`.
#[derive(Debug)]
pub(super) struct Duel {
    leader: Side,
    /// How many entries the store holds when it is full.
    entries: u64,
    max_bytes: u64,
    /// Cost of an entry that is bounded by number, and of all that the store may hold.
    ordinary_cost: u32,
    full_cost: u32,
    sample_mask: u64,
    /// Of one shadow.
    capacity: u32,
    frequency: Shadow,
    recency: Shadow,
    sketch: Sketch,
    /// The followed keys that any shadow holds.
    table: HashTable<u32>,
    nodes: Vec<Followed>,
    free: Vec<u32>,
    round_length: u64,
    round_seen: u64,
    weight_seen: f64,
}

impl Duel {
    /// Between shadows of a store that holds so many entries when it is full.
    pub(super) fn new(bounds: StoreBounds, entries: u64, leader: Side) -> Self {
        let entries = entries.max(1);
        let ordinary_cost = FULL_COST / bounds.max_entries;
        let full_cost = ordinary_cost * bounds.max_entries;
        let sample = entries.div_ceil(SHADOW_ENTRIES).next_power_of_two();
        let followed = entries.div_ceil(sample);
        let part =
            |whole: u32, parts: u64| u32::try_from(u64::from(whole) / parts).unwrap_or(u32::MAX);
        let capacity = part(full_cost, sample);
        let window = part(capacity, WINDOW_PART).max(part(full_cost, entries));
        let shadow = |window| Shadow {
            segments: Segments::new(capacity, window),
            score: 0.0,
        };
        Self {
            leader,
            entries,
            max_bytes: bounds.max_bytes,
            ordinary_cost,
            full_cost,
            sample_mask: sample - 1,
            capacity,
            frequency: shadow(window.min(capacity)),
            recency: shadow(capacity),
            sketch: Sketch::new(usize::try_from(followed).unwrap_or(usize::MAX)),
            table: HashTable::new(),
            nodes: Vec::new(),
            free: Vec::new(),
            round_length: followed,
            round_seen: 0,
            weight_seen: 0.0,
        }
    }

    /// The side that has been better so far.
    pub(super) fn leader(&self) -> Side {
        self.leader
    }

    /// Whether its shadows are still right for a store that holds so many entries when it is full.
    pub(super) fn suits(&self, entries: u64) -> bool {
        entries <= self.entries.saturating_mul(ESTIMATE_TOLERANCE)
            && entries.saturating_mul(ESTIMATE_TOLERANCE) >= self.entries
    }

    /// A key was used. Costs a mask for most keys.
    pub(super) fn observe(&mut self, hash: u64, bytes: u64) {
        if (hash >> SAMPLE_SHIFT) & self.sample_mask != 0 {
            return;
        }
        let cost = self.cost_of(bytes);
        if cost > self.capacity {
            return;
        }
        self.sketch.increment(hash);
        let node = self.follow(hash);
        for side in [Side::Frequency, Side::Recency] {
            let shadow = self.shadow_mut(side);
            if shadow.segments.has(node) {
                shadow.segments.touch(node);
                shadow.score += 1.0;
            } else {
                self.enter(side, node, cost);
            }
        }
        if self.nodes[node as usize].places == 0 {
            self.release(node);
        }
        self.weight_seen += 1.0;
        self.round_seen += 1;
        if self.round_seen >= self.round_length {
            self.end_round();
        }
    }

    /// The larger of its shares of both bounds.
    fn cost_of(&self, bytes: u64) -> u32 {
        let by_bytes = u128::from(bytes) * u128::from(self.full_cost);
        let by_bytes = by_bytes.div_ceil(u128::from(self.max_bytes));
        u32::try_from(by_bytes)
            .unwrap_or(u32::MAX)
            .max(self.ordinary_cost)
    }

    fn enter(&mut self, side: Side, node: u32, cost: u32) {
        let mut candidate = self.shadow_mut(side).segments.enter(node, cost);
        self.nodes[node as usize].places += 1;
        while self.shadow_mut(side).segments.cost() > self.capacity {
            let victim = self.shadow_mut(side).segments.victim(candidate);
            let leaver = match (candidate, victim) {
                (Some(newcomer), Some(victim)) if !self.is_used_more(newcomer, victim) => newcomer,
                (_, Some(victim)) => victim,
                (Some(newcomer), None) => newcomer,
                (None, None) => return,
            };
            if candidate == Some(leaver) {
                candidate = None;
            }
            self.shadow_mut(side).segments.remove(leaver);
            let left = &mut self.nodes[leaver as usize];
            left.places -= 1;
            if left.places == 0 && leaver != node {
                self.release(leaver);
            }
        }
    }

    fn is_used_more(&self, node: u32, other: u32) -> bool {
        let [uses, others] =
            [node, other].map(|node| self.sketch.frequency(self.nodes[node as usize].hash));
        uses > others
    }

    fn end_round(&mut self) {
        self.round_seen = 0;
        let other = match self.leader {
            Side::Frequency => Side::Recency,
            Side::Recency => Side::Frequency,
        };
        let lead = self.shadow_mut(other).score - self.shadow_mut(self.leader).score;
        if lead > MARGIN * self.weight_seen.sqrt() {
            self.leader = other;
        }
        self.frequency.score *= DECAY;
        self.recency.score *= DECAY;
        self.weight_seen *= DECAY;
    }

    fn shadow_mut(&mut self, side: Side) -> &mut Shadow {
        match side {
            Side::Frequency => &mut self.frequency,
            Side::Recency => &mut self.recency,
        }
    }

    /// The node of a key, a new one where no shadow holds it. Two keys of one hash are one.
    fn follow(&mut self, hash: u64) -> u32 {
        let nodes = &self.nodes;
        let is_it = |&node: &u32| nodes[node as usize].hash == hash;
        if let Some(&node) = self.table.find(hash, is_it) {
            return node;
        }
        let followed = Followed { hash, places: 0 };
        let node = if let Some(node) = self.free.pop() {
            self.nodes[node as usize] = followed;
            node
        } else {
            self.nodes.push(followed);
            u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
        };
        let nodes = &self.nodes;
        self.table
            .insert_unique(hash, node, |&node| nodes[node as usize].hash);
        node
    }

    fn release(&mut self, node: u32) {
        let hash = self.nodes[node as usize].hash;
        if let Ok(found) = self.table.find_entry(hash, |&other| other == node) {
            found.remove();
        }
        self.free.push(node);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use proptest::prelude::*;

    use super::{Duel, SHADOW_ENTRIES, Side};
    use crate::store::StoreBounds;

    fn hash(key: u64) -> u64 {
        BuildHasherDefault::<DefaultHasher>::new().hash_one(key)
    }

    fn bounds(max_entries: u32) -> StoreBounds {
        StoreBounds {
            max_entries,
            max_bytes: 1_000 * u64::from(max_entries),
        }
    }

    fn looping(count: u64, span: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |n| n % span)
    }

    /// Each key for some time, then never again: who remembers frequencies is wrong.
    fn drifting(count: u64, span: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |n| {
            let random = hash(n ^ 0xd1ce) % 1_000;
            (1 << 40) + n / 4 + span * random * random / 1_000_000 * random / 1_000
        })
    }

    fn leader_after(duel: &mut Duel, keys: impl Iterator<Item = u64>, bytes: u64) -> Side {
        for key in keys {
            duel.observe(hash(key), bytes);
        }
        duel.leader()
    }

    const SIZES: [u32; 4] = [100, 1_000, 10_000, 60_000];

    #[test]
    fn finds_that_a_loop_wants_what_is_used_often() {
        for entries in SIZES {
            let span = u64::from(entries);
            let mut duel = Duel::new(bounds(entries), span, Side::Recency);
            let leader = leader_after(&mut duel, looping(30 * span, 2 * span), 1);
            assert_eq!(leader, Side::Frequency, "in a store of {entries}");
        }
    }

    #[test]
    fn finds_that_what_is_new_and_used_soon_wants_the_order_of_use() {
        for entries in SIZES {
            let span = u64::from(entries);
            let mut duel = Duel::new(bounds(entries), span, Side::Frequency);
            let leader = leader_after(&mut duel, drifting(40 * span, 2 * span), 1);
            assert_eq!(leader, Side::Recency, "in a store of {entries}");
        }
    }

    #[test]
    fn follows_a_change_of_the_workload_in_both_directions() {
        let mut duel = Duel::new(bounds(500), 500, Side::Frequency);
        for _ in 0..3 {
            let leader = leader_after(&mut duel, drifting(30_000, 1_000), 1);
            assert_eq!(leader, Side::Recency);
            let leader = leader_after(&mut duel, looping(30_000, 1_000), 1);
            assert_eq!(leader, Side::Frequency);
        }
    }

    #[test]
    fn scales_bytes_as_it_does_entries() {
        // A tenth of the entries fill the bytes.
        let mut duel = Duel::new(bounds(10_000), 1_000, Side::Frequency);
        let leader = leader_after(&mut duel, drifting(40_000, 2_000), 10_000);
        assert_eq!(leader, Side::Recency);
        let leader = leader_after(&mut duel, looping(40_000, 2_000), 10_000);
        assert_eq!(leader, Side::Frequency);
    }

    #[test]
    fn stays_as_it_is_where_nothing_is_used_twice_or_all_fits() {
        for side in [Side::Frequency, Side::Recency] {
            let duel = || Duel::new(bounds(1_000), 1_000, side);
            assert_eq!(leader_after(&mut duel(), 0..50_000, 1), side);
            assert_eq!(leader_after(&mut duel(), looping(50_000, 100), 1), side);
        }
    }

    #[test]
    fn passes_over_what_is_larger_than_a_shadow() {
        let mut duel = Duel::new(bounds(2_000), 2_000, Side::Recency);
        let leader = leader_after(&mut duel, looping(60_000, 4_000), 1_000_000);
        assert_eq!(leader, Side::Recency);
        assert!(duel.nodes.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Shadows stay within their capacity, and exactly what they hold is followed.
        #[test]
        fn holds_no_more_than_its_shadows(
            entries in 1_u32..3_000,
            uses in prop::collection::vec((0_u64..4_000, 0_u64..400_000), 1..3_000),
        ) {
            let mut duel = Duel::new(bounds(entries), entries.into(), Side::Frequency);
            for (key, bytes) in uses {
                duel.observe(hash(key), bytes);
                for side in [Side::Frequency, Side::Recency] {
                    let capacity = duel.capacity;
                    prop_assert!(duel.shadow_mut(side).segments.cost() <= capacity);
                }
            }
            let mut followed = 0;
            for &node in &duel.table {
                let places = [&duel.frequency, &duel.recency]
                    .map(|shadow| u8::from(shadow.segments.has(node)));
                let places = places[0] + places[1];
                prop_assert!(places > 0);
                prop_assert_eq!(duel.nodes[node as usize].places, places);
                followed += 1;
            }
            prop_assert_eq!(followed + duel.free.len(), duel.nodes.len());
            prop_assert!(followed as u64 <= 2 * SHADOW_ENTRIES);
        }
    }
}
