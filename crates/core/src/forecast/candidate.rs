//! The models, each with the windows that it may look at.

use augurs_core::Predict;
use augurs_ets::model::{ErrorComponent, ModelType, SeasonalComponent, TrendComponent, Unfit};

use super::decomposition::Decomposition;
use super::robust_line::RobustLine;
use crate::robust::median;

/// What a forecast is made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// The last value.
    Naive,
    /// The value of a season ago.
    SeasonalNaive,
    /// The median of the values of one, two and three seasons ago.
    SeasonalMedian,
    /// The median of the last values.
    RobustLevel,
    /// The line of Theil and Sen through the last values, by Theil’s incomplete method.
    RobustLine,
    /// Exponential smoothing, ETS(A,N,N), fitted by likelihood.
    Ets,
    /// One of the others without the season, which is taken off by MSTL and added again.
    Mstl,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Naive,
        Self::SeasonalNaive,
        Self::SeasonalMedian,
        Self::RobustLevel,
        Self::RobustLine,
        Self::Ets,
        Self::Mstl,
    ];

    /// As JS knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::SeasonalNaive => "seasonal-naive",
            Self::SeasonalMedian => "seasonal-median",
            Self::RobustLevel => "robust-level",
            Self::RobustLine => "robust-line",
            Self::Ets => "ets",
            Self::Mstl => "mstl",
        }
    }
}

/// Of samples: the levels that are tried.
const LEVEL_WINDOWS: [usize; 4] = [6, 24, 96, LONGEST_WINDOW];
const LONGEST_WINDOW: usize = 384;
/// Of samples: the lines that are tried.
const LINE_WINDOWS: [usize; 3] = [24, 96, LONGEST_WINDOW];
/// Exponential smoothing forgets: older samples change its level by nothing, and its cost by their number.
const ETS_WINDOW: usize = 128;
/// Of Nelder and Mead's method, for two numbers.
const ETS_ITERATIONS: usize = 60;
/// Seasons whose median is taken.
const MEDIAN_SEASONS: usize = 3;

/// What knows of no season.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Naive,
    Level(usize),
    Line(usize),
    Ets,
}

/// A model with its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Candidate {
    Plain(Base),
    SeasonalNaive,
    SeasonalMedian,
    Deseasonalised(Base),
}

/// The first of them is naive, which so wins ties; simple ones go before costly ones.
pub(super) fn candidates(season: Option<usize>) -> Vec<Candidate> {
    let bases = || {
        std::iter::once(Base::Naive)
            .chain(LEVEL_WINDOWS.map(Base::Level))
            .chain(LINE_WINDOWS.map(Base::Line))
            .chain(std::iter::once(Base::Ets))
    };
    let mut all: Vec<Candidate> = bases().map(Candidate::Plain).collect();
    if season.is_some() {
        all.extend([Candidate::SeasonalNaive, Candidate::SeasonalMedian]);
        all.extend(bases().map(Candidate::Deseasonalised));
    }
    all
}

impl Candidate {
    pub(super) const NAIVE: Self = Self::Plain(Base::Naive);

    pub(super) fn model(self) -> Model {
        match self {
            Self::Plain(Base::Naive) => Model::Naive,
            Self::Plain(Base::Level(_)) => Model::RobustLevel,
            Self::Plain(Base::Line(_)) => Model::RobustLine,
            Self::Plain(Base::Ets) => Model::Ets,
            Self::SeasonalNaive => Model::SeasonalNaive,
            Self::SeasonalMedian => Model::SeasonalMedian,
            Self::Deseasonalised(_) => Model::Mstl,
        }
    }

    /// Forecasts from the end of `past`; none where it is too short. The decomposition may be of an earlier
    /// end of the same past.
    pub(super) fn forecast(
        self,
        past: &[f64],
        decomposition: Option<&Decomposition>,
        season: Option<usize>,
        horizon: usize,
    ) -> Option<Vec<f64>> {
        match self {
            Self::Plain(base) => base.forecast(past, horizon),
            Self::SeasonalNaive => seasons_ago(past, season?, 1, horizon),
            Self::SeasonalMedian => seasons_ago(past, season?, MEDIAN_SEASONS, horizon),
            Self::Deseasonalised(base) => {
                let decomposition = decomposition?;
                let newest = decomposition.taken_off(past, LONGEST_WINDOW);
                let mut point = base.forecast(&newest, horizon)?;
                for (step, value) in point.iter_mut().enumerate() {
                    *value += decomposition.at(past.len() + step);
                }
                Some(point)
            }
        }
    }
}

impl Base {
    fn forecast(self, past: &[f64], horizon: usize) -> Option<Vec<f64>> {
        let last = |window: usize| &past[past.len() - window..];
        match self {
            Self::Naive => Some(vec![*past.last()?; horizon]),
            // A window that is not full is that of another candidate.
            Self::Level(window) | Self::Line(window) if past.len() < window => None,
            Self::Level(window) => Some(vec![median(&mut last(window).to_vec()); horizon]),
            Self::Line(window) => {
                let line = RobustLine::through(last(window));
                Some((window..window + horizon).map(|at| line.at(at)).collect())
            }
            Self::Ets => smoothed(last(past.len().min(ETS_WINDOW)), horizon),
        }
    }
}

fn smoothed(past: &[f64], horizon: usize) -> Option<Vec<f64>> {
    let kind = ModelType {
        error: ErrorComponent::Additive,
        trend: TrendComponent::None,
        season: SeasonalComponent::None,
    };
    // It needs some more samples than it has parameters.
    if past.len() < 8 {
        return None;
    }
    let fitted = Unfit::new(kind)
        .max_iterations(ETS_ITERATIONS)
        .fit(past)
        .ok()?;
    Some(fitted.predict(horizon, None).ok()?.point)
}

fn seasons_ago(past: &[f64], season: usize, seasons: usize, horizon: usize) -> Option<Vec<f64>> {
    let begin = past.len().checked_sub(seasons * season)?;
    let at = |step: usize| {
        let mut same: Vec<f64> = (0..seasons)
            .map(|cycle| past[begin + cycle * season + step % season])
            .collect();
        median(&mut same)
    };
    Some((0..horizon).map(at).collect())
}
