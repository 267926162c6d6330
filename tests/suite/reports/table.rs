//! `rinit --report`, run in the namespace as `docker exec` does.

mod json;

use super::{log_lines, play};
use crate::support::pty::Pty;
use crate::support::{Finished, Rinit, Running, Scratch, Status, Stream, puppet};
use json::Value;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;

/// A main, PID 2, with children of all kinds, PIDs 3 to 7, and a grandchild, PID 8.
const FAMILY: &str = "[ ignore TERM stop pause ] [ block TERM pause ] [ handle TERM pause ] [ exit 0 ] \
                      [ [ group pause ] pause ] say ready pause";

fn family() -> Running {
    let rinit = play(Rinit::as_pid1(), FAMILY).start_until_ready();
    rinit.eventually("one is stopped, all others rest", |processes| {
        processes.iter().any(|process| process.is_stopped()) && !processes.iter().any(|process| process.state == 'R')
    });
    rinit
}

fn report(options: &[&str]) -> Rinit {
    Rinit::as_pid1().options(options)
}

/// The output of `rinit --report` there.
fn printed(running: &Running, options: &[&str]) -> String {
    let finished = running.start_inside(report(options)).finish();
    assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(0), ""));
    finished.stdout
}

/// The cells of a row up to its command, and the command.
fn cells(row: &str) -> (Vec<&str>, &str) {
    let mut rest = row;
    let mut cells = Vec::new();
    for _ in 0..6 {
        let (cell, after) = rest.trim_start().split_once(' ').unwrap();
        cells.push(cell);
        rest = after;
    }
    (cells, rest.trim_start())
}

#[test]
fn the_table_shows_the_tree_and_each_treatment_of_term() {
    let rinit = family();
    let table = printed(&rinit, &["--report"]);
    let rows: Vec<_> = rows_of(&table).map(cells).collect();
    assert_eq!(rows[0], (vec!["PID", "USER", "STATE", "AGE", "RSS", "TERM"], "COMMAND"));
    let command = format!("./puppet play {FAMILY}");
    let expected = [
        ("1", "sleeping", "blocks", format!("rinit {command}")),
        ("2", "sleeping", "default", format!("`- {command}")),
        ("3", "stopped", "ignores", format!("   |- {command}")),
        ("4", "sleeping", "blocks", format!("   |- {command}")),
        ("5", "sleeping", "handles", format!("   |- {command}")),
        ("6", "zombie", "-", "   |- [puppet] <zombie: PID 2 (puppet) does not reap it>".to_owned()),
        ("7", "sleeping", "default", format!("   `- {command}")),
        ("8", "sleeping", "default", format!("      `- {command}")),
    ];
    assert_eq!(rows.len(), 1 + expected.len(), "{table}");
    for ((cells, shown), (pid, state, term, command)) in rows[1..].iter().zip(&expected) {
        assert_eq!([cells[0], cells[2], cells[5]], [*pid, *state, *term], "{table}");
        assert_eq!(*shown, command.trim_start(), "{table}");
    }
    // The tree starts where the column does.
    let column = table.find("COMMAND").unwrap();
    for (row, (_, _, _, command)) in rows_of(&table).skip(1).zip(&expected) {
        assert_eq!(&row[column..], command, "{table}");
    }
    for (cells, _) in &rows[1..] {
        assert!(cells[3].ends_with(['s', 'm']), "an age: {table}");
        assert!(cells[4].ends_with(['K', 'M']), "memory: {table}");
    }
    // Numbers are aligned to the right.
    for (heading, cell) in [("PID", 0), ("AGE", 3), ("RSS", 4)] {
        let end = table.find(heading).unwrap() + heading.len();
        for (row, (cells, _)) in rows_of(&table).zip(&rows) {
            assert!(row[..end].ends_with(cells[cell]), "{heading}: {table}");
        }
    }
}

