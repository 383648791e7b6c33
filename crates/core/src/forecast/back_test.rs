use super::Tested;
use super::candidate::{Candidate, Model};
use super::decomposition::Decomposition;
use crate::robust::to_f64;

/// Origins that are forecast from, at most.
const ORIGINS: usize = 20;
/// With fewer, chance would choose.
const FEWEST_ORIGINS: usize = 4;
/// What the first origin has behind it at least.
const FEWEST_SAMPLES: usize = 6;

/// Candidates that forecast from a rolling origin what came after, over the last third of a series.
pub(super) struct BackTest {
    candidates: Vec<Candidate>,
    /// For each candidate, by origin, of each step: what came, less what was forecast. None where it could
    /// not forecast from each of the origins.
    errors: Vec<Option<Vec<Vec<f64>>>>,
}

impl BackTest {
    /// None where the series is too short.
    ///
    /// The season is taken from what was before the first origin, once: decomposing costs more than all else.
    pub(super) fn run(
        values: &[f64],
        season: Option<usize>,
        horizon: usize,
        candidates: &[Candidate],
        floor: f64,
    ) -> Option<Self> {
        let count = values.len();
        // Beyond a third of the past, errors are not seen but extended, see `Interval`.
        let horizon = horizon.min(count / 3).max(1);
        let room = count.checked_sub(horizon + FEWEST_SAMPLES)?;
        let span = (count / 3).max(horizon + ORIGINS) - horizon;
        let stride = (span / ORIGINS).max(1);
        let origins = ORIGINS.min(room / stride + 1);
        if origins < FEWEST_ORIGINS {
            return None;
        }
        let first = count - horizon - stride * (origins - 1);
        let decomposition = Decomposition::of(&values[..first], season);
        let errors = candidates
            .iter()
            .map(|candidate| {
                (0..origins)
                    .map(|origin| {
                        let at = first + origin * stride;
                        let point = candidate.forecast(
                            &values[..at],
                            decomposition.as_ref(),
                            season,
                            horizon,
                        )?;
                        point
                            .iter()
                            .zip(&values[at..])
                            .map(|(forecast, came)| {
                                let error = came - forecast.max(floor);
                                error.is_finite().then_some(error)
                            })
                            .collect()
                    })
                    .collect()
            })
            .collect();
        Some(Self {
            candidates: candidates.to_vec(),
            errors,
        })
    }

    /// Candidates by their mean absolute error, the smallest first; of `only` that model, where it is named.
    pub(super) fn order(&self, only: Option<Model>) -> Vec<usize> {
        let mut order: Vec<(usize, f64)> = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(_, candidate)| only.is_none_or(|only| candidate.model() == only))
            .filter_map(|(index, _)| Some((index, mean_absolute(self.errors_of(index)?))))
            .collect();
        order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        order.into_iter().map(|(index, _)| index).collect()
    }

    /// What came less what was forecast, by origin and step.
    pub(super) fn errors_of(&self, index: usize) -> Option<&[Vec<f64>]> {
        self.errors[index].as_deref()
    }

    /// How the candidate did, and naive.
    pub(super) fn tested(&self, index: usize, values: &[f64]) -> Option<Tested> {
        let own = self.errors_of(index)?;
        let naive = self.errors_of(0)?;
        let steps: f64 = values.windows(2).map(|two| (two[1] - two[0]).abs()).sum();
        let scale = steps / to_f64(values.len() - 1);
        // Where nothing ever changed, there is no error either.
        let scaled = |error: f64| if scale > 0.0 { error / scale } else { 0.0 };
        Some(Tested {
            scaled_error: scaled(mean_absolute(own)),
            naive_scaled_error: scaled(mean_absolute(naive)),
            origins: own.len(),
        })
    }
}

fn mean_absolute(errors: &[Vec<f64>]) -> f64 {
    let (sum, count) = errors
        .iter()
        .flatten()
        .fold((0.0, 0), |(sum, count), error| {
            (sum + error.abs(), count + 1)
        });
    sum / to_f64(count)
}
