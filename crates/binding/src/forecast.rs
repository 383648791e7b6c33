//! Forecasts, made on a thread of libuv's pool.

use std::panic::{AssertUnwindSafe, catch_unwind};

use granary_core::Error as CoreError;
use granary_core::forecast::{Forecast as CoreForecast, Model, forecast};
use napi::bindgen_prelude::{AsyncTask, Float64Array};
use napi::{Env, Error, Status, Task};
use napi_derive::napi;

/// What comes next in a series.
#[napi(object)]
pub struct NativeForecast {
    /// The model it is by.
    pub model: String,
    /// One for each sample of the horizon.
    pub point: Float64Array,
    /// Lower ends of the interval.
    pub lower: Float64Array,
    /// Upper ends of the interval.
    pub upper: Float64Array,
    /// Of the model, on the past; left out where that is too short.
    pub scaled_error: Option<f64>,
    /// Of the last value, on the same past.
    pub naive_scaled_error: Option<f64>,
    /// How many forecasts were held against the past.
    pub origins: u32,
}

/// One series to be forecast.
pub struct ForecastTask {
    values: Vec<f64>,
    season: Option<usize>,
    horizon: usize,
    level: f64,
    only: Option<String>,
}

impl Task for ForecastTask {
    type Output = CoreForecast;
    type JsValue = NativeForecast;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        let work = || {
            let only = self.only.as_deref().map(named).transpose()?;
            forecast(&self.values, self.season, self.horizon, self.level, only)
        };
        let outcome = catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|payload| Err(CoreError::from_panic(payload.as_ref())));
        outcome.map_err(|error| {
            Error::new(Status::GenericFailure, format!("{}: {error}", error.code()))
        })
    }

    fn resolve(&mut self, _: Env, forecast: Self::Output) -> napi::Result<Self::JsValue> {
        let tested = forecast.tested;
        Ok(NativeForecast {
            model: forecast.model.name().to_owned(),
            point: forecast.point.into(),
            lower: forecast.lower.into(),
            upper: forecast.upper.into(),
            scaled_error: tested.map(|tested| tested.scaled_error),
            naive_scaled_error: tested.map(|tested| tested.naive_scaled_error),
            origins: tested.map_or(0, |tested| {
                u32::try_from(tested.origins).unwrap_or(u32::MAX)
            }),
        })
    }
}

/// Forecasts a series on another thread. The values are copied before this returns.
#[napi(ts_return_type = "Promise<NativeForecast>")]
pub fn forecast_series(
    values: Float64Array,
    season: Option<u32>,
    horizon: u32,
    level: f64,
    only: Option<String>,
) -> AsyncTask<ForecastTask> {
    AsyncTask::new(ForecastTask {
        values: values.to_vec(),
        season: season.map(|season| season as usize),
        horizon: horizon as usize,
        level,
        only,
    })
}

fn named(name: &str) -> Result<Model, CoreError> {
    Model::ALL
        .into_iter()
        .find(|model| model.name() == name)
        .ok_or_else(|| CoreError::Unsupported(format!("there is no model {name:?}")))
}
