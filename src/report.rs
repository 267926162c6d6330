//! Reports for people: why main exited, what delays a stop, which processes there are.

pub mod exit;
pub mod processes;
pub mod slow_stop;
pub mod table;
pub mod termination;
