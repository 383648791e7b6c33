use augurs_core::Fit;
use augurs_mstl::MSTLModel;

/// What a season adds to each of its samples, by MSTL (Bandara, Hyndman & Bergmeir, 2021).
///
/// It knows the past that it was made of, and may be taken off a longer one that begins alike.
pub(super) struct Decomposition {
    /// By index modulo the season.
    season: Vec<f64>,
}

impl Decomposition {
    /// None where there is no season, or the past does not hold two.
    pub(super) fn of(past: &[f64], season: Option<usize>) -> Option<Self> {
        let season = season.filter(|&season| past.len() >= 2 * season)?;
        let fitted = MSTLModel::naive(vec![season]).fit(past).ok()?;
        let component = fitted.fit().seasonal().first()?;
        let newest = component.len() - season;
        let mut by_phase = vec![0.0; season];
        for (at, &value) in component.iter().enumerate().skip(newest) {
            by_phase[at % season] = f64::from(value);
        }
        by_phase
            .iter()
            .all(|value| value.is_finite())
            .then_some(Self { season: by_phase })
    }

    /// What it adds to the sample of that index.
    pub(super) fn at(&self, index: usize) -> f64 {
        self.season[index % self.season.len()]
    }

    /// The newest `window` samples of a past without it, or all where there are fewer.
    pub(super) fn taken_off(&self, past: &[f64], window: usize) -> Vec<f64> {
        let from = past.len().saturating_sub(window);
        (from..past.len())
            .map(|at| past[at] - self.at(at))
            .collect()
    }
}
