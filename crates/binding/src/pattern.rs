//! Patterns of series of use, told on a thread of libuv's pool.

use std::panic::{AssertUnwindSafe, catch_unwind};

use granary_core::Error as CoreError;
use granary_core::pattern::{self, Kind, Pattern};
use napi::bindgen_prelude::{AsyncTask, Float64Array};
use napi::{Env, Error, Status, Task};
use napi_derive::napi;

/// What a series tells; times and slopes in its steps.
#[napi(object)]
pub struct NativePattern {
    /// `steady`, `growth`, `burst` or `seasonal`.
    pub kind: String,
    /// Mean of what was seen.
    pub average: f64,
    /// How many steps that was.
    pub steps: u32,
    /// Median slope a step.
    pub trend: f64,
    /// Half the width of its interval of 95 %.
    pub trend_error: f64,
    /// Statistic of Mann-Kendall's test.
    pub trend_z: f64,
    /// Steps of a period.
    pub period: Option<f64>,
    /// Mean of each step of the period, less that of all.
    pub profile: Option<Vec<f64>>,
    /// Share of variance that the other periods foretell.
    pub season_strength: Option<f64>,
    /// How many bursts there are.
    pub bursts: u32,
    /// Share of steps that are part of one.
    pub burst_share: f64,
    /// How far the highest stands above the middle.
    pub burst_height: f64,
    /// The first step after the level has changed.
    pub shift_at: Option<u32>,
    /// By how much it has.
    pub shift_by: Option<f64>,
}

/// A batch of series.
pub struct PatternTask {
    batch: Vec<Vec<f64>>,
}

impl Task for PatternTask {
    type Output = Vec<Pattern>;
    type JsValue = Vec<NativePattern>;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = || {
            let series = self.batch.iter();
            series.map(|series| pattern::analyse(series)).collect()
        };
        let outcome: Result<Self::Output, CoreError> = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|payload| Err(CoreError::from_panic(payload.as_ref())));
        outcome.map_err(|error| {
            Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
        })
    }

    fn resolve(&mut self, _: Env, patterns: Self::Output) -> napi::Result<Self::JsValue> {
        Ok(patterns.into_iter().map(to_js).collect())
    }
}

/// Tells the pattern of each of some evenly spaced series, `NaN` where nothing was seen, on another thread.
#[napi(ts_return_type = "Promise<Array<NativePattern>>")]
pub fn analyse_patterns(batch: Vec<Float64Array>) -> AsyncTask<PatternTask> {
    let batch = batch.iter().map(|series| series.to_vec()).collect();
    AsyncTask::new(PatternTask { batch })
}

fn to_js(pattern: Pattern) -> NativePattern {
    let kind = match pattern.kind {
        Kind::Steady => "steady",
        Kind::Growth => "growth",
        Kind::Burst => "burst",
        Kind::Seasonal => "seasonal",
    };
    let season = pattern.season;
    NativePattern {
        kind: kind.to_owned(),
        average: pattern.average,
        steps: to_u32(pattern.steps),
        trend: pattern.trend.per_step,
        trend_error: pattern.trend.error,
        trend_z: pattern.trend.z,
        period: season.as_ref().map(|season| season.period),
        season_strength: season.as_ref().map(|season| season.strength),
        profile: season.map(|season| season.profile),
        bursts: to_u32(pattern.bursts.count),
        burst_share: pattern.bursts.share,
        burst_height: pattern.bursts.height,
        shift_at: pattern.shift.map(|shift| to_u32(shift.at)),
        shift_by: pattern.shift.map(|shift| shift.by),
    }
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
