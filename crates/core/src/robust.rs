//! Statistics of samples; most of them are not moved by single outliers. `NaN` stands for what was not seen.

/// Of a normal distribution, the standard deviation in median absolute deviations.
const MAD_TO_SIGMA: f64 = 1.4826;

pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.iter().sum::<f64>() / to_f64(values.len())
}

/// The middle value, 0 of none; reorders them.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let (count, half) = (values.len(), values.len() / 2);
    let (below, &mut middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if count % 2 == 1 {
        return middle;
    }
    let before = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    f64::midpoint(before, middle)
}

/// Sorts them; linear between two.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let place = share * to_f64(values.len() - 1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the last place"
    )]
    let (low, part) = (place as usize, place.fract());
    let high = (low + 1).min(values.len() - 1);
    values[low] + part * (values[high] - values[low])
}

/// Of the steps in which something was seen.
pub(crate) fn variance(series: &[f64]) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in series.iter().filter(|value| !value.is_nan()) {
        n += 1.0;
        sum += value;
    }
    if n < 2.0 {
        return f64::MIN_POSITIVE;
    }
    for value in series.iter().filter(|value| !value.is_nan()) {
        squares += (value - sum / n).powi(2);
    }
    (squares / n).max(f64::MIN_POSITIVE)
}

/// Median, and the standard deviation that the middle half tells.
pub(crate) fn center_and_scale(series: &[f64]) -> (f64, f64) {
    let mut values: Vec<f64> = series.iter().copied().filter(|v| !v.is_nan()).collect();
    let center = median(&mut values);
    for value in &mut values {
        *value = (*value - center).abs();
    }
    (center, MAD_TO_SIGMA * median(&mut values))
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples")]
pub(crate) fn to_f64(count: usize) -> f64 {
    count as f64
}
