//! The figures as tables, and the page that contains them.

use super::contenders::Contender;
use super::figures::{Figures, Metric};
use super::latency;
use super::statistics::Summary;
use std::fmt::Write;
use std::path::Path;

pub struct Report<'a> {
    pub figures: &'a Figures,
    pub inits: &'a [Contender],
    /// What could not be measured, and why.
    pub remarks: &'a [String],
    pub quick: bool,
    pub machine: String,
}

impl Report<'_> {
    /// Markdown that is readable as text.
    pub fn tables(&self) -> String {
        let mut text = format!("{}\n\n", self.machine);
        if self.quick {
            text.push_str("A quick run: it shows that all works, and proves no figure.\n\n");
        }
        text.push_str(&self.overview());
        for (metric, heading) in [
            (Metric::ReapAmong, "CPU an orphan (µs), with so many other orphans alive"),
            (Metric::ForwardAmong, "Signal to the command (µs), with so many other processes alive"),
            (Metric::Drain, "From the command's exit to the init's (ms), with so many processes left"),
        ] {
            if self.figures.sizes(metric).is_empty() {
                continue;
            }
            let _ = write!(text, "\n{heading}:\n\n{}", self.growth(metric));
        }
        if !self.remarks.is_empty() {
            text.push('\n');
            text.extend(self.remarks.iter().map(|remark| format!("- {remark}\n")));
        }
        text
    }

    fn header(&self, first: &str) -> Vec<String> {
        [first.to_owned()].into_iter().chain(self.inits.iter().map(|init| init.name.clone())).collect()
    }

    fn overview(&self) -> String {
        let mut rows = vec![self.header("")];
        for metric in Metric::TABLE {
            let shown = metric.shown();
            let row = |part: &str, pick: fn(&Summary) -> f64, says_spread: bool| {
                let unit =
                    [shown.unit, part].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
                let label = if unit.is_empty() { shown.label.to_owned() } else { format!("{} ({unit})", shown.label) };
                let cell = |init: &Contender| self.cell(metric, 0, init, pick, says_spread);
                [label].into_iter().chain(self.inits.iter().map(cell)).collect::<Vec<_>>()
            };
            if self.inits.iter().all(|init| self.figures.get(metric, 0, &init.name).is_none()) {
                continue;
            }
            if shown.has_p99 {
                rows.push(row("median", |summary| summary.median, true));
                rows.push(row("p99", |summary| summary.p99, false));
            } else {
                rows.push(row("", |summary| summary.median, true));
            }
        }
        // A table with only a header is left out.
        if rows.len() > 1 { table(&rows) } else { String::new() }
    }

    fn growth(&self, metric: Metric) -> String {
        let mut rows = vec![self.header("others")];
        for among in self.figures.sizes(metric) {
            let cell = |init: &Contender| self.cell(metric, among, init, |summary| summary.median, true);
            let first = number(f64::from(among), 0);
            rows.push([first].into_iter().chain(self.inits.iter().map(cell)).collect());
        }
        table(&rows)
    }

    /// A figure, and its spread if that is large.
    fn cell(
        &self,
        metric: Metric,
        among: u32,
        init: &Contender,
        pick: fn(&Summary) -> f64,
        says_spread: bool,
    ) -> String {
        let Some(summary) = self.figures.get(metric, among, &init.name) else {
            return String::new();
        };
        let value = number(pick(&summary), metric.shown().decimals);
        let libraries = if metric == Metric::Size && init.dynamic { " + libc" } else { "" };
        if says_spread && summary.is_noisy() {
            format!("{value} (spread {:.0} %)", summary.spread * 100.0)
        } else {
            format!("{value}{libraries}")
        }
    }

    /// The metrics in which the released rinit is not the best, chosen by the figures.
    fn not_better(&self) -> String {
        let mut text = String::new();
        let Some(own) = self.inits.iter().find(|init| init.own) else {
            return text;
        };
        for metric in Metric::TABLE {
            let shown = metric.shown();
            let get = |init: &Contender| self.figures.get(metric, 0, &init.name).map(|summary| summary.median);
            let Some(ours) = get(own) else {
                continue;
            };
            let peers = self.inits.iter().filter(|init| !init.own).filter_map(|init| Some((get(init)?, &init.name)));
            let Some((theirs, name)) = peers.min_by(|one, other| one.0.total_cmp(&other.0)) else {
                continue;
            };
            let (ours, theirs_shown) = (number(ours, shown.decimals), number(theirs, shown.decimals));
            if ours != theirs_shown && get(own).is_some_and(|ours| ours > theirs) {
                let _ =
                    writeln!(text, "- {}: {ours} {unit}, {name} {theirs_shown} {unit}", shown.label, unit = shown.unit);
            }
        }
        text
    }

    /// docs/performance.md.
    pub fn page(&self, picture: &Path, page: &Path) -> String {
        // Usually in the same folder; otherwise by its whole path.
        let picture =
            if picture.parent() == page.parent() { picture.file_name().map(Path::new) } else { Some(picture) };
        let picture = picture.unwrap_or(Path::new("")).display();
        let versions: String = self.inits.iter().map(|init| format!("- {}: {}\n", init.name, init.version())).collect();
        let direct = self.figures.get(Metric::Latency, 0, latency::DIRECT).map_or(0.0, |summary| summary.median);
        let not_better = match self.not_better() {
            nothing if nothing.is_empty() => "Nothing of the first table.\n".to_owned(),
            lines => lines,
        };
        format!(
            include_str!("page.md"),
            picture = picture,
            tables = self.tables(),
            not_better = not_better,
            versions = versions,
            direct = direct,
        )
    }
}

/// Formats a number with so many decimals and a comma between thousands.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let part = part.map_or(String::new(), |part| format!(".{part}"));
    // No minus before 0.
    let sign = if format!("{grouped}{part}").chars().any(|digit| ('1'..='9').contains(&digit)) { sign } else { "" };
    format!("{sign}{grouped}{part}")
}

/// A Markdown table whose first row is its header, with aligned columns.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let _ = writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | "));
        if index == 0 {
            let rule = |(column, width): (usize, &usize)| match column {
                0 => "-".repeat(width + 2),
                _ => format!("{}:", "-".repeat(width + 1)),
            };
            let rules: Vec<String> = widths.iter().enumerate().map(rule).collect();
            let _ = writeln!(text, "|{}|", rules.join("|"));
        }
    }
    text
}
