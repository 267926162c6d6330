//! What the kernel handed over at exec: the words of the command line and the environment, both as C left them. main
//! gets these very bytes, so nothing is copied and nothing need be UTF-8.

use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// An array of C strings that a null pointer ends, as execve(2) takes it. It lives as long as the process.
#[derive(Clone, Copy)]
pub struct CStrArray {
    first: *const *const c_char,
    // The memory is the process's own, not shared between threads by this type.
    not_send: PhantomData<*const c_char>,
}

impl CStrArray {
    /// The command line, as C's `main` gets it.
    ///
    /// # Safety
    /// `argv` must be what the C start handed to `main` together with `argc`, or an array like it that is never freed.
    pub unsafe fn from_main(argc: c_int, argv: *const *const c_char) -> CStrArray {
        static NOTHING: Null = Null(std::ptr::null());
        struct Null(*const c_char);
        // SAFETY: a null pointer that nobody writes to can be read from anywhere.
        unsafe impl Sync for Null {}
        // Before Linux 5.18 a process could be started with no words at all, not even its name (execve(2)).
        let first = if argc < 1 || argv.is_null() { &raw const NOTHING.0 } else { argv };
        CStrArray { first, not_send: PhantomData }
    }

    /// CStrArray of our own. They are never freed.
    pub fn of(words: impl Iterator<Item = CString>) -> CStrArray {
        // SAFETY: the memory of a CString that nobody frees any more.
        unsafe { CStrArray::of_pointers(words.map(|word| word.into_raw().cast_const())) }
    }

    /// CStrArray that are kept elsewhere; the array of pointers to them is never freed.
    ///
    /// # Safety
    /// Each must point to a C string that lives as long as the process.
    pub(super) unsafe fn of_pointers(words: impl Iterator<Item = *const c_char>) -> CStrArray {
        let array: Vec<*const c_char> = words.chain([std::ptr::null()]).collect();
        CStrArray { first: array.leak().as_ptr(), not_send: PhantomData }
    }

    /// The environment as far as rinit follows it: what it was given, but nothing where that comes from somebody with fewer
    /// rights.
    pub fn followed_environment() -> CStrArray {
        let environment = CStrArray::environment();
        if super::process::has_elevated_rights() { environment.tail(usize::MAX) } else { environment }
    }

    /// The environment that rinit was given.
    pub fn environment() -> CStrArray {
        // SAFETY: `environ` is set before main, and this program has one thread and never changes it.
        let first = unsafe { environ };
        // SAFETY: a NULL environment (execve(2) allows it) counts as an empty one.
        unsafe { CStrArray::from_main(c_int::from(!first.is_null()), first) }
    }

    /// A variable's value, where these words are an environment. Of several of one name the first wins, as for getenv(3).
    pub fn value_of(mut self, name: &[u8]) -> Option<&'static [u8]> {
        self.find_map(|entry| entry.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
    }

    /// The words from the `n`th on; past the last one, none.
    pub fn tail(self, n: usize) -> CStrArray {
        let mut words = self;
        for _ in 0..n {
            if words.is_empty() {
                break;
            }
            // SAFETY: the word here is not the null that ends the array, so there is one more pointer.
            words.first = unsafe { words.first.add(1) };
        }
        words
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        // SAFETY: `first` points into an array that a null pointer ends, at or before that null.
        unsafe { (*self.first).is_null() }
    }

    /// As execve(2) takes it.
    pub fn as_ptr(self) -> *const *const c_char {
        self.first
    }
}

impl Iterator for CStrArray {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: not null, as just asked, so it points to a C string that lives as long as the process.
        let word = unsafe { CStr::from_ptr(*self.first) };
        *self = self.tail(1);
        Some(word)
    }
}

/// A C string's bytes as the operating system's string.
pub fn os(word: &CStr) -> &OsStr {
    OsStr::from_bytes(word.to_bytes())
}