#[test]
fn the_init_of_a_nested_namespace_is_shown_as_such() {
    let rinit = play(Rinit::as_pid1(), "nested [ pause ] say ready pause").start_until_ready();
    let table = printed(&rinit, &["--report"]);
    let (cells, _) = cells(rows_of(&table).last().unwrap());
    assert_eq!([cells[0], cells[5]], ["3", "init"]);
}

#[test]
fn users_have_the_names_of_the_containers_own_list_or_numbers() {
    // The user of the test process, which is root in the namespace.
    let rinit = family();
    let table = printed(&rinit, &["--report"]);
    let named = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let root = named.lines().find(|line| line.split(':').nth(2) == Some("0"));
    let root = root.and_then(|line| line.split(':').next()).unwrap_or("0");
    assert!(rows_of(&table).skip(1).all(|row| cells(row).0[1] == root), "{table}");
}

#[test]
fn a_report_under_another_init_is_the_same() {
    let rinit = play(Rinit::as_child(), FAMILY).start_until_ready();
    let table = printed(&rinit, &["--report"]);
    // It shows the namespace's init, and rinit, whose parent is outside.
    assert_eq!(rows_of(&table).count(), 1 + 9, "{table}");
}

#[test]
fn on_a_terminal_lines_are_as_wide_as_it_is() {
    let rinit = family();
    let whole = printed(&rinit, &["--report"]);
    for columns in [40, 60, 80] {
        let mut pty = Pty::new();
        pty.resize(24, columns);
        let on_terminal = report(&["--report"]).stdout(Stream::Given(pty.terminal()));
        let mut report = rinit.start_inside(on_terminal);
        let shown: Vec<String> = whole.lines().map(|_| pty.line_with("")).collect();
        assert_eq!(report.finish().status, Status::Exited(0));
        // Ages and memory may have changed, and the widths with them.
        for (line, whole) in shown.iter().zip(whole.lines()).filter(|(_, whole)| !whole.starts_with("at a stop: ")) {
            assert!(line.chars().count() <= usize::from(columns), "{line:?}");
            assert!(whole.len() < 60 || line.len() > usize::from(columns) / 2, "{line:?}");
        }
        assert!(!pty.seen().contains('\x1b'));
    }
}

#[test]
fn a_terminal_without_a_size_does_not_shorten_lines() {
    let rinit = family();
    let mut pty = Pty::new();
    pty.resize(0, 0);
    let on_terminal = report(&["--report"]).stdout(Stream::Given(pty.terminal()));
    let mut report = rinit.start_inside(on_terminal);
    let row = pty.line_with("handles");
    assert!(row.ends_with(" say ready pause"), "{row}");
    assert_eq!(report.finish().status, Status::Exited(0));
}

fn number(object: &[(String, Value)], name: &str) -> i64 {
    match get(object, name) {
        Value::Number(number) => *number,
        other => panic!("{name}: {other:?}"),
    }
}

fn text<'a>(object: &'a [(String, Value)], name: &str) -> &'a str {
    match get(object, name) {
        Value::Text(text) => text,
        other => panic!("{name}: {other:?}"),
    }
}

/// The table, without the lines below it.
fn rows_of(printed: &str) -> impl Iterator<Item = &str> {
    printed.lines().filter(|line| !line.starts_with("at a stop: "))
}

fn get<'a>(object: &'a [(String, Value)], name: &str) -> &'a Value {
    &object.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name} in {object:?}")).1
}

