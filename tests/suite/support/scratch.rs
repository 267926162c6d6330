//! A temporary folder of a test, which is removed after it.

use super::children;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folder.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder that every user can read.
    pub fn new() -> Scratch {
        let template = std::env::temp_dir().join("rinit-test-XXXXXX");
        let path = nix::unistd::mkdtemp(&template).expect("a folder for temporary files");
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("chmod");
        Scratch(path)
    }

    /// The path of an entry.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes an executable file.
    pub fn program(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.file(name, content, 0o755)
    }

    /// Writes a file with these permissions.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(name);
        let _none_starting = children::none_starting();
        std::fs::write(&path, content).expect("a file in the scratch folder");
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
        path
    }

    /// Creates a folder in it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir(&path).expect("a folder in the scratch folder");
        path
    }

    /// Opens a new file for reading and writing, for a process to inherit.
    pub fn open(&self, name: &str) -> File {
        let mut options = File::options();
        options.read(true).append(true).create_new(true);
        options.open(self.path(name)).expect("a new file")
    }

    /// The contents of a file in it.
    pub fn read(&self, name: &str) -> String {
        let content = std::fs::read(self.path(name)).expect("a file in the scratch folder");
        String::from_utf8_lossy(&content).into_owned()
    }
}

impl AsRef<Path> for Scratch {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
