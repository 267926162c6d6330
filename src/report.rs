//! What rinit tells people: why main ended, what holds up a stop, who is there.

pub mod exit;
pub mod processes;
pub mod slow_stop;
pub mod table;
pub mod termination;
