use crate::robust::{self, to_f64};

/// How far above the middle a burst stands, in robust standard deviations and as a share of the level.
const SIGMAS: f64 = 6.0;
const MATERIAL: f64 = 0.3;
/// What is high for longer is not a burst, but a level.
const LARGEST_SHARE: f64 = 0.2;
/// Where the upper side of the middle is taken: noise may be skewed, and a fifth may be bursts.
const UPPER: f64 = 0.75;
/// That quantile of a normal distribution.
const UPPER_SIGMAS: f64 = 0.6745;

/// What stands far above the level for a short time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bursts {
    /// How many there are; steps that follow each other are one.
    pub count: usize,
    /// The share of steps that are part of one.
    pub share: f64,
    /// How far the highest stands above the middle.
    pub height: f64,
    /// How far above the middle a burst begins.
    pub threshold: f64,
}

impl Bursts {
    pub(super) const NONE: Self = Self {
        count: 0,
        share: 0.0,
        height: 0.0,
        threshold: 0.0,
    };

    /// The series without the steps that are part of one, told by `rest`, in which they were found.
    pub(super) fn removed_from(&self, series: &[f64], rest: &[f64]) -> Vec<f64> {
        if self.count == 0 {
            return series.to_vec();
        }
        let (center, _) = robust::center_and_scale(rest);
        series
            .iter()
            .zip(rest)
            .map(|(value, rest)| {
                if rest - center > self.threshold {
                    f64::NAN
                } else {
                    *value
                }
            })
            .collect()
    }
}

pub(super) fn of(series: &[f64], level: f64) -> Bursts {
    let (center, mad) = robust::center_and_scale(series);
    let mut seen: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
    let upper = (robust::quantile(&mut seen, UPPER) - center) / UPPER_SIGMAS;
    let threshold = (SIGMAS * mad.max(upper)).max(MATERIAL * level);
    let mut bursts = Bursts {
        threshold,
        ..Bursts::NONE
    };
    let (mut high, mut was_high) = (0, false);
    for value in series.iter().filter(|value| !value.is_nan()) {
        let is_high = value - center > threshold;
        if is_high {
            high += 1;
            bursts.height = bursts.height.max(value - center);
            bursts.count += usize::from(!was_high);
        }
        was_high = is_high;
    }
    bursts.share = to_f64(high) / to_f64(seen.len().max(1));
    if bursts.share > LARGEST_SHARE {
        return Bursts {
            threshold,
            ..Bursts::NONE
        };
    }
    bursts
}
