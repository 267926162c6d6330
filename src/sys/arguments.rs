//! The command line and the environment, as the kernel passed them at exec. main gets the same memory, so nothing is
//! copied and nothing needs to be UTF-8.

use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// An array of C strings that ends with a null pointer, as for execve(2). It lives as long as the process.
#[derive(Clone, Copy)]
pub struct CStrArray {
    first: *const *const c_char,
    // Raw memory: not to be shared between threads.
    not_send: PhantomData<*const c_char>,
}

impl CStrArray {
    /// The command line, as C's `main` gets it.
    ///
    /// # Safety
    /// `argv` and `argc` must be those of C's `main`, or such an array that is never freed.
    pub unsafe fn from_main(argc: c_int, argv: *const *const c_char) -> CStrArray {
        static NOTHING: Null = Null(std::ptr::null());
        struct Null(*const c_char);
        // SAFETY: never written, so any thread may read it.
        unsafe impl Sync for Null {}
        // Before Linux 5.18 a process could be started without any argument, even without its name (execve(2)).
        let first = if argc < 1 || argv.is_null() { &raw const NOTHING.0 } else { argv };
        CStrArray { first, not_send: PhantomData }
    }

    /// An array of our own. It is never freed.
    pub fn of(strings: impl Iterator<Item = CString>) -> CStrArray {
        // SAFETY: the memory of a CString that is never freed.
        unsafe { CStrArray::of_pointers(strings.map(|string| string.into_raw().cast_const())) }
    }

    /// An array of strings that are stored elsewhere. It is never freed.
    ///
    /// # Safety
    /// Each must point to a C string that lives as long as the process.
    pub(super) unsafe fn of_pointers(strings: impl Iterator<Item = *const c_char>) -> CStrArray {
        let array: Vec<*const c_char> = strings.chain([std::ptr::null()]).collect();
        CStrArray { first: array.leak().as_ptr(), not_send: PhantomData }
    }

    /// The environment that rinit reads settings from: its own, or an empty one if it runs with more privileges than
    /// its caller, whose environment it is.
    pub fn followed_environment() -> CStrArray {
        let environment = CStrArray::environment();
        if super::process::has_elevated_rights() { environment.tail(usize::MAX) } else { environment }
    }

    /// The environment that rinit was started with.
    pub fn environment() -> CStrArray {
        // SAFETY: `environ` is set before main, and this program has one thread and never changes it.
        let first = unsafe { environ };
        // SAFETY: set by libc, or NULL (which execve(2) allows), which becomes an empty one.
        unsafe { CStrArray::from_main(c_int::from(!first.is_null()), first) }
    }

    /// The value of a variable, if this is an environment. If it is there twice the first wins, as in getenv(3).
    pub fn value_of(mut self, name: &[u8]) -> Option<&'static [u8]> {
        self.find_map(|entry| entry.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
    }

    /// Without the first `n` strings; empty if there are no more.
    pub fn tail(self, n: usize) -> CStrArray {
        let mut strings = self;
        for _ in 0..n {
            if strings.is_empty() {
                break;
            }
            // SAFETY: not at the null pointer that ends the array, so there is one more pointer.
            strings.first = unsafe { strings.first.add(1) };
        }
        strings
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        // SAFETY: `first` points into an array that a null pointer ends, at or before that null.
        unsafe { (*self.first).is_null() }
    }

    /// For execve(2).
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
        // SAFETY: not null, as just checked, so it points to a C string that lives as long as the process.
        let string = unsafe { CStr::from_ptr(*self.first) };
        *self = self.tail(1);
        Some(string)
    }
}

/// A C string as an `OsStr`.
pub fn os(string: &CStr) -> &OsStr {
    OsStr::from_bytes(string.to_bytes())
}
