//! The command line and the environment, as the kernel passed them at exec. main gets the same memory, so nothing is
//! copied and nothing needs to be UTF-8.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// An array of C strings that ends with a null pointer, as for execve(2). It lives as long as the process.
#[derive(Clone, Copy)]
pub struct CStrArray(*const *const c_char);

impl CStrArray {
    /// The array that `first` points to; an empty one if it is null.
    ///
    /// # Safety
    /// `first` must be the `argv` of C's `main`, or another such array that is never freed.
    pub unsafe fn from_raw(first: *const *const c_char) -> CStrArray {
        const EMPTY: &[*const c_char; 1] = &[std::ptr::null()];
        CStrArray(if first.is_null() { EMPTY.as_ptr() } else { first })
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
        CStrArray(array.leak().as_ptr())
    }

    /// The environment that rinit reads settings from: its own, or an empty one if it runs with more privileges than
    /// its caller, whose environment it is.
    pub fn followed_environment() -> CStrArray {
        let environment = CStrArray::environment();
        if super::process::has_elevated_rights() { environment.tail(usize::MAX) } else { environment }
    }

    /// The environment that rinit was started with.
    pub fn environment() -> CStrArray {
        // SAFETY: libc sets `environ` before main, and this program has one thread and never changes it.
        unsafe { CStrArray::from_raw(environ) }
    }

    /// The value of a variable, if this is an environment. If it is there twice the first wins, as in getenv(3).
    pub fn value_of(mut self, name: &[u8]) -> Option<&'static [u8]> {
        self.find_map(|entry| entry.to_bytes().strip_prefix(name)?.strip_prefix(b"="))
    }

    /// Without the first `n` strings; empty if there are no more.
    pub fn tail(mut self, n: usize) -> CStrArray {
        self.by_ref().take(n).for_each(drop);
        self
    }

    /// Whether it is empty.
    pub fn is_empty(mut self) -> bool {
        self.next().is_none()
    }

    /// For execve(2).
    pub fn as_ptr(self) -> *const *const c_char {
        self.0
    }
}

impl Iterator for CStrArray {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: this points into an array that a null pointer ends, at or before that null. Any other pointer in it is
        // that of a C string that lives as long as the process.
        unsafe {
            let string = *self.0;
            (!string.is_null()).then(|| {
                self.0 = self.0.add(1);
                CStr::from_ptr(string)
            })
        }
    }
}

/// A C string as an `OsStr`.
pub fn os(string: &CStr) -> &OsStr {
    OsStr::from_bytes(string.to_bytes())
}
