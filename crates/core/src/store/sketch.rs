//! How often keys were used of late.

/// Rows of counters, each with a hash of its own.
const ROWS: usize = 4;

/// Counters of a row for each entry: with fewer, keys that collide pass for popular ones.
const COUNTERS_PER_ENTRY: usize = 4;

const MOST: u8 = 15;

/// All counts are halved after this many increments for each entry, so that they follow the present.
const PERIOD_PER_ENTRY: usize = 10;

const SMALLEST_WIDTH: usize = 256;

/// Spreads a hash of which some bits are the same in all keys that are counted.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A count-min sketch (Cormode and Muthukrishnan, 2005) whose counters end at 15 and are halved now
/// and then (`TinyLFU`; Einziger, Friedman and Manes, ACM TOS 2017).
#[derive(Debug)]
pub(super) struct Sketch {
    counts: Box<[u8]>,
    /// Counters of a row, a power of two.
    width: usize,
    increments: usize,
    period: usize,
}

impl Sketch {
    /// `entries` is how many should be told apart.
    pub(super) fn new(entries: usize) -> Self {
        let width = (COUNTERS_PER_ENTRY * entries)
            .next_power_of_two()
            .max(SMALLEST_WIDTH);
        Self {
            counts: vec![0; ROWS * width].into(),
            width,
            increments: 0,
            period: PERIOD_PER_ENTRY * entries.max(1),
        }
    }

    pub(super) fn increment(&mut self, hash: u64) {
        let mut is_counted = false;
        for counter in places(self.width, hash) {
            let count = &mut self.counts[counter];
            if *count < MOST {
                *count += 1;
                is_counted = true;
            }
        }
        self.increments += usize::from(is_counted);
        if self.increments >= self.period {
            self.halve();
        }
    }

    /// 0 to 15; more often than in truth where keys collide, never less.
    pub(super) fn frequency(&self, hash: u64) -> u8 {
        let counts = places(self.width, hash).map(|counter| self.counts[counter]);
        counts.min().unwrap_or(0)
    }

    fn halve(&mut self) {
        for count in &mut self.counts {
            *count /= 2;
        }
        self.increments /= 2;
    }
}

/// One counter in each row, by double hashing.
fn places(width: usize, hash: u64) -> impl Iterator<Item = usize> {
    let mixed = hash.wrapping_mul(SPREAD);
    let (first, step) = ((mixed >> 32) as usize, (mixed >> 7) as usize | 1);
    (0..ROWS).map(move |row| {
        let lane = first.wrapping_add(row.wrapping_mul(step));
        row * width + (lane & (width - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::{MOST, PERIOD_PER_ENTRY, Sketch};

    #[test]
    fn counts_each_use_up_to_the_most_and_forgets_half() {
        let mut sketch = Sketch::new(8);
        for uses in 1..=MOST {
            sketch.increment(1);
            assert_eq!(sketch.frequency(1), uses);
        }
        sketch.increment(1);
        assert_eq!(sketch.frequency(1), MOST);
        assert_eq!(sketch.frequency(2), 0);
        let fewest = PERIOD_PER_ENTRY * 8 - usize::from(MOST);
        for hash in (2_u64..).take(fewest) {
            sketch.increment(hash.wrapping_mul(super::SPREAD));
        }
        assert_eq!(sketch.frequency(1), MOST / 2);
    }

    #[test]
    fn grows_with_what_is_to_be_told_apart() {
        let mut sketch = Sketch::new(512);
        for key in 0..512_u64 {
            sketch.increment(key << 50 | key);
        }
        let often = (0..512_u64).filter(|key| sketch.frequency(key << 50 | key) > 1);
        assert!(often.count() < 26);
    }
}
