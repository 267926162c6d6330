//! The inits to measure: rinit as cargo built it, rinit as released, the installed peers, and any other.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An available init.
#[derive(Clone, Debug)]
pub struct Contender {
    pub name: String,
    pub path: PathBuf,
    /// Whether it needs a dynamic loader and libraries in the image.
    pub dynamic: bool,
    /// Whether it is rinit.
    pub own: bool,
    /// Whether it is prevented from letting the kernel reap.
    pub by_waitpid: bool,
}

impl Contender {
    fn new(name: &str, path: &Path, own: bool) -> Contender {
        let mut first = Vec::new();
        let _ = File::open(path).expect("a program that can be read").take(4096).read_to_end(&mut first);
        let dynamic = rinit::command::elf::interpreter(&first).is_some();
        Contender { name: name.to_owned(), path: path.to_owned(), dynamic, own, by_waitpid: false }
    }

    /// The same init as on a kernel before 6.16.
    pub fn by_waitpid(&self) -> Contender {
        Contender { by_waitpid: true, ..self.clone() }
    }

    /// The version that it prints.
    pub fn version(&self) -> String {
        let output =
            Command::new(&self.path).arg("--version").output().map(|output| [output.stdout, output.stderr].concat());
        let output = output.unwrap_or_default();
        String::from_utf8_lossy(&output).lines().next().unwrap_or_default().trim().to_owned()
    }
}

/// The name of the program, and of the Debian package that has it.
const PEERS: [(&str, &str); 4] =
    [("tini-static", "tini"), ("tini", "tini"), ("dumb-init", "dumb-init"), ("catatonit", "catatonit")];

/// Folders to search besides PATH.
const USUAL_PLACES: [&str; 6] =
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/sbin", "/usr/libexec/podman", "/usr/libexec/catatonit"];

/// The available inits, and a line for each that is missing or unsuitable.
pub fn find(others: &[(String, PathBuf)]) -> (Vec<Contender>, Vec<String>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/target/musl");
    let musl = format!("{target}/{}-unknown-linux-musl/release/rinit", std::env::consts::ARCH);
    let built = Contender::new("rinit (glibc)", Path::new(env!("CARGO_BIN_EXE_rinit")), true);
    if Path::new(&musl).exists() {
        let released = Contender::new("rinit", Path::new(&musl), true);
        let (old, new) = (released.version(), built.version());
        if old != new {
            missing.push(format!(
                "the musl build is {old}, the glibc build {new}: `packaging/build-musl` builds the former anew"
            ));
        }
        found.push(released);
    } else {
        missing.push("rinit as it is released, static musl, is not there: `packaging/build-musl` builds it".to_owned());
    }
    found.push(built);
    for (program, package) in PEERS {
        match in_path(program) {
            Some(path) => found.push(Contender::new(program, &path, false)),
            None => missing.push(format!("{program} is not there: Debian has it as `apt-get install {package}`")),
        }
    }
    found.extend(others.iter().map(|(name, path)| Contender::new(name, path, false)));
    (found, missing)
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(USUAL_PLACES.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}
