//! The OOM kills in our own cgroup, from its memory controller (cgroups(7)). Read only when main was killed.

use std::path::Path;

/// How many processes of our cgroup, which in a container is the container's, the OOM killer has killed. None if
/// unknown.
pub fn oom_kills() -> Option<u64> {
    let ours = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    read_v2(&ours).or_else(|| read_v1(&ours))
}

/// Version 2: `oom_kill` in memory.events.
fn read_v2(ours: &str) -> Option<u64> {
    let path = path_of(ours, str::is_empty)?;
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].iter().find_map(|root| read(root, path, "memory.events"))
}

/// Version 1: `oom_kill` in memory.oom_control (Linux 4.13).
fn read_v1(ours: &str) -> Option<u64> {
    let path = path_of(ours, has_memory)?;
    read("/sys/fs/cgroup/memory", path, "memory.oom_control")
}

fn has_memory(controllers: &str) -> bool {
    controllers.split(',').any(|name| name == "memory")
}

/// The path in the line of /proc/self/cgroup with the wanted controllers.
fn path_of(ours: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
    ours.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        wanted(controllers).then_some(path)
    })
}

/// Without a cgroup namespace the path is the host's, but the engine mounts the container's own folder as the root: try
/// both.
fn read(root: &str, path: &str, file: &str) -> Option<u64> {
    let below = Path::new(root).join(path.trim_start_matches('/')).join(file);
    let at_root = Path::new(root).join(file);
    [below, at_root].iter().find_map(|file| count(&std::fs::read_to_string(file).ok()?))
}

fn count(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_both_versions() {
        assert_eq!(count("low 0\nhigh 0\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n"), Some(1));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), Some(3));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\n"), None);
        assert_eq!(count("oom_kill x\n"), None);
    }

    #[test]
    fn the_path_is_found_by_controller() {
        let text = "9:name=systemd:/\n8:cpu,memory:/docker/a:b\n0::/x\n";
        assert_eq!(path_of(text, has_memory), Some("/docker/a:b"));
        assert_eq!(path_of(text, str::is_empty), Some("/x"));
        assert_eq!(path_of("junk", str::is_empty), None);
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
