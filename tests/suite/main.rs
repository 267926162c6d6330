//! The tests of rinit as its users meet it: the built binary, real processes, real PID namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    unreachable_pub
)]

mod support;

mod at_rest;
mod documents;
mod drain;
mod faults;
mod foreground;
mod forwarding;
mod fuzz;
mod hostile;
mod layout;
mod never_blocks;
mod options;
mod parent_death;
mod pause;
mod personas;
mod reaping;
mod refusals;
mod reports;
mod rewriting;
mod session;
mod start;
mod status;
mod stop_sequence;
mod storms;
mod terminal;
mod transparency;
