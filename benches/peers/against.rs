//! Compares a run with an earlier one.

use super::contenders::Contender;
use super::figures::{Figure, Figures};
use super::report::{number, table};
use super::statistics::Summary;

/// A line for each figure that is in both runs. The machine may have been busier in one of them, but then the peers, which
/// have not changed, were slower too: so a change is compared with theirs, and marked if it differs by more than the spread
/// of either run.
pub fn compare(before: &Figures, after: &Figures, inits: &[Contender]) -> String {
    let header = ["what", "init", "before", "after", "change", "less the peers'", ""];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for figure in &after.0 {
        let Some(earlier) = before.get(figure.metric, figure.among, &figure.init) else {
            continue;
        };
        let shown = figure.metric.shown();
        let among = match figure.among {
            0 => String::new(),
            among => format!(", {} others", number(f64::from(among), 0)),
        };
        let value = |summary: Summary| format!("{} {}", number(summary.median, shown.decimals), shown.unit);
        let times = ratio(earlier, figure.summary);
        let peers = of_peers(before, after, inits, figure);
        let beyond = times.zip(peers).map(|(times, peers)| times / peers - 1.0);
        let spread = figure.summary.spread.max(earlier.spread);
        rows.push(vec![
            format!("{}{among}", shown.label),
            figure.init.clone(),
            value(earlier).trim_end().to_owned(),
            value(figure.summary).trim_end().to_owned(),
            times.map_or(String::new(), |times| percent(times - 1.0)),
            beyond.map_or(String::new(), percent),
            match beyond.or(times.map(|times| times - 1.0)) {
                Some(change) if change > spread => "MORE".to_owned(),
                Some(change) if change < -spread => "less".to_owned(),
                _ => String::new(),
            },
        ]);
    }
    table(&rows)
}

/// The ratio of a figure to the earlier one. None if that was 0.
fn ratio(before: Summary, after: Summary) -> Option<f64> {
    (before.median > 0.0).then(|| after.median / before.median)
}

/// The median of this ratio over the peers.
fn of_peers(before: &Figures, after: &Figures, inits: &[Contender], figure: &Figure) -> Option<f64> {
    let peers = inits.iter().filter(|init| !init.own && init.name != figure.init);
    let ratios: Vec<f64> = peers
        .filter_map(|peer| {
            let get = |figures: &Figures| figures.get(figure.metric, figure.among, &peer.name);
            ratio(get(before)?, get(after)?)
        })
        .collect();
    let middle = (!ratios.is_empty()).then(|| Summary::of(ratios).median);
    middle.filter(|middle| *middle > 0.0)
}

fn percent(part: f64) -> String {
    format!("{:+.1} %", part * 100.0)
}
