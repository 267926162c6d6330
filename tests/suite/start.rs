//! Starting the command: where rinit finds it, and what it reports if it cannot start it.

use crate::support::{Rinit, Scratch, Status, puppet, rinit_binary};
use std::path::Path;

/// Checks that rinit exits with this status and one line, which is returned without the prefix.
#[track_caller]
fn refused(rinit: Rinit, status: i32) -> String {
    let finished = rinit.start().finish();
    assert_eq!(finished.status, Status::Exited(status), "{finished:?}");
    assert_eq!(finished.stdout, "");
    let line = finished.stderr.strip_prefix("rinit[1]: ERROR: ");
    let line = line.and_then(|line| line.strip_suffix('\n'));
    let line = line.unwrap_or_else(|| panic!("{finished:?}"));
    assert!(!line.contains('\n'), "{line}");
    line.to_owned()
}

#[track_caller]
fn command_refused<W: AsRef<Path>>(command: impl IntoIterator<Item = W>, status: i32) -> String {
    let words = command.into_iter().map(|word| word.as_ref().to_owned());
    refused(Rinit::as_pid1().command(words), status)
}

#[track_caller]
fn assert_names(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_command_that_is_not_in_path_is_127() {
    let line = command_refused(["no-such-command"], 127);
    assert_names(&line, &["no-such-command", "not found in PATH"]);
}

#[test]
fn a_path_that_does_not_exist_is_127() {
    let line = command_refused(["/no/such/command"], 127);
    assert_names(&line, &["/no/such/command", "ENOENT"]);
    let line = command_refused(["./no-such-command"], 127);
    assert_names(&line, &["./no-such-command", "ENOENT"]);
}

#[test]
fn a_path_through_a_file_is_127() {
    let line = command_refused(["/proc/version/x"], 127);
    assert_names(&line, &["/proc/version/x", "ENOTDIR"]);
}

#[test]
fn an_empty_command_is_127() {
    let line = command_refused([""], 127);
    assert_names(&line, &["\"\"", "empty"]);
    let line = refused(Rinit::as_pid1().options(["-v", "--"]).command([""]), 127);
    assert_names(&line, &["\"\"", "empty"]);
}

#[test]
fn a_directory_is_126() {
    let line = command_refused(["/usr"], 126);
    assert_names(&line, &["/usr", "directory"]);
    let line = command_refused(["/"], 126);
    assert_names(&line, &["\"/\"", "directory"]);
}

#[test]
fn a_file_without_the_permission_is_126() {
    let scratch = Scratch::new();
    let path = scratch.file("not-executable", "#!/bin/sh\n", 0o644);
    let line = command_refused([&path], 126);
    assert_names(&line, &[shown(&path), "EACCES"]);
}

#[test]
fn a_file_that_is_not_a_program_is_126() {
    let scratch = Scratch::new();
    let path = scratch.program("zeros", [0; 1000]);
    let line = command_refused([&path], 126);
    assert_names(&line, &[shown(&path), "ENOEXEC"]);
    let path = scratch.program("damaged", b"\x7fELF\x02\x01\x01\0\0\0");
    let line = command_refused([&path], 126);
    assert_names(&line, &[shown(&path), "ENOEXEC"]);
}

/// A 64-bit program for a processor that names a dynamic loader.
fn elf(machine: u16, loader: &str) -> Vec<u8> {
    let (header, entry) = (64u64, 56u64);
    let loader = [loader.as_bytes(), b"\0"].concat();
    let length = loader.len() as u64;
    [
        b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(),
        2u16.to_le_bytes().to_vec(), // ET_EXEC
        machine.to_le_bytes().to_vec(),
        1u32.to_le_bytes().to_vec(),         // EV_CURRENT
        0x40_0000u64.to_le_bytes().to_vec(), // entry point
        header.to_le_bytes().to_vec(),       // offset of the program headers
        0u64.to_le_bytes().to_vec(),         // no section headers
        0u32.to_le_bytes().to_vec(),         // no flags
        (header as u16).to_le_bytes().to_vec(),
        (entry as u16).to_le_bytes().to_vec(),
        1u16.to_le_bytes().to_vec(), // program headers
        vec![0; 6],                  // about section headers
        3u32.to_le_bytes().to_vec(), // PT_INTERP
        4u32.to_le_bytes().to_vec(), // readable
        (header + entry).to_le_bytes().to_vec(),
        vec![0; 16], // no addresses
        length.to_le_bytes().to_vec(),
        length.to_le_bytes().to_vec(),
        1u64.to_le_bytes().to_vec(),
        loader,
    ]
    .concat()
}

const X86_64: u16 = 62;
const AARCH64: u16 = 183;
const RISCV64: u16 = 243;

#[test]
fn a_program_for_another_processor_is_126_and_names_it() {
    let (other, name) = if cfg!(target_arch = "aarch64") { (RISCV64, "riscv64") } else { (AARCH64, "aarch64") };
    let scratch = Scratch::new();
    let path = scratch.program("foreign", elf(other, "/lib/ld.so"));
    let line = command_refused([&path], 126);
    assert_names(&line, &[shown(&path), "ENOEXEC", name, std::env::consts::ARCH]);
}

#[test]
fn a_missing_dynamic_loader_is_127_and_named() {
    let own = match std::env::consts::ARCH {
        "aarch64" => AARCH64,
        "riscv64" => RISCV64,
        _ => X86_64,
    };
    let scratch = Scratch::new();
    let path = scratch.program("loaderless", elf(own, "/lib/ld-missing.so.1"));
    let line = command_refused([&path], 127);
    assert_names(&line, &[shown(&path), "/lib/ld-missing.so.1", "loader"]);
}

#[test]
fn a_missing_interpreter_is_127_and_named() {
    let scratch = Scratch::new();
    let path = scratch.program("script", "#!/usr/bin/no-such-python -unbuffered\n");
    let line = command_refused([&path], 127);
    assert_names(&line, &[shown(&path), "#!", "/usr/bin/no-such-python"]);
    assert!(!line.contains("-unbuffered"), "{line}");
    let path = scratch.program("spaced", "#! \t/no-such-interpreter\n");
    let line = command_refused([&path], 127);
    assert_names(&line, &[shown(&path), "\"/no-such-interpreter\""]);
}

#[test]
fn a_missing_interpreter_is_named_for_a_command_found_in_path_too() {
    let scratch = Scratch::new();
    let path = scratch.program("script", "#!/no/interpreter\n");
    let environment = [format!("PATH=/no/folder:{}", scratch.as_ref().display())];
    let rinit = Rinit::as_pid1().environment(environment);
    let line = refused(rinit.command(["script"]), 127);
    assert_names(&line, &[shown(&path), "/no/interpreter"]);
}

#[test]
fn windows_line_endings_after_the_interpreter_are_127_and_reported() {
    let scratch = Scratch::new();
    let path = scratch.program("from-windows", "#!/bin/sh\r\necho hello\r\n");
    let line = command_refused([&path], 127);
    assert_names(&line, &[shown(&path), "Windows line endings"]);
}

#[test]
fn an_interpreter_that_cannot_be_executed_is_126() {
    let scratch = Scratch::new();
    let path = scratch.program("script", "#!/usr\n");
    let line = command_refused([&path], 126);
    assert_names(&line, &[shown(&path), "EACCES"]);
}

#[test]
fn a_loop_of_symbolic_links_is_126() {
    let scratch = Scratch::new();
    let path = scratch.path("circle");
    std::os::unix::fs::symlink("circle", &path).unwrap();
    let line = command_refused([&path], 126);
    assert_names(&line, &[shown(&path), "ELOOP"]);
}

#[test]
fn a_name_that_is_too_long_is_one_log_line() {
    let long = "x".repeat(70_000);
    for command in [long.clone(), format!("/{long}")] {
        let finished = Rinit::as_pid1().command([command]).start().finish();
        assert!([126, 127].map(Status::Exited).contains(&finished.status), "{:?}", finished.status);
        assert_eq!(finished.stderr.lines().count(), 1);
        assert!(finished.stderr.ends_with('\n'));
    }
}

/// The limit on the total size of a command line, 128 kB with a stack this small (execve(2)).
const SMALL_STACK: u64 = 512 << 10;

#[test]
fn a_command_line_that_is_too_long_is_126() {
    let scratch = Scratch::new();
    // The command line of a script is longer by the interpreter and its argument.
    let path = scratch.program("script", format!("#!/bin/sh {}\n", "x".repeat(200)));
    let with_filler = |length: usize| {
        let filler = ["x".repeat(length / 2), "x".repeat(length - length / 2)];
        let words = [shown(&path), &filler[0], &filler[1]];
        let rinit = Rinit::as_pid1().limit(libc::RLIMIT_STACK, SMALL_STACK, SMALL_STACK);
        rinit.command(words).try_start()
    };
    // The longest command line with which rinit itself can still be started.
    let (mut possible, mut impossible) = (0, 200_000);
    while impossible - possible > 1 {
        let length = possible + (impossible - possible) / 2;
        match with_filler(length) {
            Ok(_) => possible = length,
            Err(failure) => {
                assert_eq!(failure.errno, nix::errno::Errno::E2BIG, "{failure}");
                impossible = length;
            }
        }
    }
    let finished = with_filler(possible).unwrap().finish();
    assert_eq!(finished.status, Status::Exited(126), "{finished:?}");
    let lines: Vec<&str> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_names(lines[0], &[shown(&path), "E2BIG"]);
}

#[test]
fn a_limit_on_processes_is_125_and_reported() {
    let rinit = Rinit::as_pid1().by_some_user().limit(libc::RLIMIT_NPROC, 1, 1);
    let line = refused(rinit.command(["/bin/true"]), 125);
    assert_names(&line, &["/bin/true", "EAGAIN", "limit"]);
}

#[test]
fn rinit_needs_no_descriptor_of_its_own() {
    // One descriptor is enough for main's pidfd, and two for the signals as well.
    for descriptors in [3, 4, 5] {
        let rinit = Rinit::as_pid1().limit(libc::RLIMIT_NOFILE, descriptors, descriptors);
        let mut rinit = rinit.puppet(["print-signals", "15"]).start_until_ready();
        rinit.send(libc::SIGUSR1);
        rinit.expect(libc::SIGUSR1);
        rinit.send(libc::SIGTERM);
        let finished = rinit.finish();
        assert_eq!(finished.status, Status::Exited(0));
        assert_eq!(finished.stderr, "");
    }
}

#[test]
fn a_command_that_cannot_start_leaves_no_process() {
    let scratch = Scratch::new();
    let zeros = scratch.program("zeros", [0; 100]);
    let commands = [("/no/such/command", 127), ("no-such-command", 127), ("/usr", 126), (shown(&zeros), 126)];
    for (command, status) in commands {
        let mut rinit = Rinit::as_child().command([command]).start();
        assert_eq!(rinit.wait(), Status::Exited(status));
        let left: Vec<i32> = rinit.processes().iter().map(|left| left.pid).collect();
        assert_eq!(left, [1], "only the namespace's PID 1");
    }
}

#[test]
fn a_script_without_interpreter_runs_through_the_shell() {
    let scratch = Scratch::new();
    let path = scratch.program("script", "printf '%s|' \"$0\" \"$#\" \"$@\"\nexit 7\n");
    let words = [shown(&path), "a b", "", "-x", "*"];
    let finished = Rinit::as_pid1().command(words).start().finish();
    assert_eq!(finished.status, Status::Exited(7), "{finished:?}");
    assert_eq!(finished.stdout, format!("{}|4|a b||-x|*|", shown(&path)));
}

#[test]
fn a_script_without_interpreter_and_no_shell_for_it_is_126_and_both_are_named() {
    let scratch = Scratch::new();
    let path = scratch.program("script", "exit 7\n");
    let line = refused(Rinit::as_pid1().through(["without-shell"]).command([&path]), 126);
    assert_names(&line, &[shown(&path), "no #! line", "/bin/sh", "EACCES"]);
}

#[test]
fn a_script_without_interpreter_in_path_gets_its_path_as_argument_zero() {
    let scratch = Scratch::new();
    let path = scratch.program("script", "printf '%s|' \"$0\" \"$@\"");
    let rinit = Rinit::as_pid1().environment([format!("PATH={}", scratch.as_ref().display())]);
    let finished = rinit.command(["script", "x"]).start().finish();
    assert_eq!(finished.stdout, format!("{}|x|", shown(&path)));
}

#[test]
fn an_empty_file_that_is_executable_is_an_empty_script() {
    let scratch = Scratch::new();
    let path = scratch.program("empty", "");
    let finished = Rinit::as_pid1().command([&path]).start().finish();
    assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
}

#[test]
fn a_script_name_with_a_leading_dash_is_not_an_option_of_the_shell() {
    let scratch = Scratch::new();
    scratch.program("-c", "printf '%s|' \"$@\"");
    let rinit = Rinit::as_pid1().directory(&scratch).environment(["PATH="]);
    let finished = rinit.options(["--"]).command(["-c", "echo wrong"]).start().finish();
    assert_eq!(finished.stdout, "echo wrong|", "{finished:?}");
}

#[test]
fn argument_zero_of_main_is_the_name_on_the_command_line() {
    let scratch = Scratch::new();
    scratch.program("show", "#!/bin/sh\nprintf '%s' \"$0\"");
    let rinit = Rinit::as_pid1().directory(&scratch);
    let finished = rinit.command(["./show"]).start().finish();
    assert_eq!(finished.stdout, "./show");
}

/// Folders with a program `which` that prints the folder's name.
fn folders_with_programs(scratch: &Scratch, names: &[&str]) {
    for name in names {
        scratch.folder(name);
        scratch.program(&format!("{name}/which"), format!("#!/bin/sh\necho {name}"));
    }
}

#[track_caller]
fn assert_found(scratch: &Scratch, path: Option<&str>, expected: &str) {
    let environment: Vec<String> = path.iter().map(|path| format!("PATH={path}")).collect();
    let rinit = Rinit::as_pid1().directory(scratch).environment(&environment);
    let finished = rinit.command(["which"]).start().finish();
    assert_eq!(finished.stdout, format!("{expected}\n"), "{finished:?}");
}

#[test]
fn the_first_match_in_path_wins() {
    let scratch = Scratch::new();
    folders_with_programs(&scratch, &["a", "b"]);
    let base = scratch.as_ref().display();
    assert_found(&scratch, Some(&format!("/no/folder:{base}/b:{base}/a")), "b");
}

#[test]
fn a_relative_folder_in_path_starts_at_the_working_directory() {
    let scratch = Scratch::new();
    folders_with_programs(&scratch, &["a"]);
    assert_found(&scratch, Some("no:a"), "a");
    assert_found(&scratch, Some("./a"), "a");
}

#[test]
fn an_empty_element_of_path_is_the_working_directory() {
    let scratch = Scratch::new();
    folders_with_programs(&scratch, &["a"]);
    scratch.program("which", "#!/bin/sh\necho here");
    for path in ["", ":", ":a", "no::a", "no:"] {
        assert_found(&scratch, Some(path), "here");
    }
    assert_found(&scratch, Some("a:"), "a");
}

#[test]
fn without_path_the_usual_folders_are_searched() {
    let nothing: [&str; 0] = [];
    let rinit = Rinit::as_pid1().environment(nothing);
    let finished = rinit.command(["true"]).start().finish();
    assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
}

#[test]
fn the_first_of_two_path_variables_wins() {
    let scratch = Scratch::new();
    folders_with_programs(&scratch, &["a", "b"]);
    let rinit = Rinit::as_pid1().directory(&scratch).environment(["PATH=a", "PATH=b"]);
    assert_eq!(rinit.command(["which"]).start().finish().stdout, "a\n");
}

#[test]
fn a_file_without_the_permission_is_skipped_in_path() {
    let scratch = Scratch::new();
    folders_with_programs(&scratch, &["allowed"]);
    scratch.folder("forbidden");
    scratch.file("forbidden/which", "#!/bin/sh\n", 0o644);
    assert_found(&scratch, Some("forbidden:allowed"), "allowed");
}

#[test]
fn if_path_has_only_a_file_without_the_permission_it_is_126() {
    let scratch = Scratch::new();
    scratch.folder("forbidden");
    scratch.file("forbidden/which", "#!/bin/sh\n", 0o644);
    let rinit = Rinit::as_pid1().directory(&scratch).environment(["PATH=no:forbidden:nothing"]);
    let line = refused(rinit.command(["which"]), 126);
    assert_names(&line, &["forbidden/which", "EACCES"]);
}

#[test]
fn a_folder_with_the_name_of_the_command_is_skipped_in_path() {
    let scratch = Scratch::new();
    folders_with_programs(&scratch, &["a"]);
    scratch.folder("first");
    scratch.folder("first/which");
    assert_found(&scratch, Some("first:a"), "a");
}

#[test]
fn a_name_with_a_slash_is_not_searched_in_path() {
    let scratch = Scratch::new();
    scratch.folder("folder");
    folders_with_programs(&scratch, &["folder/sub"]);
    let rinit = Rinit::as_pid1().directory(&scratch).environment(["PATH=folder"]);
    let line = refused(rinit.command(["sub/which"]), 127);
    assert_names(&line, &["sub/which"]);
}

#[test]
fn a_signal_that_was_sent_before_the_start_reaches_main() {
    for signal in [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGCONT, 33, 64] {
        for rinit in [Rinit::as_pid1(), Rinit::as_child()] {
            let mut rinit = rinit
                .mask(u64::MAX)
                .pending([signal])
                .puppet(["print-signals", &signal.to_string()])
                .start_until_ready();
            rinit.expect(signal);
            assert_eq!(rinit.finish().status, Status::Exited(0));
        }
    }
}

#[test]
fn rinit_runs_under_any_name() {
    for name in ["", "x", "/sbin/rinit", "-rinit", "init", "docker-init", "podman-init"] {
        let finished = Rinit::as_pid1().name(name).command([puppet().to_str().unwrap(), "exit", "5"]).start().finish();
        assert_eq!(finished.status, Status::Exited(5), "{name:?}: {finished:?}");
    }
}

#[test]
fn no_needless_system_call_precedes_the_exec_of_main() {
    // docs/how-it-works.md gives the reason for each. PID 1 need not become a subreaper.
    for (pid1, expected) in [("1", 9), ("0", 10)] {
        let words = ["calls-until-exec", pid1, rinit_binary().to_str().unwrap(), "--", "/bin/true"];
        let finished = Rinit::as_pid1().absent().puppet(words).start().finish();
        assert_eq!(finished.status, Status::Exited(0), "{finished:?}");
        let calls: Vec<&str> = finished.stdout.split_whitespace().collect();
        assert_eq!(calls.len(), expected, "{calls:?}");
    }
}

#[test]
fn a_shebang_line_with_several_arguments_gets_a_hint() {
    let scratch = Scratch::new();
    let rinit = rinit_binary().display();
    for (words, status) in [
        ("-c /bin/sh", 125),
        ("-- /bin/sh", 125),
        ("-t all /bin/sh", 125),
        ("--grace 5 /bin/sh", 125),
        ("/usr/bin/env bash", 127),
        ("sh -e", 127),
    ] {
        scratch.file("script", format!("#!{rinit} {words} \necho ran\n"), 0o755);
        let script = scratch.path("script").display().to_string();
        let finished = Rinit::as_pid1().absent().command([&script, "argument"]).start().finish();
        assert_eq!(finished.status, Status::Exited(status), "{finished:?}");
        let expected = format!(
            "rinit[1]: ERROR: {script:?}: the kernel passes {words:?} of the #! line as one argument; \
             make the line #!/usr/bin/env -S {rinit} {words}\n"
        );
        assert_eq!(finished.stderr, expected);
        // The suggested line works.
        scratch.file("script", format!("#!/usr/bin/env -S {rinit} {words}\necho ran\n"), 0o755);
        let finished = Rinit::as_pid1().absent().command([&script]).start().finish();
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("ran\n", ""), "{words}");
    }
}

#[test]
fn without_a_shebang_line_there_is_no_hint_about_it() {
    let scratch = Scratch::new();
    scratch.file("script", "#!/bin/sh -c a\n", 0o755);
    for words in [["-c b", "script"], ["c a", "script"], ["-c a", "missing"], ["-x", "script"]] {
        let line =
            refused(Rinit::as_pid1().directory(&scratch).command(words), if words[0] == "c a" { 127 } else { 125 });
        assert!(!line.contains("#!"), "{line}");
    }
}
