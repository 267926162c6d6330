//! What holds of every text that is read as one of a cgroup's files.

use super::*;

/// A path is the end of a line, and a count is the number behind its name.
pub fn no_text_is_too_much(text: &str) {
    if let Some(path) = path_of(text, str::is_empty) {
        assert!(text.lines().any(|line| line.ends_with(path)));
    }
    if let Some(path) = path_of(text, |controllers| controllers.split(',').any(|name| name == "memory")) {
        assert!(text.lines().any(|line| line.contains("memory") && line.ends_with(path)));
    }
    if let Some(kills) = count(text) {
        assert!(text.lines().any(|line| line.starts_with("oom_kill ") && line.contains(&kills.to_string())));
    }
}
