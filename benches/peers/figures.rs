//! The measured figures, by init.

use super::statistics::Summary;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// The metrics. For all of them less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    Start,
    Latency,
    OrphanCpu,
    OrphanSwitches,
    Storm,
    OrphanCpuByWaitpid,
    OrphanSwitchesByWaitpid,
    StormByWaitpid,
    End,
    DockerStop,
    IdleSwitches,
    Resident,
    Private,
    Size,
    ReapAmong,
    ForwardAmong,
    Drain,
}

/// The name and format of a metric.
pub struct Shown {
    /// In a saved run.
    pub id: &'static str,
    pub label: &'static str,
    pub unit: &'static str,
    pub decimals: usize,
    /// Whether there are enough measurements for a p99.
    pub has_p99: bool,
}

impl Metric {
    /// The rows of the table.
    pub const TABLE: [Metric; 14] = [
        Metric::Start,
        Metric::Latency,
        Metric::End,
        Metric::OrphanCpu,
        Metric::OrphanSwitches,
        Metric::Storm,
        Metric::OrphanCpuByWaitpid,
        Metric::OrphanSwitchesByWaitpid,
        Metric::StormByWaitpid,
        Metric::DockerStop,
        Metric::IdleSwitches,
        Metric::Resident,
        Metric::Private,
        Metric::Size,
    ];
    /// Whether it is measured in namespaces of several sizes.
    pub const GROWTH: [Metric; 3] = [Metric::ReapAmong, Metric::ForwardAmong, Metric::Drain];

    pub fn shown(self) -> Shown {
        let shown = |id, label, unit, decimals, has_p99| Shown { id, label, unit, decimals, has_p99 };
        match self {
            Metric::Start => shown("start", "start, over plain exec", "µs", 0, true),
            Metric::Latency => shown("latency", "signal to the command", "µs", 1, true),
            Metric::OrphanCpu => shown("orphan-cpu", "CPU an orphan", "µs", 2, false),
            Metric::OrphanSwitches => shown("orphan-switches", "wake-ups an orphan", "", 2, false),
            Metric::Storm => shown("storm", "a storm of orphans, all cores", "ms", 0, false),
            Metric::OrphanCpuByWaitpid => {
                shown("orphan-cpu-by-waitpid", "CPU an orphan, before Linux 6.16", "µs", 2, false)
            }
            Metric::OrphanSwitchesByWaitpid => {
                shown("orphan-switches-by-waitpid", "wake-ups an orphan, before Linux 6.16", "", 2, false)
            }
            Metric::StormByWaitpid => {
                shown("storm-by-waitpid", "a storm of orphans, before Linux 6.16", "ms", 0, false)
            }
            Metric::End => shown("end", "exit with nothing to drain, over plain exit", "µs", 0, true),
            Metric::DockerStop => shown("docker-stop", "`docker stop`", "ms", 0, false),
            Metric::IdleSwitches => shown("idle-switches", "wake-ups in an idle minute", "", 0, false),
            Metric::Resident => shown("resident", "memory, resident", "kB", 0, false),
            Metric::Private => shown("private", "memory, private", "kB", 0, false),
            Metric::Size => shown("size", "size of the file", "kB", 0, false),
            Metric::ReapAmong => shown("reap-among", "CPU an orphan", "µs", 2, false),
            Metric::ForwardAmong => shown("forward-among", "signal to the command", "µs", 1, false),
            Metric::Drain => shown("drain", "the command's exit to the init's", "ms", 2, false),
        }
    }

    fn from_id(id: &str) -> Option<Metric> {
        Metric::TABLE.into_iter().chain(Metric::GROWTH).find(|metric| metric.shown().id == id)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub metric: Metric,
    /// The number of other processes; 0 if the metric does not depend on it.
    pub among: u32,
    pub init: String,
    pub summary: Summary,
}

/// The figures of a whole run.
#[derive(Default)]
pub struct Figures(pub Vec<Figure>);

impl Figures {
    pub fn add(&mut self, metric: Metric, init: &str, summary: Summary) {
        self.add_among(metric, 0, init, summary);
    }

    pub fn add_among(&mut self, metric: Metric, among: u32, init: &str, summary: Summary) {
        self.0.push(Figure { metric, among, init: init.to_owned(), summary });
    }

    pub fn get(&self, metric: Metric, among: u32, init: &str) -> Option<Summary> {
        let wanted = |figure: &&Figure| figure.metric == metric && figure.among == among && figure.init == init;
        self.0.iter().find(wanted).map(|figure| figure.summary)
    }

    /// The numbers of other processes at which a metric was measured, in order.
    pub fn sizes(&self, metric: Metric) -> Vec<u32> {
        let mut sizes: Vec<u32> =
            self.0.iter().filter(|figure| figure.metric == metric).map(|figure| figure.among).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// A line for each figure, separated by tabs.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = String::from("metric\tamong\tinit\tmedian\tp99\tspread\n");
        for Figure { metric, among, init, summary: Summary { median, p99, spread } } in &self.0 {
            let id = metric.shown().id;
            let _ = writeln!(text, "{id}\t{among}\t{init}\t{median}\t{p99}\t{spread}");
        }
        std::fs::write(path, text)
    }

    pub fn load(path: &Path) -> io::Result<Figures> {
        let text = std::fs::read_to_string(path)?;
        let lines = text.lines().enumerate().skip(1);
        let figures = lines.map(|(number, line)| {
            let unread = || io::Error::other(format!("line {} is no figure: {line:?}", number + 1));
            figure(line).ok_or_else(unread)
        });
        figures.collect::<io::Result<_>>().map(Figures)
    }
}

fn figure(line: &str) -> Option<Figure> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [id, among, init, median, p99, spread] = fields.as_slice() else {
        return None;
    };
    Some(Figure {
        metric: Metric::from_id(id)?,
        among: among.parse().ok()?,
        init: (*init).to_owned(),
        summary: Summary { median: median.parse().ok()?, p99: p99.parse().ok()?, spread: spread.parse().ok()? },
    })
}
