//! What the first bytes of an ELF file (elf(5)) tell about why it cannot be executed: only for the hint in an error.

/// The dynamic loader that the file names (PT_INTERP), if the bytes are those of a 64- or 32-bit ELF file.
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

/// The processor that the file was built for, by Rust's name for it.
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

/// Whether it is a 64-bit file. None for what is no ELF file.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit file with one program header, which names a loader.
    fn file(machine: u8, loader: &[u8]) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[18] = machine;
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64] = 3;
        file[64 + 8] = 120;
        file[64 + 32] = loader.len() as u8 + 1;
        file.extend_from_slice(loader);
        file.push(0);
        file
    }

    #[test]
    fn the_loader_and_the_machine_are_read() {
        let file = file(183, b"/lib/ld.so");
        assert_eq!(interpreter(&file).unwrap(), b"/lib/ld.so");
        for (number, name) in [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")] {
            assert_eq!(machine(&self::file(number, b"")), Some(name));
        }
        assert_eq!(machine(&self::file(0, b"")), None);
    }

    #[test]
    fn numbers_are_read_in_the_order_that_the_file_has_them_in() {
        let mut file = file(0, b"/lib/ld64.so.1");
        file[5] = 2;
        for (at, length) in [(32, 8), (54, 2), (56, 2), (64, 4), (72, 8), (96, 8)] {
            file[at..at + length].reverse();
        }
        file[19] = 22;
        assert_eq!(interpreter(&file).unwrap(), b"/lib/ld64.so.1");
        assert_eq!(machine(&file), Some("s390x"));
        file[5] = 3;
        assert_eq!((interpreter(&file), machine(&file)), (None, None));
    }

    #[test]
    fn any_beginning_and_any_damage_is_taken_without_a_panic() {
        let whole = file(62, b"/lib/ld.so");
        for end in 0..whole.len() {
            let _ = interpreter(&whole[..end]);
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[end] = value;
                let _ = (interpreter(&damaged), machine(&damaged));
            }
        }
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
