use crate::robust::{self, to_f64};

/// A period has at least so many steps, and two whole ones must have been seen.
const SHORTEST: usize = 3;
const WHOLE_PERIODS: usize = 2;
/// A multiple of a period is as alike: of those, the shortest is taken that is nearly as good.
const NEARLY: f64 = 0.85;
/// The share of the variance that the other periods must foretell of each.
const FORETOLD: f64 = 0.35;
const CANDIDATES: usize = 6;

/// The same again, period after period.
#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    /// In steps; a fraction where the autocorrelation of later periods tells it that finely.
    pub period: f64,
    /// Mean of each step of the period, as a difference from the mean of the series.
    pub profile: Vec<f64>,
    /// The share of the variance of each period that the others foretell, 0 to 1.
    pub strength: f64,
}

impl Season {
    /// From the lowest of the profile to the highest.
    #[must_use]
    pub fn swing(&self) -> f64 {
        let highest = self.profile.iter().copied().fold(f64::MIN, f64::max);
        let lowest = self.profile.iter().copied().fold(f64::MAX, f64::min);
        (highest - lowest).max(0.0)
    }

    pub(super) fn removed_from(&self, series: &[f64]) -> Vec<f64> {
        series
            .iter()
            .enumerate()
            .map(|(step, value)| value - self.profile[phase(step, self.period, self.profile.len())])
            .collect()
    }
}

pub(super) fn of(series: &[f64]) -> Option<Season> {
    let longest = series.len() / WHOLE_PERIODS;
    if longest < SHORTEST + 1 {
        return None;
    }
    let correlations = autocorrelation(series, longest);
    let mut peaks: Vec<usize> = (SHORTEST..longest)
        .filter(|&lag| {
            let here = correlations[lag];
            let next = correlations.get(lag + 1).copied().unwrap_or(f64::MIN);
            here > 2.0 / to_f64(series.len()).sqrt()
                && here >= correlations[lag - 1]
                && here >= next
        })
        .collect();
    peaks.sort_unstable_by(|&one, &other| correlations[other].total_cmp(&correlations[one]));
    peaks.truncate(CANDIDATES);
    let best = peaks
        .iter()
        .map(|&lag| foretold(series, refined(&correlations, lag)))
        .max_by(|one, other| one.strength.total_cmp(&other.strength))?;
    if best.strength < FORETOLD {
        return None;
    }
    let shorter = peaks
        .into_iter()
        .chain((2..=8).map(|part| whole(best.period / to_f64(part))))
        .filter(|&lag| lag >= SHORTEST && to_f64(lag) < 0.9 * best.period)
        .map(|lag| foretold(series, refined(&correlations, lag)))
        .filter(|season| season.strength >= NEARLY * best.strength)
        .min_by(|one, other| one.period.total_cmp(&other.period));
    Some(shorter.unwrap_or(best))
}

/// Of each lag up to `longest`, that of the steps seen at both ends.
fn autocorrelation(series: &[f64], longest: usize) -> Vec<f64> {
    let seen: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
    let mean = robust::mean(&seen);
    let variance = robust::variance(series);
    let (values, weights): (Vec<f64>, Vec<f64>) = series
        .iter()
        .map(|value| {
            if value.is_nan() {
                (0.0, 0.0)
            } else {
                (value - mean, 1.0)
            }
        })
        .unzip();
    (0..=longest)
        .map(|lag| {
            let (mut sum, mut pairs) = (0.0, 0.0);
            for at in lag..values.len() {
                sum += values[at] * values[at - lag];
                pairs += weights[at] * weights[at - lag];
            }
            if pairs < 8.0 {
                return 0.0;
            }
            sum / pairs / variance
        })
        .collect()
}

/// The period to a fraction of a step, by the peak near its highest whole multiple.
fn refined(correlations: &[f64], lag: usize) -> f64 {
    let mut period = to_f64(lag);
    for multiple in 2..=correlations.len() / lag {
        let expected = whole(period * to_f64(multiple));
        if expected + 2 >= correlations.len() {
            break;
        }
        // It can be off by half a step at each multiple; where there is no peak, nothing is told.
        let peak = (expected - 1..=expected + 1).find(|&at| {
            let here = correlations[at];
            here > 0.0 && here >= correlations[at - 1] && here >= correlations[at + 1]
        });
        let Some(peak) = peak else { break };
        let finer = to_f64(peak) / to_f64(multiple);
        if (finer - to_f64(lag)).abs() > 0.5 {
            break;
        }
        period = finer;
    }
    period
}

/// The season of a period, with how well the other periods foretell each.
fn foretold(series: &[f64], period: f64) -> Season {
    let phases = whole(period).max(1);
    let mut sums = vec![(0.0, 0.0); phases];
    let seen: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
    let mean = robust::mean(&seen);
    for (step, value) in series.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        let (sum, times) = &mut sums[phase(step, period, phases)];
        *sum += value - mean;
        *times += 1.0;
    }
    let (mut missed, mut whole_of_it) = (0.0, 0.0);
    for (step, value) in series.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        let (sum, times) = sums[phase(step, period, phases)];
        let own = value - mean;
        // Without its own period; a phase seen once is foretold by the mean.
        let others = if times > 1.0 {
            (sum - own) / (times - 1.0)
        } else {
            0.0
        };
        missed += (own - others).powi(2);
        whole_of_it += own.powi(2);
    }
    let profile = sums
        .iter()
        .map(|&(sum, times)| if times > 0.0 { sum / times } else { 0.0 })
        .collect();
    let strength = (1.0 - missed / f64::max(whole_of_it, f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    Season {
        period,
        profile,
        strength,
    }
}

fn phase(step: usize, period: f64, phases: usize) -> usize {
    whole_part((to_f64(step) % period) / period * to_f64(phases)).min(phases - 1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 4,096"
)]
fn whole(steps: f64) -> usize {
    steps.round() as usize
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to 4,096"
)]
fn whole_part(steps: f64) -> usize {
    steps as usize
}
