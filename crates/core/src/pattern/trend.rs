use crate::robust::{self, to_f64};

/// Blocks that a series is averaged into: their noise is nearly independent, and pairs of them are few.
const BLOCKS: usize = 64;
/// Two-sided 0.1 %: of a thousand series without a trend, one has one by chance.
const SIGNIFICANT: f64 = 3.29;
/// Of how many standard errors the error is.
const TWO_SIDED_95: f64 = 1.96;

/// How use rises or falls: the median slope of all pairs (Theil–Sen; Sen, 1968).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// In units of the series.
    pub per_step: f64,
    /// Half the width of its interval of 95 %, by the quantiles of the slopes (Sen, 1968).
    pub error: f64,
    /// The statistic of Mann–Kendall's test, corrected for what neighbours have in common (Hamed and Rao, 1998).
    pub z: f64,
}

impl Trend {
    pub(super) const NONE: Self = Self {
        per_step: 0.0,
        error: 0.0,
        z: 0.0,
    };

    /// Whether it is unlikely to be chance.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        self.z.abs() >= SIGNIFICANT
    }

    /// What is left of a series without it; the series where it may be chance.
    pub(super) fn removed_from(&self, series: &[f64]) -> Vec<f64> {
        if !self.is_significant() {
            return series.to_vec();
        }
        let middle = to_f64(series.len()) / 2.0;
        series
            .iter()
            .enumerate()
            .map(|(step, value)| value - self.per_step * (to_f64(step) - middle))
            .collect()
    }
}

pub(super) fn of(series: &[f64]) -> Trend {
    let blocks = blocks(series);
    let n = blocks.len();
    if n < 8 {
        return Trend::NONE;
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    let mut concordance = 0.0;
    for (at, earlier) in blocks.iter().enumerate() {
        for later in &blocks[at + 1..] {
            let rise = later.1 - earlier.1;
            slopes.push(rise / (later.0 - earlier.0));
            if rise != 0.0 {
                concordance += rise.signum();
            }
        }
    }
    let pairs = to_f64(slopes.len());
    let per_step = robust::median(&mut slopes);
    let n = to_f64(n);
    let independent = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0;
    let deviation = (independent * inflation(&blocks, per_step)).sqrt();
    let z = (concordance - concordance.signum()) / deviation;
    let half = (TWO_SIDED_95 * deviation / (2.0 * pairs)).min(0.5);
    let error = (robust::quantile(&mut slopes, 0.5 + half)
        - robust::quantile(&mut slopes, 0.5 - half))
        / 2.0;
    Trend { per_step, error, z }
}

/// The middle of each block, and its mean.
fn blocks(series: &[f64]) -> Vec<(f64, f64)> {
    let size = series.len().div_ceil(BLOCKS);
    series
        .chunks(size.max(1))
        .enumerate()
        .filter_map(|(at, block)| {
            let seen: Vec<f64> = block.iter().copied().filter(|v| !v.is_nan()).collect();
            let middle = to_f64(at * size) + to_f64(block.len()) / 2.0;
            (!seen.is_empty()).then(|| (middle, robust::mean(&seen)))
        })
        .collect()
}

/// How much wider the statistic varies because neighbours are alike: by the ranks of what the line leaves.
fn inflation(blocks: &[(f64, f64)], per_step: f64) -> f64 {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    let left = |at: usize| blocks[at].1 - per_step * blocks[at].0;
    order.sort_unstable_by(|&one, &other| left(one).total_cmp(&left(other)));
    let mut ranks = vec![0.0; blocks.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = to_f64(rank);
    }
    let n = to_f64(ranks.len());
    let middle = (n - 1.0) / 2.0;
    let square: f64 = ranks.iter().map(|rank| (rank - middle).powi(2)).sum();
    let bound = TWO_SIDED_95 / n.sqrt();
    let mut sum = 0.0;
    for lag in 1..ranks.len() / 4 {
        let product: f64 = (lag..ranks.len())
            .map(|at| (ranks[at] - middle) * (ranks[at - lag] - middle))
            .sum();
        let correlation = product / square;
        // What follows the first that is chance is chance too.
        if correlation < bound {
            break;
        }
        let rest = n - to_f64(lag);
        sum += rest * (rest - 1.0) * (rest - 2.0) * correlation;
    }
    1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum
}
