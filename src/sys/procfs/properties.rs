//! What holds of every text that is read as one of the files in /proc/PID.

use super::*;

/// The name changes nothing about the other fields, whatever it is.
pub fn stat_parse_never_panics(text: &[u8]) {
    let Some(end) = text.iter().rposition(|byte| *byte == b')') else {
        assert_eq!(Stat::parse(text), None);
        return;
    };
    let stat = Stat::parse(text);
    for name in [&b""[..], b"a b", b") R 1 1 1 (", b")\n1 (\xff"] {
        assert_eq!(Stat::parse(&[b"7 (", name, &text[end..]].concat()), stat, "{name:?}");
    }
    if let Some(stat) = stat {
        assert!(!stat.state.is_ascii_whitespace());
    }
}

/// Lines that are about something else change nothing, and the last word on a matter counts.
pub fn status_parse_never_panics(text: &[u8]) {
    let status = Status::parse(text);
    for line in [&b"Name:\tSigCgt: f"[..], b"\xff\xfe: 1", b"no colon", b"", b"Sig: 1", b" SigIgn:\t1", b"sigblk:\t1"] {
        assert_eq!(Status::parse(&[line, b"\n", text].concat()), status, "{line:?}");
        assert_eq!(Status::parse(&[text, b"\n", line].concat()), status, "{line:?}");
    }
    let ends_so = b"\nState:\tT\nThreads:\t3\nSigBlk:\t1\nSigIgn:\t8000000000000000\nSigCgt:\t4000\n";
    let other = Status::parse(&[text, ends_so].concat());
    assert_eq!((other.state, other.threads), (b'T', 3));
    assert_eq!([other.blocked, other.ignored, other.caught].map(|set| set.0), [1, 1 << 63, 1 << 14]);
    assert_eq!((other.pending, other.session, other.nested), (status.pending, status.session, status.nested));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::cases;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Bytes that a process may call itself by, those that have a meaning in the file before all.
    fn name() -> impl Strategy<Value = Vec<u8>> {
        vec(prop_oneof![Just(b')'), Just(b'('), Just(b' '), Just(b'\n'), b'0'..=b'9', any::<u8>()], 0..16)
    }

    fn state() -> impl Strategy<Value = u8> {
        proptest::sample::select(&b"RSDZTtXxKWPI"[..])
    }

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn parsing_never_panics(text in vec(any::<u8>(), 0..600)) {
            stat_parse_never_panics(&text);
            status_parse_never_panics(&text);
        }

        #[test]
        fn parsing_odd_fields_never_panics(name in name(), fields in vec("[^)]{0,21}", 0..60)) {
            let text = [b"7 (", &name[..], b") ", fields.join(" ").as_bytes()].concat();
            stat_parse_never_panics(&text);
        }

        #[test]
        fn the_name_of_a_process_does_not_change_its_other_fields(
            name in name(),
            letter in state(),
            ids in (0..i32::MAX, 0..i32::MAX, 0..i32::MAX),
            terminal in prop_oneof![Just(0), any::<i32>()],
            flags in any::<u32>(),
            threads in any::<u32>(),
            started in any::<u64>(),
            resident in any::<u64>(),
        ) {
            let (parent, group, session) = ids;
            let mut text = [b"7 (", &name[..], b") "].concat();
            text.push(letter);
            text.extend(
                format!(
                    " {parent} {group} {session} {terminal} -1 {flags} 1 2 3 4 5 6 7 8 20 0 {threads} 0 {started} 4096 \
                     {resident} 18446744073709551615 1 1 0\n"
                )
                .bytes(),
            );
            let [parent, group, session] = [parent, group, session].map(Pid::from_raw);
            let has_terminal = terminal != 0;
            let [is_of_kernel, is_fork] = [21, 6].map(|bit| flags >> bit & 1 == 1);
            let wanted =
                Stat { state: letter, parent, group, session, has_terminal, threads, started, resident, is_of_kernel, is_fork };
            prop_assert_eq!(Stat::parse(&text), Some(wanted));
        }

        #[test]
        fn a_status_is_read_as_the_kernel_writes_it(
            letter in state(),
            threads in any::<u32>(),
            pids in vec(1..i32::MAX, 1..5),
            (pending, shared, blocked, ignored, caught) in any::<(u64, u64, u64, u64, u64)>(),
            user in any::<u32>(),
        ) {
            let list = pids.iter().map(ToString::to_string).collect::<Vec<String>>().join("\t");
            let text = format!(
                "Name:\tx\nUmask:\t0022\nState:\t{} (sleeping)\nNSpid:\t{list}\nNSsid:\t{list}\nUid:\t{user}\t1\t2\t3\n\
                 Threads:\t{threads}\nSigQ:\t0/7\nSigPnd:\t{pending:016x}\nShdPnd:\t{shared:016x}\n\
                 SigBlk:\t{blocked:016x}\nSigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n",
                char::from(letter)
            );
            let status = Status::parse(text.as_bytes());
            prop_assert_eq!((status.state, status.threads, status.user), (letter, threads, user));
            prop_assert_eq!(status.session, Some(Pid::from_raw(pids[0])));
            prop_assert_eq!(status.nested, pids.get(1).and(pids.last()).copied().map(Pid::from_raw));
            let sets = [status.pending, status.blocked, status.ignored, status.caught].map(|set| set.0);
            prop_assert_eq!(sets, [pending | shared, blocked, ignored, caught]);
        }
    }
}
