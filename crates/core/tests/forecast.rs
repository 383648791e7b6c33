//! Forecasts of series whose continuation is known, and of any series at all.
#![cfg(not(loom))]

use granary_core::Error;
use granary_core::forecast::{Forecast, Model, forecast};
use proptest::prelude::*;

const SEASON: usize = 24;

/// Evenly distributed from -1 to 1; the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bits = u32::try_from(self.0 >> 33).expect("31 bits");
        f64::from(bits) / f64::from(1_u32 << 30) - 1.0
    }
}

fn series(count: u32, noise: f64, value: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut random = Noise(7);
    (0..count)
        .map(|at| value(f64::from(at)) + noise * random.next())
        .collect()
}

fn season(at: f64) -> f64 {
    100.0 + 40.0 * (at / 24.0 * std::f64::consts::TAU).sin()
}

fn of(values: &[f64], season: Option<usize>, horizon: usize) -> Forecast {
    forecast(values, season, horizon, 0.9, None).expect("a series that may be forecast")
}

fn mean_error(forecast: &Forecast, truth: &[f64]) -> f64 {
    let sum: f64 = forecast
        .point
        .iter()
        .zip(truth)
        .map(|(a, b)| (a - b).abs())
        .sum();
    sum / f64::from(u32::try_from(truth.len()).expect("few"))
}

#[test]
fn a_season_is_forecast_far_better_than_by_the_last_value() {
    let values = series(480, 4.0, season);
    let (past, truth) = values.split_at(456);
    let found = of(past, Some(SEASON), SEASON);
    assert!(
        matches!(
            found.model,
            Model::Mstl | Model::SeasonalMedian | Model::SeasonalNaive
        ),
        "{:?}",
        found.model
    );
    let naive = forecast(past, Some(SEASON), SEASON, 0.9, Some(Model::Naive)).expect("naive");
    assert!(mean_error(&found, truth) < 0.2 * mean_error(&naive, truth));
    let tested = found.tested.expect("a long series");
    assert!(tested.scaled_error < 0.3 * tested.naive_scaled_error);
}

#[test]
fn growth_is_followed_and_a_level_is_kept() {
    let values = series(300, 1.0, |at| 50.0 + at);
    let found = of(&values[..288], None, 12);
    assert_eq!(found.model, Model::RobustLine);
    assert!(mean_error(&found, &values[288..]) < 1.5);

    // One peak in 20 moves neither a median nor what is chosen.
    let spiky = series(300, 1.0, |at| if at % 20.0 > 18.5 { 900.0 } else { 50.0 });
    let found = of(&spiky, None, 12);
    assert_eq!(found.model, Model::RobustLevel);
    assert!(
        found
            .point
            .iter()
            .all(|value| (49.0..=51.0).contains(value))
    );
}

#[test]
fn what_is_a_random_walk_is_left_to_the_last_value_or_what_did_no_worse() {
    let mut random = Noise(11);
    let mut level = 1_000.0;
    for _ in 0..20 {
        let walk: Vec<f64> = (0..200)
            .map(|_| {
                level += random.next();
                level
            })
            .collect();
        let tested = of(&walk, Some(SEASON), 12).tested.expect("a long series");
        assert!(tested.scaled_error <= tested.naive_scaled_error);
    }
}

#[test]
fn the_interval_holds_about_the_share_that_was_asked_for() {
    for (level, least, most) in [(0.5, 0.4, 0.75), (0.9, 0.85, 0.99)] {
        let values = series(1_400, 10.0, season);
        let (mut held, mut all) = (0.0, 0.0);
        for at in (400..1_380).step_by(40) {
            let found =
                forecast(&values[..at], Some(SEASON), 20, level, None).expect("a long series");
            for (step, truth) in values[at..at + 20].iter().enumerate() {
                all += 1.0;
                held += f64::from(u8::from(
                    (found.lower[step]..=found.upper[step]).contains(truth),
                ));
            }
        }
        let share = held / all;
        assert!(
            (least..=most).contains(&share),
            "{share} of the samples are in an interval of {level}"
        );
    }
}

