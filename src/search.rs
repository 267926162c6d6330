//! Which paths the name of a command may mean.

use std::ffi::{CStr, CString};
use std::ops::ControlFlow;

/// The PATH to use when none is set: what the engines set, and shells assume.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The longest path that the kernel accepts, with the NUL (PATH_MAX).
const LONGEST: usize = 4096;

/// The size of the buffer for paths of usual length.
pub const SHORT: usize = 256;

/// The paths that a name may mean, in the order of execvp(3). A name with a slash is a path, and an empty name has
/// none. Any other is looked up in PATH, where an empty element means the working directory.
#[derive(Clone, Copy)]
pub struct Candidates<'a> {
    name: &'a CStr,
    path: &'a [u8],
}

impl<'a> Candidates<'a> {
    /// For a name, and the value of PATH.
    pub fn new(name: &'a CStr, path: Option<&'a [u8]>) -> Candidates<'a> {
        Candidates { name, path: path.unwrap_or(DEFAULT_PATH) }
    }

    /// Whether each path fits into `SHORT` bytes, apart from a name with a slash, which is used as it is.
    pub fn are_short(&self) -> bool {
        let longest = SHORT.saturating_sub(self.name.count_bytes() + 2);
        self.folders().all(|folder| folder.len() <= longest)
    }

    fn folders(&self) -> impl Iterator<Item = &'a [u8]> {
        self.path.split(|byte| *byte == b':')
    }

    /// Calls `try_one` with each path, until that breaks. Allocates nothing: a path is built on the stack.
    pub fn visit<B>(&self, mut try_one: impl FnMut(&CStr) -> ControlFlow<B>) -> ControlFlow<B> {
        let name = self.name.to_bytes();
        if name.is_empty() {
            ControlFlow::Continue(())
        } else if name.contains(&b'/') {
            try_one(self.name)
        } else if self.are_short() {
            self.visit_in(&mut [0; SHORT], try_one)
        } else {
            self.visit_long(try_one)
        }
    }

    // Not inlined: the buffer for long paths would be on the stack even if it is not needed. With one buffer of 4 kB for
    // all, rinit keeps 4 kB more of private memory.
    #[inline(never)]
    fn visit_long<B>(&self, try_one: impl FnMut(&CStr) -> ControlFlow<B>) -> ControlFlow<B> {
        self.visit_in(&mut [0; LONGEST], try_one)
    }

    fn visit_in<B>(&self, buffer: &mut [u8], mut try_one: impl FnMut(&CStr) -> ControlFlow<B>) -> ControlFlow<B> {
        let name = self.name.to_bytes();
        for folder in self.folders() {
            // A path that does not fit could not be executed.
            if let Some(path) = join(buffer, folder, name) {
                try_one(path)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// All of them.
    pub fn to_vec(&self) -> Vec<CString> {
        let mut all = Vec::new();
        let _ = self.visit(|path| {
            all.push(path.to_owned());
            ControlFlow::<()>::Continue(())
        });
        all
    }
}

fn join<'a>(buffer: &'a mut [u8], folder: &[u8], name: &[u8]) -> Option<&'a CStr> {
    let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
    let mut rest = &mut *buffer;
    for part in [folder, slash, name, b"\0"] {
        let (place, after) = rest.split_at_mut_checked(part.len())?;
        place.copy_from_slice(part);
        rest = after;
    }
    CStr::from_bytes_until_nul(buffer).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, path: Option<&str>) -> Vec<String> {
        let name = CString::new(name).unwrap();
        let found = Candidates::new(&name, path.map(str::as_bytes)).to_vec();
        found.into_iter().map(|path| path.into_string().unwrap()).collect()
    }

    #[test]
    fn only_a_name_without_a_slash_is_looked_up_in_path() {
        assert_eq!(shown("true", Some("/bin:/usr/bin")), ["/bin/true", "/usr/bin/true"]);
        assert_eq!(shown("./true", Some("/bin")), ["./true"]);
        assert_eq!(shown("/true", None), ["/true"]);
        assert_eq!(shown("", Some("/bin")), [""; 0]);
    }

    #[test]
    fn an_empty_element_of_path_is_the_working_directory() {
        assert_eq!(shown("x", Some(":/a::b:")), ["x", "/a/x", "x", "b/x", "x"]);
        assert_eq!(shown("x", Some("")), ["x"]);
        assert_eq!(shown("x", None).len(), 6);
    }

    #[test]
    fn no_path_is_lost_between_short_and_long_ones() {
        for length in SHORT - 4..SHORT + 2 {
            let folder = "l".repeat(length - 1);
            assert_eq!(shown("x", Some(&folder)), [format!("{folder}/x")]);
            let (name, path) = (c"x", Some(folder.as_bytes()));
            assert_eq!(Candidates::new(name, path).are_short(), folder.len() + "/x\0".len() <= SHORT);
        }
    }

    #[test]
    fn a_path_that_is_too_long_is_skipped() {
        let long = "l".repeat(LONGEST - 3);
        assert_eq!(shown("x", Some(&format!("{long}:/b"))), [format!("{long}/x"), "/b/x".to_owned()]);
        assert_eq!(shown("x", Some(&format!("{long}l:/b"))), ["/b/x"]);
        assert_eq!(shown(&"x".repeat(LONGEST), Some("/b")), [""; 0]);
    }
}

#[cfg(any(test, fuzzing))]
pub mod properties;
