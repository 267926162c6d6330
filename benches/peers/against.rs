//! A run beside an earlier one.

use super::figures::{Figure, Figures};
use super::report::{number, table};

/// A line for each figure that is in both runs. What differs by more than either run's spread is marked.
pub fn compare(before: &Figures, after: &Figures) -> String {
    let mut rows = vec![["what", "init", "before", "after", "change", ""].map(str::to_owned).to_vec()];
    for Figure { metric, among, init, summary } in &after.0 {
        let Some(earlier) = before.get(*metric, *among, init) else {
            continue;
        };
        let shown = metric.shown();
        let among = if *among == 0 { String::new() } else { format!(", {} others", number(f64::from(*among), 0)) };
        let value = |value| format!("{} {}", number(value, shown.decimals), shown.unit).trim_end().to_owned();
        let change = (summary.median - earlier.median) / earlier.median;
        let beyond = change.abs() > summary.spread.max(earlier.spread);
        rows.push(vec![
            format!("{}{among}", shown.label),
            init.clone(),
            value(earlier.median),
            value(summary.median),
            if change.is_finite() { format!("{:+.1} %", change * 100.0) } else { String::new() },
            match beyond && change != 0.0 {
                true if change < 0.0 => "less".to_owned(),
                true => "MORE".to_owned(),
                false => String::new(),
            },
        ]);
    }
    table(&rows)
}
