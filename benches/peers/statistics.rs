//! Summarizes many measurements.

/// The summary of many measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub median: f64,
    /// 99 percent of the measurements are not above it.
    pub p99: f64,
    /// The interquartile range, relative to the median.
    pub spread: f64,
}

/// Above this spread the machine was too busy for a reliable figure.
pub const NOISY: f64 = 0.2;

impl Summary {
    pub fn of(measurements: impl IntoIterator<Item = f64>) -> Summary {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        assert!(!sorted.is_empty(), "nothing was measured");
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5);
        let between = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        // No ratio to 0.
        let spread = if median.abs() < f64::EPSILON { 0.0 } else { (between / median).abs() };
        Summary { median, p99: quantile(&sorted, 0.99), spread }
    }

    /// The summary of a constant.
    pub fn exact(value: f64) -> Summary {
        Summary { median: value, p99: value, spread: 0.0 }
    }

    pub fn is_noisy(&self) -> bool {
        self.spread > NOISY
    }
}

/// The quantile `part` of sorted values, interpolated between two of them if necessary.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}
