//! From many measurements to the few numbers that stand for them.

/// What many measurements of one thing come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub median: f64,
    /// 99 in a hundred are not above it.
    pub p99: f64,
    /// How far apart the middle half of the measurements lies, as a part of the median.
    pub spread: f64,
}

/// Above this the machine was too busy with other things for the figure to be relied on.
pub const NOISY: f64 = 0.2;

impl Summary {
    pub fn of(measurements: impl IntoIterator<Item = f64>) -> Summary {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        assert!(!sorted.is_empty(), "nothing was measured");
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5);
        let between = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        // Of nothing there is no part.
        let spread = if median.abs() < f64::EPSILON { 0.0 } else { (between / median).abs() };
        Summary { median, p99: quantile(&sorted, 0.99), spread }
    }

    /// For what is the same each time.
    pub fn exact(value: f64) -> Summary {
        Summary { median: value, p99: value, spread: 0.0 }
    }

    pub fn is_noisy(&self) -> bool {
        self.spread > NOISY
    }
}

/// The value below which `part` of the sorted ones lie, between two of them where it must be.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
