//! Finds out when main has closed itself to newcomers.

/// Refusals of one key after which it is looked at whether the residents are still asked for.
const MOST_REFUSALS: u8 = 8;

/// Residents with fewer hits than one for so many refusals are not what is asked for.
const REFUSALS_PER_HIT: usize = 8;

/// Smallest table.
const FEWEST_COUNTERS: usize = 128;

/// Counts, of late, what was refused and how often each key, and hits of residents.
///
/// moka admits a newcomer only with a higher count than its victim's. Counts end at 15, and a count
/// that is full no longer advances the sample after which all are halved. So residents that nobody
/// asks for any more can stand at 15 for ever, with those that knock at 15 as well: after its working
/// set has shifted, a store would serve nothing. (Caffeine lets chance decide such ties.)
#[derive(Debug, Default)]
pub(super) struct Stalemate {
    /// Refusals by hash; keys that share a counter only hasten the look.
    refusals: Vec<u8>,
    refused: usize,
    hits: usize,
    is_suspected: bool,
}

impl Stalemate {
    /// A resident was asked for.
    pub(super) fn hit(&mut self, held: usize) {
        self.hits += 1;
        self.fade(held);
    }

    /// A newcomer was refused.
    pub(super) fn refuse(&mut self, hash: u64, held: usize) {
        if self.refusals.is_empty() {
            let counters = (2 * held).next_power_of_two().max(FEWEST_COUNTERS);
            self.refusals = vec![0; counters];
        }
        let at = self.place(hash);
        self.refusals[at] += 1;
        self.is_suspected |= self.refusals[at] == MOST_REFUSALS;
        self.refusals[at] = self.refusals[at].min(MOST_REFUSALS - 1);
        self.refused += 1;
        self.fade(held);
    }

    /// How often a key was refused of late, as far as it is known.
    pub(super) fn refusals_of(&self, hash: u64) -> u8 {
        self.refusals.get(self.place(hash)).copied().unwrap_or(0)
    }

    /// Whether a key was refused often while residents had next to no hits. Begins anew after a look.
    pub(super) fn is_found(&mut self) -> bool {
        if !self.is_suspected {
            return false;
        }
        self.is_suspected = false;
        self.refusals.clear();
        self.hits * REFUSALS_PER_HIT < self.refused
    }

    fn place(&self, hash: u64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "any bits of the hash will do"
        )]
        let bits = hash as usize;
        bits & self.refusals.len().wrapping_sub(1)
    }

    fn fade(&mut self, held: usize) {
        if self.hits + self.refused > 2 * held.max(FEWEST_COUNTERS) {
            self.hits /= 2;
            self.refused /= 2;
        }
    }
}
