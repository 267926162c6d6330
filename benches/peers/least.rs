//! The smallest program: running it costs only the kernel's part, so that the cost of an init is visible.

use super::contenders::Contender;
use super::machine::now;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `read(0, sp, 1); exit_group(0)`, and the processor's number in elf(5).
#[cfg(target_arch = "x86_64")]
const PROGRAM: Option<(u16, &[u8])> = Some((
    62,
    &[
        0x31, 0xff, // xor edi, edi
        0x48, 0x89, 0xe6, // mov rsi, rsp
        0xba, 1, 0, 0, 0, // mov edx, 1
        0x31, 0xc0, // xor eax, eax: read
        0x0f, 0x05, // syscall
        0xb8, 231, 0, 0, 0, // mov eax, 231: exit_group
        0x31, 0xff, // xor edi, edi
        0x0f, 0x05, // syscall
    ],
));
#[cfg(target_arch = "aarch64")]
const PROGRAM: Option<(u16, &[u8])> = Some((
    183,
    &[
        0x00, 0x00, 0x80, 0xd2, // mov x0, 0
        0xe1, 0x03, 0x00, 0x91, // mov x1, sp
        0x22, 0x00, 0x80, 0xd2, // mov x2, 1
        0xe8, 0x07, 0x80, 0xd2, // mov x8, 63: read
        0x01, 0x00, 0x00, 0xd4, // svc 0
        0x00, 0x00, 0x80, 0xd2, // mov x0, 0
        0xc8, 0x0b, 0x80, 0xd2, // mov x8, 94: exit_group
        0x01, 0x00, 0x00, 0xd4, // svc 0
    ],
));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const PROGRAM: Option<(u16, &[u8])> = None;

/// A static program that waits for a byte on stdin, or for stdin's end, and exits with 0.
pub struct Least(PathBuf);

impl Least {
    /// The file exists as long as this value.
    pub fn new() -> Least {
        // The name contains the time because another run may be active, with the same PID in its namespace.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("least-{}", now()));
        let Some((machine, code)) = PROGRAM else {
            // For other processors this program itself, which is the closest available.
            fs::copy("/bin/cat", &path).expect("a file below target/");
            return Least(path);
        };
        fs::write(&path, elf(machine, code)).expect("a file below target/");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
        Least(path)
    }

    /// The command line that runs it, under `init` or alone.
    pub fn command(&self, init: Option<&Contender>) -> Command {
        let Some(init) = init else {
            return Command::new(&self.0);
        };
        let mut command = Command::new(&init.path);
        command.arg("--").arg(&self.0);
        command
    }
}

impl Drop for Least {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A file header, one program header, the code.
fn elf(machine: u16, code: &[u8]) -> Vec<u8> {
    const HEADER: u64 = 64;
    const PROGRAM_HEADER: u64 = 56;
    const BASE: u64 = 0x40_0000;
    const PAGE: u64 = 0x1_0000;
    let length = HEADER + PROGRAM_HEADER + code.len() as u64;
    let mut file = Vec::new();
    // 64 bits, this processor's byte order (both known here are little-endian), version 1.
    file.extend(*b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    let executable = 2;
    file.extend([executable, machine].into_iter().flat_map(u16::to_le_bytes));
    file.extend(1_u32.to_le_bytes());
    // The entry, the program headers, no section headers.
    file.extend([BASE + HEADER + PROGRAM_HEADER, HEADER, 0].into_iter().flat_map(u64::to_le_bytes));
    file.extend(0_u32.to_le_bytes());
    file.extend([HEADER as u16, PROGRAM_HEADER as u16, 1, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
    // A loadable segment, readable and executable.
    file.extend([1, 5].into_iter().flat_map(u32::to_le_bytes));
    file.extend([0, BASE, BASE, length, length, PAGE].into_iter().flat_map(u64::to_le_bytes));
    file.extend(code);
    file
}
