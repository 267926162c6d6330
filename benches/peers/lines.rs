//! A line for each init: one metric by the number of processes.

use super::figures::{Figures, Metric};
use super::picture::{Area, FAINT_INK, GROUND, RULE, Series, heading, place, text};
use super::report::number;
use svg::node::element::{Circle, Group, Line, Polyline};

pub struct Axes {
    pub title: &'static str,
    pub unit: &'static str,
    /// Whether the axis of the values is logarithmic; that of the numbers of processes always is.
    pub log: bool,
    /// Whether to draw a guide for linear growth.
    pub guide: bool,
}

const HEAD: f64 = 42.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 10.0;
const BOTTOM: f64 = 22.0;

/// The least value on a logarithmic axis: 0 has no logarithm.
const LEAST: f64 = 0.01;

/// Lines whose distance is never larger than this look like one.
const APART: f64 = 2.0;

/// How many letters fit between the axis and the middle of a panel.
const ROW: usize = 30;

/// Converts values to coordinates on an axis.
struct Scale {
    log: bool,
    least: f64,
    most: f64,
    /// The coordinates of `least` and `most`.
    from: f64,
    to: f64,
}

impl Scale {
    fn place(&self, value: f64) -> f64 {
        let measure = |value: f64| if self.log { value.max(self.least).log10() } else { value };
        let part = (measure(value) - measure(self.least)) / (measure(self.most) - measure(self.least));
        self.from + (self.to - self.from) * part
    }
}

pub fn draw(area: Area, axes: &Axes, metric: Metric, figures: &Figures, series: &[Series<'_>]) -> Group {
    let mut group = heading(area, axes.title, axes.unit);
    let sizes = figures.sizes(metric);
    let median = |size: u32, series: &Series<'_>| Some(figures.get(metric, size, &series.init.name)?.median);
    let values: Vec<f64> =
        sizes.iter().flat_map(|size| series.iter().filter_map(|series| median(*size, series))).collect();
    let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else {
        return group.add(text(area.x, area.y + HEAD + 20.0, 11.0, FAINT_INK, "not measured"));
    };
    let (left, right) = (area.x + LEFT, area.x + area.width - RIGHT);
    let (top, bottom) = (area.y + HEAD, area.y + area.height - BOTTOM);
    let across = Scale { log: true, least: f64::from(*first), most: f64::from(*last), from: left + 6.0, to: right };
    let ticks = if axes.log { decades(&values) } else { steps(&values) };
    let (least, most) = (ticks[0], ticks[ticks.len() - 1]);
    let up = Scale { log: axes.log, least, most, from: bottom, to: top };

    for tick in &ticks {
        let y = place(up.place(*tick));
        let rule = Line::new().set("x1", place(left)).set("x2", place(right)).set("y1", y).set("y2", y);
        let label = match *tick {
            least if axes.log && least <= LEAST => format!("≤ {LEAST}"),
            part if part > 0.0 && part < 1.0 => part.to_string(),
            whole => number(whole, 0),
        };
        group = group
            .add(rule.set("stroke", RULE))
            .add(text(left - 6.0, y + 4.0, 10.5, FAINT_INK, &label).set("text-anchor", "end"));
    }
    for size in &sizes {
        let x = across.place(f64::from(*size));
        let label = text(x, bottom + 16.0, 10.5, FAINT_INK, &number(f64::from(*size), 0));
        // The last label must stay within the panel.
        let anchor = if size == last { "end" } else { "middle" };
        let label = if size == last { label.set("x", place(x + RIGHT)) } else { label };
        group = group.add(label.set("text-anchor", anchor));
    }
    if axes.guide {
        // The guide is below all lines and as wide as the panel.
        let end = series.iter().filter_map(|series| median(*last, series)).fold(f64::MAX, f64::min) / 3.0;
        let begin = (f64::from(*last) * least / end).max(f64::from(*first));
        let at = |size: f64| (place(across.place(size)), place(up.place(end * size / f64::from(*last))));
        let ((x1, y1), (x2, y2)) = (at(begin), at(f64::from(*last)));
        let guide = Line::new().set("x1", x1).set("y1", y1).set("x2", x2).set("y2", y2);
        group = group
            .add(guide.set("stroke", FAINT_INK).set("stroke-dasharray", "2 4"))
            .add(text(x2, y2 + 26.0, 10.5, FAINT_INK, "linear").set("text-anchor", "end"));
    }
    let points_of = |series: &Series<'_>| -> Vec<(f64, f64)> {
        let points = sizes
            .iter()
            .filter_map(|size| Some((across.place(f64::from(*size)), up.place(median(*size, series)?))))
            .map(|(x, y)| (place(x), place(y)));
        points.collect()
    };
    for (names, points) in coinciding(series.iter().map(|series| (&*series.init.name, points_of(series)))) {
        let above = points.iter().take(2).map(|(_, y)| *y).fold(f64::MAX, f64::min) - 10.0;
        for (index, row) in rows(&names).iter().rev().enumerate() {
            let label = text(left + 8.0, place(above - 13.0 * index as f64), 10.5, FAINT_INK, row);
            // A stroke in the background colour covers rules behind the letters.
            let label = label.set("stroke", GROUND).set("stroke-width", 4).set("paint-order", "stroke");
            group = group.add(label);
        }
    }
    // rinit is drawn last, so that no other line covers it.
    for series in series.iter().rev() {
        let points = points_of(series);
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        group = group.add(
            Polyline::new()
                .set("points", path.join(" "))
                .set("fill", "none")
                .set("stroke", series.colour)
                .set("stroke-width", if series.init.own { 2.5 } else { 1.5 })
                .set("stroke-linejoin", "round"),
        );
        for (x, y) in points {
            let size = if series.init.own { 3.5 } else { 2.5 };
            group = group.add(Circle::new().set("cx", x).set("cy", y).set("r", size).set("fill", series.colour));
        }
    }
    group
}

