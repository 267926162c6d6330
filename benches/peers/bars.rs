//! A bar for each init: one metric.

use super::figures::{Figures, Metric};
use super::picture::{Area, FAINT_INK, INK, Series, heading, place, text};
use super::report::number;
use svg::node::element::{Group, Rectangle};

const HEAD: f64 = 40.0;
const ROW: f64 = 20.0;
const BAR: f64 = 13.0;
const NAMES: f64 = 92.0;
/// The width of the number after the longest bar.
const NUMBERS: f64 = 62.0;

/// The height of a panel for so many inits.
pub fn height(inits: usize) -> f64 {
    HEAD + ROW * inits as f64
}

pub fn draw(area: Area, metric: Metric, figures: &Figures, series: &[Series<'_>]) -> Group {
    let (title, unit) = titles(metric);
    let mut group = heading(area, title, unit);
    let value = |metric, init: &str| figures.get(metric, 0, init).map(|summary| summary.median.max(0.0));
    let values: Vec<_> = series.iter().map(|series| value(metric, &series.init.name)).collect();
    let most = values.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let room = area.width - NAMES - NUMBERS;
    let bar = |y: f64, value: f64, colour: &str| {
        // A minimum width, so that the smallest values and 0 are visible.
        let width = (value / most * room).max(1.0);
        Rectangle::new()
            .set("x", place(area.x + NAMES))
            .set("y", place(y))
            .set("width", place(width))
            .set("height", BAR)
            .set("rx", 1.5)
            .set("fill", colour)
    };
    for (index, (Series { init, colour }, value_here)) in series.iter().zip(values).enumerate() {
        let y = area.y + HEAD + ROW * index as f64;
        let base = y + 10.5;
        let name = text(area.x + NAMES - 8.0, base, 11.5, INK, &init.name).set("text-anchor", "end");
        group = group.add(if init.own { name.set("font-weight", 600) } else { name });
        let Some(here) = value_here else {
            group = group.add(text(area.x + NAMES, base, 11.0, FAINT_INK, "not measured"));
            continue;
        };
        let mut shown = number(here, metric.shown().decimals);
        if metric == Metric::Resident {
            // Private memory is a part of resident memory.
            let private = value(Metric::Private, &init.name).unwrap_or(0.0);
            group = group.add(bar(y, here, colour).set("fill-opacity", 0.35)).add(bar(y, private, colour));
            shown = format!("{shown} / {}", number(private, 0));
        } else {
            group = group.add(bar(y, here, colour));
        }
        if figures.get(metric, 0, &init.name).is_some_and(|summary| summary.is_noisy()) {
            shown.insert(0, '~');
        }
        let libraries = if metric == Metric::Size && init.dynamic { " + libc" } else { "" };
        let x = area.x + NAMES + here / most * room + 6.0;
        group = group.add(text(x, base, 11.0, INK, &format!("{shown}{libraries}")));
    }
    group
}

fn titles(metric: Metric) -> (&'static str, &'static str) {
    match metric {
        Metric::Start => ("Start", "µs over plain exec, from fork to exit, one processor"),
        Metric::OrphanCpu => ("Reaping an orphan", "µs of the init's CPU time"),
        Metric::IdleSwitches => ("Wake-ups", "in an idle minute"),
        Metric::DockerStop => ("docker stop", "ms, a container with a small service"),
        Metric::Resident => ("Memory, idle", "kB resident / of it private"),
        Metric::Size => ("The file", "kB"),
        Metric::End => ("Exit, with no process left", "µs over plain exit, one processor"),
        other => (other.shown().label, other.shown().unit),
    }
}
