//! What a series is likely to do next, with an interval.
//!
//! Models compete on the series' own recent past ([`back_test`]): each forecasts from several origins what
//! came after, knowing only what was before. The one with the smallest mean absolute error is used, and its
//! errors there give the interval. The last value is one of the models and wins ties, so that none is used
//! that did worse than it.

mod back_test;
mod candidate;
mod decomposition;
mod interval;
mod robust_line;

use crate::error::{Error, Result};
use back_test::BackTest;
pub use candidate::Model;
use candidate::{Candidate, candidates};
use decomposition::Decomposition;
use interval::Interval;

/// Older samples than these are not looked at, unless a season needs them.
const SAMPLES: usize = 2_048;
/// Nor more than these, whatever the season.
const MOST_SAMPLES: usize = 8_192;
/// Seasons that are kept.
const SEASONS: usize = 4;
/// So that differences and products of values stay finite.
const LARGEST_VALUE: f64 = 1e150;
/// The longest horizon and season, samples.
pub const LONGEST: usize = 4_096;

/// What is to be expected of the samples that come next.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Which model it is by.
    pub model: Model,
    /// As likely to be exceeded as not; one for each sample of the horizon, as the others.
    pub point: Vec<f64>,
    /// Lower end of the interval.
    pub lower: Vec<f64>,
    /// Upper end of the interval.
    pub upper: Vec<f64>,
    /// How the models did on the past; none where it is too short for that.
    pub tested: Option<Tested>,
}

/// Errors on the series' own past.
///
/// Mean absolute errors over those of one-step naive forecasts (Hyndman & Koehler, 2006).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// Of the model.
    pub scaled_error: f64,
    /// Of the last value, over the same samples.
    pub naive_scaled_error: f64,
    /// From how many origins.
    pub origins: usize,
}

/// Forecasts the `horizon` samples behind `values`, which are evenly spaced and ordered by time.
///
/// Of `values` the newest 2,048 are looked at, or those of four seasons, 8,192 at most. `season` is in samples;
/// `level` is the share of samples that the interval is to hold. What was never negative is not forecast to
/// be. `only` asks for one model whatever the back-test says of it; where it has nothing to say (no season,
/// too short a past), the last value stands in.
///
/// # Errors
///
/// [`Error::OutOfRange`] where there is no value, one that is not finite or beyond ±1e150, or an option
/// outside of its bounds.
pub fn forecast(
    values: &[f64],
    season: Option<usize>,
    horizon: usize,
    level: f64,
    only: Option<Model>,
) -> Result<Forecast> {
    check(values, season, horizon, level)?;
    let wanted = season.map_or(0, |season| SEASONS * season + horizon);
    let kept = values.len().min(wanted.clamp(SAMPLES, MOST_SAMPLES));
    let (values, measure) = Measure::of(&values[values.len() - kept..]);
    let mut asked = candidates(season);
    if let Some(only) = only {
        asked.retain(|each| each.model() == only || *each == Candidate::NAIVE);
    }
    let test = BackTest::run(&values, season, horizon, &asked, measure.floor);
    let (chosen, mut point) = ranked(test.as_ref(), &asked, only)
        .into_iter()
        .find_map(|index| {
            let whole = (asked[index].model() == Model::Mstl)
                .then(|| Decomposition::of(&values, season))
                .flatten();
            let point = asked[index].forecast(&values, whole.as_ref(), season, horizon)?;
            let is_whole = point.iter().all(|value| value.is_finite());
            is_whole.then_some((index, point))
        })
        .unwrap_or_else(|| (0, vec![values[values.len() - 1]; horizon]));
    measure.hold(&mut point);
    let errors = test.as_ref().and_then(|test| test.errors_of(chosen));
    let interval = errors.map_or_else(
        || Interval::untested(&values, (measure.center / measure.size).abs()),
        |errors| Interval::of(errors, level),
    );
    let (mut lower, mut upper) = interval.around(&point);
    measure.hold(&mut lower);
    measure.hold(&mut upper);
    let back = |scaled: Vec<f64>| scaled.into_iter().map(|each| measure.back(each)).collect();
    Ok(Forecast {
        model: asked[chosen].model(),
        point: back(point),
        lower: back(lower),
        upper: back(upper),
        tested: test.as_ref().and_then(|test| test.tested(chosen, &values)),
    })
}

/// Indexes of the candidates, the best first; those of `only` that could not be tested are the last.
fn ranked(test: Option<&BackTest>, asked: &[Candidate], only: Option<Model>) -> Vec<usize> {
    let mut order = test.map_or_else(Vec::new, |test| test.order(only));
    for (index, candidate) in asked.iter().enumerate() {
        if Some(candidate.model()) == only && !order.contains(&index) {
            order.push(index);
        }
    }
    order
}

/// How values are held while they are worked with: about their median, from -1 to 1. Smoothing is done in
/// `f32`, which knows no more than 7 digits.
struct Measure {
    center: f64,
    size: f64,
    /// What forecasts do not go below.
    floor: f64,
}

impl Measure {
    fn of(values: &[f64]) -> (Vec<f64>, Self) {
        let center = crate::robust::median(&mut values.to_vec());
        let size = values
            .iter()
            .fold(0.0_f64, |most, value| most.max((value - center).abs()));
        let size = if size > 0.0 { size } else { 1.0 };
        let scaled: Vec<f64> = values.iter().map(|value| (value - center) / size).collect();
        let floor = if values.iter().all(|&value| value >= 0.0) {
            -center / size
        } else {
            f64::NEG_INFINITY
        };
        let measure = Self {
            center,
            size,
            floor,
        };
        (scaled, measure)
    }

    fn hold(&self, scaled: &mut [f64]) {
        for each in scaled {
            *each = each.max(self.floor);
        }
    }

    fn back(&self, scaled: f64) -> f64 {
        let value = self.center + scaled * self.size;
        // The floor, but for what rounding does to it.
        if self.floor > f64::NEG_INFINITY {
            value.max(0.0)
        } else {
            value
        }
    }
}

fn check(values: &[f64], season: Option<usize>, horizon: usize, level: f64) -> Result<()> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "only as large as what JS can hand over"
    )]
    let within = |name, value: usize, min: usize, max: usize| {
        if (min..=max).contains(&value) {
            return Ok(());
        }
        Err(Error::OutOfRange {
            name,
            value: value as f64,
            min: min as f64,
            max: max as f64,
        })
    };
    within("values.length", values.len(), 1, usize::MAX)?;
    within("horizon", horizon, 1, LONGEST)?;
    if let Some(season) = season {
        within("season", season, 2, LONGEST)?;
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(Error::OutOfRange {
            name: "level",
            value: level,
            min: 0.0,
            max: 1.0,
        });
    }
    let is_bad = |value: &&f64| value.is_nan() || value.abs() > LARGEST_VALUE;
    match values.iter().find(is_bad) {
        None => Ok(()),
        Some(&value) => Err(Error::OutOfRange {
            name: "values",
            value,
            min: -LARGEST_VALUE,
            max: LARGEST_VALUE,
        }),
    }
}