#[test]
fn json_is_one_object_a_process_one_a_line() {
    let rinit = family();
    let printed = printed(&rinit, &["--report=json"]);
    let objects: Vec<_> = printed.lines().map(json::object).collect();
    let names =
        ["time", "pid", "ppid", "user", "uid", "state", "age_s", "rss_kb", "term", "unreaped_by", "command", "at_stop"];
    for object in &objects {
        assert_eq!(object.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
        assert!((0..1000).contains(&number(object, "age_s")), "{object:?}");
        assert!(number(object, "rss_kb") == 0 || text(object, "state") != "zombie", "{object:?}");
    }
    let facts: Vec<_> = objects
        .iter()
        .map(|object| (number(object, "pid"), number(object, "ppid"), text(object, "state"), text(object, "term")))
        .collect();
    let expected = [
        (1, 0, "sleeping", "blocks"),
        (2, 1, "sleeping", "default"),
        (3, 2, "stopped", "ignores"),
        (4, 2, "sleeping", "blocks"),
        (5, 2, "sleeping", "handles"),
        (6, 2, "zombie", "-"),
        (7, 2, "sleeping", "default"),
        (8, 7, "sleeping", "default"),
    ];
    assert_eq!(facts, expected);
    for object in &objects {
        let unreaped = if number(object, "pid") == 6 { Value::Number(2) } else { Value::Null };
        assert_eq!(*get(object, "unreaped_by"), unreaped);
    }
    assert!(text(&objects[1], "command").starts_with("./puppet play [ ignore TERM stop pause ]"));
    assert_eq!(text(&objects[5], "command"), "[puppet]");
}

#[test]
fn hostile_names_break_neither_format() {
    let scratch = Scratch::new();
    let names: [(&[u8], &str); 7] = [
        (b") R 1 (", ") R 1 ("),
        (b"a\nb", "a\nb"),
        (b"\"},{\"pid\":9", "\"},{\"pid\":9"),
        (b"back\\slash\\", "back\\slash\\"),
        (b"\x1b[2J\x7f\x01", "\x1b[2J\x7f\x01"),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        ("\u{9b}\u{2028}\u{1f600}".as_bytes(), "\u{9b}\u{2028}\u{1f600}"),
    ];
    for (name, shown) in names {
        let path = scratch.path("").join(OsStr::from_bytes(name));
        std::os::unix::fs::symlink(puppet(), &path).unwrap();
        let words = ["play", "[", "exit", "0", "]", "say", "ready", "pause"].map(OsStr::new);
        let rinit = Rinit::as_pid1().command([path.as_os_str()].into_iter().chain(words)).start_until_ready();
        let table = printed(&rinit, &["--report"]);
        assert_eq!(rows_of(&table).count(), 4, "{table}");
        assert!(!table.contains(|letter: char| letter.is_control() && letter != '\n'), "{table:?}");
        let json = printed(&rinit, &["--report=json"]);
        let objects: Vec<_> = json.lines().map(json::object).collect();
        assert_eq!(objects.len(), 3, "{json}");
        let path = format!("{}/{shown} play [ exit 0 ]", scratch.as_ref().display());
        assert!(text(&objects[1], "command").starts_with(&path), "{json}");
        assert_eq!(text(&objects[2], "command"), format!("[{shown}]"));
        assert_eq!((number(&objects[2], "pid"), number(&objects[2], "ppid")), (3, 2));
    }
}

/// `rinit --report` alone, as PID 1.
fn refused(rinit: Rinit) -> String {
    let finished: Finished = rinit.start().finish();
    assert_eq!(finished.status, Status::Exited(125), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    let log_lines = log_lines(&finished);
    assert_eq!(log_lines.len(), 1, "{log_lines:?}");
    assert_eq!(log_lines[0].0, "ERROR");
    log_lines[0].1.to_owned()
}

#[test]
fn an_unknown_format_is_refused() {
    for words in [&["--report", "ls"][..], &["--report", "--", "ls"], &["--report=json", "ls", "-l"]] {
        let text = refused(report(words));
        assert!(text.contains("--report") && text.contains("no command"), "{text}");
    }
    for (word, value) in [("--report=x", "\"x\""), ("--report=", "\"\""), ("--report=Table", "\"Table\"")] {
        let text = refused(report(&[word]));
        assert!(text.contains(value) && text.contains("table or json"), "{text}");
    }
    assert!(refused(report(&["--report", "--no-such-option"])).contains("--no-such-option"));
}

#[test]
fn variables_that_affect_a_start_are_ignored() {
    let rinit = family();
    let mut with_variables = report(&["--report"]);
    for name in ["GRACE", "KILL_AFTER", "TARGET", "WAIT_ALL", "MAP_EXIT", "REPORT_AFTER", "LOG"] {
        with_variables = with_variables.variable(&format!("RINIT_{name}"), "no such value");
    }
    let finished = rinit.start_inside(with_variables).finish();
    assert_eq!((finished.status, finished.stderr.as_str()), (Status::Exited(0), ""));
    assert_eq!(rows_of(&finished.stdout).count(), 9);
}

#[test]
fn without_a_proc_of_this_namespace_there_is_no_table() {
    for hidden in ["without-proc", "with-foreign-proc"] {
        for form in ["--report", "--report=json"] {
            let text = refused(report(&[form]).through([hidden]));
            assert!(text.contains("/proc"), "{text}");
        }
    }
}

#[test]
fn a_write_error_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let text = refused(report(&["--report"]).stdout(Stream::Given(full.into())));
    assert!(text.contains("stdout") && text.contains("ENOSPC"), "{text}");
}

/// The lines below the table about a stop.
fn at_a_stop(running: &Running) -> Vec<String> {
    let printed = printed(running, &["--report"]);
    printed.lines().filter_map(|line| Some(line.strip_prefix("at a stop: ")?.to_owned())).collect()
}

#[test]
fn below_the_table_are_hints_about_a_slow_stop() {
    let ignores = "3 (puppet) ignores SIGTERM";
    let outside = "8 (puppet) gets SIGTERM only after main has exited";
    assert_eq!(at_a_stop(&family()), [ignores, outside]);
    let json = printed(&family(), &["--report=json"]);
    let answers: Vec<_> = json.lines().map(json::object).map(|object| get(&object, "at_stop").clone()).collect();
    for (pid, answer) in (1..).zip(&answers) {
        let expected = [(3, ignores), (8, outside)].into_iter().find(|(known, _)| *known == pid);
        let expected =
            expected.map_or(Value::Null, |(_, text)| Value::Text(text.split_once(") ").unwrap().1.to_owned()));
        assert_eq!(*answer, expected, "{pid}");
    }
}

#[test]
fn a_shell_that_waits_is_named_with_its_child() {
    let script = "trap 'exit 0' TERM; \"$0\" play session say ready pause; true";
    let words = ["sh", "-c", script, puppet().to_str().unwrap()];
    let rinit = Rinit::as_pid1().command(words).start_until_ready();
    rinit.until("the shell waits", || rinit.main().state == 'S');
    let shell = "2 (sh) acts on SIGTERM only after PID 3 has exited";
    assert_eq!(at_a_stop(&rinit), [shell, "3 (puppet) gets SIGTERM only after main has exited"]);
}

#[test]
fn hints_about_a_stop_depend_on_the_target() {
    let (same, other) =
        ("3 (puppet) gets SIGTERM only after main has exited", "4 (puppet) gets SIGTERM only after main has exited");
    for (name, options, expected) in [
        ("rinit", &[][..], &[other][..]),
        ("rinit", &["-v", "-c", "--"], &[same, other]),
        ("rinit", &["--single-child"], &[same, other]),
        ("rinit", &["-v", "--target=main"], &[same, other]),
        ("rinit", &["-t", "main"], &[same, other]),
        ("rinit", &["--target", "all"], &[]),
        ("rinit", &["--grace", "5s", "-vc"], &[same, other]),
        ("/sbin/docker-init", &["--"], &[same, other]),
        ("/run/podman-init", &["--"], &[same, other]),
        ("/sbin/docker-init", &["-g", "--"], &[other]),
    ] {
        let rinit = Rinit::as_pid1().name(name).options(options);
        // The last arguments belong to main and are no options of rinit.
        let part = "[ pause ] [ group pause ] say ready pause -c";
        let rinit = play(rinit, part).start_until_ready();
        assert_eq!(at_a_stop(&rinit), expected, "{name} {options:?}");
    }
    let rinit = Rinit::as_pid1().variable("RINIT_TARGET", "main");
    let rinit = play(rinit, "[ pause ] [ group pause ] say ready pause").start_until_ready();
    assert_eq!(at_a_stop(&rinit), [same, other], "by a variable");
}
