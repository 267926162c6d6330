//! Runs rinit under the names of other inits and the inits themselves, and compares everything that can be observed.
//!
//!     cargo test --test peers [-- [--original] [CASE...]]
//!
//! CASE is the whole description of a case, as a failure prints it. `--original` compares the originals with themselves,
//! which must show no difference: it checks the comparison.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    unreachable_pub
)]

mod cases;
mod deliberate;
mod messages;
mod observe;
// The harness has functions that this suite does not use.
#[allow(dead_code, unused_imports)]
#[path = "../suite/support/mod.rs"]
mod support;

use cases::Case;
use deliberate::{Seen, TABLE};
use observe::{Field, Observation, Programs, observe, original};
use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let with_itself = words.iter().any(|word| word == "--original");
    words.retain(|word| word != "--original");
    let mut cases = cases::all();
    let names: BTreeSet<String> = cases.iter().map(Case::to_string).collect();
    if let Some(unknown) = words.iter().find(|word| !names.contains(*word)) {
        eprintln!("no case {unknown:?}");
        return ExitCode::FAILURE;
    }
    let is_all = words.is_empty();
    cases.retain(|case| is_all || words.contains(&case.to_string()));

    let theirs = Programs::new(original);
    let ours = Programs::new(|peer| match with_itself {
        true => original(peer),
        false => support::rinit_binary().to_owned(),
    });
    // A run that panics counts as a difference and is reported with its case.
    std::panic::set_hook(Box::new(|_| {}));
    let start = Instant::now();
    let results = in_parallel(&cases, |case| [run(case, &theirs), run(case, &ours)]);

    drop(std::panic::take_hook());

    let mut failed = 0;
    let mut needed = BTreeSet::new();
    for (case, [theirs, ours]) in cases.iter().zip(&results) {
        let differences = compare(case, theirs, ours, &mut needed);
        if !differences.is_empty() {
            failed += 1;
            println!("{case}\n{}    {}", differences.concat(), repeat(case));
        }
    }
    let superfluous = (0..TABLE.len()).filter(|index| is_all && !with_itself && !needed.contains(index));
    for index in superfluous {
        failed += 1;
        println!("no case shows this difference: {}: {}", TABLE[index].name, TABLE[index].rinit);
    }
    if is_all && !with_itself {
        println!("\n{}", deliberate::markdown());
    }
    let passed = cases.len().saturating_sub(failed);
    println!("{} cases in {:.1?}, deliberate differences in the table: {}", cases.len(), start.elapsed(), needed.len());
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A line for each unexplained difference.
fn compare(case: &Case, theirs: &Observation, ours: &Observation, needed: &mut BTreeSet<usize>) -> Vec<String> {
    let nothing = String::new();
    let fields: BTreeSet<Field> = theirs.keys().chain(ours.keys()).copied().collect();
    let mut differences = Vec::new();
    for field in fields {
        let [original, rinit] = [theirs, ours].map(|seen| seen.get(&field).unwrap_or(&nothing));
        if original == rinit {
            continue;
        }
        let seen = Seen { case, field, original, rinit, theirs, ours };
        let has_failed = original.starts_with(FAILED) || rinit.starts_with(FAILED);
        match TABLE.iter().position(|row| !has_failed && (row.explains)(&seen)) {
            Some(row) => drop(needed.insert(row)),
            None => differences.push(format!("    {field:?}: {}\n", in_short(original, rinit))),
        }
    }
    differences
}

/// The elements of two lists that only one of them has.
fn in_short(original: &str, rinit: &str) -> String {
    let only = |these: &str, those: &str| {
        let those: Vec<&str> = those.split("; ").collect();
        let only = these.split("; ").filter(|part| !those.contains(part));
        only.collect::<Vec<_>>().join("; ")
    };
    format!("{:?}, and rinit: {:?}", only(original, rinit), only(rinit, original))
}

fn repeat(case: &Case) -> String {
    let quoted = case.to_string().replace('\'', "'\\''");
    format!("tests/extended/peers '{}' '{quoted}'", support::rinit_binary().display())
}

/// An unexplained difference.
const FAILED: &str = "the run failed";

/// A run that fails is a difference.
fn run(case: &Case, programs: &Programs) -> Observation {
    catch_unwind(AssertUnwindSafe(|| observe(case, programs))).unwrap_or_else(|panic| {
        let text = text_of(panic.as_ref());
        Observation::from([(Field::Events, format!("{FAILED}: {text}"))])
    })
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic")
}

/// Runs mostly wait, so there are more threads than processors.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = 3 * std::thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < items.len())
                {
                    *results[index].lock().expect("a lock") = Some(work(&items[index]));
                }
            });
        }
    });
    let results = results.into_iter().map(|result| result.into_inner().expect("a lock"));
    results.map(|result| result.expect("a result")).collect()
}