#[test]
fn short_series_and_constants_are_forecast_by_the_last_value() {
    for count in 1..=9 {
        let values = vec![7.0e9; count];
        let found = of(&values, Some(4), 5);
        assert_eq!((found.model, found.tested), (Model::Naive, None));
        assert_eq!(found.point, vec![7.0e9; 5]);
        // Nothing is known of what it may do.
        assert!(
            found
                .lower
                .iter()
                .zip(&found.upper)
                .all(|(lower, upper)| { *lower == 0.0 && *upper >= 1.4e10 })
        );
    }
    let found = of(&[3.0; 500], Some(12), 5);
    assert_eq!(found.model, Model::Naive);
    assert_eq!((&found.point, &found.upper), (&found.lower, &vec![3.0; 5]));
    let tested = found.tested.expect("a long series");
    assert!(tested.scaled_error == 0.0 && tested.naive_scaled_error == 0.0);
}

#[test]
fn one_model_may_be_asked_for_and_the_last_value_stands_in() {
    let values = series(300, 4.0, season);
    for model in Model::ALL {
        let found = forecast(&values, Some(SEASON), 6, 0.9, Some(model)).expect("a long series");
        assert_eq!(found.model, model);
    }
    let without = forecast(&values, None, 6, 0.9, Some(Model::Mstl)).expect("a long series");
    assert_eq!(without.model, Model::Naive);
    let short = forecast(&values[..8], None, 6, 0.9, Some(Model::Ets)).expect("a short series");
    assert_eq!((short.model, short.tested), (Model::Ets, None));
}

#[test]
fn a_week_of_samples_is_a_season_and_a_year_of_seconds_costs_no_more() {
    let week = 2_016;
    let values = series(4 * 2_016, 1.0, |at| {
        if at % 2_016.0 < 1_440.0 { 80.0 } else { 10.0 }
    });
    let found = of(&values, Some(week), week);
    assert!(found.tested.is_some());
    let long: Vec<f64> = values.iter().copied().cycle().take(1_000_000).collect();
    assert_eq!(
        of(&long, None, 10),
        of(&long[long.len() - 2_048..], None, 10)
    );
}

#[test]
fn what_is_no_number_or_out_of_bounds_is_refused_by_name() {
    let refused = |values: &[f64], season, horizon, level| match forecast(
        values, season, horizon, level, None,
    ) {
        Err(Error::OutOfRange { name, .. }) => name,
        other => panic!("{other:?} is no refusal"),
    };
    assert_eq!(refused(&[], None, 1, 0.9), "values.length");
    assert_eq!(refused(&[1.0, f64::NAN], None, 1, 0.9), "values");
    assert_eq!(refused(&[f64::INFINITY], None, 1, 0.9), "values");
    assert_eq!(refused(&[-1e151], None, 1, 0.9), "values");
    assert_eq!(refused(&[1.0], Some(1), 1, 0.9), "season");
    assert_eq!(refused(&[1.0], None, 0, 0.9), "horizon");
    assert_eq!(refused(&[1.0], None, 4_097, 0.9), "horizon");
    for level in [0.0, 1.0, f64::NAN] {
        assert_eq!(refused(&[1.0], None, 1, level), "level");
    }
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -10.0..10.0,
        2 => Just(0.0),
        1 => -1e150..1e150,
        1 => prop_oneof![Just(5e-324), Just(1e150), Just(-1e150), Just(1e-300), Just(-0.0)],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_series_has_a_forecast_that_is_whole(
        values in prop::collection::vec(any_value(), 1..120),
        repeated in any::<bool>(),
        season in prop::option::of(2_usize..40),
        horizon in 1_usize..50,
        level in 0.01..0.99,
        only in prop::option::of(prop::sample::select(Model::ALL.to_vec())),
    ) {
        let values = if repeated { values.repeat(3) } else { values };
        let found = forecast(&values, season, horizon, level, only).expect("within bounds");
        prop_assert_eq!(found.point.len(), horizon);
        prop_assert_eq!((found.lower.len(), found.upper.len()), (horizon, horizon));
        let never_negative = values.iter().all(|value| *value >= 0.0);
        for step in 0..horizon {
            let (lower, point, upper) = (found.lower[step], found.point[step], found.upper[step]);
            prop_assert!(lower.is_finite() && upper.is_finite());
            prop_assert!(lower <= point && point <= upper, "{lower} {point} {upper}");
            prop_assert!(!never_negative || lower >= 0.0);
        }
        if let (Some(tested), None) = (found.tested, only) {
            prop_assert!(tested.scaled_error <= tested.naive_scaled_error);
        }
    }
}
