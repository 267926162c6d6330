//! What holds of every text that is read as one of the files in /proc/PID.

use super::*;

/// The name changes nothing about the other fields, whatever it is.
pub fn no_stat_is_too_much(text: &[u8]) {
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
pub fn no_status_is_too_much(text: &[u8]) {
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
