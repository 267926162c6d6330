//! What holds for every file.

use super::*;

/// The loader is a part of the file, and the processor a known one.
pub fn parse_never_panics(file: &[u8]) {
    if let Some(name) = interpreter(file) {
        assert!(!name.contains(&0) && (name.is_empty() || file.windows(name.len()).any(|bytes| bytes == name)));
    }
    let known = ["x86", "powerpc64", "s390x", "arm", "x86_64", "aarch64", "riscv64"];
    assert!(machine(file).is_none_or(|machine| known.contains(&machine)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Bytes that look like an ELF file for as long as possible: the magic number, a class, an order.
    fn nearly_elf() -> impl Strategy<Value = Vec<u8>> {
        let small = prop_oneof![4 => 0..9u8, 1 => any::<u8>()];
        (0..4u8, 0..3u8, vec(small, 0..400)).prop_map(|(class, order, rest)| {
            let mut file = b"\x7fELF".to_vec();
            file.extend([class, order]);
            file.extend(rest);
            file
        })
    }

    /// A 64-bit or 32-bit file, big-endian or not. Its program headers begin `before` bytes after its own header; the
    /// last one names the loader.
    fn naming(loader: &[u8], wide: bool, big: bool, before: usize, others: usize) -> Vec<u8> {
        let (own, size) = if wide { (64, 56) } else { (52, 32) };
        let headers = own + before;
        let text = headers + size * (others + 1);
        let mut file = vec![0; text];
        file[..4].copy_from_slice(b"\x7fELF");
        file[4] = if wide { 2 } else { 1 };
        file[5] = if big { 2 } else { 1 };
        let mut put = |at: usize, length: usize, value: usize| {
            let bytes = (value as u64).to_le_bytes();
            let field = &mut file[at..at + length];
            field.copy_from_slice(&bytes[..length]);
            if big {
                field.reverse();
            }
        };
        let last = headers + size * others;
        let word = if wide { 8 } else { 4 };
        let [table, each, count] = if wide { [32, 54, 56] } else { [28, 42, 44] };
        let [offset, length] = if wide { [8, 32] } else { [4, 16] };
        put(table, word, headers);
        put(each, 2, size);
        put(count, 2, others + 1);
        put(last, 4, 3);
        put(last + offset, word, text);
        put(last + length, word, loader.len() + 1);
        file.extend_from_slice(loader);
        file.push(0);
        file
    }

    #[test]
    fn the_machine_is_read_in_either_byte_order() {
        let little = [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64"), (243, "riscv64")];
        let big = [(21, "powerpc64"), (22, "s390x")];
        let both = little.map(|file| (file, false)).into_iter().chain(big.map(|file| (file, true)));
        for ((number, name), is_big) in both {
            let mut file = naming(b"/lib/ld.so", true, is_big, 0, 0);
            file[if is_big { 19 } else { 18 }] = number;
            assert_eq!(machine(&file), Some(name));
            file[5] = 3;
            assert_eq!((interpreter(&file), machine(&file)), (None, None), "the order is unknown");
        }
        assert_eq!(machine(&naming(b"", true, false, 0, 0)), None);
    }

    #[test]
    fn truncated_and_damaged_files_never_panic() {
        let whole = naming(b"/lib/ld.so", true, false, 0, 0);
        for end in 0..whole.len() {
            parse_never_panics(&whole[..end]);
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[end] = value;
                parse_never_panics(&damaged);
            }
        }
    }

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn parsing_never_panics(file in prop_oneof![vec(any::<u8>(), 0..200), nearly_elf()]) {
            parse_never_panics(&file);
        }

        #[test]
        fn the_loader_is_found_wherever_it_stands(
            loader in vec(1..=255u8, 0..100), wide: bool, big: bool, before in 0..200usize, others in 0..20usize
        ) {
            let file = naming(&loader, wide, big, before, others);
            prop_assert_eq!(interpreter(&file), Some(loader));
        }
    }
}
