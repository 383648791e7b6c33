//! What kind of pattern a series of use follows: steady, growth, bursts or a season, each with its evidence.
//!
//! A series is evenly spaced; `NaN` stands for a step in which nothing was seen. All of it is bounded: a series
//! of n steps costs O(n²) for its autocorrelation, 0.2 ms for 512.

mod bursts;
mod season;
mod shift;
mod trend;

pub use bursts::Bursts;
pub use season::Season;
pub use shift::Shift;
pub use trend::Trend;

use crate::robust::{self, to_f64};
use crate::{Error, Result};

/// More steps are not looked at.
pub const MOST_STEPS: usize = 4_096;
/// Fewer tell nothing.
const FEWEST_STEPS: usize = 16;
/// A rise over the whole series that is less than this share of its level is of no interest.
const MATERIAL_RISE: f64 = 0.15;
/// The share of the variance around the level that a line must explain.
const EXPLAINED_BY_LINE: f64 = 0.25;
/// A step explains a series better than a line where it leaves at most this share of what the line leaves.
const STEP_OVER_LINE: f64 = 0.75;
/// A season's swing that is less than this share of the level is of no interest.
const MATERIAL_SWING: f64 = 0.05;

/// What use is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Around one level, noise included.
    Steady,
    /// A rise that goes on.
    Growth,
    /// A level, and what stands far above it for a short time.
    Burst,
    /// The same again, period after period.
    Seasonal,
}

/// What a series tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// Which of those found explains most of the series.
    pub kind: Kind,
    /// Mean of the steps in which something was seen.
    pub average: f64,
    /// How many those are.
    pub steps: usize,
    /// How use rises or falls.
    pub trend: Trend,
    /// The period, where there is one.
    pub season: Option<Season>,
    /// What stands far above the rest.
    pub bursts: Bursts,
    /// Where the level has changed for good: what is told is of what came after.
    pub shift: Option<Shift>,
}

/// Tells the pattern of an evenly spaced series.
///
/// # Errors
/// [`Error::BadInput`] for a value that is infinite, or for more than [`MOST_STEPS`] of them.
pub fn analyse(series: &[f64]) -> Result<Pattern> {
    if series.len() > MOST_STEPS {
        return Err(Error::BadInput(format!(
            "{} steps, at most {MOST_STEPS} are looked at",
            series.len()
        )));
    }
    if let Some(value) = series.iter().find(|value| value.is_infinite()) {
        return Err(Error::BadInput(format!("a step of {value}, not finite")));
    }
    let whole = look(series);
    let Some(shift) = shift::of(series, whole.trend) else {
        return Ok(whole);
    };
    // A season has shifts of its own, within each period.
    if whole.kind == Kind::Seasonal || series.len() - shift.at < FEWEST_STEPS {
        return Ok(whole);
    }
    Ok(Pattern {
        shift: Some(shift),
        ..look(&series[shift.at..])
    })
}

fn look(series: &[f64]) -> Pattern {
    let seen: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
    let average = robust::mean(&seen);
    let mut pattern = Pattern {
        kind: Kind::Steady,
        average,
        steps: seen.len(),
        trend: Trend::NONE,
        season: None,
        bursts: Bursts::NONE,
        shift: None,
    };
    if seen.len() < FEWEST_STEPS {
        return pattern;
    }
    let trend = trend::of(series);
    let level = robust::median(&mut seen.clone())
        .abs()
        .max(f64::MIN_POSITIVE);
    pattern.trend = trend;
    let without_trend = trend.removed_from(series);
    let season = season::of(&without_trend)
        .filter(|season| season.swing() >= MATERIAL_SWING * level.max(average.abs()));
    let rest = match &season {
        Some(season) => season.removed_from(&without_trend),
        None => without_trend.clone(),
    };
    pattern.bursts = bursts::of(&rest, level);
    let spread = robust::variance(series);
    let by_line = 1.0 - robust::variance(&without_trend) / spread;
    // A few bursts would hide a line from the variance.
    let clipped = pattern.bursts.removed_from(series, &rest);
    let clipped_by_line =
        1.0 - robust::variance(&trend.removed_from(&clipped)) / robust::variance(&clipped);
    let rise = trend.per_step.abs() * to_f64(series.len());
    let is_growth = trend.is_significant()
        && trend.per_step > 0.0
        && rise >= MATERIAL_RISE * level
        && by_line.max(clipped_by_line) >= EXPLAINED_BY_LINE;
    let by_season = season.as_ref().map_or(0.0, |season| {
        season.strength * robust::variance(&without_trend) / spread
    });
    pattern.kind = match (&season, is_growth) {
        (Some(_), true) if by_line > by_season => Kind::Growth,
        (Some(_), _) => Kind::Seasonal,
        (None, true) => Kind::Growth,
        (None, false) if pattern.bursts.count > 0 => Kind::Burst,
        (None, false) => Kind::Steady,
    };
    pattern.season = season;
    pattern
}
