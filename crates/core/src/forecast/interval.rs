use crate::robust::to_f64;

/// How far from a forecast the truth may be, by step.
///
/// Quantiles of the errors that the model made on the past, as split conformal prediction has them (Vovk,
/// Gammerman & Shafer, 2005): no distribution is assumed. Samples of a series are not exchangeable, so that
/// the level is an aim and no promise; see `coverage` in `bench:forecast`.
pub(super) struct Interval {
    /// Of each step that was tested: what is added at the lower and at the upper end.
    reaches: Vec<(f64, f64)>,
}

impl Interval {
    /// `errors` are by origin and step, one of each at least.
    pub(super) fn of(errors: &[Vec<f64>], level: f64) -> Self {
        let steps = errors[0].len();
        // Steps about as far ahead err about as much, and one alone has few errors.
        let mut reaches = Vec::with_capacity(steps);
        while reaches.len() < steps {
            let near = reaches.len()..(2 * reaches.len() + 1).min(steps);
            let mut pool: Vec<f64> = errors
                .iter()
                .flat_map(|origin| &origin[near.clone()])
                .copied()
                .collect();
            pool.sort_unstable_by(f64::total_cmp);
            // Of n errors, the next one is below the k-th with a probability of k / (n + 1).
            let count = to_f64(pool.len());
            let share = (f64::midpoint(1.0, level) * (count + 1.0) / count).min(1.0);
            let (lower, upper) = (quantile(&pool, 1.0 - share), quantile(&pool, share));
            reaches.resize(near.end, (lower.min(0.0), upper.max(0.0)));
        }
        Self { reaches }
    }

    /// Of a series that is too short to be tested: as wide as all that is known of it, its distance from 0
    /// included.
    pub(super) fn untested(values: &[f64], size: f64) -> Self {
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let reach = (most - least).max(size);
        Self {
            reaches: vec![(-reach, reach)],
        }
    }

    /// The lower and the upper ends. Behind the steps that were tested it widens as a random walk does.
    pub(super) fn around(&self, point: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let tested = self.reaches.len();
        point
            .iter()
            .enumerate()
            .map(|(step, value)| {
                let (lower, upper) = self.reaches[step.min(tested - 1)];
                let wider = (to_f64(step + 1) / to_f64(tested)).sqrt().max(1.0);
                (value + lower * wider, value + upper * wider)
            })
            .unzip()
    }
}

/// Of sorted values, one at least.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to the number of values"
    )]
    let below = (share * to_f64(last)) as usize;
    let part = share * to_f64(last) - to_f64(below);
    let (at, next) = (sorted[below], sorted[(below + 1).min(last)]);
    at + (next - at) * part
}
