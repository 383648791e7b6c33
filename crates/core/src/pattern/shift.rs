use super::Trend;
use crate::robust::{self, to_f64};

/// The jump must be so many standard deviations of what is within its sides, and a share of the level.
const SIGMAS: f64 = 2.5;
const MATERIAL: f64 = 0.15;
/// Steps that a side has at least, and the share of the series.
const FEWEST: usize = 8;
const SMALLEST_SHARE: f64 = 0.08;

/// Where the level has changed, once, for good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The first step at the new level.
    pub at: usize,
    /// From the level before to the one after.
    pub by: f64,
}

/// The split that leaves the least, where it leaves less than a line does.
pub(super) fn of(series: &[f64], trend: Trend) -> Option<Shift> {
    let steps = series.len();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of at most 4,096"
    )]
    let margin = FEWEST.max((SMALLEST_SHARE * to_f64(steps)) as usize);
    if steps < 2 * margin {
        return None;
    }
    let (n, sum, squares) = sums(series);
    let (mut before_n, mut before, mut before_squares) = (0.0, 0.0, 0.0);
    let mut best: Option<(f64, Shift)> = None;
    for (step, &value) in series.iter().enumerate() {
        let after_n = n - before_n;
        if step >= margin && steps - step >= margin && before_n > 0.0 && after_n > 0.0 {
            let left = before_squares - before * before / before_n + (squares - before_squares)
                - (sum - before).powi(2) / after_n;
            let by = (sum - before) / after_n - before / before_n;
            if best.is_none_or(|(least, _)| left < least) {
                best = Some((left, Shift { at: step, by }));
            }
        }
        if !value.is_nan() {
            before_n += 1.0;
            before += value;
            before_squares += value * value;
        }
    }
    let (left, shift) = best?;
    let line = Trend {
        z: f64::MAX,
        ..trend
    };
    let by_line = robust::variance(&line.removed_from(series)) * n;
    let level = (before / before_n.max(1.0)).abs();
    let sigma = (left.max(0.0) / n).sqrt();
    let is_shift = left <= super::STEP_OVER_LINE * by_line
        && shift.by.abs() >= SIGMAS * sigma
        && shift.by.abs() >= MATERIAL * level;
    is_shift.then_some(shift)
}

fn sums(series: &[f64]) -> (f64, f64, f64) {
    series
        .iter()
        .filter(|value| !value.is_nan())
        .fold((0.0, 0.0, 0.0), |(n, sum, squares), value| {
            (n + 1.0, sum + value, squares + value * value)
        })
}
