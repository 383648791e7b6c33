use crate::robust::{median, to_f64};

/// The straight line of Theil (1950) and Sen (1968) through evenly spaced values.
pub(super) struct RobustLine {
    start: f64,
    slope: f64,
}

impl RobustLine {
    /// Through two values or more. By Theil's incomplete method: each value of the first half is paired with
    /// that half of them later, which takes time by their number, not by its square.
    pub(super) fn through(values: &[f64]) -> Self {
        let later = values.len().div_ceil(2);
        let mut slopes: Vec<f64> = values[later..]
            .iter()
            .zip(values)
            .map(|(second, first)| (second - first) / to_f64(later))
            .collect();
        let slope = median(&mut slopes);
        let mut starts: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(at, value)| value - slope * to_f64(at))
            .collect();
        let start = median(&mut starts);
        Self { start, slope }
    }

    /// Its value at an index, which may be behind the values.
    pub(super) fn at(&self, index: usize) -> f64 {
        self.start + self.slope * to_f64(index)
    }
}
