//! Reads the first bytes of an ELF file (elf(5)), for the hint in the error when it cannot be executed.

/// The dynamic loader that an ELF file names (PT_INTERP).
pub fn interpreter(file: &[u8]) -> Option<Vec<u8>> {
    let wide = is_wide(file)?;
    let (headers, size, count) = if wide {
        (number(file, 32, 8)?, number(file, 54, 2)?, number(file, 56, 2)?)
    } else {
        (number(file, 28, 4)?, number(file, 42, 2)?, number(file, 44, 2)?)
    };
    (0..count).find_map(|index| {
        const PT_INTERP: usize = 3;
        let header = headers.checked_add(index.checked_mul(size)?)?;
        if number(file, header, 4)? != PT_INTERP {
            return None;
        }
        let (offset, length) = if wide {
            (number(file, header.checked_add(8)?, 8)?, number(file, header.checked_add(32)?, 8)?)
        } else {
            (number(file, header.checked_add(4)?, 4)?, number(file, header.checked_add(16)?, 4)?)
        };
        let name = file.get(offset..offset.checked_add(length)?)?;
        name.split(|byte| *byte == 0).next().map(<[u8]>::to_vec)
    })
}

/// The processor that an ELF file was built for, by Rust's name.
pub fn machine(file: &[u8]) -> Option<&'static str> {
    is_wide(file)?;
    Some(match number(file, 18, 2)? {
        3 => "x86",
        21 => "powerpc64",
        22 => "s390x",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        _ => return None,
    })
}

/// Whether it is a 64-bit ELF file, and not a 32-bit one. None for any other file.
fn is_wide(file: &[u8]) -> Option<bool> {
    if !file.starts_with(b"\x7fELF") {
        return None;
    }
    match file.get(4)? {
        1 => Some(false),
        2 => Some(true),
        _ => None,
    }
}

fn number(file: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = file.get(at..at.checked_add(length)?)?;
    let append = |sum: usize, byte: &u8| sum.checked_mul(256)?.checked_add(usize::from(*byte));
    match file.get(5)? {
        1 => bytes.iter().rev().try_fold(0, append),
        // Big-endian: s390x.
        2 => bytes.iter().try_fold(0, append),
        _ => None,
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
