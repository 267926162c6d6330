//! The program that the tests run under rinit and around it. The first argument selects what it does; it prints what it
//! observes, line by line.
//!
//! It starts with C's `main`, as rinit does: Rust's own startup would change what this program reports.
#![no_main]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod family;
mod hostile;
mod output;
mod part;
mod prefixes;
mod refusal;
mod report;
mod reports;
mod signals;
mod supervision;
mod terminal;
mod tracing;
mod witness;

use output::say;
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

/// The entry point that libc calls.
///
/// # Safety
/// Called once, by libc.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    let words: Vec<OsString> = (1..argc.unsigned_abs() as usize)
        .map(|index| {
            // SAFETY: libc hands over `argc` C strings.
            let word = unsafe { CStr::from_ptr(*argv.add(index)) };
            OsStr::from_bytes(word.to_bytes()).to_owned()
        })
        .collect();
    let Some((act, rest)) = words.split_first() else {
        return unknown("");
    };
    let numbers = || rest.iter().map(number).collect::<Vec<c_int>>();
    match act.to_str().unwrap_or_default() {
        "exit" => number(&rest[0]),
        "args" => report::words(rest),
        "env" => report::environment(),
        "ids" => report::ids(),
        "state" => report::state(rest.first().map_or(1, number)),
        "create" => report::create(&rest[0]),
        "service" => signals::serve(),
        "pause" => signals::pause(),
        "print-signals" => signals::print(1, number(&rest[0])),
        "print-signals-to" => signals::print(number(&rest[0]), number(&rest[1])),
        "signal-and-print" => signals::send_and_print(number(&rest[0]), &numbers()[1..]),
        "die" => signals::die(number(&rest[0])),
        "signal" => signals::send(number(&rest[0]), &numbers()[1..]),
        "init" => family::reap_forever(),
        "pair" => family::pair(number(&rest[0])),
        "leave-group" => family::leave_group(number(&rest[0])),
        "orphans" => family::make_orphans(number(&rest[0]), number(&rest[1])),
        "adopted" => family::print_adopter(),
        "timing-out" => prefixes::timing_out(rest),
        "with-timer" => prefixes::with_timer(rest),
        "adopting" => prefixes::adopting(rest),
        "in-groups" => prefixes::in_groups(number(&rest[0]), &rest[1..]),
        "with-dead-children" => prefixes::with_dead_children(number(&rest[0]), &rest[1..]),
        "refusing" => prefixes::refusing(number(&rest[0]), &rest[1], &rest[2..]),
        "by-real-user" => prefixes::by_real_user(number(&rest[0]), &rest[1..]),
        "forge" => hostile::forge(number(&rest[0]), number(&rest[1]), number(&rest[2]), &numbers()[3..]),
        "named" => hostile::play_named(&rest[0], &rest[1..]),
        "hold" => hostile::hold(number(&rest[0])),
        "keep-stopped" => hostile::keep_stopped(number(&rest[0])),
        "supervised" => prefixes::supervised(number(&rest[0]), &rest[1..]),
        "parent" => prefixes::as_parent(rest),
        "play" => part::play(rest),
        "without-proc" => prefixes::without_proc(rest),
        "with-foreign-proc" => prefixes::with_foreign_proc(rest),
        "with-hiding-proc" => prefixes::with_hiding_proc(rest),
        "without-capability" => prefixes::without_capability(number(&rest[0]), &rest[1..]),
        "read-lines" => terminal::read_lines(&rest[0], rest[1..].iter().map(number)),
        "calls-until-exec" => tracing::calls_until_exec(number(&rest[0]) == 1, &rest[1..]),
        "print-core" => reports::print_core(rest),
        "lose-foreground" => terminal::lose_foreground(number(&rest[0]) == 1),
        "piped" => terminal::piped(rest),
        "shell" => terminal::shell(number(&rest[0]), &rest[1..]),
        "witness" => witness::print_signals(&rest[0], &rest[1..]),
        "without-shell" => prefixes::without_shell(rest),
        "on-full-disk" => prefixes::on_full_disk(&rest[0], &rest[1..]),
        "without-dev" => terminal::without_dev(rest),
        other => unknown(other),
    }
}

fn number(word: &OsString) -> c_int {
    let number = word.to_str().and_then(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("{word:?} is not a number"))
}

fn unknown(act: &str) -> c_int {
    say(format_args!("the puppet does not know {act:?}"));
    99
}