type Points = Vec<(f64, f64)>;

/// The names of lines that look like one, and the points of one of them.
fn coinciding<'a>(lines: impl Iterator<Item = (&'a str, Points)>) -> Vec<(Vec<&'a str>, Points)> {
    let near = |one: &Points, other: &Points| {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| (one.1 - other.1).abs() <= APART)
    };
    let mut groups: Vec<(Vec<&str>, Points)> = Vec::new();
    for (name, points) in lines.filter(|(_, points)| !points.is_empty()) {
        match groups.iter_mut().find(|(_, others)| near(&points, others)) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], points)),
        }
    }
    groups.retain(|(names, _)| names.len() > 1);
    groups
}

/// "4 lines: a, b, c, d" in rows that fit.
fn rows(names: &[&str]) -> Vec<String> {
    let mut rows = vec![format!("{} lines:", names.len())];
    for (index, name) in names.iter().enumerate() {
        let comma = if index + 1 < names.len() { "," } else { "" };
        let word = format!("{name}{comma}");
        match rows.last_mut() {
            Some(row) if row.len() + 1 + word.len() <= ROW => *row = format!("{row} {word}"),
            _ => rows.push(word),
        }
    }
    rows
}

/// Powers of ten around the values.
fn decades(values: &[f64]) -> Vec<f64> {
    let least = values.iter().copied().fold(f64::MAX, f64::min).max(LEAST);
    let most = values.iter().copied().fold(least, f64::max);
    let (from, to) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    (from..=to.max(from + 1)).map(|power| 10_f64.powi(power)).collect()
}

/// A few round numbers from 0 to above the largest value.
fn steps(values: &[f64]) -> Vec<f64> {
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| step * 4.0 >= most);
    let step = step.unwrap_or(most);
    (0..=4).map(|index| f64::from(index) * step).collect()
}
