//! The figures as one picture: bars for what an init costs, lines for how that grows.

use super::bars;
use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::lines::{self, Axes};
use svg::Document;
use svg::node::element::{Group, Rectangle, Style, Text};

const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 24.0;
const GAP: f64 = 26.0;
const TOP: f64 = 76.0;
const COLUMNS: usize = 3;
const LINES_HEIGHT: f64 = 250.0;
const LEGEND_HEIGHT: f64 = 44.0;
const FOOT: f64 = 18.0;

/// The colours of rinit's variants, which share a hue; the peers have other hues.
const OWN: [&str; 3] = ["#d9480f", "#f59f6a", "#8a3410"];
const PEERS: [&str; 6] = ["#1864ab", "#74a9d8", "#2b8a3e", "#862e9c", "#868e96", "#495057"];

pub const INK: &str = "#212529";
pub const FAINT_INK: &str = "#6c757d";
pub const RULE: &str = "#dee2e6";
pub const GROUND: &str = "#ffffff";

/// Colours, and their replacements in dark mode.
const DARK: [(&str, &str); 9] = [
    (GROUND, "#0d1117"),
    (INK, "#e6edf3"),
    (FAINT_INK, "#9198a1"),
    (RULE, "#30363d"),
    ("#8a3410", "#c2542a"),
    ("#1864ab", "#3b82e6"),
    ("#74a9d8", "#a5cdf0"),
    ("#2b8a3e", "#3fb950"),
    ("#862e9c", "#c77ddb"),
];

/// A rectangle of the picture.
#[derive(Clone, Copy)]
pub struct Area {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// An init with its colour.
pub struct Series<'a> {
    pub init: &'a Contender,
    pub colour: &'static str,
}

pub fn draw(figures: &Figures, inits: &[Contender], machine: &str) -> Document {
    let series = coloured(inits);
    // Without an engine another panel replaces that of docker stop.
    let stop = inits.iter().any(|init| figures.get(Metric::DockerStop, 0, &init.name).is_some());
    let third = if stop { Metric::DockerStop } else { Metric::End };
    let panels = [Metric::Start, Metric::OrphanCpu, Metric::IdleSwitches, third, Metric::Resident, Metric::Size];
    let width = (WIDTH - 2.0 * MARGIN - (COLUMNS - 1) as f64 * GAP) / COLUMNS as f64;
    let column = |index: usize| MARGIN + (index % COLUMNS) as f64 * (width + GAP);
    let bars_height = bars::height(inits.len());
    let row = |index: usize| TOP + (index / COLUMNS) as f64 * (bars_height + GAP);
    let legend_at = row(panels.len()) + 4.0;
    let lines_at = legend_at + LEGEND_HEIGHT;
    let height = lines_at + LINES_HEIGHT + FOOT;

    let noisy = panels.iter().any(|metric| {
        series.iter().any(|series| figures.get(*metric, 0, &series.init.name).is_some_and(|summary| summary.is_noisy()))
    });
    let noise = if noisy { " ~ is a figure with a spread above 20 %." } else { "" };

    let mut document = Document::new()
        .set("viewBox", (0, 0, WIDTH, height))
        .set("width", WIDTH)
        .set("height", height)
        .set("font-family", "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif")
        .add(Style::new(dark()))
        .add(Rectangle::new().set("width", "100%").set("height", "100%").set("rx", 8).set("fill", GROUND))
        .add(text(MARGIN, 36.0, 19.0, INK, "What an init costs").set("font-weight", 600))
        .add(text(MARGIN, 56.0, 12.0, FAINT_INK, &format!("Less is better. Medians of one run on {machine}.{noise}")));
    for (index, metric) in panels.into_iter().enumerate() {
        let area = Area { x: column(index), y: row(index), width, height: bars_height };
        document = document.add(bars::draw(area, metric, figures, &series));
    }
    document = document.add(legend(legend_at, &series));
    for (index, metric) in Metric::GROWTH.into_iter().enumerate() {
        let area = Area { x: column(index), y: lines_at, width, height: LINES_HEIGHT };
        let axes = match metric {
            Metric::ReapAmong => Axes {
                title: "Reaping an orphan among others",
                unit: "µs of CPU time, by the number of other orphans",
                log: true,
                guide: false,
            },
            Metric::ForwardAmong => Axes {
                title: "Signal to the command",
                unit: "µs, by the number of other processes",
                log: false,
                guide: false,
            },
            _ => Axes {
                title: "From the command's exit to the init's",
                unit: "ms, by the number left; rinit waits for them",
                log: true,
                guide: true,
            },
        };
        document = document.add(lines::draw(area, &axes, metric, figures, &series));
    }
    document
}

/// Style rules for dark mode. They override the fill and stroke attributes.
fn dark() -> String {
    let rule = |(light, dark): &(&str, &str)| {
        format!("[fill=\"{light}\"] {{ fill: {dark} }} [stroke=\"{light}\"] {{ stroke: {dark} }}\n")
    };
    format!("@media (prefers-color-scheme: dark) {{\n{}}}", DARK.iter().map(rule).collect::<String>())
}

fn coloured(inits: &[Contender]) -> Vec<Series<'_>> {
    let (mut own, mut peers) = (OWN.into_iter().cycle(), PEERS.into_iter().cycle());
    let colour = |init: &Contender| if init.own { own.next() } else { peers.next() };
    let colours: Vec<_> = inits.iter().map(colour).collect();
    inits.iter().zip(colours).map(|(init, colour)| Series { init, colour: colour.unwrap_or(INK) }).collect()
}

fn legend(y: f64, series: &[Series<'_>]) -> Group {
    let mut group = Group::new();
    let mut x = MARGIN;
    for Series { init, colour } in series {
        let mark = Rectangle::new().set("x", x).set("y", y).set("width", 12).set("height", 12).set("rx", 2);
        group = group.add(mark.set("fill", *colour)).add(text(x + 18.0, y + 10.5, 12.0, INK, &init.name));
        x += 18.0 + 6.4 * init.name.chars().count() as f64 + 22.0;
    }
    group
}

/// A heading and the unit below it.
pub fn heading(area: Area, title: &str, unit: &str) -> Group {
    Group::new().add(text(area.x, area.y + 12.0, 13.5, INK, title).set("font-weight", 600)).add(text(
        area.x,
        area.y + 28.0,
        11.0,
        FAINT_INK,
        unit,
    ))
}

/// A text that begins at this point of its base line.
pub fn text(x: f64, y: f64, size: f64, colour: &str, words: &str) -> Text {
    Text::new(words).set("x", place(x)).set("y", place(y)).set("font-size", size).set("fill", colour)
}

/// Rounds a coordinate to a tenth of a unit, which is finer than visible.
pub fn place(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}
